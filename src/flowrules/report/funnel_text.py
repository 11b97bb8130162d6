"""A funnel for people: one line a stage, 80 columns, treated customers beside those held out.

Takes a Funnel, gives styled lines. Computes nothing but shares and the width of a bar.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import sqrt

from rich.text import Text

from flowrules.report.funnel import Funnel, Group, Stage
from flowrules.report.print import WIDTH, cut, safe, wrapped
from flowrules.report.words import count, counted, length, percent
from flowrules.sql.codes import Reason

_WIDEST_NAME = 20
_Z = 1.959964
"""95 %, both sides."""

_PARTS = (("█", "green"), ("▓", "cyan"), ("░", "dim"))


def funnel_lines(funnel: Funnel) -> Iterator[Text]:
    treated, control = funnel.treated, funnel.control
    title = Text(safe(funnel.title or funnel.campaign), "bold")
    if funnel.title:
        title.append(f"  {funnel.campaign}", "dim")
    yield title.append(f"  version {funnel.version}", "dim")
    yield Text()
    yield _summary(treated, control)
    if not treated.entered and not control.entered:
        yield Text("nobody has entered yet; `flowrules explain CUSTOMER` says why one did not", "dim")
        return
    yield Text()
    yield from _stages(treated, control)
    yield Text()
    yield from _exits(treated, control)
    if treated.goals or control.goals:
        yield Text()
        yield from _goal(treated, control)


def _summary(treated: Group, control: Group) -> Text:
    ended = treated.entered - treated.in_journey
    parts = [
        (count(treated.entered), "entered"),
        (count(treated.in_journey), "in journey"),
        (count(ended), "ended"),
    ]
    if control.entered:
        parts.append((count(control.entered), "held out as control"))
    line = Text()
    for number, noun in parts:
        line.append(number, "bold").append(f" {noun}     ")
    return line


# --- stages -------------------------------------------------------------------------------------------


def _stages(treated: Group, control: Group) -> Iterator[Text]:
    beside = {stage.name: stage for stage in control.stages} if control.entered else {}
    head = ["entered", "now", "moved on", "left", "conv.", *(["control"] if beside else []), "median"]
    rows = [_cells(stage, beside) for stage in treated.stages]
    widths = [max(len(name), *(len(row[column]) for row in rows)) for column, name in enumerate(head)]
    names = [cut(safe(stage.name), _WIDEST_NAME) for stage in treated.stages]
    name_width = max(len("stage"), *map(len, names))
    bar_width = max(6, WIDTH - name_width - 2 - sum(width + 2 for width in widths))
    most = max(stage.entered for stage in treated.stages)
    first = "stage".ljust(name_width) + " " * (2 + bar_width)
    yield Text(first + "".join(f"  {name:>{width}}" for name, width in zip(head, widths, strict=True)), "dim")
    for stage, name, row in zip(treated.stages, names, rows, strict=True):
        line = Text(f"{name:<{name_width}}  ", "bold")
        line.append_text(_bar(stage, most, bar_width))
        for column, (cell, width) in enumerate(zip(row, widths, strict=True)):
            line.append(f"  {cell:>{width}}", "bold" if head[column] == "conv." else "")
        yield line
        if stage.left:
            yield from wrapped(Text(f"{'':<{name_width}}  └ left: ", "dim"), _reasons(stage.left, stage.words))
    legend = Text(" " * (name_width + 2))
    for (glyph, style), words in zip(_PARTS, ("moved on or goal", "there now", "left otherwise"), strict=True):
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


def _bar(stage: Stage, most: int, width: int) -> Text:
    """As long as many entered; in three parts. Whatever is there at all is seen."""
    parts = (stage.converted, stage.now, stage.entered - stage.converted - stage.now)
    whole = 0 if not stage.entered else max(sum(part > 0 for part in parts), round(width * stage.entered / most))
    exact = [whole * part / stage.entered if stage.entered else 0 for part in parts]
    sizes = [max(int(size), int(part > 0)) for size, part in zip(exact, parts, strict=True)]
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


def _reasons(left: Mapping[str, int], words: Mapping[str, int]) -> Iterator[str]:
    """Most frequent first; an `exit` in the author's words where there are any."""
    named = dict(left)
    if words:
        named[Reason.EXIT.word] = named.get(Reason.EXIT.word, 0) - sum(words.values())
    shown = {word.replace("_", " "): number for word, number in named.items() if number > 0}
    shown |= {f'"{safe(text)}"': number for text, number in words.items()}
    for word, number in sorted(shown.items(), key=lambda item: (-item[1], item[0])):
        yield f"{count(number)} {word}"


# --- ends and goal ------------------------------------------------------------------------------------


def _exits(treated: Group, control: Group) -> Iterator[Text]:
    groups = [("treated", treated), *([("control", control)] if control.entered else [])]
    for name, group in groups:
        ends = list(_reasons(group.exits, group.words)) or ["nobody has ended yet"]
        yield from wrapped(Text(f"ended, {name}: " if len(groups) > 1 else "ended: "), ends, "")


def _goal(treated: Group, control: Group) -> Iterator[Text]:
    yield (
        Text("goal")
        .append(f"  {count(treated.goals)} of {counted(treated.entered, 'entry').replace('entrys', 'entries')}")
        .append(f"  {percent(treated.goal_rate)}", "bold")
    )
    if not control.entered:
        return
    yield Text(f"control  {count(control.goals)} of {count(control.entered)}  {percent(control.goal_rate)}")
    low, high = difference(treated, control)
    verdict = "more than chance" if low > 0 else "less than without" if high < 0 else "may be chance"
    gained = (treated.goals / treated.entered if treated.entered else 0) - control.goals / control.entered
    yield Text(f"difference  {gained * 100:+.1f} points").append(
        f"  (95 %: {low * 100:+.1f} to {high * 100:+.1f}; {verdict})", "dim"
    )


def difference(treated: Group, control: Group) -> tuple[float, float]:
    """Newcombe's interval of the difference of two shares, from Wilson's of each: honest for small numbers too."""
    rate, low, high = _wilson(treated.goals, treated.entered)
    other, other_low, other_high = _wilson(control.goals, control.entered)
    gained = rate - other
    return (
        gained - sqrt((rate - low) ** 2 + (other_high - other) ** 2),
        gained + sqrt((high - rate) ** 2 + (other - other_low) ** 2),
    )


def _wilson(hits: int, number: int) -> tuple[float, float, float]:
    if not number:
        return 0.0, 0.0, 1.0
    rate = hits / number
    middle = (rate + _Z**2 / (2 * number)) / (1 + _Z**2 / number)
    half = _Z / (1 + _Z**2 / number) * sqrt(rate * (1 - rate) / number + _Z**2 / (4 * number**2))
    return rate, max(0.0, middle - half), min(1.0, middle + half)
