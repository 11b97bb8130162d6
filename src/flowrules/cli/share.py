"""A share of customers, as an option says it: `10%`."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import click

_WHOLE = 1_000_000


class Share(click.ParamType[int]):
    """In millionths; those of everybody are all of them."""

    name = "share"

    def convert(self, value: str | int, param: click.Parameter | None, context: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        try:
            millionths = Decimal(value.replace(" ", "").removesuffix("%")) * 10_000
        except InvalidOperation:
            self.fail(f"{value!r} is no share; write `10%`.", param, context)
        if not millionths.is_finite() or not 0 < millionths <= _WHOLE or millionths != int(millionths):
            self.fail(f"{value!r} is no share above 0% up to 100%, with at most four decimals.", param, context)
        return int(millionths)


def canary(share: int | None) -> int | None:
    """None: it is for everybody."""
    return None if share == _WHOLE else share


SHARE = Share()
