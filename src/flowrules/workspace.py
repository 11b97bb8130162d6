"""A workspace on disk: its settings, and a snapshot of the files that say what it means.

Takes a folder; gives `Workspace` from flowrules.toml, `Snapshot` from rules/, templates/ and the list files. Mistakes
in the settings are diagnostics with their line. Never opens the database.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr, ValidationError

from flowrules.diagnostics.model import Diagnostic, Edit, Fix
from flowrules.diagnostics.suggest import nearest
from flowrules.files import FILE, files, rule_files, text
from flowrules.model.policy import zone_exists
from flowrules.model.schema import Channel
from flowrules.model.snapshot import Snapshot, Template
from flowrules.source import Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowrules.channels.smtp import SmtpSettings

DATABASE_VARIABLE = "FLOWRULES_DATABASE_URL"
_NOTHING: Mapping[str, str] = MappingProxyType({})
_ADDRESSES: dict[str, Literal["email", "phone"]] = {"email": "email", "sms": "phone", "call": "phone"}
_LIST_PATH = re.compile(r'^list\b[^"\n]*\bfrom\s+"([^"\n]*)"', re.MULTILINE)
_GIVEN_PATH = re.compile(r'^[ \t]+given[ \t]+customers[ \t]+from[ \t]+"([^"\n]*)"', re.MULTILINE)
_LINK = r"^https?://[!-~]+$"
_HOST = r"^[A-Za-z0-9.:\-]+$"
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_TOML_PLACE = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


# --- settings ---------------------------------------------------------------------------------


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelSettings(_Strict):
    """`[channels.NAME]`. address: which attribute must be known; by default from the channel's name."""

    type: Literal["file", "console", "smtp"] = "file"
    address: Literal["email", "phone", "none"] | None = None
    sender: StrictStr | None = None
    daily_limit: Annotated[StrictInt, Field(ge=0)] | None = None
    unsubscribe_url: Annotated[StrictStr, Field(pattern=_LINK)] | None = None
    postal_address: Annotated[StrictStr, Field(min_length=1)] | None = None
    # of smtp
    host: Annotated[StrictStr, Field(pattern=_HOST)] | None = None
    port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = None
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: Annotated[StrictStr, Field(min_length=1)] | None = None
    password_variable: Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    reply_to: StrictStr | None = None
    bounces: Annotated[StrictStr, Field(pattern=_HOST)] | None = None
    unsubscribe_mail: StrictStr | None = None


Seconds = Annotated[StrictInt, Field(ge=1, le=86_400)]


class RunSettings(_Strict):
    """`[run]`, in seconds. lease: after so long without a sign of the leader a standby takes over."""

    tick: Seconds = 10
    deliver: Seconds = 5
    lease: Seconds = 30


class _Settings(_Strict):
    database: Annotated[StrictStr, Field(min_length=1)] = "sqlite:///flowrules.db"
    zone: StrictStr = "UTC"
    currency: Annotated[StrictStr, Field(pattern=r"^[A-Z]{3}$")] = "EUR"
    region: Annotated[StrictStr, Field(pattern=r"^[A-Z]{2}$")] | None = None
    virtual_clock: StrictBool = False
    seed: StrictInt | None = None
    channels: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], ChannelSettings] = {}
    run: RunSettings = RunSettings()


@dataclass(frozen=True, slots=True)
class Workspace:
    """`database`: the URL in force; a relative SQLite path has been counted from `root`."""

    root: Path
    database: str
    zone: str
    currency: str
    region: str | None
    virtual_clock: bool
    seed: int | None
    channels: Mapping[str, ChannelSettings]
    run: RunSettings = field(default_factory=RunSettings)

    @property
    def known_channels(self) -> tuple[Channel, ...]:
        return tuple(
            Channel(
                name, _address(name, each), each.type == "smtp", _base(each.unsubscribe_url), each.postal_address
            )
            for name, each in sorted(self.channels.items())
        )  # fmt: skip

    @property
    def daily_limits(self) -> dict[str, int]:
        """Messages a day, of the channels that have such a limit."""
        return {name: each.daily_limit for name, each in self.channels.items() if each.daily_limit is not None}


