"""Fit the models on what is known, test them on time they have not seen, keep scores with both."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from sqlalchemy import Connection, delete, insert, select, update

from rapport.engines.lake import Query, Step
from rapport.errors import NotEnoughData
from rapport.predict.evaluation import Losses
from rapport.predict.score import ModelCard, ScoredProfiles, score_profiles
from rapport.understand import relations
from rapport.vocabulary.lake_tables import SCORES
from rapport.vocabulary.ledger_tables import model_version, score
from rapport.workflows.company import Company, Progress, silent
from rapport.workflows.customers import rebuild_customers
from rapport.workflows.data_clock import data_until
from rapport.workflows.segment_members import follow_segments

MODEL = "customer_value"
HORIZON_WEEKS = 52.0
#: Scores that are kept, and whether the table has an interval for them.
SCORE_NAMES = ("probability_alive", "expected_orders", "expected_value")
#: Facts behind a score that are kept with it.
_FACTS = (
    "purchase_count", "days_since_last_purchase", "customer_age_days", "mean_order_value",
    "mean_repeat_value", "likely_orders_low", "likely_orders_high", "probability_active",
)  # fmt: skip


class Trained(Struct, frozen=True, kw_only=True):
    """What training gave, or why it gave nothing."""

    model: str
    version_id: int
    scored: int
    not_scored: int
    data_until: datetime
    accuracy: tuple[Losses, ...] = ()
    flags: tuple[str, ...] = ()
    refused: str | None = None


_ORDERS = (
    *relations.corrections(as_known_then=False),
    *relations.sales(as_known_then=False, since=""),
    *relations.named_sales(),
    Step(
        "orders",
        "SELECT profile_id, occurred_at, received_at, amount_base AS amount FROM named_sales "
        "WHERE profile_id IS NOT NULL AND amount_base IS NOT NULL",
    ),
)


def order_history(company: Company, until: datetime) -> pa.Table:
    """Orders and returns of known customers: ``profile_id occurred_at received_at amount``."""
    names = ("order_completed", "order_refunded", "order_cancelled")
    parameters: dict[str, Any] = {name: relations.TYPES[name] for name in names}
    return company.seen.ask(Query(steps=_ORDERS, parameters=parameters | {"end": until}))


def train_models(company: Company, *, progress: Progress = silent) -> Trained:
    """Fit, back-test, score every customer and keep all of it.

    When data do not suffice for an honest back-test nothing is scored: the refusal is kept and
    shown in place of the scores, and older scores are taken away.
    """
    progress("train", 0, 3)
    now, until = company.clock(), data_until(company)
    orders = order_history(company, until)
    progress("train", 1, 3)
    try:
        scored = score_profiles(
            orders,
            as_of=until,
            fitted_at=now,
            horizon_weeks=HORIZON_WEEKS,
            currency=company.choice("reporting_currency") or "EUR",
            time_zone=company.choice("time_zone"),
            known="now",  # a file that was imported later than its last day is known whole
        )
    except NotEnoughData as refusal:
        return _refused(company, now, until, refusal)
    progress("train", 2, 3)
    trained = _keep(company, scored, now)
    rebuild_customers(company)  # segments ask about scores too
    follow_segments(company, everybody=True)
    progress("train", 3, 3)
    return trained


def latest_model(connection: Connection) -> Any | None:
    """The newest version of the value model: its row, with the card."""
    return connection.execute(
        select(model_version)
        .where(model_version.c.model == MODEL)
        .order_by(model_version.c.version_id.desc())
        .limit(1)
    ).first()


def read_card(row: Any) -> ModelCard:
    """The card of a stored version."""
    return msgspec.convert(row.card, ModelCard, strict=False)


def _new_version(
    connection: Connection, *, now: datetime, until: datetime, card: Any, status: str
) -> int:
    connection.execute(
        update(model_version)
        .where(model_version.c.model == MODEL, model_version.c.status == "live")
        .values(status="retired")
    )
    made = connection.execute(
        insert(model_version)
        .values(model=MODEL, fitted_at=now, data_until=until, card=card, status=status)
        .returning(model_version.c.version_id)
    )
    return int(made.scalar_one())


def _refused(company: Company, now: datetime, until: datetime, refusal: NotEnoughData) -> Trained:
    with company.ledger.write() as connection:
        version = _new_version(
            connection,
            now=now,
            until=until,
            card={"refused": refusal.message, **refusal.details},
            status="refused",
        )
        connection.execute(delete(score))
    rebuild_customers(company)
    follow_segments(company, everybody=True)
    return Trained(
        model=MODEL, version_id=version, scored=0, not_scored=0, data_until=until,
        refused=refusal.message,
    )  # fmt: skip


def shown_scores(card: ModelCard) -> tuple[str, ...]:
    """The scores that the data support.

    Where nobody is seen to leave, the model calls everybody a customer for ever: such a
    probability says nothing about a person and is not shown.
    """
    if "dropout_not_identified" in card.flags:
        return tuple(name for name in SCORE_NAMES if name != "probability_alive")
    return SCORE_NAMES


def _keep(company: Company, scored: ScoredProfiles, now: datetime) -> Trained:
    table, card = scored.table, scored.card
    horizon_days = round(card.horizon_weeks * 7)
    facts = table.select(_FACTS).to_pylist()
    with company.ledger.write() as connection:
        version = _new_version(
            connection, now=now, until=card.as_of, card=msgspec.to_builtins(card), status="live"
        )
        connection.execute(delete(score))
        for name in shown_scores(card):
            columns = zip(
                table["profile_id"].to_pylist(),
                table[name].to_pylist(),
                table[f"{name}_low"].to_pylist(),
                table[f"{name}_high"].to_pylist(),
                facts,
                strict=True,
            )
            rows = [
                {
                    "profile_id": profile_id, "name": name, "value": value, "low": low,
                    "high": high, "reasons": known, "version_id": version, "as_of": card.as_of,
                    "horizon_days": horizon_days,
                }
                for profile_id, value, low, high, known in columns
                if value is not None
            ]  # fmt: skip
            if rows:
                connection.execute(insert(score), rows)
    company.lake.append(
        "scores",
        _history(table, shown_scores(card), version, card.as_of),
        app=f"scores:{version}",
        until=version,
    )
    return Trained(
        model=card.model,
        version_id=version,
        scored=table.num_rows,
        not_scored=scored.not_scored.num_rows,
        data_until=card.as_of,
        accuracy=card.back_tests[0].scores,
        flags=card.flags,
    )


def _history(table: pa.Table, names: tuple[str, ...], version: int, as_of: datetime) -> pa.Table:
    parts = []
    for name in names:
        n = table.num_rows
        part = pa.table(
            {
                "profile_id": table["profile_id"],
                "version_id": pa.repeat(pa.scalar(version, pa.int64()), n),
                "name": pa.repeat(name, n),
                "as_of": pa.repeat(pa.scalar(as_of, SCORES.field("as_of").type), n),
                "value": table[name],
                "low": table[f"{name}_low"],
                "high": table[f"{name}_high"],
            }
        )
        parts.append(part.filter(pc.is_valid(part["value"])))
    return pa.concat_tables(parts)
