"""What tests of delivery share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.mailserver import MailServer, mail_server


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running
