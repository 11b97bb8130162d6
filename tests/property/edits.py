"""Random edits of random programs, and what their authors say becomes of those inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from flowrules.program.machine import NodeKind, machine
from flowrules.program.plan import Plan, Step
from tests.reference.scenario import HOUR, Event
from tests.support.engine import snapshot_of
from tests.support.prepared import checked

if TYPE_CHECKING:
    from tests.reference.generate_words import Dice
    from tests.reference.scenario import Scenario

_STEP = re.compile(r"^( +)(?:send|wait|tag|untag|set) [^:]*$")
_LENGTH = re.compile(r"^( +wait )\d+ \w+$")


def populated(dice: Dice, scenario: Scenario) -> Scenario:
    """The same with people on their way: whoever logs in enters, and everybody does, more than once."""
    for trigger in ("login, every time", "login, again after exit"):
        rules = re.sub(r"^    enter when .*$", f"    enter when {trigger}", scenario.rules, flags=re.MULTILINE)
        rules = re.sub(r"^    (?:exclude|hold out|exit when|hold while) .*\n", "", rules, flags=re.MULTILINE)
        if checked(snapshot_of(replace(scenario, rules=rules))).model is not None:
            scenario = replace(scenario, rules=rules)
            break
    events = [
        Event(customer.id, "login", instant, instant)
        for customer in scenario.customers
        for instant in (max(scenario.deployed_at, customer.known_at) + dice.number(1, 20) * 6 * HOUR for _ in range(3))
    ]
    return replace(scenario, events=(*scenario.events, *events))


def edited(dice: Dice, scenario: Scenario) -> Scenario:
    """Other rules that `check` accepts; now and then the same."""
    for _ in range(dice.number(1, 3)):
        rules = dice.pick((_longer, _longer, _without, _without, _more, _renamed, _capped))(dice, scenario.rules)
        if checked(snapshot_of(replace(scenario, rules=rules))).model is not None:
            scenario = replace(scenario, rules=rules)
    return scenario


def longer(dice: Dice, scenario: Scenario) -> Scenario:
    """Nothing but other lengths of waits."""
    return replace(scenario, rules=_longer(dice, _longer(dice, scenario.rules)))


def _longer(dice: Dice, rules: str) -> str:
    return _one(
        dice, rules, _LENGTH, lambda found: [f"{found[1]}{dice.pick(('1 hour', '5 hours', '1 day', '9 days'))}"]
    )


def _without(dice: Dice, rules: str) -> str:
    return _one(dice, rules, _STEP, lambda _: [])


def _more(dice: Dice, rules: str) -> str:
    fresh = dice.pick(("wait 5 hours", "tag warm", "send email offer", "send push news"))
    return _one(dice, rules, _STEP, lambda found: [f"{found[1]}{fresh}", found[0]])


def _one(dice: Dice, rules: str, pattern: re.Pattern[str], instead) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
    lines = rules.split("\n")
    found = [number for number, line in enumerate(lines) if pattern.match(line)]
    if found:
        number = dice.pick(found)
        match = pattern.match(lines[number])
        lines[number : number + 1] = instead(match)
    return "\n".join(lines)


def _renamed(dice: Dice, rules: str) -> str:
    heads = re.findall(r"^campaign (\w+).*?(?=^\S|\Z)", rules, re.MULTILINE | re.DOTALL)
    name = dice.pick(heads)
    block = re.search(rf"^campaign {name}\b.*?(?=^\S|\Z)", rules, re.MULTILINE | re.DOTALL)
    assert block is not None
    stage = dice.pick(re.findall(r"^    stage (\w+)", block[0], re.MULTILINE))
    new = re.sub(rf"(?<![.\w]){stage}\b(?! formerly)", "renamed_stage", block[0])
    new = re.sub(r"^(    stage renamed_stage(?: \"[^\"]*\")?):", rf"\1 formerly {stage}:", new, flags=re.MULTILINE)
    rest = rules.replace(block[0], "\0")
    return rest.replace("\0", new).replace(f"{name}.{stage}", f"{name}.renamed_stage")


def _capped(dice: Dice, rules: str) -> str:
    return rules.replace("policy:\n", f"policy:\n    cap {dice.number(0, 2)} contacts per 2 days\n", 1)


# --- what becomes of people ---------------------------------------------------------------------------


def with_lines(scenario: Scenario, lines: dict[str, list[str]]) -> Scenario:
    """The same rules with a `migrate` block in these campaigns."""
    rules = scenario.rules
    for name, block in lines.items():
        head = re.search(rf"^campaign {name}\b[^\n]*\n", rules, re.MULTILINE)
        if head is not None and block:
            text = "".join(f"        {line}\n" for line in block)
            rules = rules.replace(head[0], f"{head[0]}    migrate:\n{text}", 1)
    return replace(scenario, rules=rules)


def said(dice: Dice, scenario: Scenario, plan: Plan) -> dict[str, list[str]]:
    """A line for some of those on their way, and for all who would be lost."""
    model = checked(snapshot_of(scenario)).model
    assert model is not None
    places = {}
    for campaign in model.campaigns:
        nodes = machine(campaign).nodes
        keys = {node.key for node in nodes if node.kind not in (NodeKind.STAGE, NodeKind.END)}
        places[campaign.name] = [f'"{key}"' for key in sorted(keys)] + [f"stage {s.name}" for s in campaign.stages]
    lines: dict[str, dict[str, str]] = {}
    for step in plan.steps:
        name = step.position.campaign
        if name in places and (step.fate.action == "refused" or dice.chance(70)):
            lines.setdefault(name, {})[step.position.step] = _line(dice, step, places[name])
    return {name: list(found.values()) for name, found in lines.items()}


def _line(dice: Dice, step: Step, places: Sequence[str]) -> str:
    who = f'from "{step.position.step}"'
    ways = ["keep", "exit", 'exit "over"', f"move to {dice.pick(places)}", f"move to {dice.pick(places)}"]
    ways += [f"move to stage {stage}" for stage in (each.removeprefix("stage ") for each in places) if "/" not in stage]
    if step.fate.action != "refused":
        ways += ["follow", "follow, keep waits", "follow, recompute waits", "follow, restart waits"] * 2
    return f"{who} {dice.pick(ways)}"
