"""A survey's definition (.qsf) and its answers (.csv): any order of arrival ends the same."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given, settings

from rapport.collect.guess import guess_mapping
from rapport.collect.known_surveys import known_surveys
from rapport.collect.refused import refused_rows
from rapport.collect.sources import list_sources
from rapport.collect.survey_definition import DefinedQuestion, read_definition
from rapport.errors import InvalidMapping
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.workflows.company import Company
from rapport.workflows.errands import run_errands
from rapport.workflows.import_files import Imported, import_file, prepare_mapping
from rapport.workflows.ingest import apply_journal
from rapport.workflows.survey_definitions import rereading_is_due
from tests.collect.connectors.conversations_read import mapping_for, survives
from tests.collect.connectors.whole_way import NOW, journal_of, sample, spoilt
from tests.company import empty_company, visitor
from tests.customer_data import csrf

QSF, CODES = "shop_survey.qsf", "qualtrics_codes.csv"
HEADER_LINES = 3


class Ticking:
    """A clock that goes on by a second whenever somebody looks."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def brought(company: Company, folder: Path, name: str, content: bytes | None = None) -> Imported:
    path = folder / name
    path.write_bytes(sample(name) if content is None else content)
    return import_file(company, path, prepare_mapping(path, kind=None).mapping)


def known_now(company: Company) -> dict[str, tuple[Any, ...]]:
    """Of each record its newest version, by the record's id."""
    newest: dict[str, Touchpoint] = {}
    for touch in journal_of(company):
        newest[touch.corrects or touch.touchpoint_id] = touch
    return {
        key: (
            t.question, t.score, t.scale_min, t.scale_max, t.text, t.identifiers, t.occurred_at,
            t.properties.get("answers"), t.properties.get("survey"),
        )
        for key, t in newest.items()
    }  # fmt: skip


def test_codes_become_words_and_scores_once_the_definition_is_there(tmp_path: Path) -> None:
    with empty_company(tmp_path, clock=Ticking()) as company:
        defined = brought(company, tmp_path, QSF)
        answers = brought(company, tmp_path, CODES)
        known = known_now(company)
        assert [source.name for source in list_sources(company.ledger)] == ["qualtrics_codes"]
    assert (defined.survey, defined.questions, defined.accepted) == ("Bolti vásárlók 2026", 7, 0)
    assert (answers.accepted, answers.refused, answers.survey) == (9, 0, "Bolti vásárlók 2026")
    cleanliness = "Milyen volt a bolt & a kiszolgálás? - Tisztaság"
    assert {key: said[:5] for key, said in known.items()} == {
        "qualtrics:R_1": ("nps", 9, 0, 10, "Gyors és kedves"),
        "qualtrics:R_1:Bolt_1": (cleanliness, 3, 1, 3, None),
        # "Nagyon elégedett" has code 1 in this survey: the words are the better guide.
        "qualtrics:R_1:Q6": ("csat", 5, 1, 5, None),
        "qualtrics:R_1:Q7_1": ("Mennyire volt gyors a pénztár?", 80, 0, 100, None),
        "qualtrics:R_2": (None, None, None, None, "A raktár üres volt, pedig a honlap mást írt"),
        "qualtrics:R_3": (cleanliness, 1, 1, 3, None),
        "qualtrics:R_3:Bolt_2": (cleanliness.replace("Tisztaság", "Eladók"), 2, 1, 3, None),
        "qualtrics:R_3:Q6": ("csat", 1, 1, 5, None),
        "qualtrics:R_3:Q7_1": ("Mennyire volt gyors a pénztár?", 20, 0, 100, None),
    }
    assert known["qualtrics:R_1"][7] == {
        "Milyen volt a bolt & a kiszolgálás? - Eladók": "Nem tudom",  # 99: no point on the scale
        "Melyik boltban járt?": "Győr",
        "Mit vásárolt?": "Sátor; Bakancs",
        "Új kérdés: hallott már a klubunkról?": "1",  # asked after the definition was exported
    }


@pytest.mark.parametrize(
    "order", [(QSF, CODES), (CODES, QSF), (CODES, QSF, CODES, QSF), (QSF, CODES, QSF)]
)
def test_the_order_of_arrival_changes_nothing(tmp_path: Path, order: tuple[str, ...]) -> None:
    for folder in ("expected", "tried"):
        (tmp_path / folder).mkdir()
    with empty_company(tmp_path / "expected", clock=Ticking()) as company:
        for name in (QSF, CODES):
            brought(company, tmp_path / "expected", name)
        expected = known_now(company)
    with empty_company(tmp_path / "tried", clock=Ticking()) as company:
        done = [brought(company, tmp_path / "tried", name) for name in order]
        assert known_now(company) == expected
        assert apply_journal(company).refused == 0
    if order[0] == CODES:
        assert (done[0].survey, done[1].accepted, done[1].corrected) == (None, 5, 4)
    for again in done[2:]:
        assert (again.accepted, again.corrected) == (0, 0)


