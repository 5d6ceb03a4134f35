"""Google Analytics 4: the Measurement Protocol, `/mp/collect` and its check `/debug/mp/collect`.

Facts follow Google's public manual of the Measurement Protocol. As there, events are answered with
204 whatever they hold; what is wrong with them tells the check, which keeps nothing.
"""

from __future__ import annotations

import re
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from rapport.collect.protocol import (
    Asked,
    Call,
    EventRefused,
    Pieces,
    Protocol,
    Question,
    Reply,
    Taken,
    as_list,
    as_object,
    read_object,
    require_text,
    some_object,
    some_text,
    written,
)
from rapport.collect.segment_calls import (
    call,
    campaign_in,
    moment_of,
    page_of,
    product_of,
    trade_name,
)

MOST_EVENTS = 25
MOST_PARAMETERS = 25
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_PRODUCT = {
    "item_id": "product_id", "item_name": "name", "item_category": "category",
    "item_brand": "brand", "item_variant": "variant",
}  # fmt: skip
_SHARED = (
    "client_id", "app_instance_id", "user_id", "user_properties", "user_data", "consent",
    "timestamp_micros", "device", "user_location",
)  # fmt: skip
_READ = frozenset(
    {*_SHARED, "events", "ip_override", "validation_behavior", "non_personalized_ads", "user_agent"}
)
_CAMPAIGN = {
    "campaign": "name",
    "source": "source",
    "medium": "medium",
    "term": "term",
    "content": "content",
    "campaign_id": "id",
}


def _key(asked: Asked) -> str:
    return asked.parameter("api_secret")


def _split(asked: Asked) -> Pieces:
    body = read_object(asked.body)
    said = {name: body[name] for name in (*_SHARED, "non_personalized_ads") if name in body}
    said |= {f"ga4_{name}": value for name, value in body.items() if name not in _READ}
    for name in ("measurement_id", "firebase_app_id"):
        if asked.parameter(name):
            said[name] = asked.parameter(name)
    agent = some_text(body.get("user_agent")) or asked.header("user-agent")
    if agent:
        said["user_agent"] = agent
    events = as_list(body.get("events"), "`events`")
    return Pieces(
        events=tuple(e if isinstance(e, dict) else {"not_an_object": True} for e in events),
        said=said,
    )


def _translate(event: dict[str, Any], said: dict[str, Any], _received_at: datetime) -> Call:
    if "not_an_object" in event:
        raise EventRefused("wrong_type", "an event must be a JSON object")
    name = require_text(event.get("name"), "`name`")
    stated = event.get("params")
    params = {} if stated is None else as_object(stated, "`params`")
    device = some_text(said.get("client_id")) or some_text(said.get("app_instance_id"))
    user = some_text(said.get("user_id"))
    if device is None and user is None:
        raise EventRefused("missing_identity", "`client_id` or `app_instance_id` is needed")
    properties = dict(params)
    micros = event.get("timestamp_micros", said.get("timestamp_micros"))
    page = page_of(
        params.get("page_location"), params.get("page_title"), params.get("page_referrer")
    )
    shared: dict[str, Any] = {
        "userId": user,
        "anonymousId": device,
        "messageId": _message_id(name, params),
        "timestamp": None
        if micros in (None, "")
        else moment_of(micros, "`timestamp_micros`", per_second=1_000_000),
        "context": _context(params, said, page, event),
    }
    for part in ("user_data", "user_location", "device"):
        if part in said or part in event:
            properties[part] = event.get(part, said.get(part))
    properties |= {k: v for k, v in said.items() if k.startswith("ga4_")}
    properties |= {f"ga4_{k}": v for k, v in event.items() if k not in _READ_OF_EVENT}
    if name in ("page_view", "screen_view"):
        kind = "page" if name == "page_view" else "screen"
        title = None if kind == "page" else some_text(params.get("screen_name"))
        made = call(kind, name=title, properties=page | properties, **shared)
        return Call(made, each_counts=micros in (None, ""))
    traded = trade_name(name)
    if traded is not None:
        properties = _trade(properties) | {"ga4_event": name}
    made = call("track", event=traded or name, properties=properties, **shared)
    return Call(made, each_counts=micros in (None, ""))


_READ_OF_EVENT = frozenset(
    {
        "name",
        "params",
        "timestamp_micros",
        "user_properties",
        "user_data",
        "user_location",
        "device",
        "consent",
    }
)


def _message_id(name: str, params: dict[str, Any]) -> str | None:
    """The id of an event in a protocol without one: a purchase is one once, as it is at Google."""
    for kind, given in (
        ("event", some_text(params.get("event_id"))),
        ("purchase", some_text(params.get("transaction_id")) if name == "purchase" else None),
    ):
        if given is not None:
            return f"ga4-{kind}-{sha256(given.encode('utf-8', 'replace')).hexdigest()[:40]}"
    return None


