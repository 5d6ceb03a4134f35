"""What every room's tests share: stores, a clock that we move, and the engines they run on."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy
from argon2 import PasswordHasher

from rapport.engines.lake import Lake
from rapport.engines.ledger import Ledger, open_ledger
from rapport.privacy import credentials

#: The browser belongs to the whole run: a second one in a process would find a running loop.
pytest_plugins = ("tests.browser",)

#: URL of a PostgreSQL server where tests may create databases.
POSTGRES = os.environ.get("RAPPORT_TEST_POSTGRES", "")


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> Iterator[None]:
    """Hundreds of tests sign in; a hash made to be slow would be most of what the suite does."""
    quick = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(credentials, "_hasher", quick)
        patch.setattr(credentials, "_NOBODY", quick.hash("nobody has this password"))
        yield


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime(2026, 11, 16, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="session")
def _empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "ledger.sqlite"
    open_ledger(f"sqlite:///{path}").close()
    return path


@pytest.fixture(scope="session")
def _empty_postgres() -> Iterator[str]:
    """Name of a migrated database that each test's own is copied from."""
    if not POSTGRES:
        message = "set RAPPORT_TEST_POSTGRES to the URL of a PostgreSQL server for tests"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    name = f"rapport_template_{uuid.uuid4().hex[:12]}"
    _administer(f'CREATE DATABASE "{name}"')
    open_ledger(_postgres_url(name)).close()
    yield name
    _drop(name)


def _postgres_url(database: str) -> str:
    url = sqlalchemy.make_url(POSTGRES.replace("postgresql://", "postgresql+psycopg://", 1))
    return url.set(database=database).render_as_string(hide_password=False)


def _administer(statement: str) -> None:
    engine = sqlalchemy.create_engine(_postgres_url("postgres"), isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
    finally:
        engine.dispose()


def _drop(database: str) -> None:
    """Remove a database, waiting for the server's own housekeeping to leave it.

    A vacuum that the server began by itself cannot be sent away by the tests' user.
    """
    for attempt in range(50):
        try:
            _administer(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')
        except sqlalchemy.exc.DBAPIError:
            if attempt == 49:
                raise
            time.sleep(0.2)
        else:
            return


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of an empty ledger of this version, on every engine."""
    if request.param == "sqlite":
        path = tmp_path / "ledger.sqlite"
        shutil.copy(request.getfixturevalue("_empty_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("_empty_postgres")
    name = f"rapport_{uuid.uuid4().hex[:12]}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield _postgres_url(name)
    _drop(name)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    opened = open_ledger(ledger_url, migrate=False)
    yield opened
    opened.close()


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    opened = Lake(tmp_path / "lake", memory_limit_mb=1024, threads=2)
    yield opened
    opened.close()
