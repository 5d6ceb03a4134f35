"""Matomo: `/matomo.php`, single hits by address or form, and many as JSON.

Facts follow the public reference of Matomo's Tracking HTTP API. A hit has no id of its own; the one
that intake makes of its content includes `rand`, which trackers draw anew for each hit and repeat
when they send it again.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta
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
    as_list,
    as_object,
    read_inner,
    read_object,
    some_text,
    written,
)
from rapport.collect.segment_calls import call, campaign_from, campaign_in, moment_of, page_of
from rapport.vocabulary.touchpoint import ORDER_COMPLETED

_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
#: Read below, or of no use: what opens the source, what asks for an answer, and an IP address.
_READ = frozenset(
    {"rec", "apiv", "send_image", "token_auth", "writeKey", "cip", "url", "urlref", "action_name",
     "uid", "_id", "cid", "cdt", "cdo", "lang", "ua", "_rcn", "_rck", "ec_id", "revenue", "ec_st",
     "ec_tx", "ec_sh", "ec_dt", "ec_items", "currency", "e_c", "e_a", "e_n", "e_v", "search",
     "search_cat", "search_count", "download", "link", "c_n", "c_p", "c_t", "c_i", "_pks", "_pkn",
     "_pkc", "_pkp", "_cvar", "cvar", "queuedtracking"}
)  # fmt: skip
_MOST_PARAMETERS = 500
_LONGEST_OFFSET = 36_500 * 86_400  # seconds


def _key(asked: Asked) -> str:
    for name in ("token_auth", "idsite"):
        if key := asked.parameter(name):
            return key
    if _is_json(asked.body):
        try:
            body = read_object(asked.body)
        except EventRefused:
            return ""
        if isinstance(body.get("token_auth"), str) and body["token_auth"]:
            return str(body["token_auth"])
        requests = body.get("requests")
        first = requests[0] if isinstance(requests, list) and requests else {}
        hit = _hit(first)
    else:
        hit = _form(asked.body)
    return hit.get("token_auth") or hit.get("idsite") or ""


def _is_json(body: bytes) -> bool:
    return body.lstrip()[:1] == b"{"


def _form(body: bytes | str) -> dict[str, str]:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = text.strip().removeprefix("?")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:
        raise EventRefused(
            "too_many_properties", f"a hit may have {_MOST_PARAMETERS} parameters"
        ) from error
    return dict(reversed(pairs))


def _hit(request: Any) -> dict[str, str]:
    """One of many hits: the address that it would have had, or an object of its parameters."""
    if isinstance(request, str):
        return _form(request.partition("?")[2] if "?" in request else request)
    if isinstance(request, dict):
        return {k: some_text(v) or "" for k, v in request.items() if not isinstance(v, dict | list)}
    return {}


def _split(asked: Asked) -> Pieces:
    beside = dict(reversed(asked.query))
    if _is_json(asked.body):
        body = read_object(asked.body)
        requests = as_list(body.get("requests"), "`requests`")
        hits = [
            hit if (hit := _read_hit(request)) is not None else {"not_a_hit": True}
            for request in requests
        ]
    else:
        hits = [beside | _form(asked.body)]
    said = {
        name: value
        for name, value in (
            ("currency", beside.get("currency")),
            ("user_agent", asked.header("user-agent")),
        )
        if value
    }
    secret = {asked.key} - {""}
    return Pieces(
        events=tuple(
            {
                k: v
                for k, v in hit.items()
                if k != "token_auth" and not (k == "idsite" and v in secret)
            }
            for hit in hits
        ),
        said=said,
    )


def _read_hit(request: Any) -> dict[str, Any] | None:
    try:
        return _hit(request) or None
    except EventRefused:
        return None


def _translate(hit: dict[str, Any], said: dict[str, Any], received_at: datetime) -> Call:
    if "not_a_hit" in hit:
        raise EventRefused("wrong_type", "a hit must be the text of its parameters")
    get = {k: v for k, v in hit.items() if isinstance(v, str) and v}
    if get.get("rec", "1") != "1":
        raise EventRefused("missing_field", "`rec=1` is needed")
    page = page_of(get.get("url"), get.get("action_name"), get.get("urlref"))
    campaign = campaign_in(get.get("url")) or campaign_from(
        {"utm_campaign": get.get("_rcn"), "utm_term": get.get("_rck")}
    )
    kind, name, properties, shows_page = _what(get, said)
    for ours, theirs in (("custom_variables", "cvar"), ("visit_custom_variables", "_cvar")):
        if theirs in get:
            properties[ours] = read_inner(get[theirs], f"`{theirs}`")
    rest = {k: v for k, v in get.items() if k not in _READ}
    if rest:
        properties["matomo"] = rest
    context = {
        "protocol": "matomo",
        "page": page,
        "campaign": campaign,
        "locale": get.get("lang"),
        "userAgent": get.get("ua") or said.get("user_agent"),
    }
    shared = {
        "userId": get.get("uid"),
        # `cid` names a visitor by hand, and beats the one of the cookie.
        "anonymousId": get.get("cid") or get.get("_id"),
        "timestamp": _time(get, received_at),
        "context": {k: v for k, v in context.items() if v},
    }
    if shows_page:
        properties = page | properties
    made = call(kind, event=name, properties=properties, **shared)
    # Hits of nobody without `rand` are as alike as two visitors of one page.
    told_apart = any(part in get for part in ("uid", "_id", "cid", "rand", "cdt"))
    return Call(made, nameless=True, each_counts=not told_apart)


def _time(get: dict[str, str], received_at: datetime) -> str | None:
    if "cdt" in get:
        return moment_of(get["cdt"], "`cdt`")
    if "cdo" in get:
        try:
            seconds = abs(int(get["cdo"]))
        except ValueError as error:
            raise EventRefused("invalid_timestamp", "`cdo` is not a number of seconds") from error
        if seconds > _LONGEST_OFFSET:
            raise EventRefused("timestamp_out_of_range", "`cdo` is more than a century")
        return (received_at.astimezone(UTC) - timedelta(seconds=seconds)).isoformat()
    return None


def _what(get: dict[str, str], said: dict[str, Any]) -> tuple[str, str, dict[str, Any], bool]:
    """What a hit is: page or track, the event's name, its properties, and whether of a page."""
    if get.get("idgoal") == "0":
        properties = _order(get, said)
        return "track", ORDER_COMPLETED if "ec_id" in get else "Cart Updated", properties, False
    if "idgoal" in get:
        return "track", "Goal Converted", {"goal_id": get["idgoal"]} | _money(get, said), True
    if "e_c" in get or "e_a" in get:
        named = {
            "category": get.get("e_c"),
            "action": get.get("e_a"),
            "label": get.get("e_n"),
            "value": get.get("e_v"),
        }
        name = get.get("e_a") or get["e_c"]
        return "track", name, {k: v for k, v in named.items() if v}, True
    if "search" in get:
        named = {
            "query": get["search"],
            "category": get.get("search_cat"),
            "results": get.get("search_count"),
        }
        return "track", "Site Searched", {k: v for k, v in named.items() if v}, True
    for parameter, name in (("download", "File Downloaded"), ("link", "Link Clicked")):
        if parameter in get:
            return "track", name, {"href": get[parameter]}, True
    if "c_n" in get:
        named = {
            "content": get["c_n"],
            "piece": get.get("c_p"),
            "target": get.get("c_t"),
            "interaction": get.get("c_i"),
        }
        name = "Content Clicked" if "c_i" in get else "Content Viewed"
        return "track", name, {k: v for k, v in named.items() if v}, True
    if get.get("ping") == "1":
        return "track", "Page Pinged", {}, True
    if "_pks" in get or "_pkc" in get:
        named = {
            "product_id": get.get("_pks"),
            "name": get.get("_pkn"),
            "category": _category(get.get("_pkc")),
            "price": get.get("_pkp"),
        }
        name = "Product Viewed" if "_pks" in get else "Product List Viewed"
        return "track", name, {k: v for k, v in named.items() if v}, True
    if "url" in get or "action_name" in get:
        return "page", "", {}, True
    raise EventRefused("missing_field", "`url` or `action_name` is needed, or what happened")


