"""Slow tests that end in time: once FLOWRULES_SLOW_SECONDS are over, none of them is begun any more.

They neither pass nor fail: the closing line counts them as not run, and their names stand above it. Other tests are
never left out.
"""

from __future__ import annotations

import os
import time

import pytest

NOT_RUN = "not run"
_SECONDS, _UNTIL = "FLOWRULES_SLOW_SECONDS", "FLOWRULES_SLOW_UNTIL"


def start_budget() -> None:
    """In the process that starts the others, which inherit it."""
    if _SECONDS in os.environ:
        os.environ[_UNTIL] = str(time.time() + float(os.environ[_SECONDS]))


def left_out(item: pytest.Item) -> bool:
    """Whether it is too late for a test; then that is reported."""
    if item.get_closest_marker("slow") is None or time.time() < float(os.environ.get(_UNTIL, "inf")):
        return False
    report = pytest.TestReport(
        item.nodeid, item.location, {}, "passed", None, "call", user_properties=[(NOT_RUN, "")], start=0, stop=0
    )
    item.ihook.pytest_runtest_logreport(report=report)
    return True


def is_left_out(report: pytest.TestReport | pytest.CollectReport) -> bool:
    return isinstance(report, pytest.TestReport) and (NOT_RUN, "") in map(tuple, report.user_properties)


def tell(terminal: pytest.TerminalReporter) -> None:
    names = [report.nodeid for report in terminal.getreports(NOT_RUN)]
    if names:
        terminal.write_sep("-", f"slow tests not run: {os.environ[_SECONDS]} seconds were over")
        terminal.write_line("\n".join(sorted(names)))
