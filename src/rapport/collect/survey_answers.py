"""Answers of surveys as Typeform and Formbricks send them, one part for each figure in them.

A touchpoint has one score. An answered survey is one touchpoint with everything that was said and
the first score; each further score is one more, so that no figure is lost to analysis.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from rapport.collect.protocol import some_object, some_text

_USER = ("user_id", "userid", "userId", "customer_id", "customerid", "contact_id")
_NPS = (0, 10)


class Score(Struct, frozen=True):
    """One figure that was given, and on which scale, as far as the sender says."""

    ref: str
    question: str
    value: float
    low: int | None = None
    high: int | None = None


class Answered(Struct, frozen=True, kw_only=True):
    """An answered survey."""

    response_id: str
    properties: dict[str, Any]
    scores: tuple[Score, ...]
    user_id: str | None
    answered_at: str | None
    page: dict[str, Any]


def read_survey(payload: dict[str, Any]) -> Answered | None:
    """The answers in a payload, or None where it is something else."""
    if payload.get("event_type") == "form_response":
        return _typeform(some_object(payload.get("form_response")))
    if payload.get("event") == "responseFinished":
        return _formbricks(some_object(payload.get("data")))
    return None


def _typeform(response: dict[str, Any]) -> Answered:
    definition = some_object(response.get("definition"))
    fields = (
        {
            some_text(field.get("id")): field
            for field in definition.get("fields") or ()
            if isinstance(field, dict)
        }
        if isinstance(definition.get("fields"), list)
        else {}
    )
    answers: list[dict[str, Any]] = []
    scores: list[Score] = []
    texts: list[str] = []
    contact: dict[str, str] = {}
    given = response.get("answers")
    for answer in given if isinstance(given, list) else ():
        if not isinstance(answer, dict):
            continue
        about = some_object(answer.get("field"))
        field = some_object(fields.get(some_text(about.get("id"))))
        kind = some_text(answer.get("type")) or ""
        value = answer.get(kind)
        asked = some_text(field.get("title")) or some_text(about.get("ref")) or ""
        field_type = some_text(about.get("type")) or some_text(field.get("type")) or ""
        answers.append(
            {
                "question": asked,
                "ref": about.get("ref"),
                "type": field_type,
                "answer": _choice(value),
            }
        )
        if kind == "text" and (text := some_text(value)) is not None:
            texts.append(text)
        elif kind in ("email", "phone_number") and (text := some_text(value)) is not None:
            contact.setdefault("email" if kind == "email" else "phone", text)
        elif kind == "number" and isinstance(value, int | float) and field_type != "number":
            low, high = _typeform_scale(field_type, some_object(field.get("properties")))
            name = "nps" if field_type == "nps" else asked or field_type
            ref = some_text(about.get("ref")) or some_text(about.get("id")) or str(len(scores))
            scores.append(Score(ref, name, float(value), low, high))
    hidden = some_object(response.get("hidden"))
    properties = {
        "survey_id": response.get("form_id"),
        "survey": definition.get("title"),
        "answers": answers,
        "hidden": hidden,
        "calculated": response.get("calculated"),
        "variables": response.get("variables"),
        "ending": response.get("ending"),
        "landed_at": response.get("landed_at"),
        "text": "\n".join(texts),
        **_hidden_contact(hidden),
        **contact,
    }
    return Answered(
        response_id=some_text(response.get("token"))
        or some_text(response.get("response_id"))
        or "",
        properties=properties,
        scores=tuple(scores),
        user_id=_user(hidden),
        answered_at=some_text(response.get("submitted_at")),
        page={},
    )


def _choice(value: Any) -> Any:
    """A choice by its label, where there is nothing else to it."""
    choice = some_object(value)
    if set(choice) <= {"label", "id", "ref"} and "label" in choice:
        return choice["label"]
    return value


def _typeform_scale(kind: str, properties: dict[str, Any]) -> tuple[int | None, int | None]:
    if kind == "nps":
        return _NPS
    steps = properties.get("steps")
    if type(steps) is not int:
        return None, None
    first = 1 if kind == "rating" or properties.get("start_at_one") is True else 0
    return first, first + steps - 1


def _formbricks(response: dict[str, Any]) -> Answered:
    given = some_object(response.get("data"))
    scores: list[Score] = []
    texts: list[str] = []
    answers: list[dict[str, Any]] = []
    for question, value in given.items():
        answers.append({"question": question, "answer": value})
        if type(value) in (int, float):
            nps = "nps" in question.lower() and 0 <= value <= 10
            low, high = _NPS if nps else (None, None)
            scores.append(Score(question, "nps" if nps else question, float(value), low, high))
        elif (
            isinstance(value, str) and value.strip() and question not in (*_USER, "email", "phone")
        ):
            texts.append(value.strip())
    person = (
        some_object(response.get("personAttributes"))
        | some_object(response.get("contactAttributes"))
        | some_object(some_object(response.get("contact")).get("attributes"))
    )
    meta = {k: v for k, v in some_object(response.get("meta")).items() if k != "ipAddress"}
    survey = some_object(response.get("survey"))
    contact = some_object(response.get("contact"))
    properties = {
        "survey_id": response.get("surveyId"),
        "survey": survey.get("title") or survey.get("name"),
        "answers": answers,
        "variables": response.get("variables"),
        "contact_attributes": person,
        "meta": meta,
        "tags": response.get("tags"),
        "time_to_complete": response.get("ttc"),
        "language": response.get("language"),
        "text": "\n".join(texts),
        **_hidden_contact(given | person),
    }
    return Answered(
        response_id=some_text(response.get("id")) or "",
        properties=properties,
        scores=tuple(scores),
        user_id=_user(given | person) or some_text(contact.get("userId")),
        answered_at=some_text(response.get("updatedAt")) or some_text(response.get("createdAt")),
        page={"url": meta["url"]} if some_text(meta.get("url")) else {},
    )


def _user(fields: dict[str, Any]) -> str | None:
    return next((text for name in _USER if (text := some_text(fields.get(name)))), None)


def _hidden_contact(fields: dict[str, Any]) -> dict[str, str]:
    return {
        name: text
        for name in ("email", "phone")
        if (text := some_text(fields.get(name))) is not None
    }
