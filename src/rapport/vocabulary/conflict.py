"""A contradiction between silos: who says what, whose word stands, and how much harm it does."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

ORDER, CONSENT, ATTRIBUTE = "order", "consent", "attribute"
KINDS: tuple[str, ...] = (ORDER, CONSENT, ATTRIBUTE)

#: Harm, the worst first.
MONEY, CONTACT, PERSON, DETAIL = 1, 2, 3, 4
TIERS: tuple[int, ...] = (MONEY, CONTACT, PERSON, DETAIL)

#: How silos contradict each other about one order: what the one whose word stands says, and the
#: other. What happened (money came, a parcel was handed over) stands against what is written down.
ORDER_SAYS: dict[str, tuple[str, str]] = {
    "paid_cancelled": ("paid", "cancelled"),  # and nothing was paid back
    "returned_completed": ("taken_back", "completed"),  # the payment was taken back
    "paid_owing": ("paid", "owing"),
    "returned_paid": ("taken_back", "paid"),
    "overpaid": ("paid_more", "completed"),
    "delivered_cancelled": ("delivered", "cancelled"),
}
#: By whom a contradiction is settled.
OPEN, PIN, RULE, WORD = "", "pin", "rule", "word"


class Contradiction(Struct, frozen=True, kw_only=True):
    """One silo's word that does not stand, about one person; no values, which lie elsewhere.

    Attributes
    ----------
    name : str
        The attribute ("address" and "name" for their parts), the purpose of a consent, or a key of
        `ORDER_SAYS`.
    item : str
        The order's number; else empty.
    winner, loser : str
        The silos. They are one where two of its records differ.
    why : str
        The rule that decides, as in `AttributeConflict.rule`.
    value : Decimal
        Money concerned: of the order, or what the customer bought so far.
    since : datetime
        When the later of the two was stated.
    settled : str
        `OPEN`, or by whom it was settled.
    verified : bool
        Whether something happened that shows who is right.
    urgent_until : datetime or None
        When what makes it worse now will be over.
    """

    kind: str
    name: str
    item: str = ""
    winner: str
    loser: str
    why: str
    tier: int
    value: Decimal = Decimal(0)
    since: datetime
    settled: str = OPEN
    verified: bool = False
    urgent_until: datetime | None = None


class OrderFindings(Struct, frozen=True, kw_only=True):
    """What the lake says of one person's orders.

    Attributes
    ----------
    contradictions : tuple of Contradiction
    delivery_until : datetime or None
        Until when something may still be on its way to the person.
    """

    contradictions: tuple[Contradiction, ...] = ()
    delivery_until: datetime | None = None
