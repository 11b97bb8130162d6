from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.proof.copies import Copies


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def copies(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copies]:
    folder = tmp_path_factory.mktemp("copies")
    if request.param == "sqlite":
        made = Copies(folder, None, "")
    else:
        made = Copies(folder, request.getfixturevalue("_postgres_admin"), request.getfixturevalue("postgres_server"))
    yield made
    made.close()
