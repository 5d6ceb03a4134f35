"""Plausible: `/api/event`, as its script and its events API send.

Plausible counts visits without knowing visitors: no cookie, no id. We make none up either, of
addresses and browsers or otherwise. Its events are touchpoints of nobody: they count in traffic and
sales of the web, and belong to no profile.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rapport.collect.protocol import (
    Asked,
    Call,
    EventRefused,
    Pieces,
    Protocol,
    Reply,
    Taken,
    as_object,
    read_inner,
    read_object,
    require_text,
    some_text,
    written,
)
from rapport.collect.segment_calls import call, campaign_in, page_of, trade_name

_READ = frozenset(
    {"n", "name", "u", "url", "d", "domain", "r", "referrer", "p", "props", "m", "meta", "$",
     "revenue", "writeKey"}
)  # fmt: skip


def _key(asked: Asked) -> str:
    try:
        event = read_object(asked.body)
    except EventRefused:
        return ""
    domain = event.get("d", event.get("domain"))
    return domain if isinstance(domain, str) else ""


def _split(asked: Asked) -> Pieces:
    said = {"userAgent": asked.header("user-agent")} if asked.header("user-agent") else {}
    event = read_object(asked.body)
    if asked.key in (event.get("d"), event.get("domain")):  # a key is no name of a site
        event = {k: v for k, v in event.items() if k not in ("d", "domain")}
    return Pieces(events=(event,), said=said)


def _either(event: dict[str, Any], short: str, long: str) -> Any:
    """A part by its short name, which the script sends, or its long one, of the manual."""
    value = event.get(short)
    return event.get(long) if value in (None, "") else value


def _object(value: Any, where: str) -> dict[str, Any]:
    """An object, also where it was written as text."""
    if value in (None, ""):
        return {}
    return as_object(read_inner(value, where) if isinstance(value, str) else value, where)


def _translate(event: dict[str, Any], said: dict[str, Any], _received_at: datetime) -> Call:
    name = require_text(_either(event, "n", "name"), "`name`")
    url = require_text(_either(event, "u", "url"), "`url`")
    page = page_of(url, referrer=_either(event, "r", "referrer"))
    properties = _object(_either(event, "p", "props") or _either(event, "m", "meta"), "`props`")
    properties = dict(properties)
    revenue = _object(_either(event, "$", "revenue"), "`revenue`")
    if revenue:
        properties["revenue"] = revenue.get("amount")
        properties["currency"] = some_text(revenue.get("currency"))
    rest = {k: v for k, v in event.items() if k not in _READ}
    properties |= {"plausible": rest} if rest else {}
    if (domain := some_text(_either(event, "d", "domain"))) is not None:
        properties.setdefault("domain", domain)
    context = {
        "protocol": "plausible",
        "page": page,
        "campaign": campaign_in(url),
        **said,
    }
    context = {k: v for k, v in context.items() if v}
    if name == "pageview":
        viewed = call("page", properties=page | properties, context=context)
        return Call(viewed, nameless=True, each_counts=True)
    traded = trade_name(name)
    if traded is not None and traded != name:
        properties["plausible_event"] = name
    made = call("track", event=traded or name, properties=properties, context=context)
    return Call(made, nameless=True, each_counts=True)


def _reply(_asked: Asked, taken: Taken) -> Reply:
    why = taken.broken or (taken.reasons[0] if taken.reasons else None)
    if why is not None:
        return Reply(status=400, body=written({"errors": {why.reason: [why.detail]}}))
    return Reply(status=202, body=b"ok", content_type="text/plain; charset=utf-8")


def _paste(url: str, key: str) -> str:
    return (
        '<script defer data-domain="shop.example"\n'
        f'  data-api="{url}/api/event?writeKey={key}"\n'
        '  src="https://plausible.example/js/script.js"></script>'
    )


PROTOCOL = Protocol(
    name="plausible",
    label="Plausible",
    paths=("/api/event",),
    methods=("POST",),
    key=_key,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
)
