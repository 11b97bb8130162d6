"""The policy block: zone, purposes, classes, caps, universal holdout, or their defaults.

Takes the trees of all files; gives the policy in force. Two blocks, doubled lines and unknown words are noted.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from flowrules.model.campaign import (
    Cap,
    HoldOut,
    MessageClass,
    Policy,
    Purpose,
    QuietHours,
    Suppression,
    UniversalHoldOut,
    WhenCapped,
)
from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from decimal import Decimal

    from flowrules.model.names import Names
    from flowrules.source import Span

_DEFAULT = "marketing"
_DEFAULT_PLACE = "flowrules.toml:1"
_MILLION = 1_000_000


def build_policy(files: Sequence[tree.File], names: Names) -> Policy:
    blocks = [item for file in files for item in file.declarations if isinstance(item, tree.PolicyDecl)]
    for block in blocks[1:]:
        names.twice("FR301", "there can be only one policy", _head(block), _head(blocks[0]))
    clauses = blocks[0].clauses if blocks else ()
    firsts: dict[str, Span] = {}
    kept = [clause for clause in clauses if _is_new(clause, firsts, names)]
    zone = next((clause for clause in kept if isinstance(clause, tree.Zone)), None)
    if zone is not None and not zone_exists(zone.default):
        names.note("FR306", f"there is no time zone `{zone.default}`", zone.span, 'such as `"Europe/Madrid"`')
    purposes = tuple(
        Purpose(clause.name.text, clause.consent == "ask first", clause.span.place)
        for clause in kept
        if isinstance(clause, tree.Purpose)
    ) or (Purpose(_DEFAULT, asks_first=True, place=_DEFAULT_PLACE),)
    classes = _classes([clause for clause in kept if isinstance(clause, tree.MessageClass)], purposes, names)
    hold_out = next((clause for clause in kept if isinstance(clause, tree.HoldOut)), None)
    return Policy(
        zone is None or zone.of_customer,
        names.snapshot.zone if zone is None else zone.default,
        purposes,
        classes,
        tuple(cap(clause, names) for clause in kept if isinstance(clause, tree.Cap)),
        None if hold_out is None else _universal(hold_out, classes, names),
        _suppressions([clause for clause in kept if isinstance(clause, tree.Suppress)], names),
        tuple(_quiet(clause, names) for clause in kept if isinstance(clause, tree.QuietHours)),
        next((when_capped(clause, names, None) for clause in kept if isinstance(clause, tree.WhenCapped)), None),
    )


def with_policy(files: Sequence[tree.File], clauses: Sequence[tree.PolicyClause]) -> list[tree.File]:
    """The same files, where these lines stand for those of their kind; of purposes and classes, of their name."""
    replaced = {_kind(clause) for clause in clauses}
    found = False
    changed = []
    for file in files:
        declarations: list[tree.Declaration] = []
        for item in file.declarations:
            if isinstance(item, tree.PolicyDecl):
                found = True
                kept = tuple(clause for clause in item.clauses if _kind(clause) not in replaced)
                item = replace(item, clauses=(*kept, *clauses))  # noqa: PLW2901  # the block with its new lines
            declarations.append(item)
        changed.append(replace(file, declarations=tuple(declarations)))
    if not found and changed:
        block = tree.PolicyDecl(tuple(clauses), clauses[0].span)
        changed[0] = replace(changed[0], declarations=(*changed[0].declarations, block))
    return changed


def _kind(clause: tree.PolicyClause) -> tuple[type, str]:
    return type(clause), clause.name.text if isinstance(clause, tree.Purpose | tree.MessageClass) else ""


def _head(block: tree.PolicyDecl) -> Span:
    return type(block.span)(block.span.source, block.span.start, block.span.start + len("policy"))


def _is_new(clause: tree.PolicyClause, firsts: dict[str, Span], names: Names) -> bool:
    if isinstance(clause, tree.Cap | tree.Suppress | tree.QuietHours):
        return True
    if isinstance(clause, tree.Purpose | tree.MessageClass):
        word = "purpose" if isinstance(clause, tree.Purpose) else "class"
        what = f"{word} `{clause.name.text}`"
    else:
        what = _ONCE[type(clause)]
    if what in firsts:
        names.twice("FR302", f"{what} is given twice", clause.span, firsts[what])
        return False
    firsts[what] = clause.span
    return True


_ONCE: dict[type, str] = {
    tree.Zone: "the time zone",
    tree.HoldOut: "the hold out of the policy",
    tree.WhenCapped: "what becomes of a capped message",
}


def _classes(
    clauses: Sequence[tree.MessageClass], purposes: tuple[Purpose, ...], names: Names
) -> tuple[MessageClass, ...]:
    known = {purpose.name: purpose for purpose in purposes}
    classes = []
    for rank, clause in enumerate(clauses):
        purpose = known.get(clause.purpose.text)
        if purpose is None:
            names.unknown(
                "FR304",
                f"there is no purpose `{clause.purpose.text}`",
                clause.purpose.span,
                clause.purpose.text,
                known,
                f"declare it: `purpose {clause.purpose.text}: ask first`",
            )
        classes.append(
            MessageClass(
                clause.name.text, purpose or purposes[0], clause.limited, clause.counted, rank, clause.span.place
            )
        )
    default = MessageClass(_DEFAULT, purposes[0], limited=True, counted=True, rank=0, place=_DEFAULT_PLACE)
    return tuple(classes) or (default,)


def message_class(name: tree.Name, classes: Sequence[MessageClass], names: Names) -> MessageClass:
    """The class of that name; a stand-in when there is none, which is noted."""
    found = next((one for one in classes if one.name == name.text), None)
    if found is None and not names.policy_lost:
        known = [one.name for one in classes]
        names.unknown(
            "FR303",
            f"there is no class `{name.text}`",
            name.span,
            name.text,
            known,
            "classes are declared in `policy:`, as in `class marketing: purpose marketing, limited, counted`",
        )
    return found or classes[0]


def cap(clause: tree.Cap, names: Names) -> Cap:
    known = _channels(clause.channels, names)
    if isinstance(clause.per, str):
        return Cap(clause.number, 0, known, clause.span.place, clause.per)
    return Cap(clause.number, names.elapsed(clause.per), known, clause.span.place)


def _suppressions(clauses: Sequence[tree.Suppress], names: Names) -> tuple[Suppression, ...]:
    found = [(names.list_(clause.list), _channels(clause.channels, names), clause.span.place) for clause in clauses]
    return tuple(Suppression(of, channels, place) for of, channels, place in found if of is not None)


def _channels(written: Sequence[tree.Name], names: Names) -> tuple[str, ...]:
    channels = [names.channel(name) for name in written]
    return tuple(dict.fromkeys(channel.name for channel in channels if channel is not None))


def when_capped(clause: tree.WhenCapped, names: Names, stages: Collection[str] | None) -> WhenCapped:
    """stages: those of the campaign; None in the policy, which knows of none."""
    wait = 0 if clause.wait is None else names.elapsed(clause.wait)
    place = clause.span.place
    match clause.otherwise:
        case tree.Exit(reason=words):
            return WhenCapped(wait, "exit", words, None, place)
        case tree.GoTo(stage=stage):
            if stages is None:
                message = "the policy knows no stages to go to"
                hint = "write `skip` or `exit`; a campaign may say `when capped ...` itself, with one of its stages"
                names.note("FR307", message, clause.otherwise.span, hint)
            elif stage.text not in stages:
                message = f"this campaign has no stage `{stage.text}`"
                hint = f"its stages: {', '.join(f'`{name}`' for name in islice(stages, 8))}"
                names.unknown("FR107", message, stage.span, stage.text, stages, hint)
            return WhenCapped(wait, "go to", None, stage.text, place)
        case _:
            return WhenCapped(wait, "skip", None, None, place)


def _quiet(clause: tree.QuietHours, names: Names) -> QuietHours:
    if clause.start == clause.end:
        names.note(
            "FR308",
            "these quiet hours never end",
            clause.span,
            "they end before the second time, as in `21:00 to 09:00`; `cap 0 contacts per 1 day` forbids a channel",
        )
    return QuietHours(clause.start, clause.end, _channels(clause.channels, names), clause.span.place)


def share(percent: Decimal, span: Span, names: Names) -> int:
    """A percentage in millionths of all customers."""
    millionths = percent * (_MILLION // 100)
    if millionths > _MILLION:
        names.note("FR305", f"`{percent}%` is more than everybody", span, "a share lies between 0% and 100%")
    elif millionths != int(millionths):
        names.note("FR305", f"`{percent}%` is too fine a share", span, "up to four decimals")
    return min(int(millionths), _MILLION)


def hold_out(clause: tree.HoldOut, names: Names) -> HoldOut:
    return HoldOut(share(clause.percent, clause.span, names), clause.span.place)


def _universal(clause: tree.HoldOut, classes: Sequence[MessageClass], names: Names) -> UniversalHoldOut:
    only = () if clause.message_class is None else (message_class(clause.message_class, classes, names).name,)
    return UniversalHoldOut(share(clause.percent, clause.span, names), only, clause.span.place)


def zone_exists(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True
