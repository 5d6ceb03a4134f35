"""Definitions of surveys that were imported, kept in the ledger; and the answers they explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import select

from rapport.collect.connectors.qualtrics import asked_columns, said_again
from rapport.collect.mapped_files import Batch, keep_batch
from rapport.collect.rows import RowError
from rapport.collect.sources import Source
from rapport.collect.survey_definition import AskedColumn, Defined, SurveyDefinition, fitting
from rapport.collect.touchpoints import TOUCHPOINT
from rapport.engines.ledger import Ledger
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.touchpoint import Touchpoint

#: Names of settings that hold one definition each.
_SETTING = "survey:"
_PAGE = 500
_IDS_AT_ONCE = 400
_Batch = tuple[datetime, str]


class Reread(Struct, frozen=True, kw_only=True):
    """What became of answers that were here before the definition.

    Attributes
    ----------
    questionnaires : int
        Those that a definition explains.
    left : int
        Those with an answer outside the scale that is now stated; they stay as they were.
    """

    questionnaires: int = 0
    touchpoints: int = 0
    corrected: int = 0
    left: int = 0


def is_kept(ledger: Ledger, survey: SurveyDefinition) -> bool:
    """Whether this very definition is what is known of its survey."""
    query = select(t.setting.c.value).where(t.setting.c.name == _SETTING + survey.survey_id)
    with ledger.read() as connection:
        value = connection.execute(query).scalar()
    return value is not None and msgspec.convert(value, SurveyDefinition) == survey


def keep_survey(ledger: Ledger, survey: SurveyDefinition) -> None:
    """Keep a definition in place of an older one of the same survey."""
    row = {"name": _SETTING + survey.survey_id, "value": msgspec.to_builtins(survey)}
    with ledger.write() as connection:
        ledger.upsert(connection, t.setting, [row], ["name"], ["value"])


def known_surveys(ledger: Ledger) -> tuple[SurveyDefinition, ...]:
    """Every definition that is kept, by the survey's id."""
    query = (
        select(t.setting.c.value)
        .where(t.setting.c.name.startswith(_SETTING, autoescape=True))
        .order_by(t.setting.c.name)
    )
    with ledger.read() as connection:
        values = connection.execute(query).scalars().all()
    return msgspec.convert(values, tuple[SurveyDefinition, ...])


def read_answers_again(
    ledger: Ledger, source: Source, surveys: Sequence[SurveyDefinition], now: datetime
) -> Reread:
    """Answers of a source that came before their survey's definition, corrected by it.

    An answered questionnaire keeps all that was given, so nothing needs to be imported again. What
    the definition changes is kept as a correction; what an import by it would make besides is new.
    """
    heads, columns = _heads(ledger, source)
    explained = {
        batch: Defined(survey)
        for batch, asked in columns.items()
        if (survey := fitting(surveys, list(asked.values()))) is not None
    }
    places = sorted(position for position, batch in heads.values() if batch in explained)
    scales = str(((source.mapping or {}).get("constants") or {}).get("scales", ""))
    total = Reread()
    for start in range(0, len(places), _PAGE):
        touchpoints: list[Touchpoint] = []
        changed = left = 0
        for kept in _at(ledger, places[start : start + _PAGE]):
            try:
                said = said_again(kept, explained[_batch(kept)], scales)
            except RowError:
                left += 1
                continue
            changed += 1
            touchpoints += [msgspec.structs.replace(one, received_at=now) for one in said]
            touchpoints += _unscored(kept, said, now)
        unscored = {one.touchpoint_id for one in touchpoints if one.score is None}
        there = _there(ledger, source.source_id, sorted(unscored))
        batch = Batch(
            touchpoints=[
                one
                for one in touchpoints
                # A question without a scale is only worth a record where one is there already.
                if one.touchpoint_id not in unscored
                or one.touchpoint_id in there
                or asked_columns(one) is not None
            ],
            refused=[],
            rows=0,
        )
        kept_now = keep_batch(ledger, source.source_id, batch)
        total = Reread(
            questionnaires=total.questionnaires + changed,
            touchpoints=total.touchpoints + kept_now.accepted,
            corrected=total.corrected + kept_now.corrected,
            left=total.left + left,
        )
    return total


