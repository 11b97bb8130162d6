"""A funnel for people: one line a stage, 80 columns, treated customers beside those held out.

Takes a Funnel, gives styled lines. Computes nothing but shares and the width of a bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.text import Text

from flowrules.report.comparison import difference
from flowrules.report.funnel import Funnel, Group, Stage, Tried
from flowrules.report.print import WIDTH, cut, safe, wrapped
from flowrules.report.words import count, length, percent
from flowrules.sql.canary import percent as exact
from flowrules.sql.codes import Reason

_NARROWEST_NAME, _WIDEST_NAME = 8, 20
_NARROWEST_BAR = 6
_WIDEST_END = 40

_PARTS = (("█", "green"), ("▓", "cyan"), ("░", "dim"))


def funnel_lines(funnel: Funnel) -> Iterator[Text]:
    treated, control = funnel.treated, funnel.control
    title = Text(safe(funnel.title or funnel.campaign), "bold")
    if funnel.title:
        title.append(f"  {funnel.campaign}", "dim")
    yield title.append(f"  version {funnel.version}", "dim")
    yield Text()
    yield _summary(treated, control)
    if funnel.tried is not None:
        yield from _tried(funnel.tried)
    if not treated.entered and not control.entered:
        yield Text("nobody has entered yet; `flowrules explain CUSTOMER` says why one did not", "dim")
        return
    yield Text()
    yield from _stages(treated, control)
    yield Text()
    yield from _exits(treated, control)
    if treated.entered and control.entered and (treated.goals or control.goals):
        yield Text()
        yield _difference(treated, control)


def _summary(treated: Group, control: Group) -> Text:
    ended = treated.entered - treated.in_journey
    parts = [
        (count(treated.entered), "entered"),
        (count(treated.in_journey), "in journey"),
        (count(ended), "ended"),
    ]
    if control.entered:
        parts.append((count(control.entered), "held out"))
    line = Text()
    for number, noun in parts:
        line.append(number, "bold").append(f" {noun}    ")
    return line


def _tried(tried: Tried) -> Iterator[Text]:
    canary = tried.canary
    shares = {canary.number: f"for {exact(canary.millionths)} of those who enter", canary.base: "for the others"}
    for number, whom in shares.items():
        entered, goals = tried.entered.get(number, 0), tried.goals.get(number, 0)
        reached = f", {count(goals)} reached the goal ({percent(goals / entered)})" if entered and goals else ""
        yield Text(f"version {number}, {whom}: {count(entered)} entered since{reached}", "dim")


# --- stages -------------------------------------------------------------------------------------------


def _stages(treated: Group, control: Group) -> Iterator[Text]:
    beside = {stage.name: stage for stage in control.stages} if control.entered else {}
    head = ["entered", "now", "moved on", "left", "conv.", *(["control"] if beside else []), "median"]
    rows = [_cells(stage, beside) for stage in treated.stages]
    widths = [max(len(name), *(len(row[column]) for row in rows)) for column, name in enumerate(head)]
    room = WIDTH - 2 - _NARROWEST_BAR - sum(width + 2 for width in widths)
    names = [cut(safe(stage.name), max(_NARROWEST_NAME, min(_WIDEST_NAME, room))) for stage in treated.stages]
    name_width = max(len("stage"), *map(len, names))
    bar_width = max(0, WIDTH - name_width - 2 - sum(width + 2 for width in widths))
    most = max(stage.entered for stage in treated.stages)
    first = "stage".ljust(name_width) + " " * (2 + bar_width)
    yield Text(first + "".join(f"  {name:>{width}}" for name, width in zip(head, widths, strict=True)), "dim")
    for stage, name, row in zip(treated.stages, names, rows, strict=True):
        line = Text(f"{name:<{name_width}}  ", "bold")
        line.append_text(bar(stage, most, bar_width))
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            line.append(f"  {cell:>{width}}", "bold" if head[column] == "conv." else "")
        yield line
        if stage.left:
            said = [f"{count(number)} {word}" for word, number in reasons(stage.left, stage.words)]
            yield from wrapped(Text(f"{'':<{name_width}}  └ left: ", "dim"), said)
    legend = Text(" " * (name_width + 2))
    through = any(stage.completed for stage in treated.stages)
    onward = "moved on, goal or completed" if through else "moved on or goal"
    for (glyph, style), words in zip(_PARTS, (onward, "there now", "left otherwise"), strict=True):
        legend.append(glyph, style).append(f" {words}   ", "dim")
    yield legend


def _cells(stage: Stage, beside: Mapping[str, Stage]) -> list[str]:
    other = beside.get(stage.name)
    return [
        count(stage.entered),
        count(stage.now),
        count(stage.moved_on),
        count(sum(stage.left.values())),
        percent(stage.conversion),
        *([percent(None if other is None else other.conversion)] if beside else []),
        length(stage.median_s),
    ]


def bar(stage: Stage, most: int, width: int) -> Text:
    """As long as many entered; in three parts. Whatever is there at all is seen."""
    onward = stage.converted + stage.completed
    parts = (onward, stage.now, stage.entered - onward - stage.now)
    seen = sum(part > 0 for part in parts)
    whole = 0 if not stage.entered or width < seen else max(seen, round(width * stage.entered / most))
    exact = [whole * part / stage.entered if stage.entered else 0 for part in parts]
    sizes = [max(int(size), int(part > 0 and whole > 0)) for size, part in zip(exact, parts, strict=True)]
    while sum(sizes) != whole:
        step = 1 if sum(sizes) < whole else -1
        # The part that is furthest from its share; none shrinks to nothing.
        choice = max(
            (i for i in range(3) if parts[i] and (step > 0 or sizes[i] > 1)), key=lambda i: step * (exact[i] - sizes[i])
        )
        sizes[choice] += step
    bar = Text()
    for (glyph, style), size in zip(_PARTS, sizes, strict=True):
        bar.append(glyph * size, style)
    return bar.append(" " * (width - whole))


def reasons(left: Mapping[str, int], words: Mapping[str, int]) -> list[tuple[str, int]]:
    """Most frequent first; an `exit` in the author's words where there are any."""
    named = dict(left)
    if words:
        named[Reason.EXIT.word] = named.get(Reason.EXIT.word, 0) - sum(words.values())
    shown = {word.replace("_", " "): number for word, number in named.items() if number > 0}
    shown |= {f'"{safe(text)}"': number for text, number in words.items()}
    return sorted(shown.items(), key=lambda item: (-item[1], item[0]))


