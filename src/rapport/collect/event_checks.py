"""What makes an event unusable: each check names its reason and what to do, never a value."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec import Raw, Struct

from rapport.collect.cell_values import (
    LARGEST_AMOUNT,
    in_range,
    read_decimal,
    read_moment,
    read_money,
)
from rapport.collect.currencies import currency_code
from rapport.collect.segment import SegmentEvent, corrected_time, read_json
from rapport.vocabulary.touchpoint import (
    ORDER_CANCELLED,
    ORDER_COMPLETED,
    ORDER_REFUNDED,
    REVIEW_POSTED,
    SURVEY_ANSWERED,
)

LARGEST_EVENT = 1_000_000  # bytes
MOST_PROPERTIES = 255
DEEPEST = 64  # levels of nesting; readers further on recurse
ORDER_EVENTS = frozenset({ORDER_COMPLETED, ORDER_REFUNDED, ORDER_CANCELLED})
_SCORED_EVENTS = frozenset({SURVEY_ANSWERED, REVIEW_POSTED})
_OBJECT_OR_NULL = b"{n"


class Refusal(Struct, frozen=True):
    """Why something is refused: a code of `REFUSAL_REASONS`, and what to do about it."""

    reason: str
    detail: str


def check_event(
    event: SegmentEvent,
    kind: str,
    raw: bytes,
    *,
    sent_at: datetime | None,
    received_at: datetime,
    nameless: bool = False,
) -> Refusal | None:
    """The first reason to refuse ``event``, or None where it can be kept.

    Parameters
    ----------
    event : SegmentEvent
        As decoded from ``raw``.
    kind : str
        Its type: of the endpoint, or as a batch's event says.
    raw : bytes
        The event's JSON.
    sent_at, received_at : datetime
        For the correction of the client's clock.
    nameless : bool
        Whether nobody need be named, as in the protocols of trackers that know no visitors.
    """
    return (
        _check_identity(event, kind, nameless)
        or _check_name(event, kind)
        or _check_time(event, sent_at, received_at)
        or _check_free_form(event, raw)
        or _check_figures(event, kind, raw)
    )


def _check_identity(event: SegmentEvent, kind: str, nameless: bool) -> Refusal | None:
    if nameless and kind not in ("identify", "alias"):
        return None
    # 0 is somebody's user id; an empty text is nobody's.
    named = event.user_id not in (None, "") or event.anonymous_id not in (None, "")
    if not named:
        return Refusal("missing_identity", "`userId` or `anonymousId` is needed")
    if kind == "alias" and event.previous_id in (None, ""):
        return Refusal("missing_identity", "`previousId` is needed in an alias call")
    return None


def _check_name(event: SegmentEvent, kind: str) -> Refusal | None:
    if kind == "track" and not event.event:
        return Refusal("missing_field", "`event` is needed in a track call")
    if kind == "group" and event.group_id in (None, ""):
        return Refusal("missing_field", "`groupId` is needed in a group call")
    return None


def client_time(event: SegmentEvent) -> datetime | None:
    """When the client says it happened; `timestamp` beats `originalTimestamp`.

    Raises
    ------
    ValueError
        If it says something that is no date.
    """
    stated: Any = event.timestamp
    if stated is None or stated == "":
        stated = event.original_timestamp
        if stated is None or stated == "":
            return None
    if type(stated) is datetime and stated.tzinfo is UTC:
        return stated
    return read_moment(stated)


def _check_time(
    event: SegmentEvent, sent_at: datetime | None, received_at: datetime
) -> Refusal | None:
    try:
        occurred_at = corrected_time(client_time(event), sent_at, received_at)
    except ValueError:
        return Refusal("invalid_timestamp", "`timestamp` is not an ISO 8601 date and time")
    except OverflowError:
        occurred_at = None
    if occurred_at is None or not in_range(occurred_at, received_at):
        return Refusal(
            "timestamp_out_of_range",
            "`timestamp`, corrected by `sentAt`, is before 1990 or more than a day in the future",
        )
    return None


def _check_free_form(event: SegmentEvent, raw: bytes) -> Refusal | None:
    for name, part in (
        ("properties", event.properties),
        ("traits", event.traits),
        ("context", event.context),
    ):
        if part and memoryview(part)[0] not in _OBJECT_OR_NULL:
            return Refusal("wrong_type", f"`{name}` must be an object")
    # Each exact check is slow, so it is made only where a count of bytes says it could fail.
    if raw.count(b":") > MOST_PROPERTIES and (crowded := _crowded_part(event)):
        return Refusal(
            "too_many_properties", f"`{crowded}` has more than {MOST_PROPERTIES} properties"
        )
    if raw.count(b"{") + raw.count(b"[") > DEEPEST and depth(read_json(raw)) > DEEPEST:
        return Refusal("wrong_type", f"objects are nested more than {DEEPEST} deep")
    if b"\\u0000" in raw and _has_nul(read_json(raw)):
        return Refusal("contains_nul", "a text holds a NUL character; send it without")
    return None


def _crowded_part(event: SegmentEvent) -> str | None:
    for name in ("properties", "traits", "context"):
        part: Raw = getattr(event, name)
        content = read_json(part) if part else None
        groups = (content, content.get("traits")) if isinstance(content, dict) else ()
        if any(isinstance(group, dict) and len(group) > MOST_PROPERTIES for group in groups):
            return name
    return None


def depth(value: Any) -> int:
    """How many levels of objects and lists a value has, itself included."""
    levels, level = 0, [value]
    while level:
        levels += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return levels


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any("\x00" in key or _has_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(_has_nul(inner) for inner in value)


def _check_figures(event: SegmentEvent, kind: str, raw: bytes) -> Refusal | None:
    if kind != "track" or not event.properties:
        return None
    if event.event not in ORDER_EVENTS and not (
        b'"revenue"' in raw or b'"currency"' in raw or b'"score"' in raw
    ):
        return None
    properties = read_json(event.properties)
    if not isinstance(properties, dict):
        return None
    return _check_money(str(event.event), properties) or (
        _check_score(properties) if event.event in _SCORED_EVENTS else None
    )


def _check_money(name: str, properties: dict[str, Any]) -> Refusal | None:
    currency = properties.get("currency")
    if currency not in (None, ""):
        if not isinstance(currency, str):
            return Refusal("wrong_type", "`properties.currency` must be text")
        if currency_code(currency) is None:
            return Refusal("unknown_currency", "`properties.currency` is not an ISO 4217 code")
    for field in ("total", "revenue", "value") if name in ORDER_EVENTS else ("revenue",):
        stated = properties.get(field)
        if stated in (None, ""):
            continue
        try:
            amount = read_money(stated)
        except ValueError:
            return Refusal("invalid_amount", f"`properties.{field}` is not a number")
        if amount < 0 and name != ORDER_REFUNDED:
            return Refusal(
                "invalid_amount",
                f"`properties.{field}` is negative; only `{ORDER_REFUNDED}` may be",
            )
    return _check_items(properties) if name in ORDER_EVENTS else None


def _check_items(properties: dict[str, Any]) -> Refusal | None:
    items = properties.get("products")
    if items is None:
        return None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return Refusal("wrong_type", "`properties.products` must be a list of objects")
    lines = Decimal(0)
    for item in items:
        figures: dict[str, Decimal] = {}
        for field in ("price", "quantity"):
            if item.get(field) in (None, ""):
                continue
            try:
                figures[field] = read_money(item[field])
            except ValueError:
                return Refusal("invalid_amount", f"`properties.products[].{field}` is not a number")
        lines += abs(figures.get("price", Decimal(0)) * figures.get("quantity", Decimal(1)))
    if lines >= LARGEST_AMOUNT:
        return Refusal("invalid_amount", "`properties.products` are worth more than 10^12 together")
    return None


def _check_score(properties: dict[str, Any]) -> Refusal | None:
    stated = properties.get("score")
    if stated in (None, ""):
        return None
    limits: list[Decimal | None] = []
    try:
        score = read_decimal(stated)
        for field in ("scale_min", "scale_max"):
            limit = properties.get(field)
            limits.append(None if limit in (None, "") else read_decimal(limit))
    except ValueError:
        return Refusal("wrong_type", "`properties.score` and its scale must be numbers")
    low, high = limits
    if (low is not None and score < low) or (high is not None and score > high):
        return Refusal("score_out_of_range", "`properties.score` is outside its scale")
    return None
