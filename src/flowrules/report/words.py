"""Numbers, lengths and instants as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from flowrules.model.values import instant

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
SECOND = 1_000_000


def count(number: int) -> str:
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(part: float | None) -> str:
    if part is None:
        return "-"
    # 99.96 % is not all of them.
    shown = f"{part:.0%}" if part in {0, 1} else f"{part:.1%}"
    return {"100.0%": "99.9%", "0.0%": "<0.1%"}.get(shown, shown)


def length(seconds: float | None) -> str:
    """The two largest units: `2 d 4 h`."""
    if seconds is None:
        return "-"
    left = int(seconds)
    parts: list[str] = []
    for unit, size in _UNITS:
        number, left = divmod(left, size)
        if number or (unit == "s" and not parts):
            parts.append(f"{number}{unit}")
        elif parts:
            break
    return " ".join(parts[:2])


def window(microseconds: int) -> str:
    """An elapsed window in the words of a rule: `7 days`."""
    seconds = microseconds // SECOND
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds % size == 0:
            return counted(seconds // size, unit)
    return counted(seconds, "second")


def iso(at: int | None) -> str | None:
    if at is None:
        return None
    moment = _EPOCH + timedelta(microseconds=at)
    return moment.isoformat(timespec="seconds" if moment.microsecond == 0 else "microseconds").replace("+00:00", "Z")


def answer(outcome: str | None) -> str | None:
    """What a channel or a template said, without the word that the status says already."""
    kind, _, words = (outcome or "").partition(": ")
    if kind in {"refused", "retry", "out", "unknown", "template_error"}:
        return words
    return None if outcome == "accepted" else outcome


def local(at: int, zone: str) -> datetime:
    return (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))


def clock(at: int, zone: str) -> str:
    moment = local(at, zone)
    return f"{moment:%H:%M}" if moment.second == 0 else f"{moment:%H:%M:%S}"


def day(at: int, zone: str) -> str:
    return f"{local(at, zone):%a %Y-%m-%d}"


def short(step: str | None) -> str:
    """`lead/send email hello` without its stage."""
    return (step or "").rpartition("/")[2]


def message(step: str) -> str:
    """`email hello`, of the step that sends it, whichever of several."""
    return short(step).removeprefix("send ").partition(" #")[0]


def told(given: str | int | None, zone: str, *, exact: bool = True) -> str | None:
    """An instant (also as `iso` gives it) as a person there writes it: `2026-03-02 10:00`; not exact: to the second."""
    if given is None:
        return None
    at = datetime.fromisoformat(given) if isinstance(given, str) else _EPOCH + timedelta(microseconds=given)
    here = at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    to = "microseconds" if exact and here.microsecond else "seconds"
    return here.isoformat(" ", to).removesuffix(":00")


def next_begins(period: str, zone: str, at: int) -> int:
    """The first instant of the next local day, week (from Monday) or month."""
    day = local(at, zone).date() + timedelta(days=1)
    while (period == "week" and day.weekday() != 0) or (period == "month" and day.day != 1):
        day += timedelta(days=1)
    return instant(datetime.combine(day, time()), zone)


def begun(period: str, zone: str, at: int) -> int:
    """The first instant of the local day, week (from Monday) or month."""
    day = local(at, zone).date()
    while (period == "week" and day.weekday() != 0) or (period == "month" and day.day != 1):
        day -= timedelta(days=1)
    return instant(datetime.combine(day, time()), zone)


def moment(at: int, zone: str) -> str:
    return f"{day(at, zone)} {clock(at, zone)}"
