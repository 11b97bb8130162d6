"""A campaign as a picture in a terminal: one box a stage, branches as a tree, in the author's own words.

Takes the campaign as written; gives styled lines. What goes elsewhere names where; nothing is asked of a database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from flowrules.report.print import safe
from flowrules.syntax import tree

_SIGNS = {
    "message": ("▶", "green"),
    "wait": ("◷", "cyan"),
    "question": ("◆", "yellow"),
    "note": ("•", ""),
    "jump": ("→", "bold blue"),
    "end": ("■", "red"),
}
LEGEND = (("message", "message"), ("wait", "wait"), ("question", "choice"), ("jump", "goes to"), ("end", "ends"))


def campaign_lines(campaign: tree.CampaignDecl) -> Iterator[Text]:
    yield Text().append(safe(campaign.title or campaign.name.text), "bold")
    for clause in campaign.header:
        match clause:
            case tree.Enter():
                yield _line("", "▼", "bold green", clause.span.words)
            case tree.Goal():
                yield _line("", "★", "bold green", clause.span.words)
            case tree.ExitWhen() | tree.Exclude() | tree.WhenCapped():
                yield _line("", "■", "red", clause.span.words)
            case _:
                pass
    for stage in campaign.stages:
        yield Text("│", "dim") if stage is not campaign.stages[0] else Text()
        title = f" {safe(stage.title)}" if stage.title else ""
        yield Text().append("╭─ ", "dim").append(safe(stage.name.text), "bold").append(title)
        for reaction in stage.reactions:
            yield _line("│  ", "↯", "magenta", reaction.span.words)
        for line in _steps(stage.steps, ""):
            yield Text().append("│  ", "dim").append_text(line)
        if not stage.steps or not _leaves(stage.steps):
            yield _line("│  ", *_SIGNS["end"], "completed")
        yield Text().append("╰─", "dim")


def legend() -> Text:
    text = Text()
    for shape, words in LEGEND:
        sign, style = _SIGNS[shape]
        text.append(sign, style).append(f" {words}   ", "dim")
    return text


def _line(before: str, sign: str, style: str, words: str) -> Text:
    return Text().append(before, "dim").append(sign, style).append(f" {safe(words)}")


def _steps(steps: Sequence[tree.Step], before: str) -> Iterator[Text]:
    for step in steps:
        yield from _step(step, before)


def _step(step: tree.Step, before: str) -> Iterator[Text]:
    match step:
        case tree.Send() | tree.SendFirst():
            yield _line(before, *_SIGNS["message"], step.span.words.removeprefix("send "))
        case tree.Wait() | tree.WaitUntil():
            yield _line(before, *_SIGNS["wait"], step.span.words)
        case tree.GoTo():
            yield _line(before, *_SIGNS["jump"], step.stage.text)
        case tree.Exit():
            yield _line(before, *_SIGNS["end"], step.span.words)
        case tree.WaitFor():
            words = _until(step)
            yield _line(before, *_SIGNS["wait"], words)
            if step.otherwise is not None:
                yield from _ways([("did not come", step.otherwise)], before)
        case tree.If():
            yield from _choice(step, before)
        case tree.Split():
            yield _line(before, *_SIGNS["question"], step.head.words)
            yield from _ways([(f"{arm.percent:f}% {arm.name.text}", arm.steps) for arm in step.arms], before)
        case tree.Tag() | tree.Untag() | tree.Set() | tree.Start():
            yield _line(before, *_SIGNS["note"], step.span.words)


def _until(step: tree.WaitFor) -> str:
    """Without what happens otherwise."""
    text = step.span.source.text[step.span.start : step.up_to.span.end]
    return " ".join(text.split())


def _choice(step: tree.If, before: str) -> Iterator[Text]:
    yield _line(before, *_SIGNS["question"], f"{step.head.words}?")
    ways: list[tuple[str, Sequence[tree.Step]]] = []
    for number, branch in enumerate(step.branches):
        ways.append(("yes" if not number else f"else if {branch.condition.span.words}", branch.steps))
    if step.otherwise is not None:
        ways.append(("else", step.otherwise))
    yield from _ways(ways, before)


def _ways(ways: Sequence[tuple[str, Sequence[tree.Step]]], before: str) -> Iterator[Text]:
    for number, (name, steps) in enumerate(ways):
        last = number == len(ways) - 1
        yield Text().append(f"{before}{'└' if last else '├'}─ {safe(name)}", "dim")
        yield from _steps(steps, f"{before}{' ' if last else '│'}    ")


def _leaves(steps: Sequence[tree.Step]) -> bool:
    """Nothing goes on behind the last of them."""
    match steps[-1] if steps else None:
        case tree.GoTo() | tree.Exit():
            return True
        case tree.If(branches=branches, otherwise=otherwise) if otherwise is not None:
            return all(_leaves(branch.steps) for branch in branches) and _leaves(otherwise)
        case tree.Split(arms=arms):
            return all(_leaves(arm.steps) for arm in arms)
        case _:
            return False