# --- ends and goal ------------------------------------------------------------------------------------


def _exits(treated: Group, control: Group) -> Iterator[Text]:
    """How journeys ended, and the goal: numbers and shares of those who entered."""
    groups = [group for group in (treated, control) if group.entered]
    ends = [dict(reasons(group.exits, group.words)) for group in groups]
    names = dict.fromkeys(name for of_group in ends for name in of_group)
    rows = [(name, [of_group.get(name, 0) for of_group in ends]) for name in names]
    rows.append(("still in journey", [group.in_journey for group in groups]))
    if any(group.goals for group in groups):
        rows.append(("reached the goal", [group.goals for group in groups]))
    width = max(len(cut(name, _WIDEST_END)) for name, _ in rows)
    head = ["treated", "control"] if control.entered and treated.entered else [""]
    if len(head) > 1:
        yield Text(" " * width + "".join(f"{name:>18}" for name in head), "dim")
    for name, numbers in rows:
        line = Text(f"{cut(name, _WIDEST_END):<{width}}", "bold" if name == "reached the goal" else "")
        for number, group in zip(numbers, groups, strict=True):
            line.append(f"{count(number):>11}{percent(number / group.entered):>7}")
        yield line


def _difference(treated: Group, control: Group) -> Text:
    low, high = difference(treated, control)
    verdict = "more than chance" if low > 0 else "worse than without" if high < 0 else "may be chance"
    gained = treated.goals / treated.entered - control.goals / control.entered
    return Text(f"effect on the goal  {gained * 100:+.1f} points").append(
        f"  (95 %: {low * 100:+.1f} to {high * 100:+.1f}; {verdict})", "dim"
    )
