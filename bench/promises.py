"""What each promise costs: W by the engine with one of them switched off, in the benchmark alone, against all of them.

`python -m bench.promises --n 100000 --json`. The result of W must be the same, but for what is switched off.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from unittest.mock import patch

from bench.campaign import RULES
from bench.command import Result, contend, on_each, parser, table
from bench.databases import Place
from flowrules.sql.statement import INSERT, OR_FAIL, Cursor, Statement, Value

_CAP = "    cap 10 contacts per 7 days across email, sms\n"


@dataclass(frozen=True, slots=True)
class Promise:
    """statements: how those begin that are left out of each tick; missing: tables that stay empty;
    rules: what is replaced in W's; functions: what stands for those of the engine.
    """

    words: str
    statements: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    functions: tuple[tuple[str, object], ...] = ()


def _all_fresh(_connection: object, facts: object) -> tuple[range, tuple[int, ...]]:
    return range(len(facts.keys)), ()  # type: ignore[attr-defined]  # the journal's own type


def _forgotten(_connection: object, keys: object) -> None:
    """No key is written."""


PROMISES = {
    "ledger": Promise(
        "every decision with its reason and rule, and its index by customer",
        statements=("INSERT INTO decision ", "INSERT INTO visit "),
        missing=("decision", "visit"),
    ),
    "index": Promise(
        "only the ledger's index by customer, that `explain` finds by",
        statements=("INSERT INTO visit ",),
        missing=("visit",),
    ),
    "caps": Promise(
        "contacts counted, and judged by the caps",
        statements=("INSERT INTO contact ",),
        missing=("contact",),
        rules=((_CAP, ""), (", limited, counted", ", not limited, not counted")),
    ),
    "dedupe": Promise(
        "the same fact twice is one fact",
        missing=("intake",),
        functions=(("flowrules.store.journal._fresh", _all_fresh), ("flowrules.store.journal._remember", _forgotten)),
    ),
    "consent": Promise(
        "nothing without an address, to a closed one, or against the customer's will",
        statements=("UPDATE ask SET by_id = ",),
    ),
}


@contextmanager
def switched_off(names: Collection[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Of this process; gives the rules of W without them, and the tables that stay empty."""
    promises = [PROMISES[name] for name in names]
    left_out = tuple(start for promise in promises for start in promise.statements)
    rules = RULES
    for old, new in (each for promise in promises for each in promise.rules):
        if old not in rules:
            raise SystemExit(f"the rules of W have no `{old.strip()}`")
        rules = rules.replace(old, new)
    found: set[str] = set()
    with ExitStack() as patched:
        if left_out:
            patched.enter_context(patch.object(Statement, "run", _without(left_out, found)))
        for name, function in (each for promise in promises for each in promise.functions):
            patched.enter_context(patch(name, function))
        yield rules, tuple(name for promise in promises for name in promise.missing)
    for promise in promises:
        # Of the others the empty table tells that they were off.
        if not promise.missing and not found.intersection(promise.statements):
            raise SystemExit(f"nothing was left out for: {promise.words}")


def _without(left_out: tuple[str, ...], found: set[str]) -> Callable[..., int]:
    run = Statement.run

    def unless_left_out(statement: Statement, cursor: Cursor, /, **values: Value) -> int:
        text = statement.text.replace(OR_FAIL, INSERT)
        for start in left_out:
            if text.startswith(start):
                found.add(start)
                return 0
        return run(statement, cursor, **values)

    return unless_left_out


def main() -> None:
    wanted = parser("promises", __doc__)
    wanted.add_argument("--repeat", type=int, default=1, help="runs of each, of which the median counts")
    options = wanted.parse_args()
    on_each(options, lambda where: _measure(where, options))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    variants: dict[str, tuple[str, ...]] = {"all": (), **{name: (name,) for name in PROMISES}, "none": tuple(PROMISES)}
    used: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(options.repeat):
        for name, off in variants.items():
            url = where.empty(f"promises_{name}{number}")
            used[name].append(contend(name="engine", url=url, n=options.n, off=off)["cpu_s"])
            where.forget(url)
    cpu = {name: median(each) / options.n * 1000 for name, each in used.items()}
    costs = {name: 100 * (1 - cpu[name] / cpu["all"]) for name in variants}
    rows = [
        (label, cpu[name], f"{costs[name]:.1f}" if variants[name] else "")
        for name in variants
        for label in [f"without {name}" if name in PROMISES else name]
    ]
    found = {name: {"cpu_s_per_1000": round(cpu[name], 4), "cost_percent": round(costs[name], 1)} for name in variants}
    runs = f"{options.repeat} run{'s' * (options.repeat > 1)}"
    title = f"W on {where.kind} with a promise off, n = {options.n}, {runs} each"
    return found, table(title, ("", "CPU s/1,000", "cost %"), *rows)


if __name__ == "__main__":
    main()
