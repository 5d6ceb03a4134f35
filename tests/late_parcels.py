"""A shop whose parcels come in one day or in five, and whose late customers complain more."""

from __future__ import annotations

from datetime import timedelta

from rapport.vocabulary.touchpoint import SHIPMENT_DELIVERED, TICKET_OPENED, Touchpoint
from tests.touchpoints import START, email, order, touchpoint

BELIEF = "Customers who wait over 2 days for their parcel complain more"
SIDE = 100
#: Of a hundred: who complains after a late parcel, and after one in time.
LATE, IN_TIME = 60, 15


def late_parcels() -> list[Touchpoint]:
    """Two hundred customers; every second one's parcel takes five days."""
    found = []
    for n in range(2 * SIDE):
        who = email(f"c{n}@late.example")
        late = n % 2 == 1
        bought = START - timedelta(days=90 + n % 30)
        came = bought + timedelta(days=5 if late else 1)
        found += [
            order(f"L{n}", "40", record=who, occurred_at=bought, place="web"),
            touchpoint(
                f"came-{n}", type=SHIPMENT_DELIVERED, channel="delivery", order_id=f"L{n}",
                record=who, occurred_at=came,
            ),
        ]  # fmt: skip
        if n // 2 < (LATE if late else IN_TIME):
            found.append(
                touchpoint(
                    f"ticket-{n}", type=TICKET_OPENED, channel="email", record=who,
                    occurred_at=bought + timedelta(days=9),
                )
            )  # fmt: skip
    return found