def _address(name: str, settings: ChannelSettings) -> str | None:
    address = settings.address or _ADDRESSES.get(name)
    return None if address == "none" else address


def _base(url: str | None) -> str | None:
    """What a token is put behind."""
    return url if url is None or url.endswith(("/", "=")) else f"{url}/"


def smtp_settings(name: str, settings: ChannelSettings, environment: Mapping[str, str] = os.environ) -> SmtpSettings:
    """Of a channel that `load` has found complete. The password is read here and nowhere else."""
    from flowrules.channels.base import ChannelError  # noqa: PLC0415 -- not for `check`
    from flowrules.channels.mail import Sender, mailbox  # noqa: PLC0415 -- only where mail is set up
    from flowrules.channels.smtp import PORTS, SmtpSettings  # noqa: PLC0415 -- only where mail is set up

    variable = settings.password_variable or f"FLOWRULES_{name.upper()}_PASSWORD"
    password = environment.get(variable)
    if settings.user is not None and not password:
        raise ChannelError(
            f"the password of the channel `{name}` is not set", f"it is read from the environment: {variable}"
        )
    address = mailbox(settings.sender or "")
    if settings.host is None or address is None:
        raise ValueError(f"channel {name} is not complete")
    return SmtpSettings(
        host=settings.host,
        sender=Sender(
            address,
            None if settings.reply_to is None else mailbox(settings.reply_to),
            settings.bounces,
            settings.unsubscribe_mail,
        ),
        port=settings.port or PORTS[settings.security],
        security=settings.security,
        user=settings.user,
        password=password,
    )


def load(root: Path, environment: Mapping[str, str] = os.environ) -> tuple[Workspace | None, tuple[Diagnostic, ...]]:
    source = Source(FILE, text(root / FILE).removeprefix("\ufeff"))
    if bad := re.search("[\udc80-\udcff]", source.text):
        readable = Source(FILE, source.text[: bad.start()])
        here = Span(readable, len(readable.text), len(readable.text))
        return None, (Diagnostic("FR016", "this file is not UTF-8 text", here, "save it again with that encoding"),)
    try:
        raw = tomllib.loads(source.text)
        settings = _Settings.model_validate(raw)
    except tomllib.TOMLDecodeError as error:
        return None, (_unreadable(str(error), source),)
    except (RecursionError, ValueError) as error:
        if not isinstance(error, ValidationError):
            return None, (_unreadable("a value is too large or nested too deeply", source),)
        return None, tuple(_wrong(problem["loc"], problem["type"], source) for problem in error.errors())
    if wrong := tuple(_contradictions(settings, source)):
        return None, wrong
    database = environment.get(DATABASE_VARIABLE) or settings.database
    workspace = Workspace(
        root=root,
        database=_absolute(database, root),
        zone=settings.zone,
        currency=settings.currency,
        region=settings.region,
        virtual_clock=settings.virtual_clock,
        seed=settings.seed,
        channels=settings.channels,
        run=settings.run,
    )
    return workspace, ()


def _absolute(url: str, root: Path) -> str:
    scheme, separator, path = url.partition(":///")
    if not separator or not scheme.startswith("sqlite") or not path or path.startswith((":memory:", "file:")):
        return url
    file, question, query = path.partition("?")
    return f"{scheme}:///{(root / file).as_posix()}{question}{query}"


# --- what is wrong with them ------------------------------------------------------------------


def _unreadable(message: str, source: Source) -> Diagnostic:
    place = _TOML_PLACE.search(message)
    offset = len(source.text)
    if place and place[1]:
        lines = source.text.split("\n")
        offset = sum(len(line) + 1 for line in lines[: int(place[1]) - 1]) + int(place[2]) - 1
    offset = min(offset, max(len(source.text) - 1, 0))
    said = _TOML_PLACE.sub("", message)
    said = f"{said[:1].lower()}{said[1:]}".replace("'", "`")
    words, hint = _TOML_WORDS.get(said, (said, None))
    return Diagnostic("FR320", f"the settings can not be read: {words}", Span(source, offset, offset + 1), hint)


