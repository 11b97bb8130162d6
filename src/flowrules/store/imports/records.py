"""Rows to records: what a row of customers, events or consents says.

Takes rows and the model, gives records of `store`; a row that says nothing usable raises RejectedError with the
reason. Opens no file and no database.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import product

from flowrules.diagnostics.suggest import alike, nearest
from flowrules.model.campaign import Model
from flowrules.model.policy import zone_exists
from flowrules.model.schema import BUILTIN_ATTRIBUTES, Kind, Stored, Type
from flowrules.model.values import coerce
from flowrules.sql.tables import EVERY
from flowrules.store.customers import NewCustomer
from flowrules.store.identity import normalised, region_of
from flowrules.store.imports import numbers
from flowrules.store.imports.about import Names
from flowrules.store.imports.bounces import FIELDS, for_good
from flowrules.store.imports.reading import ImportFileError, Row
from flowrules.store.imports.seen import Seen
from flowrules.store.imports.times import Times, WrongTimeError
from flowrules.store.imports.unsubscribes import OWN, UNSUBSCRIBED, Unsubscribes, channel_of
from flowrules.store.journal import NewConsent, NewEvent, Ref, Withdrawal

CONSENT_COLUMN = "consent_"
STATES = ("granted", "refused", "withdrawn")
ALL = "all"
_YES = {"yes", "y", "true", "1", "granted", "x", "sí", "si", "sì", "oui", "ja", "sim"}
_NO = {"no", "n", "false", "0", "refused", "withdrawn", "non", "nein", "nee", "não"}
# As lists of mail say it, and as spreadsheets write `true` and `false`.
_YES |= {"subscribed", "opt-in", "opted in", "wahr", "verdadero", "vrai", "vero"}
_NO |= {"unsubscribed", "opt-out", "opted out", "falsch", "falso", "faux"}
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_MACHINE = "machine"
_NO_COUNTRY = "no country is known: give a column `country`, or `region` in flowrules.toml"
_as_json = json.JSONEncoder(default=str, sort_keys=True).encode
_FEW = 5
_WITHOUT = "the row was taken without it"
_KEPT_ADDRESS = "kept as it is, and no message can go there"
_KEPT_PROPERTY = "kept as it is, and counts as missing"
DATES = frozenset({Kind.DATE, Kind.DATETIME})
NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER, Kind.MONEY})


class RejectedError(ValueError):
    """Why a row is not taken in."""


@dataclass(frozen=True, slots=True)
class Options:
    """`decimal`: the sign before decimals; None: as JSON writes numbers, and nothing else.

    columns: which column of the file holds a field of ours; event: what every row is.
    """

    times: Times
    decimal: numbers.Decimal | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    event: str | None = None
    known_only: bool = False


@dataclass(slots=True)
class Notes:
    """What people should know of rows that were taken in all the same."""

    undeclared: Counter[str] = field(default_factory=Counter)
    values: Counter[str] = field(default_factory=Counter)
    example: dict[str, str] = field(default_factory=dict)
    renames: list[str] = field(default_factory=list)
    """Options that would take columns which look like something of ours."""

    shared: set[str] = field(default_factory=set)
    """Addresses that several customers have."""

    made: list[str] = field(default_factory=list)
    """Customers who are called by an address, since nobody is known who has it."""

    still_refused: int = 0

    def bad_value(self, line: int, name: str, reason: str) -> None:
        self.values[name] += 1
        self.example.setdefault(name, f"line {line}: {name} {reason}")

    def lines(self) -> list[str]:
        lines = []
        for name, times in sorted(self.values.items()):
            more = f" (and {times - 1} more)" if times > 1 else ""
            lines.append(f"{self.example[name]}{more}")
        if self.undeclared:
            names = ", ".join(f"`{name}`" for name, _ in self.undeclared.most_common(_FEW))
            more = f" and {len(self.undeclared) - _FEW} more" if len(self.undeclared) > _FEW else ""
            lines.append(f"not declared in the rule files: {names}{more}")
        if self.renames:
            lines.append(f"if that is what the columns hold, say {' '.join(self.renames)}")
        if self.shared:
            more = f" (and {len(self.shared) - 1} more like this)" if len(self.shared) > 1 else ""
            lines.append(f"several customers have the address `{min(self.shared)}`{more}: each of them is written to")
        if self.made:
            more = f" (and {len(self.made) - 1} more like this)" if len(self.made) > 1 else ""
            lines.append(
                f"nobody has the address `{self.made[0]}`: a customer with this id was made{more}; "
                "import customers first, or refuse such rows with --known-only"
            )
        if self.still_refused:
            lines.append(
                f"consents not given again, since they were refused or withdrawn before: {self.still_refused}; "
                "a later yes comes by `flowrules import consents`, with its time"
            )
        return lines


class Fields:
    """Looks fields of ours up in the rows of one file."""

    def __init__(self, file: str, columns: tuple[str, ...] | None, options: Options) -> None:
        self.file, self.columns, self.given = file, columns, options.columns
        self.taken = set(options.columns.values())
        for column in options.columns.values():
            if columns is not None and column not in columns:
                raise self._no_column(column)

    def need(self, name: str, option: str) -> None:
        """Without this column the file makes no sense."""
        if self.columns is not None and self.given.get(name, name) not in self.columns:
            raise self._no_column(name, f"{option} names it if it is called otherwise; ")

    def has(self, name: str) -> bool:
        return self.columns is None or self.given.get(name, name) in self.columns

    def get(self, row: Row, name: str) -> object:
        value = row.values.get(self.given.get(name, name))
        return None if value == "" else value

    def text(self, row: Row, name: str) -> str | None:
        value = self.get(row, name)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal | None):
            raise RejectedError(f"its {name} is not a text")
        text = "" if value is None else str(value).strip()
        if _UNSTORABLE.search(text):
            raise RejectedError(f"its {name} holds a character that can not be stored")
        return text or None

    def needed(self, row: Row, name: str) -> str:
        text = self.text(row, name)
        if text is None:
            raise RejectedError(f"has no {name}")
        return text

    def others(self, row: Row, own: Iterable[str]) -> dict[str, object]:
        """What is not one of our own fields, under our names, empty cells left out."""
        result = {
            name: value
            for name, value in row.values.items()
            if name not in self.taken and (name not in own or name in self.given) and value != ""
        }
        known = set(own)
        for name, column in self.given.items():
            if name not in known and row.values.get(column, "") != "":
                result[name] = row.values[column]
        return result

    def renames(self, names: Iterable[str]) -> list[str]:
        """Of these the file has none so called, and one that looks like it."""
        others = [column for column in self.columns or () if column not in self.taken]
        missing = [name for name in names if others and not self.has(name)]
        return [_map(name, column) for name in missing if (column := alike(name, others))]

    def _no_column(self, column: str, hint: str = "") -> ImportFileError:
        columns = self.columns or ()
        same = alike(column, columns)
        near = same or nearest(column, columns)
        meant = f"{_map(column, same)} if that is it; " if same else f"did you mean `{near}`? " if near else ""
        return ImportFileError(
            f"{self.file} has no column `{column}`", f"{meant}{hint}it has: {', '.join(columns) or 'none'}"
        )


def _map(name: str, column: str) -> str:
    return f"--map {name}={column}" if column.isidentifier() else f'--map {name}="{column}"'


class CustomerRows:
    """Rows of customers; `consents` are what consent_CHANNEL columns say: (channel, given)."""

    own = ("id", "time")

    def __init__(self, model: Model, fields: Fields, options: Options, notes: Notes, seen: Seen) -> None:
        self.model, self.fields, self.notes, self.options = model, fields, notes, options
        fields.need("id", "--id COLUMN")
        self.types = {each.name: each.type for each in (*BUILTIN_ATTRIBUTES, *model.attributes) if each.name != "id"}
        self.timed = "time" in options.columns
        self.channels = [channel.name for channel in model.channels]
        notes.renames = fields.renames([*self.types, *(CONSENT_COLUMN + each for each in self.channels)])
        self._means_customers()
        self.seen = seen

    def record(self, row: Row) -> tuple[NewCustomer, dict[str, bool]]:
        name = self.fields.needed(row, "id")
        known_at = _time(self.options.times, self.fields.get(row, "time"), row.line) if self.timed else 0
        attributes: dict[str, Stored | None] = {}
        consents: dict[str, bool] = {}
        strange: list[str] = []
        for column, raw in self.fields.others(row, self.own if self.timed else ("id",)).items():
            if column in self.types:
                if raw is None:
                    attributes[column] = None
                    continue
                try:
                    attributes[column] = _coerced(raw, self.types[column], self.model, self.options, row.line)
                except ValueError as wrong:
                    self.notes.bad_value(row.line, column, f"{wrong}; {_WITHOUT}")
            elif column.startswith(CONSENT_COLUMN):
                if raw is not None:
                    consents[self._channel(column)] = _consent(column, raw)
            else:
                strange.append(column)
        self._read_as_meant(row.line, attributes)
        times, first = self.seen.add(name, row.line)
        if times > 1:
            raise RejectedError(f"the customer `{name}` stood in line {first} already")
        self.notes.undeclared.update(strange)
        return NewCustomer(name, known_at, attributes), consents

    def _read_as_meant(self, line: int, attributes: Mapping[str, Stored | None]) -> None:
        """What every workspace has is text, and yet not every text will do; it is kept all the same."""
        email, phone, zone = (str(attributes.get(name) or "") for name in ("email", "phone", "timezone"))
        if email and normalised("email", email) is None:
            self.notes.bad_value(line, "email", f"`{email}` is not an address; {_KEPT_ADDRESS}")
        if phone:
            region = region_of(attributes.get("country"), self.model.region)
            if normalised("phone", phone, region) is None:
                needs = "" if region or phone.lstrip().startswith("+") else f"; {_NO_COUNTRY}"
                self.notes.bad_value(
                    line, "phone", f"`{phone}` is not a number like +34600000001{needs}; {_KEPT_ADDRESS}"
                )
        if zone and not zone_exists(zone):
            wrong = f"`{zone}` is not a time zone; write it like Europe/Madrid"
            self.notes.bad_value(line, "timezone", f"{wrong}; kept as it is, and the policy's zone counts")

    def _means_customers(self) -> None:
        """Some other file would make customers of its ids, and say nothing about them."""
        others = [name for name in self.fields.columns or () if name != self.fields.given.get("id", "id")]
        ours = self.types.keys() | set(self.fields.given.values())
        if others and not any(name in ours or name.startswith(CONSENT_COLUMN) for name in others):
            means = " ".join(self.notes.renames) or "--map ATTRIBUTE=COLUMN"
            raise ImportFileError(
                f"no column of {self.fields.file} is an attribute of customers",
                f"it has: {', '.join(others)}; {means} says which is which",
            )

    def _channel(self, column: str) -> str:
        channel = column.removeprefix(CONSENT_COLUMN)
        if channel not in self.channels:
            raise ImportFileError(
                f"the column `{column}` names no channel of this workspace",
                f"channels are: {', '.join(self.channels)}",
            )
        return channel


@dataclass(frozen=True, slots=True)
class Reaction:
    """An event about a message that is named by template: the latest sent before. `channel` None: by any."""

    channel: str | None
    template: str


class EventRows:
    own = ("id", "event", "customer", "time", "properties")

    def __init__(self, model: Model, fields: Fields, options: Options, notes: Notes, seen: Seen) -> None:
        self.model, self.fields, self.notes, self.options = model, fields, notes, options
        if not fields.has("message_id"):
            fields.need("customer", "--customer COLUMN")
        fields.need("time", "--time COLUMN")
        if options.event is None:
            fields.need("event", "--event NAME says what every row is, --map event=COLUMN where it stands; ")
        self.events = {event.name: event for event in model.events}
        kinds = [event for event in model.events if options.event in {None, event.name}]
        notes.renames = fields.renames(dict.fromkeys(each.name for event in kinds for each in event.properties))
        self.types = {event.name: {each.name: each.type for each in event.properties} for event in model.events}
        self.unsubscribes = Unsubscribes(model)
        self.seen = seen

    def record(self, row: Row, names: Names) -> tuple[NewEvent, Reaction | None]:
        fields = self.fields
        name = self.options.event or fields.needed(row, "event")
        own = self.own if self.options.event is None else tuple(each for each in self.own if each != "event")
        given = fields.others(row, own)
        nested = fields.get(row, "properties")
        if isinstance(nested, dict):
            given |= nested
        elif nested is not None:
            given["properties"] = nested
        withdrawal = None
        event = self.events.get(name)
        if name == UNSUBSCRIBED:
            ref, reaction, machine = *self._refused(row, given, names), False
            withdrawal = self._withdrawal(row, name, given, ref)
        else:
            ref, reaction, machine = self._about(row, name, given, names)
            if event is not None and event.reaction == "complained":
                withdrawal = self._withdrawal(row, name, given | {"channel": event.channel}, ref)
        permanent = event is not None and event.reaction == "bounced" and for_good(given)
        customer = ref[0] if ref else fields.needed(row, "customer")
        at = _time(self.options.times, fields.get(row, "time"), row.line)
        properties, extra = self._properties(row, name, given)
        happened = NewEvent(
            event=name,
            customer=customer,
            event_time=at,
            received_at=at,
            key=self._key(row, name, customer),
            properties=properties,
            extra=_as_json(extra) if extra else None,
            ref=ref,
            machine=machine,
            permanent=permanent,
            withdrawal=withdrawal,
            content=_content(name, customer, at, properties, extra, ref),
        )
        return happened, reaction

    def about(self, event: NewEvent, ref: Ref) -> NewEvent:
        """The message that it names has been found."""
        return self.unsubscribes.about(event, ref)

    def unfound(self, row: Row, event: NewEvent, reaction: Reaction) -> None:
        """A reaction is refused, and a refusal is taken all the same."""
        named = f"{reaction.channel or 'message'} `{reaction.template}`"
        if event.withdrawal is None:
            raise RejectedError(f"no {named} was sent to `{event.customer}` before that")
        channels = ", ".join(each for each in event.withdrawal.channels if each != EVERY)
        told = f"`{reaction.template}` was not sent before that; taken as {channels}"
        self._tell(row, f"{event.event}.message", told)

    def _about(
        self, row: Row, name: str, given: dict[str, object], names: Names
    ) -> tuple[Ref | None, Reaction | None, bool]:
        """The message a reaction is about, taken out of `given`, and whether a machine reacted."""
        event = self.events.get(name)
        if event is None or event.channel is None:
            return None, None, False
        message, template = given.pop("message_id", None), given.pop("message", None)
        machine = str(given.pop(_MACHINE, "")).strip().lower() in _YES
        if message is not None:
            named = names(str(message).strip())
            if named is not None and channel_of(named.ref[3]) == event.channel:
                return named.ref, None, machine
            strange = f"`{message}` is not the id of a message by {event.channel}"
            if event.reaction != "complained" or self.fields.text(row, "customer") is None:
                raise RejectedError(strange)
            self._tell(row, f"{name}.message_id", f"{strange}; taken as the customer's refusal")
            return None, None, machine
        return None, Reaction(event.channel, str(template).strip()) if template is not None else None, machine

    def _refused(self, row: Row, given: dict[str, object], names: Names) -> tuple[Ref | None, Reaction | None]:
        """The message by which somebody unsubscribed, taken out of `given`; without it the customer will do."""
        message, template = given.pop("message_id", None), given.pop("message", None)
        if message is not None:
            named = names(str(message).strip())
            if named is not None:
                if named.purpose:
                    given.setdefault("purpose", named.purpose)
                return named.ref, None
            if self.fields.text(row, "customer") is None:
                raise RejectedError(f"`{message}` is not the id of a message, and has no customer")
            told = f"`{message}` is not the id of a message; taken as the customer's refusal"
            self._tell(row, f"{UNSUBSCRIBED}.message_id", told)
        about = None if template is None else Reaction(self.unsubscribes.channel(given), str(template).strip())
        return None, about

    def _withdrawal(self, row: Row, name: str, given: Mapping[str, object], ref: Ref | None) -> Withdrawal:
        """Its source names the fact, for whoever asks where a consent was withdrawn."""
        id_ = self.fields.text(row, "id")
        source = f"event {name}, {f'line {row.line}' if id_ is None else id_} of {self.fields.file}"
        taken = self.unsubscribes.withdrawal(
            given, ref, source, lambda field, told: self._tell(row, f"{name}.{field}", told)
        )
        return replace(taken, named=self.fields.text(row, "customer"))

    def _tell(self, row: Row, field: str, reason: str) -> None:
        self.notes.bad_value(row.line, field, reason)

    def _properties(
        self, row: Row, name: str, given: Mapping[str, object]
    ) -> tuple[dict[str, Stored], dict[str, object]]:
        properties: dict[str, Stored] = {}
        extra: dict[str, object] = {}
        types = self.types.get(name)
        if types is None:
            if name != UNSUBSCRIBED:
                self.notes.undeclared[name] += 1
            types = {}
        for column, raw in given.items():
            if raw is None:
                continue
            if column not in types:
                extra[column] = raw
                if name in self.types and column not in self._own_of(name):
                    self.notes.undeclared[f"{name}.{column}"] += 1
                continue
            try:
                properties[column] = _coerced(raw, types[column], self.model, self.options, row.line)
            except ValueError as wrong:
                extra[column] = raw
                self.notes.bad_value(row.line, f"{name}.{column}", f"{wrong}; {_KEPT_PROPERTY}")
        return properties, extra

    def _own_of(self, name: str) -> frozenset[str]:
        """Fields that mean something although no rule file declares them."""
        event = self.events.get(name)
        if event is not None and event.reaction == "bounced":
            return FIELDS
        refuses = name == UNSUBSCRIBED or (event is not None and event.reaction == "complained")
        return OWN if refuses else frozenset()

    def _key(self, row: Row, event: str, customer: str) -> str:
        given = self.fields.text(row, "id")
        if given is not None:
            return f"id/{given}"
        content = _digest(self.fields.file, event, customer, row.values)
        return f"row/{content}/{self.seen.add(content, row.line)[0]}"


class ConsentRows:
    own = ("customer", "channel", "purpose", "state", "time", "source")

    def __init__(self, model: Model, fields: Fields, options: Options, _notes: Notes, _seen: Seen) -> None:
        self.fields, self.times = fields, options.times
        for name in ("customer", "channel", "purpose", "state", "time"):
            option = f"--{name} COLUMN" if name in {"customer", "time"} else f"--map {name}=COLUMN"
            fields.need(name, option)
        self.channels = [channel.name for channel in model.channels]
        self.purposes = [purpose.name for purpose in model.policy.purposes]

    def record(self, row: Row) -> NewConsent:
        fields = self.fields
        customer = fields.needed(row, "customer")
        state = _one_of(fields.needed(row, "state").lower(), "state", STATES)
        channels = self._named(row, "channel", self.channels, state)
        purposes = self._named(row, "purpose", self.purposes, state)
        about = tuple(product(channels, purposes))
        (channel, purpose), also = about[0], about[1:]
        at = _time(self.times, fields.get(row, "time"), row.line)
        source = fields.text(row, "source") or fields.file
        key = f"consent/{_digest(customer, channel, purpose, state, at, also)}"
        proof = {name: value for name, value in fields.others(row, self.own).items() if value is not None}
        return NewConsent(
            customer,
            channel,
            purpose,
            state,
            at,
            source,
            at,
            key,
            _as_json(proof) if proof else None,
            also,
            _content(fields.text(row, "source"), proof),
        )

    def _named(self, row: Row, what: str, known: Sequence[str], state: str) -> Sequence[str]:
        """`all` refuses everything; a yes is given to one thing at a time."""
        given = self.fields.needed(row, what)
        if given.lower() != ALL or ALL in known:
            return (_one_of(given, what, known),)
        if state == "granted":
            raise RejectedError(f"`granted` needs a {what}: only a refusal is of `all`")
        return (*known, EVERY)


def _time(times: Times, raw: object, line: int) -> int:
    try:
        return times.instant(raw, line)
    except WrongTimeError as wrong:
        raise RejectedError(str(wrong)) from None


def _coerced(raw: object, type_: Type, model: Model, options: Options, line: int) -> Stored:
    if isinstance(raw, str):
        raw = raw.strip()
        if type_.kind in DATES:
            raw = options.times.iso(raw, line)
        elif type_.kind in NUMBERS and options.decimal is not None:
            plain = numbers.plain(raw, options.decimal)
            if plain is None and options.decimal == ",":
                raise ValueError(f"`{raw}` is not a number with decimals behind a comma")
            raw = plain or raw
    return coerce(raw, type_, model.currency, options.times.zone)


def _consent(column: str, raw: object) -> bool:
    word = str(raw).strip().lower()
    if word not in _YES | _NO:
        raise RejectedError(f"`{raw}` in {column} is neither yes nor no")
    return word in _YES


def _one_of(given: str, what: str, known: Iterable[str]) -> str:
    names = list(known)
    if given in names:
        return given
    near = nearest(given, names)
    raise RejectedError(
        f"there is no {what} `{given}`" + (f"; did you mean `{near}`?" if near else f"; known are {', '.join(names)}")
    )


def _content(*parts: object) -> int:
    """63 bits: enough to tell that something else came, and a number for either database."""
    return int.from_bytes(hashlib.blake2b(_as_json(parts).encode(), digest_size=8).digest()) >> 1


def _digest(*parts: object) -> str:
    return hashlib.sha256(_as_json(parts).encode()).hexdigest()[:32]