def test_rows_refused_for_their_scale_are_taken_in_with_the_definition(tmp_path: Path) -> None:
    definition = json.loads(sample(QSF))
    for element in definition["SurveyElements"]:
        if element["PrimaryAttribute"] == "QID6":
            choices = {str(n): {"Display": f"{n} pont"} for n in range(1, 11)}
            element["Payload"] |= {"Choices": choices, "RecodeValues": {}}
    answers = sample(CODES).replace(b",1,80,1\n", b",8,80,1\n")
    with empty_company(tmp_path, clock=Ticking()) as company:
        first = brought(company, tmp_path, CODES, answers)
        assert [reason.reason for reason in first.reasons] == ["score_out_of_range"]
        then = brought(company, tmp_path, QSF, json.dumps(definition).encode())
        assert refused_rows(company.ledger) == []
        assert known_now(company)["qualtrics:R_1:Q6"][1:4] == (8, 1, 10)
    # Two more of the third questionnaire, and all four of the first.
    assert then.accepted == 3 + 4


def test_a_newer_definition_takes_a_score_back(tmp_path: Path) -> None:
    definition = json.loads(sample(QSF))
    for element in definition["SurveyElements"]:
        if element["PrimaryAttribute"] == "QID7":
            element["Payload"] |= {"QuestionType": "TE", "Selector": "SL"}
    with empty_company(tmp_path, clock=Ticking()) as company:
        for name in (QSF, CODES):
            brought(company, tmp_path, name)
        brought(company, tmp_path, QSF, json.dumps(definition).encode())
        once = known_now(company)
        again = brought(company, tmp_path, QSF, json.dumps(definition).encode())
        assert (again.accepted, again.corrected) == (0, 0)
    assert once["qualtrics:R_1:Q7_1"][1:5] == (None, None, None, None)
    assert once["qualtrics:R_1:Q7_1"][7] == {"Q7_1": "80"}
    assert once["qualtrics:R_1:Q6"][1] == 5


def test_an_answer_outside_the_new_scale_stays_as_it_was(tmp_path: Path) -> None:
    definition = json.loads(sample(QSF))
    for element in definition["SurveyElements"]:
        if element["PrimaryAttribute"] == "QID7":
            element["Payload"]["Configuration"]["CSSliderMax"] = 50
    with empty_company(tmp_path, clock=Ticking()) as company:
        for name in (QSF, CODES):
            brought(company, tmp_path, name)
        changed = brought(company, tmp_path, QSF, json.dumps(definition).encode())
        known = known_now(company)
    assert changed.left == 1
    assert known["qualtrics:R_1:Q7_1"][1:4] == (80, 0, 100)
    assert known["qualtrics:R_3:Q7_1"][1:4] == (20, 0, 50)


def test_a_definition_of_another_survey_explains_nothing_here(tmp_path: Path) -> None:
    other = json.loads(sample(QSF))
    other["SurveyEntry"]["SurveyID"] = "SV_other"
    for element in other["SurveyElements"]:
        if element["Element"] == "SQ":  # the same ids and tags, as every survey has them
            element["Payload"]["QuestionText"] = "Was fehlte " + element["PrimaryAttribute"]
    with empty_company(tmp_path, clock=Ticking()) as company:
        alone = brought(company, tmp_path, CODES)
        before = known_now(company)
        done = brought(company, tmp_path, "other.qsf", json.dumps(other).encode())
        assert known_now(company) == before
        assert (done.accepted, done.corrected, alone.survey) == (0, 0, None)
        assert brought(company, tmp_path, QSF).corrected == 4
        assert len(known_surveys(company.ledger)) == 2


