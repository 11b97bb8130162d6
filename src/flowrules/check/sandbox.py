"""The one sandbox of templates: what reads them before anything runs and what writes messages from them agree on it.

Gives a Jinja environment in which a template reaches no objects, and holds nothing in memory that no message could
hold: not when it is written, and not when it is compiled, where Jinja would fold constants (`"x" * 10 ** 10` is one).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from jinja2 import StrictUndefined, pass_eval_context
from jinja2.exceptions import SecurityError
from jinja2.filters import do_join, do_replace
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from flowrules.model.template import FILTERS

LARGEST = 1_000_000
"""Characters of one part of a message."""

_METHODS = frozenset({"strftime", "isoformat", "weekday", "isoweekday", "upper", "lower", "title", "strip", "split"})
_SEQUENCES = (str, list, tuple)


class Sandbox(ImmutableSandboxedEnvironment):
    """`options`: Jinja's, on where templates are and how their text is laid out."""

    # All of them: one that is not intercepted is folded.
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self, **options: Any) -> None:  # noqa: ANN401  # each of its own type
        super().__init__(optimized=False, undefined=StrictUndefined, **options)
        self.globals.clear()
        self.filters = {name: function for name, function in self.filters.items() if name in FILTERS}
        self.filters |= {"date": _date, "join": _join, "money": _money, "replace": _replace}

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        if operator == "**" or (operator in {"*", "%"} and any(isinstance(side, _SEQUENCES) for side in (left, right))):
            raise SecurityError(f"`{operator}` is for numbers only")
        if isinstance(left, _SEQUENCES) and isinstance(right, _SEQUENCES):
            _allow(f"`{operator}`", len(left) + len(right))
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: object) -> bool:
        # Of methods only those that show a value another way; `"".center(10 ** 9)` is the reason.
        return isinstance(obj, Macro) or getattr(obj, "__name__", "") in _METHODS


@pass_eval_context
def _replace(context: EvalContext, text: str, old: str, new: str, count: int | None = None) -> str:
    whole, word = str(text), str(old)
    times = whole.count(word) if count is None or count < 0 else min(whole.count(word), count)
    _allow("`replace`", len(whole) + times * (len(str(new)) - len(word)))
    return do_replace(context, text, old, new, count)


@pass_eval_context
def _join(context: EvalContext, items: Iterable[object], between: str = "", attribute: str | int | None = None) -> str:
    items = list(items)
    _allow("`join`", len(items) * len(str(between)))
    joined: str = do_join(context, items, between, attribute)
    return joined


def _date(value: date, form: str = "%Y-%m-%d") -> str:
    if not isinstance(value, date):
        raise SecurityError("`date` is for dates and moments")
    _allow("`date`", len(form) * 1000)
    return value.strftime(form)


def _money(
    value: Decimal | int, symbol: str | None = None, decimal: str = ".", thousands: str = "", *, before: bool = False
) -> str:
    """`24.90 EUR` in the way of a country: `money("€", ",")` is `24,90 €`."""
    if not isinstance(value, Decimal | int):
        raise SecurityError("`money` is for amounts")
    # Money prints with its currency, and as many decimals as that has.
    amount, _, currency = str(value).partition(" ") if isinstance(value, Decimal) else (f"{value}.00", "", "")
    if not currency:
        amount = f"{Decimal(value):.2f}"
    whole, _, part = amount.partition(".")
    whole = f"{int(whole):,}".replace(",", thousands) if whole.strip("-0") else whole
    shown = f"{whole}{decimal}{part}" if part else whole
    symbol = currency if symbol is None else symbol
    return (f"{symbol}{shown}" if before else f"{shown} {symbol}").strip()


def _allow(what: str, length: int) -> None:
    if length > LARGEST:
        raise SecurityError(f"{what} makes more than {LARGEST:,} characters")
