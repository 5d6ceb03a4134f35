"""Signed webhooks: `/v1/webhooks/SOURCE`, whose signature opens the source in place of a key.

Answered surveys of Typeform and Formbricks become `Survey Answered`. Any other payload is read by
the mapping of its source, or stays an event of the name that it says, with the payload as its
properties.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from rapport.collect.protocol import (
    Asked,
    Call,
    EventRefused,
    Pieces,
    Protocol,
    Reply,
    Taken,
    nothing_asked,
    read_body,
    read_inner,
    some_object,
    some_text,
    written,
)
from rapport.collect.segment_calls import call, moment_of
from rapport.collect.survey_answers import Answered, read_survey
from rapport.vocabulary.touchpoint import SURVEY_ANSWERED

_MOST_FIELDS = 1000
#: Headers in which senders name the kind of an event, where the payload does not.
_EVENT_HEADERS = ("x-github-event", "x-gitlab-event", "x-shopify-topic", "x-event-type")
_ID_HEADERS = ("webhook-id", "svix-id", "x-github-delivery", "x-shopify-webhook-id")


def _split(asked: Asked) -> Pieces:
    said: dict[str, Any] = {}
    for name, headers in (("id", _ID_HEADERS), ("event", _EVENT_HEADERS)):
        if value := next((v for h in headers if (v := asked.header(h))), ""):
            said[name] = value
    stamp = asked.header("webhook-timestamp") or asked.header("svix-timestamp")
    if stamp:
        said["sent_at"] = stamp
    body = _payload(asked)
    payloads = body if isinstance(body, list) else [body]
    pieces: list[dict[str, Any]] = []
    for number, payload in enumerate(payloads):
        survey = read_survey(payload) if isinstance(payload, dict) else None
        parts = 1 if survey is None else max(1, len(survey.scores))
        place = {"number": number} if isinstance(body, list) else {}
        pieces += ({"payload": payload, "part": part, **place} for part in range(parts))
    return Pieces(events=tuple(pieces), said=said)


def _payload(asked: Asked) -> Any:
    content_type = asked.header("content-type").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        return read_body(asked.body)
    try:
        text = asked.body.decode("utf-8")
        form = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise EventRefused(
            "malformed_json", f"the form must be in UTF-8 with at most {_MOST_FIELDS} fields"
        ) from error
    return read_inner(form["payload"], "`payload`") if set(form) == {"payload"} else form


def _translate(piece: dict[str, Any], said: dict[str, Any], _received_at: datetime) -> Call:
    payload = piece.get("payload")
    if not isinstance(payload, dict):
        raise EventRefused("wrong_type", "a payload must be a JSON object")
    survey = read_survey(payload)
    if survey is not None:
        part = piece.get("part", 0)
        return _survey_call(payload, survey, part if type(part) is int else 0, piece, said)
    inner = some_object(payload.get("data"))
    named = (
        some_text(payload.get("type"))
        or some_text(payload.get("event"))
        or some_text(payload.get("event_type"))
        or some_text(payload.get("event_name"))
        or some_text(said.get("event"))
    )
    times = (payload.get("timestamp"), payload.get("time"), payload.get("created_at"))
    user = next(
        (
            text
            for holder in (payload, inner)
            for name in ("userId", "user_id", "customer_id")
            if (text := some_text(holder.get(name))) is not None
        ),
        "",
    )
    made = call(
        "track",
        event=named or "Webhook Received",
        messageId=_message_id(payload, piece, said),
        timestamp=next((t for t in map(_moment, times) if t), _moment(said.get("sent_at"))),
        userId=user,
        properties=payload,
        context={"protocol": "webhook"},
    )
    return Call(made, nameless=True)


def _moment(value: Any) -> str | None:
    """A time that senders write in many ways; one that cannot be read stays in the payload."""
    if value in (None, "") or not isinstance(value, str | int | float) or isinstance(value, bool):
        return None
    try:
        return moment_of(value, "the time")
    except EventRefused:
        return None


def _message_id(payload: dict[str, Any], piece: dict[str, Any], said: dict[str, Any]) -> str:
    given = (
        some_text(said.get("id"))
        or some_text(payload.get("event_id"))
        or some_text(payload.get("webhook_id"))
        or ""
    )
    number = piece.get("number")
    if given and type(number) is int:
        given = f"{given}#{number}"
    # Without any, `id` is mostly that of the thing the event is about, which has several events.
    return given


def _survey_call(
    payload: dict[str, Any],
    survey: Answered,
    part: int,
    piece: dict[str, Any],
    said: dict[str, Any],
) -> Call:
    properties = {k: v for k, v in survey.properties.items() if v not in (None, "", {}, [])}
    properties["response_id"] = survey.response_id
    message_id = _message_id(payload, piece, said)
    score = survey.scores[part] if part < len(survey.scores) else None
    if part:
        shared = ("survey_id", "survey", "response_id", "email", "phone", "language")
        properties = {k: v for k, v in properties.items() if k in shared}
    if score is not None:
        properties |= {"score": score.value, "question": score.question, "question_ref": score.ref}
        if score.low is not None and score.high is not None:
            properties |= {"scale_min": score.low, "scale_max": score.high}
        if part:
            message_id = f"{message_id or survey.response_id}#{score.ref}"
    answered_at = survey.answered_at
    made = call(
        "track",
        event=SURVEY_ANSWERED,
        messageId=message_id,
        timestamp=None if answered_at is None else moment_of(answered_at, "the time of the answer"),
        userId=survey.user_id,
        properties=properties,
        context={"protocol": "webhook", "page": survey.page}
        if survey.page
        else {"protocol": "webhook"},
    )
    return Call(made, nameless=True)


def _reply(_asked: Asked, taken: Taken) -> Reply:
    """Kept is kept, also among the refused: a sender that is told no would send it for days."""
    told = {"accepted": taken.accepted, "duplicates": taken.duplicates, "refused": taken.refused}
    return Reply(body=written(told))


def _paste(url: str, source: str) -> str:
    return f"{url}/v1/webhooks/{source}"


PROTOCOL = Protocol(
    name="webhook",
    label="Webhook",
    paths=("/v1/webhooks/{source:str}",),
    methods=("POST",),
    key=nothing_asked,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
    signed=True,
)
