"""PostHog: `/batch/`, `/capture/`, `/e/` and `/i/v0/e/`, as its browser and server libraries send.

Facts follow PostHog's public manual of its capture API and what posthog-js and posthog-python put
on the wire. Feature flags, recordings and surveys are not ours to give: asked for them, we say that
there are none, so that a client starts and sends its events.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from hashlib import sha256
from math import isfinite
from typing import Any
from urllib.parse import parse_qsl

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
    read_body,
    read_inner,
    require_text,
    some_object,
    some_text,
    unpacked_base64,
    written,
)
from rapport.collect.segment_calls import call, campaign_from, moment_of, page_of, trade_name

_LIBRARIES_OF_DEVICES = frozenset(
    {"web", "js", "posthog-ios", "posthog-android", "posthog-react-native", "posthog-flutter"}
)
_MOBILE = {
    "posthog-ios": "iOS", "posthog-android": "Android",
    "posthog-react-native": "", "posthog-flutter": "",
}  # fmt: skip
#: UUIDs, and the five hexadecimal parts that posthog-js made before it used them.
_MADE = re.compile(r"[0-9a-f]{8,}(-[0-9a-f]{4,}){4}", re.IGNORECASE)
#: Addresses of machines are personal data for which we have no use; keys open sources.
_DROPPED = frozenset({"$ip", "token", "api_key"})
_LONGEST_OFFSET = timedelta(days=36_500)


def _key(asked: Asked) -> str:
    for name in ("token", "api_key"):
        if key := asked.parameter(name):
            return key
    try:
        body = _body(asked)
    except EventRefused:
        return ""
    events = body if isinstance(body, list) else [body]
    if isinstance(body, dict) and isinstance(body.get("batch"), list):
        events += body["batch"][:1]
    for event in events:
        if not isinstance(event, dict):
            continue
        for holder in (event, some_object(event.get("properties"))):
            for name in ("api_key", "token", "$token"):
                if isinstance(holder.get(name), str) and holder[name]:
                    return str(holder[name])
    return ""


def _body(asked: Asked) -> Any:
    """The JSON of a request: as its body, or Base64 in a form's or the address's `data`."""
    data = asked.parameter("data")
    if not data and asked.body[:5] == b"data=":
        try:
            text = asked.body.decode("ascii")
        except UnicodeDecodeError as error:
            raise EventRefused("invalid_encoding", "the form must be in ASCII") from error
        data = dict(parse_qsl(text, max_num_fields=20)).get("data", "")
    if data:
        plain = data.lstrip()[:1] in ("{", "[")
        return read_inner(data if plain else unpacked_base64(data, "`data`"), "`data`")
    if asked.body[:1] not in (b"{", b"[", b" ", b"\n", b"\t", b'"') and asked.parameter(
        "compression"
    ).startswith("base64"):
        text = asked.body.decode("ascii", "replace")
        return read_inner(unpacked_base64(text, "the body"), "the body")
    return read_body(asked.body)


def _split(asked: Asked) -> Pieces:
    body = _body(asked)
    said: dict[str, Any] = {}
    if isinstance(body, list):
        events = body
    else:
        stated = as_object(body, "the body")
        if "batch" in stated:
            events = as_list(stated["batch"], "`batch`")
        elif isinstance(stated.get("data"), list):  # as some mobile libraries wrap them
            events = stated["data"]
        else:
            events = [stated]
        if (sent_at := some_text(stated.get("sent_at"))) is not None:
            said["sent_at"] = sent_at
        if stated.get("historical_migration"):
            said["historical_migration"] = True
    if "sent_at" not in said and asked.parameter("_"):
        said["sent_at"] = asked.parameter("_")
    return Pieces(
        events=tuple(
            event if isinstance(event, dict) else {"not_an_object": event} for event in events
        ),
        said=said,
    )


def _translate(event: dict[str, Any], said: dict[str, Any], received_at: datetime) -> Call:
    if set(event) == {"not_an_object"}:
        raise EventRefused("wrong_type", "an event must be a JSON object")
    name = require_text(event.get("event"), "`event`")
    stated = event.get("properties")
    properties = {} if stated is None else as_object(stated, "`properties`")
    distinct_id = some_text(event.get("distinct_id")) or some_text(properties.get("distinct_id"))
    distinct_id = distinct_id or some_text(properties.get("$distinct_id"))
    kept = {k: v for k, v in properties.items() if k not in _DROPPED and k != "distinct_id"}
    for part in ("$set", "$set_once"):  # server libraries put them beside the properties
        if part in event and part not in kept:
            kept[part] = event[part]
    kept |= {f"posthog_{k}": v for k, v in event.items() if k not in _READ}
    library = some_text(properties.get("$lib")) or ""
    shared: dict[str, Any] = {
        "messageId": _message_id(event, properties),
        "context": _context(kept, library, said),
        **_times(event, said, received_at),
    }
    ids = _ids(distinct_id, properties, library)
    if name == "$groupidentify":
        return _grouped(properties, kept, ids, distinct_id, shared)
    if name in ("$create_alias", "$merge_dangerously"):
        return Call(
            call("alias", **_alias(name, distinct_id, properties), properties=kept, **shared)
        )
    if distinct_id is None:
        raise EventRefused("missing_identity", "`distinct_id` is needed")
    if name in ("$identify", "$set"):
        anonymous = some_text(properties.get("$anon_distinct_id"))
        if name == "$identify":
            ids = {"userId": distinct_id}
            if anonymous != distinct_id:
                ids["anonymousId"] = anonymous or ""
        traits = _traits(kept)
        return Call(call("identify", **ids, traits=traits, properties=kept, **shared))
    if name == "$pageview":
        return Call(call("page", **ids, properties=_page(kept) | kept, **shared))
    if name == "$screen":
        title = some_text(properties.get("$screen_name"))
        return Call(call("screen", name=title, **ids, properties=kept, **shared))
    traded = trade_name(name)
    if traded is not None and traded != name:
        kept["posthog_event"] = name
    return Call(call("track", event=traded or name, **ids, properties=kept, **shared))


#: What of an event is read; the rest is kept as `posthog_…` properties.
_READ = frozenset(
    {"event", "properties", "distinct_id", "timestamp", "offset", "uuid", "sent_at", "$set",
     "$set_once", "api_key", "token", "batch", "historical_migration", "ip", "type"}
)  # fmt: skip


def _message_id(event: dict[str, Any], properties: dict[str, Any]) -> str:
    given = some_text(event.get("uuid")) or some_text(properties.get("$insert_id"))
    if given is not None:
        return given
    # With `offset` the time is made of the time of receipt, which a retry changes: so the id is
    # one of what was sent, and not left to be made of the translation.
    if "offset" in event:
        told = {k: v for k, v in event.items() if k not in ("sent_at", "api_key", "token")}
        return "made-" + sha256(msgspec.json.encode(told, order="sorted")).hexdigest()[:40]
    return ""


def _times(
    event: dict[str, Any], said: dict[str, Any], received_at: datetime
) -> dict[str, str | None]:
    offset = event.get("offset")
    if event.get("timestamp") in (None, "") and offset is not None:
        if type(offset) not in (int, float) or not isfinite(offset):
            raise EventRefused("invalid_timestamp", "`offset` is not a number of milliseconds")
        if abs(offset) > _LONGEST_OFFSET.total_seconds() * 1000:
            raise EventRefused("timestamp_out_of_range", "`offset` is more than a century")
        return {"timestamp": (received_at - timedelta(milliseconds=offset)).isoformat()}
    if event.get("timestamp") in (None, ""):
        return {}
    sent_at = said.get("sent_at") or event.get("sent_at")
    return {
        "timestamp": moment_of(event["timestamp"], "`timestamp`"),
        "sentAt": some_text(sent_at),
    }


def _ids(distinct_id: str | None, properties: dict[str, Any], library: str) -> dict[str, str]:
    """Who it was: PostHog's one id is a user's or a browser's, which its neighbours tell."""
    if distinct_id is None:
        return {}
    identified = properties.get("$is_identified")
    if isinstance(identified, bool):
        known = identified
    elif some_text(properties.get("$user_id")) == distinct_id:
        known = True
    elif some_text(properties.get("$device_id")) == distinct_id:
        known = False
    else:
        nobody = properties.get("$process_person_profile") is False
        of_device = library in _LIBRARIES_OF_DEVICES and _looks_made(distinct_id)
        known = not (nobody or of_device)
    return {"userId" if known else "anonymousId": distinct_id}


