"""Entries of the journal as touchpoints: pure, and the same answer at every rebuild.

An accepted event always becomes a touchpoint. What it says in a shape that we cannot place stays
in `properties`, unread; intake has already refused what would make figures wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from rapport.collect.cell_values import read_decimal, read_moment, read_money, read_yes_no
from rapport.collect.countries import country_code
from rapport.collect.currencies import currency_code
from rapport.collect.event_checks import ORDER_EVENTS
from rapport.collect.intake import KIND as SEGMENT
from rapport.collect.segment import corrected_time, read_json, sent_time
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.identifier import Identifier
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import CHANNELS, ConsentChange, Item, Touchpoint

#: Journal kind of entries that are touchpoints already (imported files, our own receipts).
TOUCHPOINT = "touchpoint"

_encoder = msgspec.json.Encoder()
_touchpoint_decoder = msgspec.json.Decoder(Touchpoint)


class _Event(Struct, rename="camel"):
    type: str | None = None
    event: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    previous_id: str | int | None = None
    group_id: str | int | None = None
    timestamp: str | int | float | None = None
    original_timestamp: str | int | float | None = None
    name: Any = None
    category: Any = None
    properties: Any = None
    traits: Any = None
    context: Any = None


class _Envelope(Struct, rename="camel"):
    type: str
    id: str
    event: _Event
    sent_at: str | None = None
    context: Any = None


_envelope_decoder = msgspec.json.Decoder(_Envelope)

#: Trait names of SDKs and shops, without case and underscores → our attributes.
_ATTRIBUTES = {
    "name": "name", "fullname": "name", "displayname": "name",
    "firstname": "first_name", "givenname": "first_name",
    "lastname": "last_name", "familyname": "last_name", "surname": "last_name",
    "email": "email", "phone": "phone", "mobile": "phone", "phonenumber": "phone",
    "birthday": "birthday", "birthdate": "birthday", "dateofbirth": "birthday",
    "gender": "gender", "language": "language", "locale": "language",
    "street": "street", "postalcode": "postal_code", "zip": "postal_code",
    "zipcode": "postal_code", "city": "city", "country": "country", "company": "company",
    "loyaltytier": "loyalty_tier", "loyaltycard": "loyalty_card",
    "loyaltynumber": "loyalty_card", "preferredstore": "preferred_store",
    "favouritecategory": "favourite_category", "favoritecategory": "favourite_category",
    "interests": "interests", "createdat": "created_at",
}  # fmt: skip
_CHANNEL_OF = {
    v.SURVEY_ANSWERED: "survey", v.REVIEW_POSTED: "review", v.STORE_VISITED: "store",
    v.CALL_ENDED: "phone", v.EMAIL_RECEIVED: "email", v.CHAT_ENDED: "chat",
    v.MESSAGE_SENT: "email", v.MESSAGE_DELIVERED: "email", v.MESSAGE_OPENED: "email",
    v.MESSAGE_CLICKED: "email", v.MESSAGE_BOUNCED: "email", v.UNSUBSCRIBED: "email",
}  # fmt: skip
#: Events whose `email`, `phone` and `loyalty_card` are those of the person who acts; elsewhere
#: (an invitation, a gift card) an address in the properties is often somebody else's.
_OWN_CONTACT = ORDER_EVENTS | {
    v.SURVEY_ANSWERED, v.REVIEW_POSTED, v.STORE_VISITED, v.TICKET_OPENED, v.TICKET_RESOLVED,
    v.CALL_ENDED, v.EMAIL_RECEIVED, v.CHAT_ENDED,
}  # fmt: skip
_APP_SYSTEMS = frozenset({"ios", "ipados", "android", "tvos", "watchos"})
#: utm_medium, without case and separators → how they came.
_MEDIUM = {
    "cpc": "paid_search", "ppc": "paid_search", "paidsearch": "paid_search", "sem": "paid_search",
    "email": "email", "mail": "email", "newsletter": "email", "sms": "sms",
    "social": "social", "socialmedia": "social", "paidsocial": "paid_social",
    "display": "display", "banner": "display", "cpm": "display",
    "affiliate": "affiliate", "affiliates": "affiliate", "referral": "referral",
    "organic": "organic_search", "seo": "organic_search", "qr": "qr", "print": "print",
}  # fmt: skip


def touchpoint_of(kind: str, payload: bytes, source: str, received_at: datetime) -> Touchpoint:
    """The touchpoint that an entry of the journal says.

    Parameters
    ----------
    kind : str
        `journal.kind`: "segment" or "touchpoint".
    payload : bytes
        As intake or an import kept it.
    source : str
        Name of the entry's source.
    received_at : datetime
        When the entry was received.
    """
    if kind == SEGMENT:
        return touchpoint_from_segment(payload, source, received_at)
    return _touchpoint_decoder.decode(payload)


def encode_touchpoint(touch: Touchpoint) -> bytes:
    """The payload of a journal entry of kind "touchpoint"."""
    return _encoder.encode(touch)


def touchpoint_from_segment(payload: bytes, source: str, received_at: datetime) -> Touchpoint:
    """The touchpoint of a Segment event in its envelope, as intake accepted it."""
    try:
        envelope = _envelope_decoder.decode(payload)
    except msgspec.DecodeError:  # a number beyond a float, somewhere in the free-form parts
        envelope = msgspec.convert(read_json(payload), _Envelope)
    event = envelope.event
    context = _object(event.context) or _object(envelope.context)
    stated = event.timestamp if event.timestamp not in (None, "") else event.original_timestamp
    make = _MAKERS[envelope.type]
    facts = _facts(context)
    shared: dict[str, Any] = {
        "touchpoint_id": envelope.id,
        "source": source,
        "occurred_at": corrected_time(
            None if stated in (None, "") else read_moment(stated),
            sent_time(envelope.sent_at),
            received_at,
        ),
        "received_at": received_at,
        "channel": _channel(context),
        **_campaign(context),
    }
    return make(event, context, facts, shared)


class _Facts(Struct):
    """What is stated about the person."""

    traits: dict[str, str]
    consents: dict[str, bool]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str | None:
    """Text of a scalar, cleaned; None for nothing and for objects."""
    if isinstance(value, str):
        return clean_text(value) or None
    if type(value) in (int, float):
        return str(value)
    return None


def _facts(context: dict[str, Any]) -> _Facts:
    facts = _Facts({}, {})
    _add_traits(facts, _object(context.get("traits")))
    locale = context.get("locale")
    if isinstance(locale, str) and "language" not in facts.traits:
        _set_trait(facts, "language", locale)
    for category, agreed in _object(
        _object(context.get("consent")).get("categoryPreferences")
    ).items():
        if isinstance(agreed, bool):
            facts.consents[_key(category)] = agreed
    return facts


def _key(name: str) -> str:
    return "_".join(name.strip().lower().split())


def _add_traits(facts: _Facts, traits: dict[str, Any]) -> dict[str, Any]:
    """Take in the traits that are our attributes or consents; returns the others."""
    others: dict[str, Any] = {}
    for name, value in traits.items():
        plain = name.replace("_", "").lower()
        attribute = _ATTRIBUTES.get(plain)
        if attribute is not None:
            # Segment's `company` is an object.
            stated = value.get("name") if isinstance(value, dict) else value
            if not _set_trait(facts, attribute, stated) and value not in (None, ""):
                others[name] = value
        elif plain == "address":
            if isinstance(value, dict):
                if rest := _add_traits(facts, value):
                    others[name] = rest
            else:
                _set_trait(facts, "street", value)
        elif plain.startswith("consent") and (agreed := read_yes_no(value)) is not None:
            facts.consents[_consent_purpose(name)] = agreed
        else:
            others[name] = value
    return others


def _consent_purpose(name: str) -> str:
    """``consent_email_marketing`` and ``consentEmailMarketing`` are ``email_marketing``."""
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in name)
    return words.removeprefix("consent").strip("_") or "marketing"


def _set_trait(facts: _Facts, attribute: str, value: Any) -> bool:
    text = _trait_text(attribute, value)
    if text is None:
        return False
    facts.traits[attribute] = text
    return True


def _trait_text(attribute: str, value: Any) -> str | None:
    """The attribute as we write it, or None where it cannot be read as that."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value))) or None
    text = _text(value)
    reader = _TRAIT_READERS.get(attribute)
    return text if text is None or reader is None else reader(text)


