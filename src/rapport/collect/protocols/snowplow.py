"""Snowplow: `/com.snowplowanalytics.snowplow/tp2` and the pixel `/i`, as its trackers send.

Facts follow Snowplow's public tracker protocol: `payload_data` 1-0-x, self-describing events and
entities plain (`ue_pr`, `co`) or in Base64 (`ue_px`, `cx`), and the transactions of both its old
and its present ecommerce.
"""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress
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
    as_list,
    as_object,
    read_inner,
    read_object,
    require_text,
    some_object,
    some_text,
    unpacked_base64,
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
from rapport.vocabulary.touchpoint import ORDER_COMPLETED

POST_PATH = "/com.snowplowanalytics.snowplow/tp2"
_PAYLOAD = "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-"
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
_MOBILE = {"mob": "", "iot": ""}
#: What is read below under a name of its own, and the IP address, which is not kept.
_READ = frozenset(
    {"e", "eid", "uid", "duid", "nuid", "tnuid", "ip", "dtm", "stm", "ttm", "url", "page", "refr",
     "ua", "lang", "ue_pr", "ue_px", "co", "cx", "se_ca", "se_ac", "se_la", "se_pr", "se_va",
     "tr_id", "tr_tt", "tr_tx", "tr_sh", "tr_cu", "ti", "tv", "writeKey"}
)  # fmt: skip
_ITEM = {
    "ti_sk": "sku",
    "ti_nm": "name",
    "ti_ca": "category",
    "ti_pr": "price",
    "ti_qu": "quantity",
    "ti_cu": "currency",
}
_PRODUCT = {"id": "product_id"}
_PLACES = {
    "tr_af": "affiliation", "tr_ci": "city", "tr_st": "state", "tr_co": "order_country",
}  # fmt: skip
_ECOMMERCE = "com.snowplowanalytics.snowplow.ecommerce"
_ACTION = f"{_ECOMMERCE}/snowplow_ecommerce_action"
_BASIC = "com.snowplowanalytics.snowplow"
_NAMED = {
    f"{_BASIC}/link_click": "Link Clicked",
    f"{_BASIC}/submit_form": "Form Submitted",
    f"{_BASIC}/site_search": "Site Searched",
}
_SCREENS = frozenset(
    {f"{_BASIC}/screen_view", "com.snowplowanalytics.mobile/screen_view"}
)  # fmt: skip


def _app_key(app_id: str) -> str:
    """The write key in an application's id: all of it, or what stands before a colon."""
    return app_id.partition(":")[0]


def _key(asked: Asked) -> str:
    if app := asked.parameter("aid"):
        return _app_key(app)
    if asked.method == "GET":
        return ""
    try:
        data = read_object(asked.body).get("data")
    except EventRefused:
        return ""
    first = data[0] if isinstance(data, list) and data else {}
    return _app_key(some_text(some_object(first).get("aid")) or "")


def _split(asked: Asked) -> Pieces:
    if asked.method == "GET":
        hits: list[Any] = [dict(reversed(asked.query))]
    else:
        body = read_object(asked.body)
        schema = some_text(body.get("schema")) or ""
        if not schema.startswith(_PAYLOAD):
            raise EventRefused("unknown_type", f"`schema` must be {_PAYLOAD}4, or an earlier one")
        hits = as_list(body.get("data"), "`data`")
    said = {"user_agent": asked.header("user-agent")} if asked.header("user-agent") else {}
    events = [_plain(hit, asked.key) for hit in hits]
    return Pieces(events=tuple(_joined(events)), said=said)


def _plain(hit: Any, key: str) -> dict[str, Any]:
    """An event without its key, and with nothing hidden in Base64.

    Were it kept as it came when it is refused, nobody would find the person in it who asks to be
    forgotten.
    """
    if not isinstance(hit, dict):
        return {"not_an_object": True}
    event = {str(k): v for k, v in hit.items() if v not in (None, "")}
    for packed, plain in (("ue_px", "ue_pr"), ("cx", "co")):
        text = event.get(packed)
        if isinstance(text, str) and plain not in event:
            try:
                event[plain] = read_inner(unpacked_base64(text, packed), packed)
            except EventRefused:
                continue  # refused with its reason when it is translated
            del event[packed]
    app = some_text(event.get("aid"))
    if key and app is not None and _app_key(app) == key:
        event["aid"] = app.partition(":")[2]
    return event


