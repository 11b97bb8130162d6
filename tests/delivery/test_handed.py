"""A database that is lost between a hand-over and its outcome: the process that handed over knows what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import select, text

from flowrules.channels.base import Accepted, ChannelError, Outcome, OutgoingMessage
from flowrules.errors import ServerUnreachableError
from flowrules.runtime import deliver as delivery
from flowrules.runtime import outbox
from flowrules.runtime.deliver import Handed, deliver
from flowrules.sql import tables
from flowrules.store.database import Database
from tests.delivery.test_mail import statuses
from tests.support.world import World, at, signed_up

TICK = at("2026-03-02 10:00")
NOW = at("2026-03-02 10:05")


class Post:
    """One at a time; can tell of none what became of it."""

    together = 1

    def __init__(self, fails: Exception | None = None) -> None:
        self.sent: list[str] = []
        self.fails = fails

    def send(self, message: OutgoingMessage) -> Outcome:
        self.sent.append(message.customer)
        if self.fails:
            raise self.fails
        return Accepted()

    def flush(self) -> None:
        pass

    def settle(self, keys: object) -> dict[str, Outcome]:
        del keys
        return {}


@pytest.fixture
def shop(database_url: str) -> Iterator[World]:
    made = signed_up(database_url, ["ana", "bea"], TICK)
    yield made
    made.database.close()


def lost(*_: object) -> None:
    raise ServerUnreachableError("the connection is lost", "repeat the command")


@pytest.mark.parametrize(
    ("where", "left"),
    [("_record", ["ana"]), ("compose", []), ("_hand_over", [])],
    ids=["after the hand-over", "before it", "with the claim"],
)
def test_a_process_that_goes_on_is_in_no_doubt(
    shop: World, monkeypatch: pytest.MonkeyPatch, where: str, left: list[str]
) -> None:
    post, handed = Post(), Handed()
    with monkeypatch.context() as patch:
        patch.setattr(delivery, where, lost)
        with pytest.raises(ServerUnreachableError):
            deliver(shop.database, {"email": post}, NOW, handed=handed)
    assert (post.sent, handed.unsettled) == (left, True)
    assert deliver(shop.database, {"email": post}, NOW, 0, handed=handed).sent == len(left)
    assert statuses(shop) == {"ana": "sent" if left else "intended", "bea": "intended"}
    deliver(shop.database, {"email": post}, NOW, handed=handed)
    assert post.sent == ["ana", "bea"]
    assert set(statuses(shop).values()) == {"sent"}
    assert (handed.outcomes, handed.unsettled) == ({}, False)


def test_another_process_is(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    post = Post()
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_record", lost)
        with pytest.raises(ServerUnreachableError):
            deliver(shop.database, {"email": post}, NOW)
    deliver(shop.database, {"email": post}, NOW)
    assert statuses(shop) == {"ana": "unknown", "bea": "sent"}


def test_so_is_another_dispatcher_of_the_same_process(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has not handed over itself it knows nothing of."""
    post = Post()
    with monkeypatch.context() as patch:
        patch.setattr(delivery, "_record", lost)
        with pytest.raises(ServerUnreachableError):
            deliver(shop.database, {"email": post}, NOW, handed=Handed())
    deliver(shop.database, {"email": post}, NOW, handed=Handed())
    assert post.sent == ["ana", "bea"]
    assert statuses(shop) == {"ana": "unknown", "bea": "sent"}


def test_so_is_one_whose_channel_failed(shop: World) -> None:
    handed = Handed()
    with pytest.raises(RuntimeError):
        deliver(shop.database, {"email": Post(RuntimeError("in the middle"))}, NOW, handed=handed)
    post = Post()
    deliver(shop.database, {"email": post}, NOW, handed=handed)
    assert post.sent == ["bea"]
    assert statuses(shop) == {"ana": "unknown", "bea": "sent"}
    deliver(shop.database, {"email": post}, NOW, handed=handed)
    assert (handed.outcomes, handed.unsettled) == ({}, False)


def test_a_channel_out_of_order_leaves_something_to_settle(shop: World) -> None:
    """Also for one that hands over nothing more, as somebody else leads by then."""
    handed = Handed()
    done = deliver(shop.database, {"email": Post(ChannelError("is full", "make room"))}, NOW, handed=handed)
    assert (list(done.out), handed.unsettled) == (["email"], True)
    done = deliver(shop.database, {"email": Post()}, NOW, 0, handed=handed)
    assert (done.unknown, handed.unsettled) == (1, False)
    assert statuses(shop) == {"ana": "unknown", "bea": "intended"}


def test_what_is_handed_over_outlives_the_machine(shop: World) -> None:
    """Whatever the database does with what may be decided again."""
    with outbox.writing(shop.database) as connection:
        assert _kept(shop.database, connection.execute(text(_asked(shop.database))).scalar_one())
        assert connection.execute(select(tables.clock.c.id)).first()
    # As a service has it, which takes facts in and decides on one connection.
    with shop.database.session() as session:
        with shop.database.intake(session) as connection:
            assert _kept(shop.database, connection.execute(text(_asked(shop.database))).scalar_one())
        with session.write() as connection:
            assert not _kept(shop.database, connection.execute(text(_asked(shop.database))).scalar_one())


def _asked(database: Database) -> str:
    return "PRAGMA synchronous" if database.dialect == "sqlite" else "SHOW synchronous_commit"


def _kept(database: Database, said: object) -> bool:
    return said == (2 if database.dialect == "sqlite" else "on")