def _category(text: str | None) -> Any:
    """One category, or a list of up to five, which is written as JSON."""
    if text and text.startswith("["):
        return read_inner(text, "`_pkc`")
    return text


def _money(get: dict[str, str], said: dict[str, Any]) -> dict[str, Any]:
    named = {
        "revenue": get.get("revenue"),
        # Matomo knows a site's currency from its settings; here the tracker's address names it.
        "currency": get.get("currency") or said.get("currency"),
    }
    return {k: v for k, v in named.items() if v}


def _order(get: dict[str, str], said: dict[str, Any]) -> dict[str, Any]:
    money = _money(get, said)
    properties: dict[str, Any] = {}
    for ours, theirs in (
        ("order_id", "ec_id"),
        ("subtotal", "ec_st"),
        ("tax", "ec_tx"),
        ("shipping", "ec_sh"),
        ("discount", "ec_dt"),
    ):
        if theirs in get:
            properties[ours] = get[theirs]
    if "revenue" in money:
        properties["total"] = money.pop("revenue")
    properties |= money
    if "ec_items" in get:
        items = as_list(read_inner(get["ec_items"], "`ec_items`"), "`ec_items`")
        properties["products"] = [_product(item) for item in items]
    return properties


def _product(item: Any) -> dict[str, Any]:
    """`[sku, name, category, price, quantity]`, from the second on as far as known."""
    if isinstance(item, dict):
        return as_object(item, "a line of `ec_items`")
    parts = as_list(item, "a line of `ec_items`")
    names = ("sku", "name", "category", "price", "quantity")
    product = {k: v for k, v in zip(names, parts, strict=False) if v not in (None, "")}
    if isinstance(product.get("category"), list):
        product["categories"] = product["category"]
        product["category"] = " / ".join(filter(None, map(some_text, product["category"])))
    return product