def _looks_made(distinct_id: str) -> bool:
    """Whether an id is one that PostHog's libraries make for a browser or app by themselves."""
    return _MADE.fullmatch(distinct_id) is not None


def _alias(name: str, distinct_id: str | None, properties: dict[str, Any]) -> dict[str, str | None]:
    first = some_text(properties.get("distinct_id")) or distinct_id
    other = some_text(properties.get("alias"))
    if first is None or other is None:
        raise EventRefused("missing_identity", f"`distinct_id` and `alias` are needed in {name}")
    # posthog-python's alias(previous, new) names the older id first; merging names the kept one.
    previous, now = (first, other) if name == "$create_alias" else (other, first)
    if _looks_made(now) and not _looks_made(previous):
        previous, now = now, previous
    anonymous = previous if _looks_made(previous) else None
    return {"userId": now, "previousId": previous, "anonymousId": anonymous}


def _grouped(
    properties: dict[str, Any],
    kept: dict[str, Any],
    ids: dict[str, str],
    distinct_id: str | None,
    shared: dict[str, Any],
) -> Call:
    kind = require_text(properties.get("$group_type"), "`$group_type`")
    group = require_text(properties.get("$group_key"), "`$group_key`")
    # Libraries make up an id of the group where no person is meant.
    nobody = distinct_id in (None, f"${kind}_{group}")
    traits = some_object(properties.get("$group_set")) | {"group_type": kind}
    event = call(
        "group", groupId=group, **({} if nobody else ids), traits=traits, properties=kept, **shared
    )
    return Call(event, nameless=nobody)