_TOML_WORDS = {
    "invalid value": ("this is no value", 'a text stands in quotes: `zone = "Europe/Madrid"`'),
    "cannot overwrite a value": ("a setting stands twice", "keep one of the two lines"),
}


def _wrong(location: tuple[int | str, ...], kind: str, source: Source) -> Diagnostic:
    keys = tuple(str(key) for key in location if key != "[key]")
    span = _place(keys, source)
    if kind == "extra_forbidden":
        tables: dict[str, type[BaseModel]] = {"channels": ChannelSettings, "run": RunSettings}
        table = tables[keys[0]] if len(keys) > 1 else _Settings
        known = list(table.model_fields)
        near = nearest(keys[-1], known)
        fixes = (Fix(f"change to `{near}`", False, (Edit(span, near),)),) if near else ()
        hint = f"did you mean `{near}`?" if near else "there are: " + ", ".join(f"`{name}`" for name in known)
        if table is not _Settings and keys[-1] in _Settings.model_fields:
            where = ".".join(keys[:-1])
            hint, fixes = f"it belongs above the first line in brackets; here it is one of [{where}]", ()
        if keys[0] == "channels" and "password" in keys[-1].lower():
            hint, fixes = _ELSEWHERE.replace("CHANNEL", keys[1].upper()), ()
        return Diagnostic("FR321", f"there is no setting `{keys[-1]}`", span, hint, fixes=fixes)
    about = _CHANNEL_NAME if len(keys) == 2 and keys[0] == "channels" else _HINTS.get(keys[-1])  # noqa: PLR2004  # channels.NAME
    return Diagnostic("FR321", f"the setting `{keys[-1]}` can not have this value", span, about)


_CHANNEL_NAME = 'a channel is set up as `[channels.email]` and a line `type = "file"`'
_ELSEWHERE = "a password is no setting: it is read from the variable FLOWRULES_CHANNEL_PASSWORD of the environment"
_SECONDS = "whole seconds, from 1 to 86400, without quotes"
_HINTS = {
    "database": 'such as `database = "sqlite:///flowrules.db"`',
    "zone": 'such as `zone = "Europe/Madrid"`',
    "currency": 'three capital letters: `currency = "EUR"`',
    "region": 'two capital letters: `region = "ES"`',
    "virtual_clock": "`true` or `false`, without quotes",
    "seed": "a whole number, without quotes",
    "channels": _CHANNEL_NAME,
    "run": "how often, in seconds: `[run]` and a line `tick = 10`",
    "tick": _SECONDS,
    "deliver": _SECONDS,
    "lease": _SECONDS,
    "type": 'such as `type = "file"`',
    "address": 'such as `address = "email"`; `"none"` for a channel that needs no address',
    "sender": 'such as `sender = "Music Shop <news@example.com>"`',
    "daily_limit": "a whole number, without quotes: how many messages may leave on one day",
    "unsubscribe_url": 'such as `unsubscribe_url = "https://example.com/unsubscribe/"`',
    "postal_address": 'such as `postal_address = "Music Shop, 1 High Street, Springfield"`',
    "host": 'such as `host = "smtp.example.com"`',
    "port": "a whole number, without quotes: `port = 587`",
    "security": '`"starttls"`, `"tls"`, or `"none"` for a server on this machine',
    "user": 'such as `user = "news@example.com"`',
    "password_variable": 'the name of a variable of the environment: `password_variable = "SHOP_MAIL_PASSWORD"`',
    "reply_to": 'such as `reply_to = "service@example.com"`',
    "bounces": 'the domain that undeliverable mail comes back to: `bounces = "bounces.example.com"`',
    "unsubscribe_mail": 'such as `unsubscribe_mail = "unsubscribe@example.com"`',
}


