"""Tests of rules played by one process: how many in a CPU second.

`python -m bench.trials --n 300` plays those of the music shop until there are so many, and prints one line.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import time
from itertools import cycle, islice

from bench.check import SHOP, load_and_check
from flowrules.report.expectations import judge
from flowrules.report.trials import tell
from flowrules.runtime.trial import Audience, theatre


def main() -> None:
    parser = argparse.ArgumentParser(description="Tests of rules in a CPU second.")
    parser.add_argument("--n", type=int, default=300, metavar="TESTS")
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    options = parser.parse_args()
    began = time.process_time()
    files, checked = load_and_check(SHOP)
    if checked.model is None:
        raise SystemExit("the music shop has mistakes")
    audience: Audience[object, None] = Audience(judge, tell)
    with theatre(files, checked.model, checked.trials, audience) as stage:
        stage.play(checked.trials[0])
        ready = time.process_time()
        profile = cProfile.Profile() if options.profile else None
        if profile is not None:
            profile.enable()
        failed = sum(stage.play(trial).got is not None for trial in islice(cycle(checked.trials), options.n))
        if profile is not None:
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        used = time.process_time() - ready
    print(
        f"{options.n} tests, {failed} failed: {options.n / used:.1f} a CPU second; {ready - began:.2f} s to begin with"
    )


if __name__ == "__main__":
    main()
