"""An explanation for people: a story by days, in the customer's own time.

Takes an Explanation, gives styled lines of 80 columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from rich.text import Text

from flowrules.report.clauses import Clause
from flowrules.report.explain import Explanation, Moment
from flowrules.report.print import WIDTH, folded, safe
from flowrules.report.standing import Standing
from flowrules.report.words import clock, day, moment, window
from flowrules.sql.tables import OPERATOR

_VERB_AT = 12
_NARROWEST_VERB = 9
_LOUD = {"withheld": "red", "not_entered": "red", "goal": "green", "send": "green", "sent": "green", "exit": "yellow"}
_VERBS = {"no_message": "not sent", "exit": "left", "met": "came", "wait": "waits", "start": "started"}
_WAITS = {"quiet_until": "quiet hours", "on_hold": "on hold", "paused": "paused"}
_FACTS = {"event": "did", "consent": "consent", "change": "is now"}


def explanation_lines(explanation: Explanation) -> Iterator[Text]:
    yield Text(safe(explanation.customer), "bold").append(f"  times are local: {explanation.zone}", "dim")
    yield Text()
    if not explanation.standings:
        yield Text("no campaign is in force")
    for standing in explanation.standings:
        yield from _standing(standing, explanation.zone)
    # Of an outcome the message's own line says it.
    timeline = _once(each for each in explanation.timeline if each.what != "outcome")
    told = [(each, *said(each, explanation.zone)) for each in timeline]
    # As wide as this story's longest word of the ledger, such as `not entered`: none is cut.
    width = max([_NARROWEST_VERB, *(len(verb) for _, verb, _ in told)])
    today = None
    refused: set[tuple[str, ...]] = set()
    for each, verb, words in told:
        # What was known before anything happened has no day.
        if (this := day(each.at, explanation.zone) if each.at > 0 else "from the start") != today:
            yield Text()
            yield Text(this, "bold")
            today = this
        head = f"  {clock(each.at, explanation.zone) if each.at > 0 else '':<8}  {verb:<{width}} "
        lines = list(_moment(each, Text(head).append(safe(words)), explanation, len(head)))
        if each.what == "not_entered":  # a schedule may say the same week after week
            # What would have followed, and how things stood, is told of the first only.
            plainly = _moment(
                replace(each, what_if=None, evaluated=()), Text(head).append(safe(words)), explanation, len(head)
            )
            same = tuple(line.plain[_VERB_AT:] for line in plainly)
            lines = lines[:1] if same in refused else lines
            refused.add(same)
        yield from lines


def _once(timeline: Iterable[Moment]) -> Iterator[Moment]:
    """What a rule found when it decided last is not told again."""
    found: dict[tuple[str | None, ...], tuple[Clause, ...]] = {}
    for each in timeline:
        rule = each.campaign, each.rule
        same = found.get(rule) == each.evaluated
        if each.evaluated:
            found[rule] = each.evaluated
        yield replace(each, evaluated=()) if same else each


def _standing(standing: Standing, zone: str) -> Iterator[Text]:
    line = Text(standing.campaign, "bold").append("  ")
    yield from folded(line.append(standing.words, "green" if standing.entered else "red"), 2)
    if standing.rule is not None:
        yield from folded(Text(f"  {standing.rule}: {safe(standing.text or '')}".rstrip(": "), "dim"), 4)
    for clause in standing.evaluated:
        yield from _evaluated(clause, 2)
    if standing.next_eligible is not None:
        yield Text(f"  may enter again from {moment(standing.next_eligible, zone)}")


def _evaluated(clause: Clause, indent: int, lead: str = "evaluated: ") -> Iterator[Text]:
    value = "" if clause.value is None else f" (is {safe(clause.value)})"
    asked = Text(f"{' ' * indent}{lead}", "dim").append(safe(f"{clause.text}{value}: "), "not dim")
    yield from folded(asked.append("yes" if clause.holds else "no", "green" if clause.holds else "red"), indent + 2)
    for part in clause.parts:
        yield from _evaluated(part, indent + 2, "")


def _moment(each: Moment, line: Text, explanation: Explanation, indent: int) -> Iterator[Text]:
    """Its line, and what there is to tell below it."""
    line.stylize(_LOUD.get(each.what, "cyan" if each.kind == "event" else ""), _VERB_AT, indent)
    several = explanation.campaign is None
    where = ""
    if each.campaign is not None and each.kind == "decision":
        where = each.campaign if several else ""
        if each.instance and each.campaign in explanation.side_by_side:
            where += f"#{each.instance}"
        where += " " if where else ""
    rule = "" if each.what == "exit" and each.rule == OPERATOR else each.rule or ""
    place = f"{where}{rule}".strip()
    if place and len(line) + 2 + len(place) <= WIDTH:
        line.append(" " * (WIDTH - len(line) - len(place)))
        line.append(place, "dim")
        place = ""
    yield from folded(line, indent)
    below = _rule(each, place)
    if each.counter is not None and each.window is not None:
        below.append(f"{each.counter} of {each.limit} contacts in the {window(each.window)} before")
    for contact in each.contacts:
        below.append(f"counted: {contact.message} {moment(contact.at, explanation.zone)}")
    below += each.notes
    if each.next_possible is not None:
        below.append(f"next possible {moment(each.next_possible, explanation.zone)}")
    for words in below:
        yield from folded(Text(" " * indent).append(safe(words), "dim"), indent)
    for clause in each.found:
        yield from _evaluated(clause, indent)
    if each.what_if is not None:
        yield from folded(Text(" " * indent).append(safe(each.what_if.words(explanation.zone, each.at))), indent)


def _rule(each: Moment, place: str) -> list[str]:
    """The words at the rule, where they say more than the line above them."""
    kept_back = each.kind == "message" and each.reason in {"capped", "expired", "excluded", "suppressed"}
    telling = each.what in {"withheld", "not_entered", "moved", "exit", "goal"} or kept_back
    telling |= each.reason == "template_error"
    plain = (
        (each.text or "").rstrip(":") == each.label
        or each.reason == "completed"
        or (each.what == "exit" and each.reason == "goal")
    )
    text = "" if each.text is None or plain or not (place or telling) else each.text
    found = f"{place}  {text}".strip()
    return [found] if found else []


def said(each: Moment, zone: str) -> tuple[str, str]:
    """A verb and what it is about."""
    because = "" if each.reason is None else each.reason.replace("_", " ")
    label = each.label.removeprefix("send ")
    if each.kind != "decision":
        return _FACTS.get(each.kind, each.what), _joined(each, label, because)
    verb = _VERBS.get(each.what, each.what.replace("_", " "))
    until = f"until {moment(each.until, zone)}" if each.until is not None else ""
    if each.what == "withheld" and (until or each.reason in _WAITS) and each.rule != OPERATOR:
        why = _WAITS.get(each.reason or "", because)
        # Of a condition nobody knows when it changes: what is known is when the message would come too late.
        most = "at most " if each.reason == "on_hold" else ""
        verb, because = "held", f"{why}, {most}{until}" if until else why
    if each.what == "wait":
        what = label.removeprefix("wait").removesuffix("until").strip()
        return verb, f"{what}{', ' if what else ''}{until}" if until else label
    if each.what == "moved" and until:
        label += f", waits {until}"
    if each.what in {"entered", "send"} and because:
        held_out = f"{label}{', ' if label else ''}held out: control group"
        return "not sent" if each.what == "send" else verb, held_out
    if each.what == "exit":
        because = "taken out by an operator" if each.reason == "operator" else because
        label = f"the end of stage {label}" if each.reason == "completed" else label
        return verb, because if not label or label == because else f"{because}: {label}".removeprefix("exit: ")
    if each.what == "goal":
        return verb, "after the journey had ended" if because else ""
    return verb, f"{label}{f': {because}' if because else ''}".removeprefix(": ")


def _joined(each: Moment, label: str, because: str) -> str:
    match each.kind:
        case "event":
            return f"{each.what} ({label})" if label else each.what
        case "message":
            return f"{label}: {because}" if because else label
        case _:
            return f"{each.what} {label}"
