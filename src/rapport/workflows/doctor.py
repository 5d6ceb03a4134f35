"""Examine a company's stores and say how to mend what is wrong."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct
from sqlalchemy import func, select, text

from rapport.collect.sources import freshness
from rapport.engines.lake import Query, Step
from rapport.unify.marks import STALE_PROFILES
from rapport.vocabulary.ledger_tables import (
    journal,
    membership,
    outbox,
    position,
    refused,
)
from rapport.workflows.company import Company
from rapport.workflows.ingest import WORKER
from rapport.workflows.train import latest_model
from rapport.workflows.users import has_users


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was looked at. `state` is good, caution or bad."""

    what: str
    state: str
    says: str
    remedy: str | None = None


def examine(company: Company) -> list[Finding]:
    """Look at everything; the worst first within its kind is the user's to read."""
    return [finding for look in LOOKS for finding in look(company)]


def _data_folder(company: Company) -> Iterator[Finding]:
    folder = company.settings.folder
    writable = os.access(folder, os.W_OK)
    yield Finding(
        what="data folder",
        state="good" if writable else "bad",
        says=f"{folder.resolve()}, {_size(folder):,.0f} MB",
        remedy=None if writable else f"Give yourself the right to write in {folder}",
    )


def _size(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6


def _ledger(company: Company) -> Iterator[Finding]:
    with company.ledger.read() as connection:
        if company.ledger.name == "sqlite":
            problems = [row[0] for row in connection.execute(text("PRAGMA quick_check(5)"))]
            sound = problems == ["ok"]
            says = "SQLite is sound" if sound else f"SQLite reports: {'; '.join(problems)}"
        else:
            version = connection.scalar(text("SHOW server_version"))
            sound, says = True, f"PostgreSQL {version} answers"
        doubled = connection.scalar(
            select(func.count()).select_from(
                select(membership.c.atom_id)
                .where(membership.c.valid_to.is_(None))
                .group_by(membership.c.atom_id)
                .having(func.count() > 1)
                .subquery()
            )
        )
    yield Finding(
        what="ledger",
        state="good" if sound else "bad",
        says=says,
        remedy=None if sound else "Restore the data folder from its last copy",
    )
    if doubled:
        yield Finding(
            what="identity",
            state="bad",
            says=f"{doubled:,} records belong to two profiles at once",
            remedy="This is our mistake; please report it",
        )


def _journal_and_lake(company: Company) -> Iterator[Finding]:
    with company.ledger.read() as connection:
        last = int(connection.scalar(select(func.max(journal.c.position))) or 0)
        entries = int(connection.scalar(select(func.count()).select_from(journal)) or 0)
        applied = int(
            connection.scalar(select(position.c.position).where(position.c.worker == WORKER)) or 0
        )
        unread = int(
            connection.scalar(
                select(func.count())
                .select_from(refused)
                .where(refused.c.locator.like("journal:%"), refused.c.replayed_at.is_(None))
            )
            or 0
        )
        behind = int(
            connection.scalar(
                select(func.count()).select_from(journal).where(journal.c.position > applied)
            )
            or 0
        )
        stale = len(STALE_PROFILES.read(connection))
    query = Query(
        steps=(
            Step(
                "rows",
                "SELECT count(*) AS n, count(DISTINCT position) AS places FROM touchpoints",
            ),
        )
    )
    found = company.lake.ask(query).to_pylist()[0]
    yield Finding(
        what="journal",
        state="good" if not behind else "caution",
        says=f"{entries:,} entries, {behind:,} not applied yet (last position {last:,})",
        remedy="Run `rapport resolve`, or leave it to `rapport serve`" if behind else None,
    )
    expected = entries - behind - unread
    agrees = found["n"] == found["places"] == expected
    yield Finding(
        what="lake",
        state="good" if agrees else "bad",
        says=f"{found['n']:,} touchpoints for {expected:,} applied entries",
        remedy=None if agrees else "Run `rapport rebuild`: it writes the lake anew",
    )
    yield Finding(
        what="profiles",
        state="good" if not stale else "caution",
        says=f"{stale:,} wait to be renewed",
        remedy="Run `rapport resolve`" if stale else None,
    )


def _sources(company: Company) -> Iterator[Finding]:
    for source in freshness(company.ledger, company.clock()):
        if source.state == "late":
            yield Finding(
                what=f"source {source.source}",
                state="caution",
                says=f"{source.age_hours:,.0f} h old, promised every "
                f"{source.expected_every_hours} h",
                remedy="Look at what should deliver it",
            )


def _models(company: Company) -> Iterator[Finding]:
    with company.ledger.read() as connection:
        model = latest_model(connection)
    if model is None:
        yield Finding(what="model", state="caution", says="none yet", remedy="Run `rapport train`")
    elif model.status == "refused":
        yield Finding(what="model", state="caution", says=model.card["refused"])
    else:
        age = company.clock() - model.fitted_at
        yield Finding(
            what="model",
            state="good" if age.days <= 30 else "caution",
            says=f"fitted {age.days} days ago, back-tested",
            remedy=None if age.days <= 30 else "Run `rapport train`",
        )


def _outbox(company: Company) -> Iterator[Finding]:
    with company.ledger.read() as connection:
        rows = connection.execute(select(outbox.c.status, func.count()).group_by(outbox.c.status))
        counts: dict[str, int] = {status: count for status, count in rows}  # noqa: C416
    waiting = counts.get("waiting", 0)
    mail = bool(company.settings.smtp_host)
    yield Finding(
        what="outbox",
        state="good" if mail or not waiting else "caution",
        says=f"{waiting:,} messages wait, {counts.get('failed', 0):,} failed",
        remedy=None if mail or not waiting else "Set RAPPORT_SMTP_HOST to your mail server",
    )


def _people(company: Company) -> Iterator[Finding]:
    if not has_users(company):
        yield Finding(
            what="accounts",
            state="caution",
            says="nobody can sign in",
            remedy="rapport user add you@company.example --role admin",
        )


LOOKS: tuple[Callable[[Company], Iterator[Finding]], ...] = (
    _data_folder,
    _ledger,
    _journal_and_lake,
    _sources,
    _models,
    _outbox,
    _people,
)