def _context(
    params: dict[str, Any], said: dict[str, Any], page: dict[str, Any], event: dict[str, Any]
) -> dict[str, Any]:
    traits = {}
    people = some_object(said.get("user_properties")) | some_object(event.get("user_properties"))
    for name, value in people.items():
        traits[name] = value.get("value") if isinstance(value, dict) else value
    consent = some_object(event.get("consent", said.get("consent")))
    agreed = {k: v == "GRANTED" for k, v in consent.items() if v in ("GRANTED", "DENIED")}
    campaign = {
        ours: text
        for theirs, ours in _CAMPAIGN.items()
        if (text := some_text(params.get(theirs))) is not None
    }
    context: dict[str, Any] = {
        "protocol": "ga4",
        "page": page,
        "campaign": campaign or campaign_in(params.get("page_location")),
        "traits": traits,
        "locale": some_text(params.get("language")),
        "userAgent": some_text(said.get("user_agent")),
        "measurement_id": said.get("measurement_id"),
        "firebase_app_id": said.get("firebase_app_id"),
        "consent": {"categoryPreferences": agreed} if agreed else None,
        "non_personalized_ads": said.get("non_personalized_ads"),
    }
    if said.get("app_instance_id"):
        context["device"] = (
            {"type": "android"}
            if "android" in str(said.get("firebase_app_id"))
            else {"type": "ios"}
        )
        context.pop("page")
    return {k: v for k, v in context.items() if v not in (None, "", {})}


def _trade(params: dict[str, Any]) -> dict[str, Any]:
    properties = dict(params)
    if "transaction_id" in properties:
        properties["order_id"] = properties["transaction_id"]
    if "value" in properties:
        # Google's value is the sum of the lines, without tax and shipping: Segment's revenue.
        properties["revenue"] = properties["value"]
    if isinstance(properties.get("items"), list):
        items = properties.pop("items")
        properties["products"] = [
            product_of(as_object(item, "a line of `items`"), _PRODUCT) for item in items
        ]
    return properties


def _reply(_asked: Asked, _taken: Taken) -> Reply:
    return Reply(status=204)


def _message(where: str, code: str, text: str) -> dict[str, str]:
    return {"fieldPath": where, "description": text, "validationCode": code}


def _check(asked: Asked) -> Reply:
    """What would be wrong with these events; nothing is kept."""
    found: list[dict[str, str]] = []
    try:
        body = read_object(asked.body)
    except EventRefused as error:
        found.append(_message("", "VALUE_INVALID", error.refusal.detail))
        return Reply(body=written({"validationMessages": found}))
    if not (some_text(body.get("client_id")) or some_text(body.get("app_instance_id"))):
        found.append(_message("client_id", "VALUE_REQUIRED", "Measurement requires a client_id."))
    events = body.get("events")
    if not isinstance(events, list):
        found.append(_message("events", "VALUE_REQUIRED", "Measurement requires events."))
        events = []
    if len(events) > MOST_EVENTS:
        text = f"A request may have {MOST_EVENTS} events; all of these would be kept."
        found.append(_message("events", "EXCEEDED_MAX_ENTITIES", text))
    for index, event in enumerate(events):
        found += _check_event(index, event, asked)
    return Reply(body=msgspec.json.encode({"validationMessages": found}))


def _check_event(index: int, event: Any, asked: Asked) -> list[dict[str, str]]:
    where = f"events[{index}]"
    if not isinstance(event, dict):
        return [_message(where, "VALUE_INVALID", f"Event at index: [{index}] is no object.")]
    name = event.get("name")
    if not isinstance(name, str) or not name:
        return [
            _message(f"{where}.name", "VALUE_REQUIRED", f"Event at index: [{index}] needs a name.")
        ]
    found = []
    if not _NAME.fullmatch(name):
        text = (
            f"Event at index: [{index}] has invalid name. Names must start with an alphabetic "
            "character and have at most 40 letters, digits and underscores."
        )
        found.append(_message("events", "NAME_INVALID", text))
    params = event.get("params")
    if params is not None and not isinstance(params, dict):
        found.append(_message(f"{where}.params", "VALUE_INVALID", "`params` must be an object."))
    elif params and len(params) > MOST_PARAMETERS:
        text = f"Event at index: [{index}] has more than {MOST_PARAMETERS} params."
        found.append(_message(f"{where}.params", "EXCEEDED_MAX_ENTITIES", text))
    try:
        _translate(event, {"client_id": "somebody"}, asked.received_at)
    except EventRefused as error:
        text = f"Event at index: [{index}]: {error.refusal.detail}."
        found.append(_message(where, "VALUE_INVALID", text))
    return found


def _paste(url: str, key: str) -> str:
    return f"POST {url}/mp/collect?measurement_id=G-XXXXXXX&api_secret={key}"


PROTOCOL = Protocol(
    name="ga4",
    label="Google Analytics 4",
    paths=("/mp/collect",),
    methods=("POST",),
    key=_key,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
    questions=(
        Question(paths=("/debug/mp/collect",), methods=("POST",), answer=_check, keyed=False),
    ),
)