def _language(text: str) -> str | None:
    code = text[:2].lower()
    return code if code.isalpha() and (len(text) == 2 or text[2:3] in "-_") else None


def _iso_date(text: str) -> str | None:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        return None


def _iso_moment(text: str) -> str | None:
    try:
        return read_moment(text).isoformat()
    except ValueError:
        return None


_TRAIT_READERS: dict[str, Callable[[str], str | None]] = {
    "language": _language,
    "country": country_code,
    "birthday": _iso_date,
    "created_at": _iso_moment,
}


def _channel(context: dict[str, Any]) -> str:
    """Where it happened, as far as the SDK tells: in an app, or on the web."""
    system = _object(context.get("os")).get("name")
    device = _object(context.get("device")).get("type")
    for name in (system, device):
        if isinstance(name, str) and name.lower() in _APP_SYSTEMS and "page" not in context:
            return "app"
    return "web"


def _campaign(context: dict[str, Any]) -> dict[str, str]:
    campaign = _object(context.get("campaign"))
    if not campaign:
        return {}
    said: dict[str, str] = {}
    if name := _text(campaign.get("name")):
        said["campaign"] = name
    medium = _text(campaign.get("medium"))
    came = medium or _text(campaign.get("source"))
    if came:
        plain = "".join(c for c in came.lower() if c.isalnum())
        said["acquisition_channel"] = _MEDIUM.get(plain) or _key(came)
    return said


