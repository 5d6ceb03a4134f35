"""A Rapport that runs, the SDKs as their makers ship them, and a faulty network between the two."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
from litestar import Litestar

from rapport.asgi import create_app
from rapport.collect.sources import create_source, create_write_key
from rapport.engines.ledger import Ledger
from rapport.settings import Settings
from rapport.workflows.company import Company, open_company

ROOT = Path(__file__).resolve().parents[2]
SDKS = ROOT / "build" / "sdk"


class Running(NamedTuple):
    """A server, its ledger, and a new source with its key."""

    url: str
    ledger: Ledger
    source_id: int
    write_key: str


@pytest.fixture(scope="session")
def _server(
    serve: Callable[[Litestar], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Company]]:
    folder = tmp_path_factory.mktemp("sdk")
    with open_company(Settings(data=str(folder))) as company:

        @contextmanager
        def opened() -> Iterator[Company]:
            yield company

        yield serve(create_app(opened())), company


_numbers = count(1)


@pytest.fixture
def running(_server: tuple[str, Company]) -> Running:
    """The running server, with a source that is this test's alone."""
    url, company = _server
    name = f"shop-{next(_numbers)}"
    source = create_source(
        company.ledger, company.clock(), name=name, label="Shop", kind="collector"
    )
    return Running(url, company.ledger, source.source_id, create_write_key(company.ledger, name))


def installed(folder: str) -> Path:
    """Where an SDK was installed; the test is skipped where it was not, and fails on CI."""
    place = SDKS / folder
    if not (place / ".made").exists():
        message = f"{place.relative_to(ROOT)} is missing: run `make sdks` (it needs npm for Node's)"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    return place
