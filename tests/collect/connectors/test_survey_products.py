"""Qualtrics, SurveyMonkey, Typeform, LimeSurvey, Formbricks: what was asked, and what was said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapport.collect.guess import guess_mapping
from rapport.collect.mapping import mapping_from
from rapport.errors import InvalidMapping
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.touchpoint import Touchpoint
from tests.collect.connectors.conversations_read import (
    mapping_for,
    read_bytes,
    read_corrected,
    survives,
)
from tests.collect.connectors.whole_way import SAMPLES, read, sample, spoilt, whole_way

FILES = {
    "qualtrics": "qualtrics.csv",
    "surveymonkey": "surveymonkey.csv",
    "typeform": "typeform.json",
    "limesurvey": "limesurvey.csv",
    "formbricks": "formbricks.json",
}
ANNA = Identifier(kind="email", value="anna@example.hu")


def utc(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, 3, hour, minute, second, tzinfo=UTC)


def number(value: str) -> Identifier:
    return Identifier(kind="customer_number", value=value, namespace="silo")


Said = list[tuple[str, str | None, float | None, float | None, float | None, str | None]]


def told(good: list[Touchpoint]) -> Said:
    return [(t.touchpoint_id, t.question, t.score, t.scale_min, t.scale_max, t.text) for t in good]


def test_qualtrics_questions_have_their_scales_and_words() -> None:
    good, bad = read(SAMPLES / FILES["qualtrics"], mapping_for("qualtrics"))
    why = "Gyors szállítás, kedves eladó"
    assert told(good) == [
        ("qualtrics:R_1", "nps", 9, 0, 10, why),
        ("qualtrics:R_1:Q3_1", "csat", 5, 1, 5, None),
        ("qualtrics:R_1:Q3_2", "csat", 4, 1, 5, None),
        ("qualtrics:R_2", "nps", 2, 0, 10, None),
    ]
    first = good[0]
    assert first.identifiers == (number("C-9"), ANNA)
    assert (first.traits, first.language, first.occurred_at) == (
        {"name": "Anna Kovács"}, "hu", utc(10, 4, 1)
    )  # fmt: skip
    assert first.properties["complete"] is True
    assert first.properties["answers"] == {"Which shop did you visit?": "Győr"}
    assert first.properties["embedded"] == {"store": "Győr Fő út"}
    assert first.properties["asked"] == "How likely are you to recommend us?"
    assert (good[3].record, good[3].properties["complete"]) == (None, False)
    assert [r.reason for r in bad] == ["wrong_type", "score_out_of_range"]
    (touch,), still = read_corrected(
        bad[1], mapping_for("qualtrics"), lambda raw: raw.replace(b",17,", b",7,")
    )
    assert (still, touch.score) == ([], 7)


def test_scales_that_a_person_states_come_before_all_others() -> None:
    mapping = mapping_for("qualtrics", scales="Q3_1=1-10; Q3_2=1-7")
    good, _ = read(SAMPLES / FILES["qualtrics"], mapping)
    assert [(t.scale_min, t.scale_max) for t in good[1:3]] == [(1, 10), (1, 7)]


@pytest.mark.parametrize("scales", ["Q1", "Q1=a-b", "Q1=5-1"])
def test_scales_that_are_none_are_mistakes(scales: str) -> None:
    with pytest.raises(InvalidMapping, match="scales"):
        mapping_from({"source": "s", "kind": "qualtrics", "constants": {"scales": scales}}, "m")


def test_surveymonkeys_second_header_row_names_options_and_statements() -> None:
    good, bad = read(SAMPLES / FILES["surveymonkey"], mapping_for("surveymonkey"))
    assert told(good) == [
        ("surveymonkey:114001", "nps", 10, 0, 10, "Best tents in town, honestly!"),
        ("surveymonkey:114001:q3", "csat", 4, 1, 5, None),
        ("surveymonkey:114001:q3_2", "csat", 5, 1, 5, None),
        ("surveymonkey:114002", "nps", 3, 0, 10, "Stove"),
    ]
    emma = good[0]
    assert emma.identifiers == (
        number("C-5"),
        Identifier(kind="email", value="emma@example.co.uk"),
    )
    assert (emma.traits, emma.occurred_at) == ({"name": "Emma Jones"}, utc(14, 5))
    assert emma.properties["answers"] == {"Which products did you buy?": "Tents; Bags"}
    assert [r.reason for r in bad] == ["invalid_timestamp"]


def test_typeforms_responses_are_read_from_json_and_csv(tmp_path: Path) -> None:
    good, bad = read(SAMPLES / FILES["typeform"], mapping_for("typeform"))
    assert told(good) == [
        ("typeform:t1", "nps", 9, 0, 10, "Snel geleverd"),
        ("typeform:t1:staff_satisfaction", "csat", 4, 1, 5, None),
    ]
    assert good[0].identifiers == (
        number("C-7"),
        Identifier(kind="email", value="jan@example.be"),
    )
    assert good[0].properties["hidden"] == {"campaign": "autumn"}
    assert good[0].properties["answers"] == {"bought": "Tenten; Tassen"}
    assert [r.reason for r in bad] == ["score_out_of_range"]
    ten = mapping_for("typeform", scales="staff_satisfaction=1-10")
    (touch,), still = read_corrected(bad[0], ten)
    assert (still, touch.score, touch.scale_max) == ([], 8, 10)
    table = (
        b"#,Would you recommend us?,Why?,Email,Start Date (UTC),Submit Date (UTC),Network ID,Tags\n"
        b"r1,7,It was fine but the queue was long,a@example.be,2026-11-03 10:00:00,"
        b"2026-11-03 10:01:00,n,\n"
    )
    path = tmp_path / "responses.csv"
    path.write_bytes(table)
    assert guess_mapping(path).mapping.kind == "typeform"
    (touch,), bad = read(path, mapping_for("typeform"))
    assert (bad, touch.question, touch.score, touch.text) == (
        [], "nps", 7, "It was fine but the queue was long"
    )  # fmt: skip
    assert touch.record == Identifier(kind="email", value="a@example.be")


def test_limesurveys_codes_and_full_questions_are_read(tmp_path: Path) -> None:
    mapping = mapping_for("limesurvey", zone="Europe/Brussels", scales="csat[SQ001]=1-5")
    good, bad = read(SAMPLES / FILES["limesurvey"], mapping)
    assert told(good) == [
        ("limesurvey:1", "nps", 8, 0, 10, "De levering was snel en de verkoper vriendelijk."),
        ("limesurvey:1:csat[SQ001]", "csat", 4, 1, 5, None),
        ("limesurvey:2", "nps", 3, 0, 10, None),
    ]
    assert (good[0].record, good[0].occurred_at, good[0].language) == (
        number("tok-1"), utc(9, 5), "nl"
    )  # fmt: skip
    assert [t.properties["complete"] for t in good] == [True, True, False]
    assert [r.reason for r in bad] == ["missing_field"]
    whole = {"responses": [{"id": "5", "submitdate": "2026-11-03 10:00:00", "lastpage": "1",
             "startlanguage": "hu", "nps. Ajánlana minket?": "10"}]}  # fmt: skip
    path = tmp_path / "r.json"
    path.write_text(json.dumps(whole))
    assert guess_mapping(path).mapping.kind == "limesurvey"
    (touch,), _ = read(path, mapping_for("limesurvey"))
    assert (touch.touchpoint_id, touch.question, touch.score) == ("limesurvey:5", "nps", 10)


def test_formbricks_responses_are_read_with_their_survey() -> None:
    good, bad = read(SAMPLES / FILES["formbricks"], mapping_for("formbricks"))
    assert told(good) == [
        ("formbricks:cl1", "nps", 9, 0, 10, "Szép bolt, segítőkész eladók voltak"),
        ("formbricks:cl1:q-rate", "csat", 4, 1, 5, None),
    ]
    assert good[0].identifiers == (
        Identifier(kind="user_id", value="u-3", namespace="silo"),
        ANNA,
    )
    assert (good[0].language, good[0].properties["complete"]) == ("hu", True)
    assert [r.reason for r in bad] == ["missing_field"]


@pytest.mark.parametrize(
    ("kind", "accepted", "refused"),
    [
        ("qualtrics", 4, 2),
        ("surveymonkey", 4, 1),
        ("typeform", 2, 1),
        ("limesurvey", 3, 1),
        ("formbricks", 2, 1),
    ],
)
def test_exports_are_recognised_and_go_the_whole_way(
    tmp_path: Path, kind: str, accepted: int, refused: int
) -> None:
    way = whole_way(tmp_path, FILES[kind])
    assert (way.imported.kind, way.imported.accepted, way.imported.refused) == (
        kind, accepted, refused
    )  # fmt: skip


@pytest.mark.parametrize("kind", FILES)
def test_what_is_no_such_export_is_refused_as_a_whole(tmp_path: Path, kind: str) -> None:
    for content in (b"", b"\x00\x01\x02", b"order,amount\n1,2\n", b"{"):
        name = "t.csv"
        try:
            good, bad = read_bytes(tmp_path, content, mapping_for(kind), name)
        except InvalidMapping:
            continue
        assert (good, [r.reason for r in bad]) == ([], ["malformed_json"])


@pytest.mark.parametrize(("stated", "language"), [("HU", "hu"), ("nl-BE", "nl"), ("N", None)])
def test_a_language_that_is_no_code_stays_a_property(
    tmp_path: Path, stated: str, language: str | None
) -> None:
    content = sample(FILES["qualtrics"]).replace(b",C-9,HU,", f",C-9,{stated},".encode())
    good, _ = read_bytes(tmp_path, content, mapping_for("qualtrics"), "q.csv")
    assert good[0].language == language
    assert good[0].properties.get("language") == (None if language else stated)


@pytest.mark.parametrize("kind", FILES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_damaged_exports_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    content = data.draw(spoilt(sample(FILES[kind])))
    survives(tmp_path_factory.getbasetemp(), content, mapping_for(kind), FILES[kind])
