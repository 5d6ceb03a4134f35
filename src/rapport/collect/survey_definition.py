"""What a survey asks, as its definition says: questions, their scales, the words behind codes.

Qualtrics exports answers (CSV) and the survey's definition (.qsf, JSON) apart. The answers do not
name their survey, so a definition is found by its questions: their ids and words must be those of
the answers' header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from rapport.collect.html_text import html_to_text
from rapport.collect.json_records import LARGEST_OBJECT, an_object, objects_in, plain, words
from rapport.collect.survey_files import FIVE_POINTS, Kind, Question
from rapport.errors import InvalidMapping

#: Characters of a question's or a choice's words.
_LONGEST = 300
#: So much of a question's words must agree; exports cut long ones.
_COMPARED = 40
_QUESTION_ID = re.compile(r"(?:\d+_)?(QID\d+)(?:[_#-](.*))?", re.DOTALL)
#: Choices beside a scale that are no point on it.
_NO_POINT = re.compile(
    r"n[/.]?\s?a|not applicable|(?:i )?don[’']t know|no opinion|n\.?v\.?t|niet van toepassing|"
    r"weet (?:ik )?niet|geen mening|s\.?o|sans objet|non applicable|(?:je )?ne sai[st] pas|"
    r"sans opinion|nem tudom|nem értelmezhető|nincs véleményem|keine angabe|weiß (?:ich )?nicht"
)
_SINGLE = ("SAVR", "SAHR", "DL", "SACOL", "SB")


class DefinedQuestion(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question of a survey.

    Attributes
    ----------
    key : str
        Its id, which stays when its tag or words change: ``QID3``.
    tag : str
        What its columns are called in exports: ``Q3``.
    codes : dict of str to str
        What an export with numbers writes → what the person saw.
    in_words : bool
        Whether the words say where on the scale they are ("very satisfied"), and not the codes.
    parts : dict of str to str
        The statements or choices that have columns of their own, by the end of the column's id.
    """

    key: str
    tag: str
    text: str
    kind: Kind | None = None
    name: str | None = None
    low: float | None = None
    high: float | None = None
    codes: dict[str, str] = {}
    in_words: bool = False
    parts: dict[str, str] = {}


