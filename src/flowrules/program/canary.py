"""Whether a deployment can be for a share of customers: only where nothing of it holds for everybody at once.

Takes a plan and what campaigns are entered by; gives the sentence that says why not, and a way out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from flowrules.model import campaign as m
from flowrules.model.digest import canonical
from flowrules.program.plan import Plan

_FIRST = "put that in force for everybody first, without --canary, and then the changed steps with it"
_NOTHING = "no campaign changes, so there is nothing that a share of customers could be given"


Entries = Mapping[str, tuple[m.Entry, m.Entry]]


def why_not(plan: Plan, entries: Entries, known: Collection[str]) -> str | None:
    """entries: then and now, of the campaigns of which two versions are to be entered; known: paths of templates whose
    names are in use, which another text reaches for everybody.
    """
    tried = any(each.share for each in plan.campaigns)
    return next(_for_everybody(plan, entries, known), None if tried else _NOTHING)


def _for_everybody(plan: Plan, entries: Entries, known: Collection[str]) -> Iterator[str]:
    for each in plan.campaigns:
        if each.change in ("added", "removed"):
            yield f"`{each.name}` is {'new' if each.change == 'added' else 'gone'}, and that is for everybody"
    for change in plan.policy:
        whose = "the policy" if change.where == "policy" else f"`{change.where}`"
        yield f"{whose} changes in what holds for everybody at once: `{change.text}`"
    # Each version has the segments that it came with.
    changed = (each for each in plan.schema if each.change != "added" and each.kind != "segment")
    yield from (f"the {declared.kind} `{declared.name}` changes for everybody" for declared in changed)
    paths = (path for path in plan.templates if path in known)
    yield from (f"{path} changes for everybody; a new text for some wants a name of its own" for path in paths)
    for name, (then, now) in entries.items():
        if canonical(then, {}) != canonical(now, {}):
            yield f"`{name}` is entered otherwise: who enters must not depend on the version"


def refusal(why: str) -> tuple[str, str | None]:
    return f"this can not be for a share of customers: {why}", None if why == _NOTHING else _FIRST
