"""CloudEvents 1.0 over HTTP: structured, binary and batched, at `/cloudevents`.

Facts follow the specification of CloudEvents 1.0, its JSON format and its HTTP binding.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import unquote

from rapport.collect.protocol import (
    Asked,
    Call,
    EventRefused,
    Pieces,
    Protocol,
    Reply,
    Taken,
    as_list,
    nothing_asked,
    read_body,
    read_inner,
    read_object,
    require_text,
    some_text,
    unpacked_base64,
    written,
)
from rapport.collect.segment_calls import call, moment_of, trade_name

_STRUCTURED = "application/cloudevents+json"
_BATCH = "application/cloudevents-batch+json"


def _split(asked: Asked) -> Pieces:
    content_type = asked.header("content-type").partition(";")[0].strip().lower()
    if content_type == _BATCH:
        events = as_list(read_body(asked.body), "the body")
    elif content_type == _STRUCTURED:
        events = [read_object(asked.body)]
    elif content_type.startswith("application/cloudevents"):
        raise EventRefused("unknown_type", "of the formats of CloudEvents, JSON is known")
    elif asked.header("ce-specversion"):
        events = [_binary(asked, content_type)]
    else:  # the media type was lost or left out, and the body itself says what it is
        body = read_body(asked.body)
        events = body if isinstance(body, list) else [body]
    return Pieces(
        events=tuple(e if isinstance(e, dict) else {"not_an_object": True} for e in events)
    )


def _binary(asked: Asked, content_type: str) -> dict[str, Any]:
    """An event whose attributes are headers and whose data is the body."""
    event: dict[str, Any] = {
        name[3:]: unquote(value, errors="replace")
        for name, value in asked.headers.items()
        if name.startswith("ce-") and len(name) > 3
    }
    if content_type:
        event["datacontenttype"] = content_type
    if not asked.body:
        return event
    if not content_type or content_type.endswith("json"):
        event["data"] = read_body(asked.body)
        return event
    try:
        event["data"] = asked.body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EventRefused(
            "invalid_encoding", "data that is no JSON must be text in UTF-8"
        ) from error
    return event


def _translate(event: dict[str, Any], _said: dict[str, Any], _received_at: datetime) -> Call:
    if "not_an_object" in event:
        raise EventRefused("wrong_type", "an event must be a JSON object")
    if require_text(event.get("specversion"), "`specversion`") != "1.0":
        raise EventRefused("unknown_type", "`specversion` must be 1.0")
    kind = require_text(event.get("type"), "`type`")
    source = require_text(event.get("source"), "`source`")
    data = _data(event)
    properties = dict(data) if isinstance(data, dict) else {} if data is None else {"data": data}
    attributes = {k: v for k, v in event.items() if k not in ("data", "data_base64")}
    name = _trade_name(kind) or kind
    event_time = event.get("time")
    made = call(
        "track",
        event=name,
        # One event is told from another by both, which no place in an address allows a space.
        messageId=f"{source} {require_text(event.get('id'), '`id`')}",
        timestamp=None if event_time in (None, "") else moment_of(event_time, "`time`"),
        **_ids(event, properties),
        properties=properties,
        context={"protocol": "cloudevents", "cloudevent": attributes},
    )
    return Call(made, nameless=True)


def _data(event: dict[str, Any]) -> Any:
    packed = event.get("data_base64")
    if packed is None:
        return event.get("data")
    raw = unpacked_base64(require_text(packed, "`data_base64`"), "`data_base64`")
    content_type = some_text(event.get("datacontenttype")) or "application/json"
    if content_type.partition(";")[0].strip().lower().endswith("json"):
        return read_inner(raw, "`data_base64`")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return packed


def _ids(event: dict[str, Any], data: dict[str, Any]) -> dict[str, str]:
    """Who it was: by our own attributes, else by the data, else the event's subject."""
    user = (
        some_text(event.get("userid"))
        or some_text(data.get("userId"))
        or some_text(data.get("user_id"))
        or some_text(event.get("subject"))
    )
    anonymous = some_text(event.get("anonymousid")) or some_text(data.get("anonymousId"))
    return {"userId": user or "", "anonymousId": anonymous or ""}


def _trade_name(kind: str) -> str | None:
    """The event of trade that a type such as ``com.example.order.completed.v1`` means."""
    words = [w for w in kind.replace("/", ".").split(".") if w]
    if words and words[-1][:1] in "vV" and words[-1][1:].isdecimal():
        words.pop()
    return trade_name("".join(words[-2:])) or (trade_name(words[-1]) if words else None)


def _reply(asked: Asked, taken: Taken) -> Reply:
    many = asked.header("content-type").startswith(_BATCH)
    why = taken.broken or (taken.reasons[0] if taken.reasons and not many else None)
    if why is not None:
        return Reply(status=400, body=written({"code": why.reason, "message": why.detail}))
    return Reply(status=204)


def _paste(url: str, key: str) -> str:
    return f"POST {url}/cloudevents\nAuthorization: Bearer {key}"


PROTOCOL = Protocol(
    name="cloudevents",
    label="CloudEvents",
    paths=("/cloudevents",),
    methods=("POST",),
    key=nothing_asked,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
)
