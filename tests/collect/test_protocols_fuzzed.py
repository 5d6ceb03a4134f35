"""Every protocol reads whatever a stranger sends: taken, or refused with a known reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rapport.collect.event_checks import Refusal
from rapport.collect.intake import Delivery, take_event
from rapport.collect.protocol import Asked, EventRefused, Protocol, written
from rapport.collect.protocol_intake import key_inside
from rapport.collect.protocols import protocols
from rapport.collect.sources import Source
from rapport.collect.touchpoints import touchpoint_of
from rapport.vocabulary.touchpoint import REFUSAL_REASONS

NOW = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
SOURCE = Source(source_id=1, name="shop", label="", kind="collector", created_at=NOW)

#: Names that the protocols look for, so that chance gets past their first lines.
NAMES = [
    "batch", "event", "properties", "distinct_id", "timestamp", "offset", "uuid", "sent_at",
    "$set", "$set_once", "$lib", "$group_type", "$group_key", "$identify", "alias", "requests",
    "idsite", "rec", "url", "action_name", "idgoal", "ec_id", "ec_items", "revenue", "e_c",
    "e_a", "cvar", "_cvar", "cdt", "cdo", "search", "_pks", "_pkc", "c_n", "schema", "data",
    "e", "eid", "ue_pr", "ue_px", "co", "cx", "dtm", "stm", "ttm", "tr_id", "ti_id", "duid",
    "uid", "aid", "n", "u", "d", "r", "p", "$", "name", "domain", "props", "client_id",
    "user_id", "app_instance_id", "events", "params", "items", "user_properties",
    "timestamp_micros", "consent", "value", "transaction_id", "specversion", "id", "source",
    "type", "subject", "time", "data_base64", "datacontenttype", "event_type", "form_response",
    "answers", "definition", "fields", "field", "hidden", "token", "submitted_at", "number",
    "steps", "meta", "survey", "contactAttributes",
]  # fmt: skip
WORDS = [*NAMES, "$pageview", "$create_alias", "$groupidentify", "$screen", "purchase", "page_view",
         "pv", "ue", "se", "tr", "ti", "pp", "0", "1", "1.0", "nps", "rating", "text", "choice",
         "form_response", "responseFinished", "pageview", "1763280000000", "2026-11-16T08:00:00Z",
         "9" * 30, "[]", "{}", '{"data":[{}]}', "http://[", "\x00", "é",
         "iglu:com.snowplowanalytics.snowplow/payload_data/jsonschema/1-0-4",
         "iglu:com.snowplowanalytics.snowplow.ecommerce/snowplow_ecommerce_action/jsonschema/1-0-0",
         ]  # fmt: skip
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS)
    | st.text(max_size=12)
)
keys = st.sampled_from(NAMES) | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=20,
)
bodies = st.one_of(
    st.dictionaries(keys, values, max_size=8).map(lambda v: json.dumps(v).encode()),
    values.map(lambda v: json.dumps(v).encode()),
    st.binary(max_size=60),
)
quick = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def expect(step: Callable[[], Any]) -> Any:
    """What a step gives, or None where it refuses with a reason that pages know."""
    try:
        return step()
    except EventRefused as error:
        reason = error.refusal.reason
    assert reason in REFUSAL_REASONS
    return None


def read(protocol: Protocol, asked: Asked) -> None:
    """All steps of reading; fails where one raises anything else than a refusal."""
    pieces = expect(lambda: protocol.split(asked))
    for piece in pieces.events if pieces else ():
        read_piece(protocol, piece, pieces.said)


def read_piece(protocol: Protocol, piece: dict[str, Any], said: dict[str, Any]) -> None:
    assert json.loads(written(piece)) is not None  # it can be kept
    call = expect(lambda: protocol.translate(piece, said, NOW))
    if call is None:
        return
    delivery = Delivery(
        endpoint="batch", body=b"", received_at=NOW, source=SOURCE, nameless=call.nameless
    )
    taken = take_event(written(call.event), delivery, None, Counter())
    if isinstance(taken, Refusal):
        assert taken.reason in REFUSAL_REASONS
        return
    touch = touchpoint_of(taken.kind, taken.payload, "shop", NOW)
    assert touch.type
    again = take_event(written(call.event), delivery, None, Counter())
    assert not isinstance(again, Refusal)
    assert again.message_id == taken.message_id


@pytest.mark.parametrize("protocol", protocols(), ids=lambda p: p.name)
@given(body=bodies)
@quick
def test_no_body_breaks_a_protocol(protocol: Protocol, body: bytes) -> None:
    asked = Asked(method="POST", path=protocol.paths[0], body=body, received_at=NOW)
    key_inside(protocol, asked)
    read(protocol, asked)


@pytest.mark.parametrize("protocol", protocols(), ids=lambda p: p.name)
@given(
    piece=st.dictionaries(keys, values, max_size=10), said=st.dictionaries(keys, values, max_size=3)
)
@quick
def test_no_event_breaks_a_translation(
    protocol: Protocol, piece: dict[str, Any], said: dict[str, Any]
) -> None:
    read_piece(protocol, json.loads(json.dumps(piece)), json.loads(json.dumps(said)))


#: Enough of each protocol that chance meets the branches behind the first checks.
SHELLS: dict[str, list[dict[str, Any]]] = {
    "cloudevents": [{"specversion": "1.0", "id": "1", "source": "/a", "type": "order.completed"}],
    "ga4": [{"name": "purchase"}, {"name": "page_view"}, {"name": "seen"}],
    "matomo": [{"rec": "1", "idgoal": "0"}, {"rec": "1", "url": "x"}, {"rec": "1", "e_a": "x"}],
    "plausible": [{"n": "pageview", "u": "https://a.example"}, {"n": "Purchase", "u": "x"}],
    "posthog": [
        {"event": name, "distinct_id": "u1"}
        for name in ("seen", "$identify", "$create_alias", "$groupidentify", "purchase", "$screen")
    ],
    "snowplow": [{"e": kind} for kind in ("pv", "pp", "se", "tr", "ti", "ue")],
    "webhook": [{"payload": {"event_type": "form_response"}}, {"payload": {"event": "x"}}],
}


@pytest.mark.parametrize("protocol", protocols(), ids=lambda p: p.name)
@given(data=st.data())
@quick
def test_no_detail_of_a_good_event_breaks_a_translation(protocol: Protocol, data: Any) -> None:
    shell = data.draw(st.sampled_from(SHELLS[protocol.name]))
    more = data.draw(st.dictionaries(keys, values, max_size=6))
    said = {"client_id": "1"} if protocol.name == "ga4" else {}
    if protocol.name == "webhook":
        inner = {name: more.get(name, {}) for name in ("form_response", "data")}
        event = data.draw(st.sampled_from(["responseFinished", "other"]))
        piece = {"payload": {"event": event, **more, **inner, **shell["payload"]}, "part": 0}
        if "event_type" not in shell["payload"]:
            piece["payload"]["event"] = event
    else:
        inner = {
            name: data.draw(values) for name in ("properties", "params", "data", "co", "ue_pr")
        }
        piece = {**more, **inner, **shell}
    read_piece(protocol, json.loads(json.dumps(piece)), said)


@pytest.mark.parametrize("protocol", protocols(), ids=lambda p: p.name)
@given(query=st.lists(st.tuples(keys, st.sampled_from(WORDS) | st.text(max_size=20)), max_size=8))
@quick
def test_no_address_breaks_a_protocol(protocol: Protocol, query: list[tuple[str, str]]) -> None:
    asked = Asked(method="GET", path=protocol.paths[0], query=tuple(query), received_at=NOW)
    key_inside(protocol, asked)
    read(protocol, asked)
