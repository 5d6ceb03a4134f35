"""Answers of survey products: which question was asked, on which scale, and in which words.

An answered questionnaire gives one touchpoint for each question with a scale, with the open words
that belong to it: those asked right after it ("why?"). What else was answered stays beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from msgspec import Struct

from rapport.collect.cell_values import read_decimal
from rapport.collect.connectors.surveys import SCALES
from rapport.collect.long_texts import clean_lines
from rapport.collect.mapping import Mapping
from rapport.collect.rows import Row, RowError
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import SURVEY_ANSWERED, Touchpoint

Kind = Literal["scale", "text", "other"]
#: Other answers kept of one questionnaire, and characters of each.
_MOST_OTHERS, _LONGEST_OTHER = 60, 300

_NPS = re.compile(
    r"\bnps\b|recommend|aanbevelen|aanraden|recommander|recommandiez|ajánlan|ajánlaná|"
    r"weiterempfehl|empfehlen", re.IGNORECASE,
)  # fmt: skip
_CES = re.compile(
    r"\bces\b|\beffort\b|how easy|easy was it|made it easy|hoe makkelijk|hoe gemakkelijk|moeite|"
    r"facile|facilité|könnyű|könnyen|erőfeszítés|wie einfach|wie leicht|aufwand", re.IGNORECASE,
)  # fmt: skip
_CSAT = re.compile(
    r"\bcsat\b|satisf|tevreden|elégedett|zufrieden|overall experience|satisfait", re.IGNORECASE
)
#: "(1-5)", "0 tot 10", "1 à 7" in a question's words.
_RANGE = re.compile(r"\b([01])\s?(?:-|–|to|tot|à|bis|től|től a|…|\.\.)\s?(10|[3-9]|100)\b")
_LEADING = re.compile(
    r"(\d{1,3})(?:[.,]0+)?(?:\s*(?:[-–:=(./]|\bsur\b|\bvan\b|\bof\b).*)?", re.DOTALL
)
_TRAILING = re.compile(r".*?[-–(:]\s*(\d{1,3})\)?", re.DOTALL)
#: LimeSurvey's codes of the points of a scale: "A4".
_CODED = re.compile(r"A0*(\d{1,2})")
#: Words of five-point scales, the worst first.
_FIVE = (
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("extremely dissatisfied", "somewhat dissatisfied",
     "neither satisfied nor dissatisfied", "somewhat satisfied", "extremely satisfied"),
    ("strongly disagree", "disagree", "neither agree nor disagree", "agree", "strongly agree"),
    ("zeer ontevreden", "ontevreden", "neutraal", "tevreden", "zeer tevreden"),
    ("très insatisfait", "insatisfait", "neutre", "satisfait", "très satisfait"),
    ("très insatisfaite", "insatisfaite", "ni l'un ni l'autre", "satisfaite", "très satisfaite"),
    ("nagyon elégedetlen", "elégedetlen", "semleges", "elégedett", "nagyon elégedett"),
    ("sehr unzufrieden", "unzufrieden", "neutral", "zufrieden", "sehr zufrieden"),
)  # fmt: skip
#: Words of a five-point scale → their points.
FIVE_POINTS = {word: float(at) for scale in _FIVE for at, word in enumerate(scale, 1)}
_GROUPS = {"promoter", "passive", "detractor"}


class Question(Struct, frozen=True, kw_only=True):
    """A question of a survey, as far as its file says what it is.

    `kind` is None where only the answers can show it.
    """

    key: str
    label: str
    kind: Kind | None = None
    low: float | None = None
    high: float | None = None
    name: str | None = None  # "nps", "csat" or "ces", where the product itself says so


class Answer(Struct, frozen=True, kw_only=True):
    """What one person answered to a question."""

    question: Question
    value: Any


class Response(Struct, frozen=True, kw_only=True):
    """One person's questionnaire; times as the product writes them."""

    response_id: str
    answered_at: Any
    answers: tuple[Answer, ...]
    person: dict[str, Any] = {}
    language: str | None = None
    complete: bool | None = None
    about: dict[str, Any] = {}
    questionnaire: list[list[str]] | None = None


