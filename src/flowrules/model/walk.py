"""Walks over the tree that several stages need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowrules.syntax import tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


def all_steps(steps: Sequence[tree.Step]) -> Iterator[tree.Step]:
    """Every step with those inside it, in the order of the text."""
    for step in steps:
        yield step
        match step:
            case tree.If():
                for branch in step.branches:
                    yield from all_steps(branch.steps)
                yield from all_steps(step.otherwise or ())
            case tree.SendFirst():
                yield from step.messages
            case tree.WaitFor():
                yield from all_steps(step.otherwise or ())
            case tree.Split():
                for arm in step.arms:
                    yield from all_steps(arm.steps)
            case _:
                pass


def steps_of(campaign: tree.CampaignDecl) -> Iterator[tree.Step]:
    for stage in campaign.stages:
        yield from all_steps(stage.steps)


def leaves(condition: tree.Condition) -> Iterator[tree.Condition]:
    """What `and`, `or` and `not` join; the brackets of events are not entered."""
    match condition:
        case tree.And() | tree.Or():
            for item in condition.items:
                yield from leaves(item)
        case tree.Not():
            yield from leaves(condition.item)
        case _:
            yield condition


def depth_first(starts: Iterable[str], targets: Callable[[str], Iterable[str]]) -> tuple[list[str], list[list[str]]]:
    """Every name behind those it leads to, and the circles met: each as the names on its way round.

    Of circles that share a name only the first is given. No recursion, for a chain may be as long as a file.
    """
    order: list[str] = []
    circles: list[list[str]] = []
    circular: set[str] = set()
    done: set[str] = set()
    for start in starts:
        path = [start] if start not in done else []
        pending = {name: list(targets(name))[::-1] for name in path}
        while path:
            name = path[-1]
            if not pending[name]:
                done.add(name)
                order.append(path.pop())
                del pending[name]
                continue
            following = pending[name].pop()
            if following in pending:
                circle = path[path.index(following) :]
                if circular.isdisjoint(circle):
                    circular.update(circle)
                    circles.append(circle)
            elif following not in done:
                path.append(following)
                pending[following] = list(targets(following))[::-1]
    return order, circles
