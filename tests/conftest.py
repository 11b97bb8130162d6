"""What every test can ask for, and what no run may hide: a skipped test fails CI, and is named anywhere else; a slow
test that there was no time for is named and counted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

from tests.support.budget import NOT_RUN, is_left_out, left_out, start_budget, tell
from tests.support.databases import (
    _postgres_admin,
    close_run,
    database_url,
    open_run,
    postgres_server,
    postgres_url,
    sqlite_url,
)

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["_postgres_admin", "database_url", "postgres_server", "postgres_url", "sqlite_url"]

# No deadline: on a shared machine it measures the neighbours. The blob lets anyone replay a failure found elsewhere.
settings.register_profile("flowrules", deadline=None, print_blob=True)
settings.load_profile("flowrules")


Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # a worker belongs to the run that started it
        open_run()
        start_budget()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        close_run()


def _refuse_skip(report: Report) -> Report:
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which CI does not allow: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> bool | None:
    return left_out(item) or None


def pytest_report_teststatus(report: Report) -> tuple[str, str, str] | None:
    return (NOT_RUN, "-", "NOT RUN") if is_left_out(report) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    tell(terminalreporter)
