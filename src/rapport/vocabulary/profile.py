"""A profile: what we hold about one resolved person; always derived, never the source."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from msgspec import Struct

#: Attributes a silo may state about a person (keys of `Touchpoint.traits`), with the kind of
#: data they are: demographic, behavioural, transactional or psychographic.
ATTRIBUTES: dict[str, str] = {
    "name": "demographic",
    "first_name": "demographic",
    "last_name": "demographic",
    "email": "demographic",
    "phone": "demographic",
    "birthday": "demographic",  # ISO date
    "gender": "demographic",
    "language": "demographic",  # ISO 639-1
    "street": "demographic",
    "postal_code": "demographic",
    "city": "demographic",
    "country": "demographic",  # ISO 3166-1 alpha-2
    "company": "demographic",
    "loyalty_tier": "transactional",
    "loyalty_card": "transactional",
    "preferred_store": "behavioural",
    "favourite_category": "psychographic",
    "interests": "psychographic",
    "created_at": "demographic",  # customer since, as the silo says
}


class Fact(Struct, frozen=True, kw_only=True):
    """One value of one attribute, as one silo states it."""

    name: str
    value: str
    source: str
    observed_at: datetime
    atom_id: int
    confidence: float = 1.0


class AttributeConflict(Struct, frozen=True, kw_only=True):
    """Silos that state different values: `shown` is the survivor, `others` stay visible."""

    name: str
    shown: Fact
    others: tuple[Fact, ...]
    rule: str  # why `shown` won


class ConsentState(Struct, frozen=True, kw_only=True):
    """The latest word of a person on one purpose."""

    purpose: str
    granted: bool
    legal_basis: str
    since: datetime
    source: str


class ProfileSummary(Struct, frozen=True, kw_only=True):
    """One row of the customer list."""

    profile_id: str
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    city: str | None = None
    language: str | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    order_count: int = 0
    revenue: Decimal = Decimal(0)
    last_order_at: datetime | None = None
    birthday: date | None = None