def _joined(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events; lines of an order, which the old ecommerce sends apart, with their order."""
    orders = {
        some_text(e.get("tr_id")): e
        for e in events
        if e.get("e") == "tr" and some_text(e.get("tr_id"))
    }
    rest = []
    for event in events:
        order = orders.get(some_text(event.get("ti_id"))) if event.get("e") == "ti" else None
        if order is None:
            rest.append(event)
        else:
            order.setdefault("ti", []).append(event)
    return rest


def _translate(event: dict[str, Any], said: dict[str, Any], _received_at: datetime) -> Call:
    if "not_an_object" in event:
        raise EventRefused("wrong_type", "an event must be a JSON object")
    kind = require_text(event.get("e"), "`e`")
    entities = _entities(event)
    ids = _ids(event, entities)
    rest = {k: v for k, v in event.items() if k not in _READ and v != ""}
    if kind in ("tr", "ti"):
        rest = {k: v for k, v in rest.items() if k not in (*_PLACES, *_ITEM, "ti_id")}
    properties: dict[str, Any] = {}
    if rest:
        properties["snowplow"] = rest
    if entities:
        properties["entities"] = [{"schema": s, "data": d} for s, d in entities]
    shared = {
        **ids,
        "messageId": some_text(event.get("eid")),
        **_times(event),
        "context": _context(event, said),
    }
    page = page_of(event.get("url"), event.get("page"), event.get("refr"))
    if kind == "pv":
        return Call(call("page", properties=page | properties, **shared), nameless=True)
    if kind == "ue":
        return _self_describing(event, entities, page, properties, shared)
    name, more = _plain_event(kind, event)
    return Call(
        call("track", event=name, properties=page | more | properties, **shared), nameless=True
    )


def _entities(event: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """What is attached to an event, with the vendor and name of each schema."""
    if "co" not in event:
        if "cx" not in event:
            return []
        text = require_text(event["cx"], "`cx`")
        wrapper = read_inner(unpacked_base64(text, "`cx`"), "`cx`")
    else:
        wrapper = event["co"]
        if isinstance(wrapper, str):
            wrapper = read_inner(wrapper, "`co`")
    listed = as_list(as_object(wrapper, "`co`").get("data"), "`co.data`")
    return [
        (
            _schema(entity, "an entity"),
            as_object(some_object(entity).get("data"), "an entity's `data`"),
        )
        for entity in listed
    ]


def _schema(described: Any, where: str) -> str:
    """The vendor and name of what describes itself: of ``iglu:vendor/name/jsonschema/1-0-0``."""
    address = require_text(as_object(described, where).get("schema"), f"`schema` of {where}")
    vendor, _, name = address.removeprefix("iglu:").partition("/")
    name = name.partition("/")[0]
    if not vendor or not name:
        raise EventRefused("unknown_type", f"`schema` of {where} is not iglu:vendor/name/…")
    return f"{vendor}/{name}"


def _ids(event: dict[str, Any], entities: list[tuple[str, dict[str, Any]]]) -> dict[str, str]:
    session = next((d for s, d in entities if s == f"{_BASIC}/client_session"), {})
    device = (
        some_text(event.get("duid"))
        or some_text(session.get("userId"))
        or some_text(event.get("tnuid"))
        or some_text(event.get("nuid"))
    )
    if device == "00000000-0000-0000-0000-000000000000":  # of anonymous tracking: nobody
        device = None
    return {"userId": some_text(event.get("uid")) or "", "anonymousId": device or ""}


def _times(event: dict[str, Any]) -> dict[str, str]:
    """The true time where there is one, else the device's with when it was sent."""
    if "ttm" in event:
        return {"timestamp": moment_of(event["ttm"], "`ttm`", per_second=1000)}
    if "dtm" not in event:
        return {}
    times = {"timestamp": moment_of(event["dtm"], "`dtm`", per_second=1000)}
    with suppress(EventRefused):  # unreadable or unsaid, it only costs the clock's correction
        times["sentAt"] = moment_of(event.get("stm"), "`stm`", per_second=1000)
    return times


def _context(event: dict[str, Any], said: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {
        "protocol": "snowplow",
        "library": {"name": tracker} if (tracker := some_text(event.get("tv"))) else None,
        "page": page_of(event.get("url"), event.get("page"), event.get("refr")),
        "campaign": campaign_in(event.get("url")),
        "locale": some_text(event.get("lang")),
        "userAgent": some_text(event.get("ua")) or said.get("user_agent"),
    }
    if event.get("p") in _MOBILE:
        context["device"] = {"type": "android" if "andr" in str(event.get("tv")) else "ios"}
        context.pop("page")
    return {k: v for k, v in context.items() if v not in (None, "", {})}


def _plain_event(kind: str, event: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and properties of an event of the protocol's own kinds."""
    if kind == "pp":
        return "Page Pinged", {}
    if kind == "se":
        named = {
            "category": "se_ca",
            "action": "se_ac",
            "label": "se_la",
            "property": "se_pr",
            "value": "se_va",
        }
        properties = {ours: event[theirs] for ours, theirs in named.items() if theirs in event}
        return require_text(event.get("se_ac"), "`se_ac`"), properties
    if kind == "tr":
        return ORDER_COMPLETED, _old_order(event)
    if kind == "ti":
        line = {k: v for k, v in event.items() if k in _ITEM}
        return "Order Line Sent", product_of(line, _ITEM) | {"order_id": event.get("ti_id")}
    if kind == "ad":
        return "Ad Shown", {}
    raise EventRefused("unknown_type", "`e` must be one of pv, pp, ue, se, tr, ti")


def _old_order(event: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        ours: event[theirs]
        for ours, theirs in (
            ("order_id", "tr_id"),
            ("total", "tr_tt"),
            ("tax", "tr_tx"),
            ("shipping", "tr_sh"),
            ("currency", "tr_cu"),
            *((ours, theirs) for theirs, ours in _PLACES.items()),
        )
        if theirs in event
    }
    lines = event.get("ti")
    if isinstance(lines, list):
        properties["products"] = [
            product_of(
                {k: v for k, v in some_object(line).items() if k not in ("e", "ip", "ti_id")}, _ITEM
            )
            for line in lines
        ]
    return properties


def _self_describing(
    event: dict[str, Any],
    entities: list[tuple[str, dict[str, Any]]],
    page: dict[str, Any],
    properties: dict[str, Any],
    shared: dict[str, Any],
) -> Call:
    wrapper = event.get("ue_pr")
    if wrapper is None and "ue_px" in event:
        text = require_text(event["ue_px"], "`ue_px`")
        wrapper = read_inner(unpacked_base64(text, "`ue_px`"), "`ue_px`")
    elif isinstance(wrapper, str):
        wrapper = read_inner(wrapper, "`ue_pr`")
    if wrapper is None:
        raise EventRefused("missing_field", "`ue_pr` or `ue_px` is needed in an event `ue`")
    inner = as_object(wrapper, "`ue_pr`").get("data")
    schema = _schema(inner, "`ue_pr.data`")
    stated = some_object(inner).get("data")
    data = {} if stated is None else as_object(stated, "`ue_pr.data.data`")
    properties = properties | {"schema": schema}
    if schema in _SCREENS:
        title = some_text(data.get("name"))
        return Call(
            call("screen", name=title, properties=data | properties, **shared), nameless=True
        )
    if schema == _ACTION:
        name, traded = _trade(data, entities)
        made = call("track", event=name, properties=page | traded | properties, **shared)
        return Call(made, nameless=True)
    name = _NAMED.get(schema) or schema.partition("/")[2]
    return Call(
        call("track", event=name, properties=page | data | properties, **shared), nameless=True
    )


def _trade(
    data: dict[str, Any], entities: list[tuple[str, dict[str, Any]]]
) -> tuple[str, dict[str, Any]]:
    """Name and properties of an action of the present ecommerce, whose facts are entities."""
    action = require_text(data.get("type"), "`type` of the ecommerce action")
    name = trade_name(action) or action
    properties = dict(data)

    def found(entity: str) -> list[dict[str, Any]]:
        return [d for s, d in entities if s == f"{_ECOMMERCE}/{entity}"]

    products = [product_of(product, _PRODUCT) for product in found("product")]
    for order in found("transaction")[:1]:
        properties |= order
        properties["order_id"] = order.get("transaction_id")
        properties["total"] = order.get("revenue")
        properties.pop("revenue", None)
    for refund in found("refund")[:1]:
        properties |= refund
        properties["order_id"] = refund.get("transaction_id")
        properties["total"] = refund.get("refund_amount")
        properties["currency"] = refund.get("currency") or properties.get("currency")
    for entity in ("cart", "checkout_step", "promotion"):
        for more in found(entity)[:1]:
            properties = more | properties
    if len(products) == 1 and action not in ("transaction", "refund"):
        properties = products[0] | properties
    elif products:
        properties["products"] = products
    return name, {k: v for k, v in properties.items() if v is not None}


def _reply(asked: Asked, taken: Taken) -> Reply:
    if taken.broken is not None:
        told = {"code": taken.broken.reason, "message": taken.broken.detail}
        return Reply(status=400, body=written(told))
    if asked.method == "GET":
        return Reply(body=_PIXEL, content_type="image/gif", headers={"Cache-Control": "no-store"})
    return Reply(body=b"ok", content_type="text/plain; charset=utf-8")


def _paste(url: str, key: str) -> str:
    return (
        f'newTracker("sp", "{url}", {{appId: "{key}:webshop"}});  // the browser tracker\n\n'
        f'Tracker(namespace="sp", emitters=Emitter("{url}"), app_id="{key}:webshop")  # Python'
    )


PROTOCOL = Protocol(
    name="snowplow",
    label="Snowplow",
    paths=(POST_PATH, "/i"),
    methods=("POST", "GET"),
    key=_key,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
    with_credentials=True,
)
