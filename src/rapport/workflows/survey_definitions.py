"""Keep the definition of a survey, and read by it the answers that came before.

Many answers take longer than anybody waits for a page: then a job waits for the worker.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Select, insert, select, update

from rapport.collect.json_records import LARGEST_OBJECT
from rapport.collect.known_surveys import (
    is_kept,
    keep_survey,
    known_surveys,
    read_answers_again,
)
from rapport.collect.mapping import Mapping
from rapport.collect.records import RECOGNISED_BY
from rapport.collect.sources import Source, list_sources
from rapport.collect.survey_definition import is_definition, read_definition
from rapport.collect.tables import DAMAGED, open_file
from rapport.errors import InvalidMapping
from rapport.vocabulary.ledger_tables import job, journal
from rapport.workflows.company import Company
from rapport.workflows.replay import replay_refused

#: The kind of sources whose answers a definition may explain.
_KIND = "qualtrics"
_JOB = "survey_answers"
#: Touchpoints of answers that are read again in a second or two.
MANY = 2_000


class Explained(Struct, frozen=True, kw_only=True):
    """A definition that was kept, and what it did to answers that were here already.

    Attributes
    ----------
    questionnaires : int
        That it, or another definition, explains.
    left : int
        Questionnaires that stay as they were: an answer is outside the scale now stated.
    waiting : bool
        The worker will read the answers; the counts are not known yet.
    """

    survey: str
    questions: int
    questionnaires: int = 0
    accepted: int = 0
    corrected: int = 0
    left: int = 0
    waiting: bool = False


def defines_survey(path: Path, mapping: Mapping) -> bool:
    """Whether a file defines a survey and holds no answers."""
    if mapping.kind != _KIND:
        return False
    if path.name.lower().removesuffix(".gz").endswith(".qsf"):
        return True
    with open_file(path) as file:
        try:
            return is_definition(file.read(RECOGNISED_BY))
        except DAMAGED:
            return False


def keep_definition(
    company: Company, path: Path, *, dry_run: bool = False, at_once: bool = True
) -> Explained:
    """Keep a survey's definition; answers that were here before are read by it.

    Files of answers do not name their survey, so those of every source are looked at, and so are
    rows that were refused. Kept again it changes nothing, so then nothing is read.

    Parameters
    ----------
    at_once : bool
        False: where there are more than `MANY` answers, they wait for the worker.

    Raises
    ------
    InvalidMapping
        If the file is damaged or defines nothing; nothing is changed then.
    """
    with open_file(path) as file:
        try:
            content = file.read(LARGEST_OBJECT + 1)
        except DAMAGED as error:
            raise InvalidMapping(
                f"{path.name} is damaged; export it from Qualtrics again"
            ) from error
    survey = read_definition(content, path.name)
    done = Explained(survey=survey.name, questions=len(survey.questions))
    if dry_run:
        return done
    if is_kept(company.ledger, survey):
        if not rereading_is_due(company):
            return done
    else:
        # Before the definition itself: stopped in between, answers are read once in vain.
        _ask_to_read_again(company, survey.survey_id)
        keep_survey(company.ledger, survey)
    if not at_once and _answers_are_many(company):
        return msgspec.structs.replace(done, waiting=True)
    return msgspec.structs.replace(
        read_all_again(company), survey=survey.name, questions=len(survey.questions)
    )


def rereading_is_due(company: Company) -> bool:
    """Whether answers wait to be read by a definition that came after them."""
    with company.ledger.read() as connection:
        return connection.execute(_waiting(select(job.c.job_id)).limit(1)).first() is not None


def read_all_again(company: Company) -> Explained:
    """Read by the definitions that are known the answers that came before them.

    Stopped half-way, it is due again; what was corrected already is not corrected twice.
    """
    with company.ledger.read() as connection:
        asked = list(connection.execute(_waiting(select(job.c.job_id))).scalars())
    surveys = known_surveys(company.ledger)
    questionnaires = accepted = corrected = left = 0
    for source in _sources(company):
        again = read_answers_again(company.ledger, source, surveys, company.clock())
        questionnaires += again.questionnaires
        corrected += again.corrected
        left += again.left
        accepted += again.touchpoints + replay_refused(company, source.name).accepted
    done = Explained(
        survey="", questions=0, questionnaires=questionnaires, accepted=accepted,
        corrected=corrected, left=left,
    )  # fmt: skip
    with company.ledger.write() as connection:
        connection.execute(
            update(job)
            .where(job.c.job_id.in_(asked))
            .values(status="done", finished_at=company.clock(), result=msgspec.to_builtins(done))
        )
    return done


def _ask_to_read_again(company: Company, survey_id: str) -> None:
    with company.ledger.write() as connection:
        connection.execute(
            insert(job).values(
                kind=_JOB, subject=survey_id, arguments={}, status="waiting", done=0,
                created_at=company.clock(),
            )
        )  # fmt: skip


def _waiting(query: Select[Any]) -> Select[Any]:
    return query.where(job.c.kind == _JOB, job.c.status == "waiting")


def _sources(company: Company) -> list[Source]:
    return [source for source in list_sources(company.ledger) if source.kind == _KIND]


def _answers_are_many(company: Company) -> bool:
    ids = [source.source_id for source in _sources(company)]
    some = select(journal.c.position).where(journal.c.source_id.in_(ids)).limit(MANY + 1)
    with company.ledger.read() as connection:
        return len(connection.execute(some).all()) > MANY
