"""How W grows: what a customer costs the engine at N against 10,000, and the peak memory, in one run.

`python -m bench.growth --n 1000000 --json`.
"""

from __future__ import annotations

from argparse import Namespace

from bench.command import Result, contend, customers, on_each, parser, table
from bench.databases import Place


def main() -> None:
    wanted = parser("growth", __doc__, 100_000)
    wanted.add_argument("--base", type=customers, default=10_000, help="customers to compare with")
    options = wanted.parse_args()
    on_each(options, lambda where: _measure(where, options))


def _measure(where: Place, options: Namespace) -> tuple[Result, str]:
    base, grown = (_engine(where, n) for n in (options.base, options.n))
    found = {
        "base": options.base,
        "base_cpu_s_per_1000": round(_each(base), 4),
        "cpu_s_per_1000": round(_each(grown), 4),
        "growth": round(_each(grown) / _each(base), 2),
        "peak_rss_mb": round(grown["peak_rss_mb"], 1),
    }
    shown = table(
        f"W by the engine on {where.kind}",
        ("customers", "CPU s/1,000", "wall s", "RSS MB"),
        *((each["n"], _each(each), each["wall_s"], each["peak_rss_mb"]) for each in (base, grown)),
        ("growth", found["growth"], "", ""),
    )
    return found, shown


def _engine(where: Place, n: int) -> Result:
    url = where.empty(f"growth{n}")
    used = contend(name="engine", url=url, n=n)
    where.forget(url)
    return used


def _each(used: Result) -> float:
    return float(used["cpu_s"] / used["n"] * 1000)


if __name__ == "__main__":
    main()