class _Scored(Struct):
    question: Question
    name: str | None
    score: float
    low: float | None
    high: float | None
    texts: list[str]


class Part(Struct, frozen=True, kw_only=True):
    """What of a questionnaire makes one touchpoint: a score with its words, or words alone.

    Attributes
    ----------
    suffix : str
        What comes behind the questionnaire's own id: nothing for the first, so that it stays the
        same record whichever of its questions turns out to have a scale.
    """

    suffix: str
    score: float | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    question: str | None = None
    text: str | None = None
    asked: str | None = None
    answers: dict[str, str] | None = None


def parts_of(answers: Sequence[Answer], scales: dict[str, tuple[float, float]]) -> list[Part]:
    """A part for each scored question; one for the words alone where nothing was scored.

    Parameters
    ----------
    scales : dict of str to (float, float)
        Lowest and highest score of questions, by their keys in small letters.

    Returns
    -------
    list of Part
        Empty where nothing was answered.

    Raises
    ------
    RowError
        If a score is outside its scale.
    """
    scored: list[_Scored] = []
    before: list[str] = []  # words that come before any score
    others: dict[str, str] = {}
    for answer in answers:
        question = answer.question
        found = _score(answer, scales.get(question.key.lower()))
        if found is not None:
            scored.append(found)
            continue
        text = _plain_text(answer.value)
        if text is None:
            continue
        if question.kind == "text" or (question.kind is None and _is_prose(text)):
            (scored[-1].texts if scored else before).append(clean_lines(text))
        elif len(others) < _MOST_OTHERS:
            label = clean_text(question.label)[:120] or question.key
            others[label] = clean_text(text)[:_LONGEST_OTHER]
    if not scored:
        if not before and not others:
            return []
        return [Part(suffix="", text="\n".join(before) or None, answers=others or None)]
    scored[0].texts[:0] = before
    return [
        Part(
            suffix="" if place == 0 else f":{one.question.key}",
            score=one.score,
            scale_min=one.low,
            scale_max=one.high,
            question=one.name or clean_text(one.question.label)[:200] or one.question.key,
            text="\n".join(one.texts) or None,
            asked=clean_text(one.question.label)[:300] or None,
            answers=(others or None) if place == 0 else None,
        )
        for place, one in enumerate(scored)
    ]


def response_touchpoints(row: Row, kind: str, response: Response) -> Iterator[Touchpoint]:
    """The touchpoints of a questionnaire, one for each of its `parts_of`."""
    scales = stated_scales(row.reading.constants.get("scales", ""))
    parts = parts_of(response.answers, scales)
    at = row.part(answered_at=response.answered_at).required_moment("answered_at")
    person = row.part(**response.person, language=response.language)
    if not parts:
        raise RowError("missing_field", "not one question is answered")
    about = {
        "response_id": response.response_id,
        "complete": response.complete,
        **response.about,
    }
    for part in parts:
        yield person.touchpoint(
            f"{kind}:{response.response_id}{part.suffix}",
            type=SURVEY_ANSWERED,
            channel="survey",
            occurred_at=at,
            text=part.text,
            language=person.language(),
            score=part.score,
            scale_min=part.scale_min,
            scale_max=part.scale_max,
            question=part.question,
            properties={
                **about,
                "asked": part.asked,
                "answers": part.answers,
                # All as it was given, so that it can be read by a definition that comes later.
                "questionnaire": response.questionnaire if part.suffix == "" else None,
            },
        )


def _plain_text(value: Any) -> str | None:
    if isinstance(value, list):
        parts = [text for each in value[:50] if (text := _plain_text(each)) is not None]
        return "; ".join(parts) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return value.strip() or None if isinstance(value, str) else None


def _is_prose(text: str) -> bool:
    """Whether somebody wrote this, rather than picked it from a list."""
    return len(text) >= 25 and text.count(" ") >= 4