def _reply(asked: Asked, taken: Taken) -> Reply:
    if _is_json(asked.body):
        if taken.broken is not None:
            told: dict[str, Any] = {
                "status": "error",
                "tracked": 0,
                "invalid": 0,
                "message": taken.broken.detail,
            }
            return Reply(status=400, body=written(told))
        tracked = taken.accepted + taken.duplicates
        told = {"status": "success", "tracked": tracked, "invalid": taken.refused}
        if taken.refused:
            told["invalid_indices"] = list(taken.refused_at)
        return Reply(body=written(told))
    why = taken.broken or (taken.reasons[0] if taken.reasons else None)
    if why is not None:
        return Reply(status=400, body=why.detail.encode(), content_type="text/plain; charset=utf-8")
    if asked.parameter("send_image") == "0" or _form(asked.body).get("send_image") == "0":
        return Reply(status=204)
    return Reply(body=_PIXEL, content_type="image/gif", headers={"Cache-Control": "no-store"})


def _paste(url: str, key: str) -> str:
    return (
        "var _paq = window._paq = window._paq || [];\n"
        '_paq.push(["trackPageView"], ["enableLinkTracking"]);\n'
        f'_paq.push(["setTrackerUrl", "{url}/matomo.php?currency=EUR"], ["setSiteId", "{key}"]);'
    )


PROTOCOL = Protocol(
    name="matomo",
    label="Matomo",
    paths=("/matomo.php", "/piwik.php"),
    methods=("GET", "POST"),
    key=_key,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
)
