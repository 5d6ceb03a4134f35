"""Keep the definition of a survey, and read by it the answers that came before."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from rapport.collect.json_records import LARGEST_OBJECT
from rapport.collect.known_surveys import keep_survey, known_surveys, read_answers_again
from rapport.collect.mapping import Mapping
from rapport.collect.records import RECOGNISED_BY
from rapport.collect.sources import list_sources
from rapport.collect.survey_definition import is_definition, read_definition
from rapport.collect.tables import DAMAGED, open_file
from rapport.errors import InvalidMapping
from rapport.workflows.company import Company
from rapport.workflows.replay import replay_refused

#: The kind of sources whose answers a definition may explain.
_KIND = "qualtrics"


class Explained(Struct, frozen=True, kw_only=True):
    """A definition that was kept, and what it did to answers that were here already.

    Attributes
    ----------
    questionnaires : int
        That it, or another definition, explains.
    left : int
        Questionnaires that stay as they were: an answer is outside the scale now stated.
    """

    survey: str
    questions: int
    questionnaires: int = 0
    accepted: int = 0
    corrected: int = 0
    left: int = 0


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


def keep_definition(company: Company, path: Path, *, dry_run: bool = False) -> Explained:
    """Keep a survey's definition; answers that were here before are read by it.

    Files of answers do not name their survey, so those of every source are looked at, and so are
    rows that were refused. Kept again, it changes nothing more.

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
    keep_survey(company.ledger, survey)
    surveys = known_surveys(company.ledger)
    questionnaires = accepted = corrected = left = 0
    for source in list_sources(company.ledger):
        if source.kind != _KIND:
            continue
        again = read_answers_again(company.ledger, source, surveys, company.clock())
        questionnaires += again.questionnaires
        corrected += again.corrected
        left += again.left
        accepted += again.touchpoints + replay_refused(company, source.name).accepted
    return Explained(
        survey=survey.name,
        questions=len(survey.questions),
        questionnaires=questionnaires,
        accepted=accepted,
        corrected=corrected,
        left=left,
    )