class SurveyDefinition(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One survey, as it was when its definition was exported."""

    survey_id: str
    name: str
    questions: tuple[DefinedQuestion, ...]


class AskedColumn(Struct, frozen=True):
    """What an export says of one column: its name, its question's id, its words."""

    name: str
    import_id: str
    label: str


# ── reading ────────────────────────────────────────────────────────────────────────────────────


def is_definition(head: bytes) -> bool:
    """Whether a file that begins so is a survey's definition, whole or damaged."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return start[:1] == b"{" and (b'"SurveyElements"' in head or b'"SurveyEntry"' in head)


def read_definition(content: bytes, name: str) -> SurveyDefinition:
    """The survey that a .qsf file defines.

    Parameters
    ----------
    name : str
        Of the file, for messages.

    Raises
    ------
    InvalidMapping
        If it is no definition, is damaged, or asks nothing.
    """
    if len(content) > LARGEST_OBJECT:
        raise InvalidMapping(f"{name} is larger than 16 MB, which no survey's definition is")
    try:
        survey = an_object(msgspec.json.decode(content.removeprefix(b"\xef\xbb\xbf")))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise InvalidMapping(
            f"{name} is a damaged definition of a survey: no whole JSON. Export it from Qualtrics "
            "again (Tools, Import/Export, Export survey)"
        ) from error
    about = an_object(survey.get("SurveyEntry"))
    survey_id = words(about.get("SurveyID"))
    if survey_id is None or len(survey_id) > 100:
        raise InvalidMapping(f"{name} does not say which survey it defines (SurveyID)")
    questions: dict[str, DefinedQuestion] = {}
    for element in objects_in(survey.get("SurveyElements")):
        if element.get("Element") == "SQ":
            found = _question(element, an_object(element.get("Payload")))
            if found is not None:
                questions[found.key] = found
    if not questions:
        raise InvalidMapping(f"{name} defines a survey without a question; is it the right one?")
    return SurveyDefinition(
        survey_id=survey_id,
        name=_shown(about.get("SurveyName")) or survey_id,
        questions=tuple(questions.values()),
    )


def _question(element: dict[str, Any], payload: dict[str, Any]) -> DefinedQuestion | None:
    key = words(payload.get("QuestionID")) or words(element.get("PrimaryAttribute"))
    tag = words(payload.get("DataExportTag"))
    kind = payload.get("QuestionType")
    if key is None or tag is None or not re.fullmatch(r"QID\d+", key) or kind == "DB":
        return None  # a text between questions asks nothing
    asked = DefinedQuestion(key=key, tag=tag, text=_shown(payload.get("QuestionText")) or "")
    choices, answers = _choices(payload, "Choices"), _choices(payload, "Answers")
    selector = payload.get("Selector")

    def with_(**facts: Any) -> DefinedQuestion:
        return msgspec.structs.replace(asked, **facts)

    if selector == "NPS":
        return with_(kind="scale", name="nps", low=0.0, high=10.0)
    if kind == "TE":
        return with_(kind="text", parts=choices)
    if kind == "Slider":
        low, high = _slider_ends(payload)
        return with_(kind="scale" if high is not None else None, low=low, high=high, parts=choices)
    if kind == "Matrix" and selector == "TE":
        return with_(kind="text", parts=choices)
    if kind == "Matrix":
        codes = _coded(payload, answers)
        scale = _scale(codes, any_words=True) if selector == "Likert" else None
        return with_(**(scale or {"kind": "other"}), codes=codes, parts=choices)
    if kind == "MC" and selector in _SINGLE:
        codes = _coded(payload, choices)
        return with_(**(_scale(codes, any_words=False) or {"kind": "other"}), codes=codes)
    if kind == "MC":
        return with_(kind="other", codes=_coded(payload, choices), parts=choices)
    return with_(kind="other", parts=choices)


def _choices(payload: dict[str, Any], of: str) -> dict[str, str]:
    found = payload.get(of)
    if isinstance(found, list):  # surveys of some age number them by their place
        found = {str(place): choice for place, choice in enumerate(found, 1)}
    return {
        key: _shown(an_object(choice).get("Display")) or key
        for key, choice in list(an_object(found).items())[:1_000]
    }


def _coded(payload: dict[str, Any], choices: dict[str, str]) -> dict[str, str]:
    """The choices by what an export with numbers writes for them."""
    recoded = an_object(payload.get("RecodeValues"))
    return {_code(recoded.get(key)) or key: label for key, label in choices.items()}


def _code(value: Any) -> str | None:
    return str(value) if type(value) is int else words(value)


def _scale(codes: dict[str, str], *, any_words: bool) -> dict[str, Any] | None:
    """The scale that choices are, as facts of a question; None where they are no scale.

    Answers that begin with numbers are a scale, and so are those of `FIVE_POINTS`; a list of shops
    is none. With ``any_words`` three numbered codes suffice: each line of a matrix is answered on
    the same points.
    """
    points = {code: text.casefold() for code, text in codes.items() if not _is_no_point(text)}
    if len(points) < 3:
        return None
    if all(text in FIVE_POINTS for text in points.values()):
        return {"kind": "scale", "low": 1.0, "high": 5.0, "in_words": True}
    if not all(re.fullmatch(r"-?\d{1,3}", code) for code in points):
        return None
    if not (any_words or all(text[:1].isdigit() for text in points.values())):
        return None
    values = [float(code) for code in points]
    return {"kind": "scale", "low": min(values), "high": max(values)}


def _is_no_point(label: str) -> bool:
    return bool(_NO_POINT.fullmatch(label.strip(" .()").casefold()))


def _slider_ends(payload: dict[str, Any]) -> tuple[float | None, float | None]:
    settings = an_object(payload.get("Configuration"))
    low, high = plain(settings.get("CSSliderMin")), plain(settings.get("CSSliderMax"))
    if isinstance(low, int | float) and isinstance(high, int | float) and low < high:
        return float(low), float(high)
    return None, None


def _shown(markup: Any) -> str | None:
    """The words a person sees, of HTML."""
    text = words(markup)
    return None if text is None else " ".join(html_to_text(text).split())[:_LONGEST] or None


# ── using ──────────────────────────────────────────────────────────────────────────────────────


def fitting(
    surveys: Sequence[SurveyDefinition], columns: Sequence[AskedColumn]
) -> SurveyDefinition | None:
    """The survey that an export's columns belong to; None where it is none of these.

    Every survey has a ``QID1`` called ``Q1``, so the words decide: of the questions that the
    export has, half must be asked by the definition in the same words. Of several that fit, such
    as a copy of a survey, the one with most such questions is taken, then the first by its id.
    """
    asked: dict[str, AskedColumn] = {}
    for column in columns:
        if (key := _key(column.import_id)) is not None:
            asked.setdefault(key, column)
    best: tuple[int, SurveyDefinition] | None = None
    for survey in sorted(surveys, key=lambda survey: survey.survey_id):
        same = sum(
            question.key in asked and _same_words(question.text, asked[question.key].label)
            for question in survey.questions
        )
        if same and 2 * same >= len(asked) and (best is None or same > best[0]):
            best = (same, survey)
    return None if best is None else best[1]


def _key(import_id: str) -> str | None:
    found = _QUESTION_ID.fullmatch(import_id)
    return None if found is None else found[1]


def _same_words(defined: str, exported: str) -> bool:
    one, other = _letters(defined), _letters(exported)
    return bool(one) and bool(other) and (one.startswith(other) or other.startswith(one))


def _letters(text: str) -> str:
    return re.sub(r"\W+", "", text.casefold())[:_COMPARED]


class Defined:
    """One export's columns, read by the definition of their survey."""

    def __init__(self, survey: SurveyDefinition) -> None:
        self.survey = survey
        self._questions = {question.key: question for question in survey.questions}
        self._read: dict[AskedColumn, tuple[Question, DefinedQuestion] | None] = {}

    def read(self, column: AskedColumn, value: str) -> tuple[Question, str] | None:
        """The question of a column and the answer in the words the person saw, or as its score.

        None: the definition does not know the question, which came or went since.
        """
        if column not in self._read:
            self._read[column] = self._known(column)
        found = self._read[column]
        if found is None:
            return None
        question, defined = found
        return question, _said(defined, question, value)

    def _known(self, column: AskedColumn) -> tuple[Question, DefinedQuestion] | None:
        match = _QUESTION_ID.fullmatch(column.import_id)
        defined = None if match is None else self._questions.get(match[1])
        if match is None or defined is None:
            return None
        rest = match[2] or ""
        part = defined.parts.get(rest.split("_")[0])
        label = defined.text or column.label
        if part is not None and part.casefold() not in label.casefold():
            label = f"{label} - {part}"
        if rest == "TEXT" or rest.endswith("_TEXT"):
            return Question(key=column.name, label=label, kind="text"), defined
        if rest and part is None and defined.parts:
            # Ranks, groups, orders of display: further columns that are no answer on the scale.
            return Question(key=column.name, label=column.label, kind="other"), defined
        question = Question(
            key=column.name,
            label=label,
            kind=defined.kind,
            low=defined.low,
            high=defined.high,
            name=defined.name,
        )
        return question, defined


def _said(defined: DefinedQuestion, question: Question, value: str) -> str:
    if question.kind == "text":
        return value
    text = value.strip()
    if question.kind == "scale" and not defined.in_words:
        by_label = {label.casefold(): code for code, label in defined.codes.items()}
        code = text if text in defined.codes else by_label.get(text.casefold(), text)
        label = defined.codes.get(code, "")
        return label if _is_no_point(label) else code
    if text in defined.codes:
        return defined.codes[text]
    several = [part.strip() for part in text.split(",")]
    if all(part in defined.codes for part in several):
        return "; ".join(defined.codes[part] for part in several)
    return value