def _traits(kept: dict[str, Any]) -> dict[str, Any]:
    return some_object(kept.get("$set_once")) | some_object(kept.get("$set"))


def _page(properties: dict[str, Any]) -> dict[str, Any]:
    return page_of(
        properties.get("$current_url"), properties.get("title"), properties.get("$referrer")
    )


def _context(kept: dict[str, Any], library: str, said: dict[str, Any]) -> dict[str, Any]:
    page = _page(kept)
    context: dict[str, Any] = {
        "protocol": "posthog",
        "library": {"name": library, "version": some_text(kept.get("$lib_version")) or ""},
        "userAgent": some_text(kept.get("$raw_user_agent")),
        "locale": some_text(kept.get("$locale")) or some_text(kept.get("$browser_language")),
        "page": page,
        "traits": _traits(kept),
        "campaign": campaign_from(kept),
        "historical_migration": said.get("historical_migration"),
    }
    if library in _MOBILE:
        system = some_text(kept.get("$os_name")) or some_text(kept.get("$os")) or _MOBILE[library]
        context["os"] = {"name": system}
        context.pop("page")  # a page would say that it happened on the web
    return {k: v for k, v in context.items() if v not in (None, "", {})}


def _reply(_asked: Asked, taken: Taken) -> Reply:
    if taken.broken is not None:
        error = {
            "type": "validation_error",
            "code": taken.broken.reason,
            "detail": taken.broken.detail,
        }
        return Reply(status=400, body=written(error))
    # Old clients look for `status: 1`, new ones for the letters; both accept either.
    return Reply(body=b'{"status":1}')


def _no_features(_asked: Asked) -> Reply:
    """Settings and flags: nothing is switched on, and bodies may be packed."""
    return Reply(
        body=written(
            {
                "flags": {},
                "featureFlags": {},
                "featureFlagPayloads": {},
                "errorsWhileComputingFlags": False,
                "requestId": None,
                "config": {"enable_collect_everything": True},
                "hasFeatureFlags": False,
                "supportedCompression": ["gzip", "gzip-js"],
                "isAuthenticated": False,
                "toolbarParams": {},
                "sessionRecording": False,
                "heatmaps": False,
                "capturePerformance": False,
                "autocaptureExceptions": False,
                "autocapture_opt_out": False,
                "captureDeadClicks": False,
                "surveys": False,
                "siteApps": [],
                "defaultIdentifiedOnly": True,
            }
        )
    )


def _paste(url: str, key: str) -> str:
    return (
        f'posthog.init("{key}", {{api_host: "{url}"}});  // posthog-js\n\n'
        f'posthog = Posthog("{key}", host="{url}")  # posthog-python'
    )


PROTOCOL = Protocol(
    name="posthog",
    label="PostHog",
    paths=("/batch/", "/capture/", "/e/", "/i/v0/e/", "/track/"),
    methods=("POST", "GET"),
    key=_key,
    split=_split,
    translate=_translate,
    reply=_reply,
    paste=_paste,
    questions=(
        Question(paths=("/decide/", "/flags/"), methods=("POST", "GET"), answer=_no_features),
        Question(
            paths=("/array/{token:str}/config",), methods=("GET",), answer=_no_features, keyed=False
        ),
    ),
)