def _identifiers(
    event: _Event,
    context: dict[str, Any],
    facts: _Facts,
    source: str,
    properties: dict[str, Any] | None = None,
) -> tuple[Identifier, ...]:
    """All identifiers seen, strongest first; values as written, only trimmed."""
    own = properties or {}
    found: list[Identifier] = []
    for kind, value, namespace in (
        ("user_id", event.user_id, source),
        ("loyalty_card", facts.traits.get("loyalty_card") or own.get("loyalty_card"), ""),
        ("email", facts.traits.get("email") or own.get("email"), ""),
        ("phone", facts.traits.get("phone") or own.get("phone"), ""),
        ("anonymous_id", event.anonymous_id, source),
        ("device_id", _object(context.get("device")).get("id"), ""),
    ):
        text = None if value is None else _text(value)
        if text is not None:
            found.append(Identifier(kind=kind, value=text, namespace=namespace))
    return tuple(found)


def _made(
    event: _Event,
    context: dict[str, Any],
    facts: _Facts,
    shared: dict[str, Any],
    *,
    identifiers: tuple[Identifier, ...] | None = None,
    **parts: Any,
) -> Touchpoint:
    if identifiers is None:
        identifiers = _identifiers(event, context, facts, shared["source"])
    consents = tuple(
        ConsentChange(purpose=purpose, granted=granted)
        for purpose, granted in facts.consents.items()
    )
    return Touchpoint(
        record=identifiers[0] if identifiers else None,
        identifiers=identifiers,
        traits=facts.traits,
        consents=consents,
        **{**shared, **parts},
    )


def _identified(
    event: _Event, context: dict[str, Any], facts: _Facts, shared: dict[str, Any]
) -> Touchpoint:
    # RudderStack's SDKs state what an identify says in `context` only.
    stated = {**_object(context.get("traits")), **_object(event.traits)}
    others = _add_traits(facts, stated)
    return _made(
        event, context, facts, shared,
        type=v.IDENTIFIED, properties=others, country=facts.traits.get("country"),
    )  # fmt: skip


def _aliased(
    event: _Event, context: dict[str, Any], facts: _Facts, shared: dict[str, Any]
) -> Touchpoint:
    identifiers = _identifiers(event, context, facts, shared["source"])
    previous = _text(event.previous_id)
    if previous is not None and all(i.value != previous for i in identifiers):
        # The call does not say which of the two it was: an account, or most often a browser.
        identifiers += tuple(
            Identifier(kind=kind, value=previous, namespace=shared["source"])
            for kind in ("user_id", "anonymous_id")
        )
    return _made(
        event, context, facts, shared,
        identifiers=identifiers, type=v.ALIASED, properties={"previous_id": previous},
    )  # fmt: skip


def _grouped(
    event: _Event, context: dict[str, Any], facts: _Facts, shared: dict[str, Any]
) -> Touchpoint:
    traits = _object(event.traits)
    _set_trait(facts, "company", traits.get("name"))
    return _made(
        event, context, facts, shared,
        type=v.GROUPED, properties={**traits, "group_id": _text(event.group_id)},
    )  # fmt: skip


def _viewed(
    event: _Event, context: dict[str, Any], facts: _Facts, shared: dict[str, Any]
) -> Touchpoint:
    on_screen = event.type == "screen" or shared["channel"] == "app"
    properties = dict(_object(event.properties))
    for name, value in (("name", event.name), ("category", event.category)):
        if value is not None:
            properties.setdefault(name, value)
    for name, value in _object(context.get("page")).items():
        properties.setdefault(name, value)
    shared = {**shared, "channel": "app" if on_screen else "web"}
    if "campaign" not in context:
        shared.update(_campaign(_campaign_in_url(properties.get("url"))))
    return _made(event, context, facts, shared, type=v.PAGE_VIEWED, properties=properties)


def _campaign_in_url(url: Any) -> dict[str, Any]:
    """What `utm_…` parameters say, as the SDKs that read them themselves put it into `context`."""
    if not isinstance(url, str) or "utm_" not in url:
        return {}
    query = url.partition("?")[2].partition("#")[0]
    said = dict(parse_qsl(query))
    campaign = {name: said.get(f"utm_{name}") for name in ("medium", "source")}
    return {"campaign": {**campaign, "name": said.get("utm_campaign")}}


