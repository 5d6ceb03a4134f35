"""An identifier: a kind, a normalised value and the namespace in which the value is unique."""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct


class IdentifierClass(StrEnum):
    """What sharing a value of this kind proves about two records."""

    PERSON = "person"  # the same value is the same person, within limits per kind
    CONTACT = "contact"  # may be shared in a household; supports, never suffices
    DEVICE = "device"  # may be used by several people; never joins two people


class Identifier(Struct, frozen=True, kw_only=True, order=True, gc=False):
    """`kind` such as "email"; `namespace` is "" for world-wide kinds, else the source."""

    kind: str
    value: str
    namespace: str = ""


class IdentifierKind(Struct, frozen=True, kw_only=True):
    """How one kind of identifier behaves.

    `limit` is the greatest number of different values one profile may hold; `priority` orders
    evidence (lower is stronger).
    """

    kind: str
    identifier_class: IdentifierClass
    limit: int
    priority: int
    scoped: bool  # True: unique only within its source (namespace)


#: Known kinds. A kind not listed is PERSON class, scoped to its source, limit 1, priority 50.
IDENTIFIER_KINDS: dict[str, IdentifierKind] = {
    kind: IdentifierKind(
        kind=kind, identifier_class=identifier_class, limit=limit, priority=priority, scoped=scoped
    )
    for kind, identifier_class, limit, priority, scoped in (
        ("user_id", IdentifierClass.PERSON, 1, 10, True),
        ("crm_contact", IdentifierClass.PERSON, 4, 11, True),
        ("customer_number", IdentifierClass.PERSON, 1, 12, True),
        ("loyalty_card", IdentifierClass.PERSON, 2, 13, False),
        ("crm_account", IdentifierClass.PERSON, 1, 14, True),  # a company as the CRM numbers it
        ("email", IdentifierClass.PERSON, 5, 20, False),
        # The namespace is the network: the same handle elsewhere is somebody else's.
        ("social_handle", IdentifierClass.PERSON, 3, 21, True),
        ("phone", IdentifierClass.CONTACT, 5, 30, False),
        # Couples share an account, colleagues their employer's number: neither is one person.
        ("iban", IdentifierClass.CONTACT, 5, 31, False),
        ("business_id", IdentifierClass.CONTACT, 4, 32, False),
        ("anonymous_id", IdentifierClass.DEVICE, 50, 40, True),
        ("device_id", IdentifierClass.DEVICE, 20, 41, False),
    )
}


def kind_of(kind: str) -> IdentifierKind:
    """The rules for ``kind``, known or not."""
    return IDENTIFIER_KINDS.get(kind) or IdentifierKind(
        kind=kind, identifier_class=IdentifierClass.PERSON, limit=1, priority=50, scoped=True
    )


@lru_cache(maxsize=65_536)  # most records are seen again and again
def atom_id(record: Identifier) -> int:
    """The atom of a record: the same 63-bit number on every machine, for ever.

    A hash and not a counter, so that the lake can be written without asking the ledger and a
    rebuild gives equal numbers. The ledger checks that no two records share one.
    """
    key = "\x1f".join((record.namespace, record.kind, record.value)).encode("utf-8")
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") >> 1
