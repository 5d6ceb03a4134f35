"""The customers' table of the lake: what segments and lists ask about each person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, func, select

from rapport.engines.ledger import among
from rapport.understand.customers import (
    CONSENTS,
    PERSONAS,
    PROFILES,
    SCORES,
    build_customers,
)
from rapport.understand.personas.stored import personas_of
from rapport.unify.consents import consent_state
from rapport.vocabulary.lake_tables import CUSTOMERS
from rapport.vocabulary.ledger_tables import consent, membership, profile, score
from rapport.vocabulary.profile import ConsentState
from rapport.workflows.company import Company, Progress, shops_of, silent
from rapport.workflows.data_clock import data_until


def rebuild_customers(company: Company, *, progress: Progress = silent) -> int:
    """Make the customers' table anew; returns how many there are."""
    progress("customers", 0, None)
    now, until = company.clock(), data_until(company)
    with company.ledger.read() as connection:
        known = what_the_ledger_knows(connection)
    rows = build_customers(company.seen, until, **known)
    company.lake.overwrite("customers", rows)
    company.choose("customers_built_at", now.isoformat())
    progress("customers", rows.num_rows, rows.num_rows)
    return int(rows.num_rows)


def what_the_ledger_knows(
    connection: Connection, profile_ids: Sequence[str] | None = None
) -> dict[str, Any]:
    """What `build_customers` needs of the ledger: of everybody, or of some.

    Returns
    -------
    dict
        ``profiles``, ``scores``, ``consents``, ``personas`` and ``shops``.
    """
    p, s = profile.c, score.c
    profiles = select(*(p[name] for name in PROFILES.names)).where(p.merged_into.is_(None))
    scores = select(s.profile_id, s.name, s.value).where(s.name.in_(CUSTOMERS.names))
    if profile_ids is not None:
        profiles = profiles.where(among(p.profile_id, profile_ids))
        scores = scores.where(among(s.profile_id, profile_ids))
    return {
        "profiles": _arrow(connection.execute(profiles).all(), PROFILES),
        "scores": _arrow(connection.execute(scores).all(), SCORES),
        "consents": _arrow(_latest_words(connection, profile_ids), CONSENTS),
        "shops": shops_of(connection),
        "personas": _arrow(personas_of(connection, profile_ids), PERSONAS),
    }


def _latest_words(connection: Connection, profile_ids: Sequence[str] | None) -> Sequence[Any]:
    """The latest word of every profile on every purpose; at one moment the withdrawal counts."""
    newness = (
        func.row_number()
        .over(
            partition_by=(membership.c.profile_id, consent.c.purpose),
            order_by=(consent.c.occurred_at.desc(), consent.c.granted, consent.c.source),
        )
        .label("newness")
    )
    said = (
        select(membership.c.profile_id, consent.c.purpose, consent.c.granted, newness)
        .join(membership, membership.c.atom_id == consent.c.atom_id)
        .where(membership.c.valid_to.is_(None))
    )
    if profile_ids is not None:
        said = said.where(among(membership.c.profile_id, profile_ids))
    words = said.subquery()
    return connection.execute(
        select(words.c.profile_id, words.c.purpose, words.c.granted).where(words.c.newness == 1)
    ).all()


def consents_of(
    connection: Connection, profile_ids: Sequence[str]
) -> dict[str, Mapping[str, ConsentState]]:
    """The latest word on each purpose, by profile and purpose."""
    return {
        profile_id: {word.purpose: word for word in words}
        for profile_id, words in consent_state(connection, profile_ids).items()
    }


def _arrow(rows: Sequence[Any], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(schema)
    return pa.table(
        {
            field.name: pa.array(list(values), field.type)
            for field, values in zip(schema, columns, strict=True)
        },
        schema=schema,
    )
