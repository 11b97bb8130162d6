"""W by what many would reach for: SQLAlchemy's ORM and the state machine library `transitions`.

Written with care: one machine for all customers, rows loaded 500 at a time, sends and tags inserted in bulk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, Integer, bindparam, create_engine, event, func, insert, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from transitions import Machine

from bench import work
from bench.measure import Used, measured
from bench.settings import SQLITE_SETTINGS
from bench.work import DELAY, END, WAIT_BUY, WAIT_OPEN

_CHUNK = 500
_STATES = ["new", "wait_open", "delay", "wait_buy", "converted", "lapsed"]
_EDGES = (
    ("enrol", "new", "wait_open", "on_enrol"),
    ("email_opened", "wait_open", "delay", "on_opened"),
    ("timeout", "wait_open", "wait_buy", "on_sms"),
    ("timeout", "delay", "wait_buy", "on_offer"),
    ("purchase", "wait_buy", "converted", "on_customer"),
    ("timeout", "wait_buy", "lapsed", "on_lapsed"),
)


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    email: Mapped[str]
    tag: Mapped[str | None]


class Send(Base):
    __tablename__ = "send"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int]
    template: Mapped[str]
    at: Mapped[int]


@dataclass(slots=True)
class _Chunk:
    """The hour, and what the machines of a chunk want written."""

    hour: int = 0
    sends: list[dict[str, Any]] = field(default_factory=list)
    tags: list[dict[str, Any]] = field(default_factory=list)


_chunk = _Chunk()


class Enrolment(Base):
    __tablename__ = "enrolment"
    customer_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    state: Mapped[str]
    wake_at: Mapped[int | None] = mapped_column(index=True)

    def on_enrol(self) -> None:
        self._go("welcome", WAIT_OPEN)

    def on_opened(self) -> None:
        self._go(None, DELAY)

    def on_sms(self) -> None:
        self._go("sms", WAIT_BUY)

    def on_offer(self) -> None:
        self._go("offer", WAIT_BUY)

    def on_customer(self) -> None:
        self._end("customer")

    def on_lapsed(self) -> None:
        self._end("lapsed")

    def _go(self, template: str | None, hours: int) -> None:
        self.wake_at = _chunk.hour + hours
        if template:
            _chunk.sends.append({"customer_id": self.customer_id, "template": template, "at": _chunk.hour})

    def _end(self, tag: str) -> None:
        self.wake_at = None
        _chunk.tags.append({"key": self.customer_id, "value": tag})


def run(url: str, n: int) -> Used:
    engine = _engine(url)
    Base.metadata.create_all(engine)
    events = work.events_by_hour(n)
    machine = Machine(
        model=None,
        states=_STATES,
        initial="new",
        auto_transitions=False,
        transitions=[
            {"trigger": trigger, "source": source, "dest": target, "after": action}
            for trigger, source, target, action in _EDGES
        ],
    )
    with Session(engine, expire_on_commit=False) as session:
        session.execute(insert(Customer), [{"id": i, "email": f"u{i}@x.test", "tag": None} for i in range(n)])
        session.commit()
        with measured(url) as used:
            for numbers in _chunks(range(n)):
                for number in numbers:
                    enrolment = Enrolment(customer_id=number, state="new", wake_at=None)
                    session.add(enrolment)
                    machine.events["enrol"].trigger(enrolment)
                _commit(session)
            for hour in range(1, END + 1):
                _chunk.hour = hour
                for part in _chunks(events.get(hour, [])):
                    name_of = dict(part)
                    for enrolment in session.scalars(select(Enrolment).where(Enrolment.customer_id.in_(name_of))):
                        machine.events[name_of[enrolment.customer_id]].trigger(enrolment)
                    _commit(session)
                for due in _chunks(
                    session.scalars(select(Enrolment.customer_id).where(Enrolment.wake_at <= hour)).all()
                ):
                    for enrolment in session.scalars(select(Enrolment).where(Enrolment.customer_id.in_(due))):
                        machine.events["timeout"].trigger(enrolment)
                    _commit(session)
        sends = select(Send.template, func.count()).group_by(Send.template)
        tags = select(Customer.tag, func.count()).group_by(Customer.tag)
        found: dict[str, int] = dict(session.execute(sends).tuples().all())
        work.check(found | {str(tag): count for tag, count in session.execute(tags)}, n)
    engine.dispose()
    return used


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def connected(connection: sqlite3.Connection, _record: object) -> None:
            for setting in SQLITE_SETTINGS:
                connection.execute(setting)

    return engine


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), _CHUNK):
        yield items[first : first + _CHUNK]


def _commit(session: Session) -> None:
    session.flush()
    if _chunk.sends:
        session.execute(insert(Send), _chunk.sends)
    if _chunk.tags:
        table = Customer.__table__
        tagged = update(table).where(table.c.id == bindparam("key")).values(tag=bindparam("value"))  # type: ignore[arg-type]  # a Table
        session.connection().execute(tagged, _chunk.tags)
    session.commit()
    session.expunge_all()
    _chunk.sends, _chunk.tags = [], []