DAMAGED = {
    "cut": sample(QSF)[:900],
    "empty": b"{}",
    "a list": b"[1, 2]",
    "no survey": b'{"SurveyEntry": {}, "SurveyElements": []}',
    "no question": b'{"SurveyEntry": {"SurveyID": "SV_1"}, "SurveyElements": []}',
    "no JSON": b"StartDate,EndDate\n",
    "deep": b'{"SurveyEntry":' + b"[" * 20_000,
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=list(DAMAGED))
def test_a_damaged_definition_is_refused_and_changes_nothing(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "broken.qsf"
    path.write_bytes(content)
    with empty_company(tmp_path, clock=Ticking()) as company:
        with pytest.raises(InvalidMapping, match=r"broken\.qsf"):
            import_file(company, path, mapping_for("qualtrics"))
        with pytest.raises(InvalidMapping, match=r"broken\.qsf"):
            guess_mapping(path)
        assert known_surveys(company.ledger) == ()
        assert list_sources(company.ledger) == []


def test_a_dry_run_keeps_no_definition(tmp_path: Path) -> None:
    path = tmp_path / QSF
    path.write_bytes(sample(QSF))
    with empty_company(tmp_path) as company:
        done = import_file(company, path, mapping_for("qualtrics"), dry_run=True)
        assert (done.questions, known_surveys(company.ledger)) == (7, ())


def question(survey: bytes, key: str) -> DefinedQuestion:
    return next(q for q in read_definition(survey, "s.qsf").questions if q.key == key)


@pytest.mark.parametrize(
    ("labels", "scale"),
    [
        (("1 - bad", "2", "3 - good"), (1, 3)),
        (("1", "2", "3", "N/A"), (1, 3)),
        (("Ja", "Nee", "Weet niet"), None),
        (("Győr", "Gent", "Lille"), None),
        (("zeer tevreden", "tevreden", "neutraal", "n.v.t."), (1, 5)),
    ],
)
def test_choices_are_a_scale_only_if_they_say_so(
    labels: tuple[str, ...], scale: tuple[int, int] | None
) -> None:
    definition = json.loads(sample(QSF))
    for element in definition["SurveyElements"]:
        if element["PrimaryAttribute"] == "QID4":
            choices = {str(n): {"Display": label} for n, label in enumerate(labels, 1)}
            element["Payload"]["Choices"] = choices
    found = question(json.dumps(definition).encode(), "QID4")
    assert ((found.low, found.high) if found.low is not None else None) == scale


def test_many_answers_are_read_again_by_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").mkdir()
    with empty_company(tmp_path / "one", clock=Ticking()) as company:
        brought(company, tmp_path, CODES)
        brought(company, tmp_path, QSF)
        at_once = known_now(company)
    monkeypatch.setattr("rapport.workflows.survey_definitions.MANY", 3)
    (tmp_path / "two").mkdir()
    with empty_company(tmp_path / "two", clock=Ticking()) as company:
        brought(company, tmp_path, CODES)
        before = known_now(company)
        path = tmp_path / QSF
        mapping = prepare_mapping(path, kind=None).mapping
        for _ in range(2):  # sent twice before the worker came: it waits once more, and no longer
            done = import_file(company, path, mapping, at_once=False)
            assert (done.waiting, done.corrected, done.questions) == (True, 0, 7)
        assert known_now(company) == before != at_once
        assert run_errands(company, Event()) >= 1
        assert known_now(company) == at_once
        assert not rereading_is_due(company)


def test_a_definition_that_is_here_already_is_not_read_by_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_company(tmp_path, clock=Ticking()) as company:
        brought(company, tmp_path, CODES)
        assert brought(company, tmp_path, QSF).corrected == 4
        with monkeypatch.context() as patched:
            patched.setattr("rapport.workflows.survey_definitions.read_answers_again", None)
            assert brought(company, tmp_path, QSF).corrected == 0  # else it would call None


def test_a_reading_that_was_stopped_is_due_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with empty_company(tmp_path, clock=Ticking()) as company:
        brought(company, tmp_path, CODES)
        with monkeypatch.context() as patched:
            patched.setattr("rapport.workflows.survey_definitions.read_answers_again", stopped)
            with pytest.raises(KeyboardInterrupt):
                brought(company, tmp_path, QSF)
        assert rereading_is_due(company)
        assert brought(company, tmp_path, QSF).corrected == 4
        assert not rereading_is_due(company)


def test_a_definition_can_be_uploaded_and_says_what_it_did(tmp_path: Path) -> None:
    with (
        empty_company(tmp_path, clock=Ticking()) as company,
        visitor(company, role="admin") as client,
    ):
        client.headers.update(csrf(company, client))
        brought(company, tmp_path, CODES)
        sent = client.post(
            "/sources/new/upload",
            data={"kind": "guess"},
            files={"file": (QSF, sample(QSF), "application/octet-stream")},
            follow_redirects=False,
        )
        assert sent.status_code == 303, sent.text
        page = client.get(sent.headers["location"])
        assert "Mennyire valószínű" in page.text
        form = {"source": "shop_survey", "label": "x", "time_zone": "UTC", "decimal": "."}
        checked = client.post(sent.headers["location"], data={**form, "do": "check"})
        assert "7 questions" in checked.text
        done = client.post(sent.headers["location"], data={**form, "do": "import"})
        assert "4 records were corrected and 5 are new" in done.text
        broken = client.post(
            "/sources/new/upload",
            data={"kind": "guess"},
            files={"file": ("b.qsf", sample(QSF)[:500], "application/octet-stream")},
        )
        assert "damaged definition" in broken.text


@given(content=spoilt(sample(QSF)))
@settings(max_examples=50, deadline=None)
def test_spoilt_definitions_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    survives(tmp_path_factory.getbasetemp(), content, mapping_for("qualtrics"), "s.qsf")
    try:
        read_definition(content, "s.qsf")
    except InvalidMapping:
        return