def _score(answer: Answer, stated: tuple[float, float] | None) -> _Scored | None:
    """The score of a question with a scale; None where it has none, or was not answered so."""
    question = answer.question
    if question.kind == "text" or (question.kind == "other" and stated is None):
        return None
    low, high = question.low, question.high
    name = question.name
    if stated is not None:
        low, high = stated
    if low is None and (found := _RANGE.search(question.label)) is not None:
        low, high = float(found[1]), float(found[2])
    if name is None:
        name = _named(question.label + " " + question.key, low, high)
    if question.kind is None and name is None and high is None:
        return None  # a number without a scale is an age, a year, a house
    value = _number(answer.value)
    if value is None:
        return None
    if name is not None and low is None:
        low, high = SCALES[name]
    if (low is not None and value < low) or (high is not None and value > high):
        raise RowError(
            "score_out_of_range",
            f"the answer to {question.key} is outside {low:g} to {high:g}; state the scale in "
            f"`scales`, such as {question.key}=1-10",
        )
    return _Scored(question, name, value, low, high, [])


def _named(words: str, low: float | None, high: float | None) -> str | None:
    if _NPS.search(words) and (low, high) in ((None, None), (0, 10)):
        return "nps"
    if _CES.search(words):
        return "ces"
    return "csat" if _CSAT.search(words) else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value)
    if not isinstance(value, str):
        return None
    text = value.strip()[:200]
    if text.casefold() in FIVE_POINTS:
        return FIVE_POINTS[text.casefold()]
    if text.casefold() in _GROUPS:
        return None
    for pattern in (_LEADING, _TRAILING, _CODED):
        if (found := pattern.fullmatch(text)) is not None:
            return float(found[1])
    try:
        return float(read_decimal(text))
    except ValueError:
        return None


def stated_scales(stated: str) -> dict[str, tuple[float, float]]:
    """Scales as a mapping states them: ``Q3=1-10; Q5=0-100``.

    Raises
    ------
    ValueError
        If one cannot be read.
    """
    scales = {}
    for entry in filter(None, (part.strip() for part in re.split("[;,]", stated))):
        key, _, ends = entry.partition("=")
        low, _, high = ends.partition("-")
        scales[key.strip().lower()] = (float(low), float(high))
        if not float(low) < float(high):
            raise ValueError(entry)
    return scales


def scale_mistakes(mapping: Mapping) -> list[str]:
    """What is wrong with `scales`."""
    try:
        stated_scales(mapping.constants.get("scales", ""))
    except ValueError:
        return [
            "`scales` must read KEY=LOW-HIGH with semicolons between, such as Q3=1-10; Q5=0-100"
        ]
    return []


def person_of(said: dict[str, Any]) -> dict[str, Any]:
    """Fields of a person among embedded data, hidden fields and contact columns, by their names."""
    person: dict[str, Any] = {}
    for name, value in said.items():
        field = _PERSON.get(re.sub(r"[^a-z]", "", name.lower()))
        text = _plain_text(value)
        if field is not None and text is not None:
            person.setdefault(field, text)
    first, last = person.pop("first_name", None), person.pop("last_name", None)
    if "name" not in person and (first or last):
        person["name"] = " ".join(part for part in (first, last) if part)
    return person


_PERSON = {
    "email": "email", "emailaddress": "email", "recipientemail": "email", "mail": "email",
    "phone": "phone", "phonenumber": "phone", "mobile": "phone", "tel": "phone", "gsm": "phone",
    "telephone": "phone", "externaldatareference": "customer_id",
    "externalreference": "customer_id",
    "customerid": "customer_id", "customernumber": "customer_id", "klantnummer": "customer_id",
    "ügyfélszám": "customer_id", "contactid": "customer_id", "userid": "user_id",
    "name": "name", "fullname": "name", "naam": "name", "recipientfirstname": "first_name",
    "recipientlastname": "last_name", "firstname": "first_name", "lastname": "last_name",
    "voornaam": "first_name", "achternaam": "last_name", "loyaltycard": "loyalty_card",
    "customdata": "customer_id", "customvalue": "customer_id",
}  # fmt: skip


def question_list(questions: Sequence[Question], values: Sequence[Any]) -> tuple[Answer, ...]:
    """The answers that were given, in the order of the questions."""
    return tuple(
        Answer(question=question, value=value)
        for question, value in zip(questions, values, strict=False)
        if value not in (None, "", [])
    )
