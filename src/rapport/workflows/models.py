"""What the models know and how far to trust them: the newest version and those before."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import select

from rapport.errors import NotFound
from rapport.predict.score import ModelCard
from rapport.vocabulary.ledger_tables import model_version
from rapport.workflows.company import Company
from rapport.workflows.train import MODEL, read_card

#: Versions that the history shows.
MOST_VERSIONS = 50


class Refusal(Struct, frozen=True, kw_only=True):
    """Why training declined to predict: what there is, and what it needs."""

    message: str
    repeat_buyers: float | None = None
    weeks: float | None = None
    needs_repeat_buyers: float | None = None
    needs_weeks: float | None = None


class ModelVersion(Struct, frozen=True, kw_only=True):
    """One training. Either `card` or `refusal` is there."""

    version_id: int
    model: str
    status: str  # live | retired | refused
    fitted_at: datetime
    data_until: datetime
    card: ModelCard | None
    refusal: Refusal | None


def model_versions(company: Company, *, limit: int = MOST_VERSIONS) -> tuple[ModelVersion, ...]:
    """Trainings of the value model, newest first."""
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(model_version)
            .where(model_version.c.model == MODEL)
            .order_by(model_version.c.version_id.desc())
            .limit(limit)
        ).all()
    return tuple(map(_version, rows))


def find_version(company: Company, version_id: int) -> ModelVersion:
    """One training.

    Raises
    ------
    NotFound
        If there is none of that number.
    """
    with company.ledger.read() as connection:
        row = connection.execute(
            select(model_version).where(model_version.c.version_id == version_id)
        ).first()
    if row is None:
        raise NotFound(f"There is no model version {version_id}; /api/v1/models lists them")
    return _version(row)


def _version(row: Any) -> ModelVersion:
    refused = row.status == "refused"
    facts = {name: row.card.get(name) for name in Refusal.__struct_fields__ if name != "message"}
    return ModelVersion(
        version_id=row.version_id,
        model=row.model,
        status=row.status,
        fitted_at=row.fitted_at,
        data_until=row.data_until,
        card=None if refused else read_card(row),
        refusal=Refusal(message=row.card.get("refused", ""), **facts) if refused else None,
    )
