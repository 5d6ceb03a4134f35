"""The open stores of one company, and the few choices that are the company's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import pyarrow as pa
from sqlalchemy import Connection, select

from rapport.engines.lake import Lake
from rapport.engines.ledger import Ledger, open_ledger
from rapport.settings import Settings
from rapport.understand.stated import stated_table
from rapport.vocabulary.lake_tables import MEMBERSHIP, MODEL_VERSIONS
from rapport.vocabulary.ledger_tables import membership, model_version, setting
from rapport.vocabulary.shop import Shop
from rapport.vocabulary.stated_figure import StatedFigure

Clock = Callable[[], datetime]
#: Called with the name of the step, how much is done and how much there is (None: not known).
Progress = Callable[[str, int, int | None], None]

#: The company's own choices and what holds until it chooses.
COMPANY_SETTINGS: dict[str, Any] = {
    "company_name": "My company",
    "reporting_currency": None,  # the currency of the first amounts that are imported
    "time_zone": "Europe/Brussels",  # where a day begins and ends
    "membership_snapshot": 0,  # the last identity decision that the lake's mapping contains
    "customers_built_at": None,
    "source_alert_role": "admin",  # who is told of data sources that stopped
    "journey_alert_role": "manager",  # who is told of steps that drift, where nobody is named
    "identity_model": None,  # the weights that matching learnt from this company's records
    "home_countries": [],  # where most customers live: numbers without a country are dialled there
    "identity_index": None,  # the index in which people are looked up: `KeptIndex`
    "matched_at": None,
    "segments_day": None,  # the day on which everybody was last placed in segments
    "segments_followed_at": None,  # when the worker last looked who belongs to which segment
    "approval_records": 50,  # a join or split of more records waits for a second person
    "approval_value": 10_000,  # or of people who bought for more, in the reporting currency
    "identity_rules": None,  # another merge line or other limits than usual, and those before
    "stated_figures": [],  # unit costs, spending and targets: `vocabulary/stated_figure.py`
    "site_lists": {},  # what there is on each site: `site_lists.py`
    "site_map_secret": None,  # signs the links that open a map of clicks on a site's own page
    "shops": [],  # where the company's places are: `vocabulary/shop.py`
    "demo": None,  # "begun" or "ready" where the data folder holds the demo company
}


def system_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def silent(_step: str, _done: int, _total: int | None) -> None:
    """A progress that nobody watches."""


@dataclass(frozen=True, kw_only=True)
class Company:
    """Stores and clock, handed to every workflow."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    clock: Clock = system_clock

    def choice(self, name: str) -> Any:
        """The company's choice ``name``, or what holds until it chooses."""
        with self.ledger.read() as connection:
            return read_choice(connection, name)

    def choose(self, name: str, value: Any) -> None:
        """Set the company's choice ``name``."""
        with self.ledger.write() as connection:
            write_choice(self.ledger, connection, name, value)

    @property
    def seen(self) -> Lake:
        """The lake as the ledger says now: whose each record is, what was stated, which models."""
        with self.ledger.read() as connection:
            snapshot = read_choice(connection, "membership_snapshot")
            stated = read_choice(connection, "stated_figures")
            zone = read_choice(connection, "time_zone")
            rows = connection.execute(
                select(membership.c.atom_id, membership.c.profile_id).where(
                    membership.c.valid_to.is_(None), membership.c.decision_id > snapshot
                )
            ).all()
            versions = connection.execute(
                select(*(model_version.c[name] for name in MODEL_VERSIONS.names))
            ).all()
        figures = _stated_table(msgspec.json.encode(stated), zone)
        models = pa.Table.from_pylist([row._asdict() for row in versions], MODEL_VERSIONS)
        return self.lake.seeing(
            {"membership": _as_arrow(rows), "stated_figures": figures, "model_versions": models}
        )


def figures_of(stated: Any) -> tuple[StatedFigure, ...]:
    """The company's choice ``stated_figures`` as it is meant."""
    return msgspec.convert(stated, tuple[StatedFigure, ...])


def shops_of(connection: Connection) -> tuple[Shop, ...]:
    """Where the company's places are, by name."""
    return msgspec.convert(read_choice(connection, "shops"), tuple[Shop, ...])


@lru_cache(maxsize=8)
def _stated_table(stated: bytes, time_zone: str) -> pa.Table:
    return stated_table(figures_of(msgspec.json.decode(stated)), time_zone)


def _as_arrow(rows: Any) -> pa.Table:
    atoms, profiles = zip(*rows, strict=True) if rows else ((), ())
    return pa.table({"atom_id": list(atoms), "profile_id": list(profiles)}, schema=MEMBERSHIP)


def read_choice(connection: Connection, name: str) -> Any:
    """The company's choice within a transaction."""
    row = connection.execute(select(setting.c.value).where(setting.c.name == name)).first()
    return COMPANY_SETTINGS[name] if row is None else row[0]


def write_choice(ledger: Ledger, connection: Connection, name: str, value: Any) -> None:
    """Set a choice within a transaction."""
    if name not in COMPANY_SETTINGS:
        raise KeyError(name)
    ledger.upsert(connection, setting, [{"name": name, "value": value}], ["name"], ["value"])


@contextmanager
def open_company(settings: Settings, *, clock: Clock = system_clock) -> Iterator[Company]:
    """Open the stores that the settings name, making them when they are not there."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    ledger = open_ledger(settings.ledger)
    lake = Lake(settings.lake, memory_limit_mb=settings.memory_limit_mb, threads=settings.threads)
    try:
        yield Company(settings=settings, ledger=ledger, lake=lake, clock=clock)
    finally:
        lake.close()
        ledger.close()