def _unscored(kept: Touchpoint, said: Sequence[Touchpoint], now: datetime) -> Iterator[Touchpoint]:
    """What questions say of which there may be a score, and now is none: that they were answered.

    A record cannot be taken back, only corrected; without its score it changes no average.
    """
    scored = {one.touchpoint_id for one in said}
    first = said[0].touchpoint_id if said else kept.touchpoint_id.partition("~")[0]
    for column, value in asked_columns(kept) or ():
        touchpoint_id = f"{first}:{column.name}"
        if touchpoint_id in scored:
            continue
        about = {
            name: each
            for name, each in (said[0] if said else kept).properties.items()
            if name not in ("answers", "questionnaire")
        }
        yield msgspec.structs.replace(
            kept,
            touchpoint_id=touchpoint_id,
            received_at=now,
            corrects=None,
            text=None,
            score=None,
            scale_min=None,
            scale_max=None,
            question=column.label[:200] or column.name,
            properties=about | {"asked": column.label or None, "answers": {column.name: value}},
        )


def _heads(
    ledger: Ledger, source: Source
) -> tuple[dict[str, tuple[int, _Batch]], dict[_Batch, dict[str, AskedColumn]]]:
    """Where each questionnaire's newest first touchpoint is; and by file what was asked."""
    heads: dict[str, tuple[int, _Batch]] = {}
    columns: dict[_Batch, dict[str, AskedColumn]] = {}
    after = 0
    while True:
        query = (
            select(t.journal.c.position, t.journal.c.payload)
            .where(
                t.journal.c.source_id == source.source_id,
                t.journal.c.kind == TOUCHPOINT,
                t.journal.c.position > after,
            )
            .order_by(t.journal.c.position)
            .limit(_PAGE)
        )
        with ledger.read() as connection:
            rows = connection.execute(query).all()
        if not rows:
            return heads, columns
        after = rows[-1].position
        for row in rows:
            touch = msgspec.json.decode(row.payload, type=Touchpoint)
            asked = asked_columns(touch)
            if asked is None:
                continue
            heads[str(touch.properties["response_id"])] = (row.position, _batch(touch))
            known = columns.setdefault(_batch(touch), {})
            for column, _ in asked:
                known.setdefault(column.import_id, column)


def _batch(touch: Touchpoint) -> _Batch:
    """What tells the files apart: one import has one time, and a file is of one survey."""
    return touch.received_at, str(touch.properties.get("survey_id"))


def _at(ledger: Ledger, positions: Sequence[int]) -> list[Touchpoint]:
    found: list[Touchpoint] = []
    for start in range(0, len(positions), _IDS_AT_ONCE):
        part = positions[start : start + _IDS_AT_ONCE]
        query = select(t.journal.c.payload).where(t.journal.c.position.in_(part))
        with ledger.read() as connection:
            payloads = connection.execute(query.order_by(t.journal.c.position)).scalars().all()
        found += [msgspec.json.decode(payload, type=Touchpoint) for payload in payloads]
    return found


def _there(ledger: Ledger, source_id: int, ids: Sequence[str]) -> set[str]:
    """Those of the touchpoints that the source has already."""
    found: set[str] = set()
    for start in range(0, len(ids), _IDS_AT_ONCE):
        part = ids[start : start + _IDS_AT_ONCE]
        query = select(t.journal.c.message_id).where(
            t.journal.c.source_id == source_id, t.journal.c.message_id.in_(part)
        )
        with ledger.read() as connection:
            found.update(connection.execute(query).scalars())
    return found