def _contradictions(settings: _Settings, source: Source) -> Iterator[Diagnostic]:
    """What only shows when the values are looked at together, or by what they mean."""
    if not zone_exists(settings.zone):
        message = f"there is no time zone `{settings.zone}`"
        yield Diagnostic("FR306", message, _place(("zone",), source), 'such as `"Europe/Madrid"`')
    for name, channel in settings.channels.items():
        yield from _incomplete(name, channel, source)


def _incomplete(name: str, settings: ChannelSettings, source: Source) -> Iterator[Diagnostic]:
    """What a channel that sends mail lacks, or can not be."""
    if settings.type != "smtp":
        return
    from flowrules.channels.mail import mailbox  # noqa: PLC0415 -- not where messages go to files

    here = ("channels", name)
    for key in ("host", "sender"):
        if getattr(settings, key) is None:
            message = f"a channel of type `smtp` needs `{key}`"
            yield Diagnostic("FR321", message, _place(here, source), _HINTS[key])
    for key in ("sender", "reply_to", "unsubscribe_mail"):
        value = getattr(settings, key)
        if value is not None and mailbox(value) is None:
            message = f"`{value}` is no email address"
            yield Diagnostic("FR321", message, _place((*here, key), source), _HINTS[key])
    if settings.security == "none" and settings.user is not None and settings.host not in _LOCAL:
        message = "a password would be sent where everybody can read it"
        hint = 'write `security = "starttls"` or `"tls"`; without either only to this machine'
        yield Diagnostic("FR321", message, _place((*here, "security"), source), hint)
    if _address(name, settings) != "email":
        message = "a channel of type `smtp` sends to email addresses"
        yield Diagnostic("FR321", message, _place((*here, "type"), source), 'write `address = "email"`')


def _place(keys: tuple[str, ...], source: Source) -> Span:
    """Where a setting stands; the first line where that can not be told."""
    table: tuple[str, ...] = ()
    at = 0
    for line in source.text.split("\n"):
        if header := re.match(r"\s*\[\[?([^\]]*)\]", line):
            table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
            if table == keys:
                return Span(source, at + header.start(1), at + header.end(1))
        elif (entry := re.match(r"\s*([^=#]*[^=#\s])\s*=", line)) and keys[: len(table)] == table:
            path = (*table, *(part.strip().strip("\"'") for part in entry[1].split(".")))
            if keys[: len(path)] == path:
                return Span(source, at + entry.start(1), at + entry.end(1))
        at += len(line) + 1
    return Span(source, 0, len(source.text.partition("\n")[0]))


# --- files ------------------------------------------------------------------------------------


def snapshot(workspace: Workspace, unsaved: Mapping[str, str] = _NOTHING) -> Snapshot:
    """`unsaved`: texts that stand for what is on disk, by the names of the files."""
    root = workspace.root
    names = {path.relative_to(root).as_posix(): path for path in rule_files(root / "rules")}
    sources = [Source(name, unsaved[name] if name in unsaved else text(path)) for name, path in names.items()]
    new = [name for name in unsaved if name not in names and name.startswith("rules/") and name.endswith(".flow")]
    sources += [Source(name, unsaved[name]) for name in sorted(new)]
    templates = []
    for path in files(root / "templates"):
        name = path.relative_to(root).as_posix()
        _, channel, *rest = PurePosixPath(name).parts
        if len(rest) == 1:
            templates.append(
                Template(channel, rest[0].partition(".")[0], name, unsaved[name] if name in unsaved else text(path))
            )
    lists = {path for source in sources for path in _LIST_PATH.findall(source.text)}
    given = {path for source in sources for path in _GIVEN_PATH.findall(source.text)}
    return Snapshot(
        sources=tuple(sources),
        templates=tuple(templates),
        lists=frozenset(path for path in lists if _inside(path) and (root / path).is_file()),
        channels=workspace.known_channels,
        currency=workspace.currency,
        zone=workspace.zone,
        region=workspace.region,
        customers=tuple(
            Source(path, text(root / path)) for path in sorted(given) if _inside(path) and (root / path).is_file()
        ),
    )


def _inside(path: str) -> bool:
    pure = PurePosixPath(path)
    return "\0" not in path and not pure.is_absolute() and ".." not in pure.parts