def _screen_viewed(
    event: _Event, context: dict[str, Any], facts: _Facts, shared: dict[str, Any]
) -> Touchpoint:
    page = _viewed(event, context, facts, {**shared, "channel": "app"})
    return msgspec.structs.replace(page, type=v.SCREEN_VIEWED)


def _tracked(
    event: _Event, context: dict[str, Any], facts: _Facts, shared: dict[str, Any]
) -> Touchpoint:
    name = event.event or ""
    properties = _object(event.properties)
    parts: dict[str, Any] = {"type": name, "properties": properties}
    own = properties if name in _OWN_CONTACT else None
    if properties:
        parts.update(_promoted(properties))
        parts.update(_money(name, properties))
    channel = properties.get("channel")
    if isinstance(channel, str) and channel.lower() in CHANNELS:
        parts["channel"] = channel.lower()
    elif name in _CHANNEL_OF:
        parts["channel"] = _CHANNEL_OF[name]
    if name in (v.CONSENT_GIVEN, v.CONSENT_WITHDRAWN):
        purpose = _text(properties.get("purpose"))
        facts.consents[_key(purpose) if purpose else "marketing"] = name == v.CONSENT_GIVEN
    elif name == v.UNSUBSCRIBED:
        facts.consents["email_marketing"] = False
    return _made(
        event, context, facts, shared,
        identifiers=_identifiers(event, context, facts, shared["source"], own), **parts,
    )  # fmt: skip


#: Property names → parts of a touchpoint that are text.
_TEXT_PARTS = {
    "order_id": "order_id", "orderId": "order_id", "text": "text", "comment": "text",
    "language": "language", "question": "question", "place": "place", "store": "place",
    "campaign": "campaign", "message_id": "message", "message": "message", "media": "media",
    "acquisition_channel": "acquisition_channel", "corrects": "corrects",
}  # fmt: skip
_NUMBER_PARTS = ("score", "scale_min", "scale_max")


def _promoted(properties: dict[str, Any]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for name, value in properties.items():
        part = _TEXT_PARTS.get(name)
        if part is not None:
            if (text := _text(value)) is not None and part not in parts:
                parts[part] = text
        elif name in _NUMBER_PARTS and value not in (None, ""):
            try:
                parts[name] = float(read_decimal(value))
            except ValueError:
                continue  # it stays in the properties
        elif name == "country" and isinstance(value, str):
            parts["country"] = country_code(value)
        elif name == "currency" and isinstance(value, str):
            parts["currency"] = currency_code(value)
    if "language" in parts:
        parts["language"] = parts["language"][:2].lower()
    return parts


def _money(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Amount and items; negative for what is given back."""
    if name not in ORDER_EVENTS:
        revenue = _amount(properties.get("revenue"))
        return {} if revenue is None else {"amount": revenue}
    sign = -1 if name == v.ORDER_REFUNDED else 1
    items = _items(properties.get("products"), sign)
    for field in ("total", "revenue", "value"):
        amount = _amount(properties.get(field))
        if amount is not None:
            return {"amount": sign * abs(amount), "items": items}
    priced = [item.amount for item in items if item.amount is not None]
    # Without a total the priced lines are all that is known of it.
    return {"amount": sum(priced, Decimal(0)), "items": items} if priced else {"items": items}


def _amount(value: Any) -> Decimal | None:
    if value in (None, ""):
        return None
    try:
        return read_money(value)
    except ValueError:
        return None


def _items(products: Any, sign: int) -> tuple[Item, ...]:
    if not isinstance(products, list):
        return ()
    items = []
    for product in products:
        if not isinstance(product, dict):
            continue
        sku = _text(product.get("sku") or product.get("product_id") or product.get("id"))
        name = _text(product.get("name"))
        price = _amount(product.get("price"))
        quantity = _amount(product.get("quantity"))
        quantity = Decimal(1) if quantity is None else quantity
        items.append(
            Item(
                sku=sku or name or "unknown",
                name=name,
                category=_text(product.get("category")),
                quantity=sign * abs(quantity) if sign < 0 else quantity,
                unit_price=price,
                amount=None
                if price is None
                else sign * abs(read_money(price * quantity))
                if sign < 0
                else read_money(price * quantity),
            )
        )
    return tuple(items)


_MAKERS = {
    "identify": _identified,
    "track": _tracked,
    "page": _viewed,
    "screen": _screen_viewed,
    "group": _grouped,
    "alias": _aliased,
}
