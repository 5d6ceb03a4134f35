"""Touchpoints for tests: shortly written rows, and many of them from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa

from rapport.vocabulary.lake_tables import MEMBERSHIP, TOUCHPOINTS, bucket_of

REQUIRED = {"channel": "web", "source": "shop", "type": "Order Completed"}


def touchpoints(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as the lake stores them; what is left out has a plain default."""
    full = []
    for position, row in enumerate(rows, 1):
        given = {**REQUIRED, "position": position, "touchpoint_id": f"t{position}", **row}
        given.setdefault("received_at", given["occurred_at"])
        given["bucket"] = bucket_of(given.get("atom_id"))
        if "amount_base" in given and given["amount_base"] is not None:
            given["amount_base"] = Decimal(str(given["amount_base"])).quantize(Decimal("0.0001"))
        full.append(given)
    return pa.Table.from_pylist(full, TOUCHPOINTS)


def membership(of: Mapping[int, str]) -> pa.Table:
    """Which profile each atom belongs to."""
    return pa.Table.from_pylist(
        [{"atom_id": atom, "profile_id": profile} for atom, profile in of.items()], MEMBERSHIP
    )


def at(text: str) -> datetime:
    """A moment; UTC unless it says otherwise."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def generated(seed: int, count: int = 3000, customers: int = 200) -> tuple[pa.Table, pa.Table]:
    """Touchpoints with everything that goes wrong in real silos, and who is who.

    Anonymous orders, missing rates, refunds, cancelled orders, repeated orders, corrections,
    late arrivals, moments at the edges of months, several atoms for one person.
    """
    rng = random.Random(seed)  # noqa: S311
    start = datetime(2025, 1, 1, tzinfo=UTC)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        occurred = start + timedelta(minutes=rng.randrange(600 * 24 * 60))
        if rng.random() < 0.1:  # the hours around a local month's end
            month = rng.randrange(1, 13)
            occurred = datetime(2025, month, 1, tzinfo=UTC) - timedelta(
                minutes=rng.randrange(-60, 180)
            )
            occurred = max(occurred, start)
        received = occurred + timedelta(hours=rng.choice([0, 0, 0, 1, 30, 24 * 40]))
        row: dict[str, Any] = {
            "occurred_at": occurred,
            "received_at": received,
            "touchpoint_id": f"m{number}",
            "source": rng.choice(["shop", "till"]),
            "channel": rng.choice(["web", "store", "phone"]),
            "country": rng.choice(["BE", "FR", "HU", None]),
            "atom_id": None if rng.random() < 0.1 else rng.randrange(customers * 2),
        }
        kind = rng.random()
        if kind < 0.6:
            row |= {
                "type": "Order Completed",
                "order_id": f"o{number}" if rng.random() < 0.95 else None,
                "amount_base": None
                if rng.random() < 0.05
                else Decimal(rng.randrange(1, 100000)) / 100,
            }
        elif kind < 0.7 and rows:
            sold = rng.choice(rows)
            row |= {
                "type": rng.choice(["Order Refunded", "Order Cancelled"]),
                "source": sold["source"],
                "order_id": sold.get("order_id"),
                "amount_base": -Decimal(rng.randrange(1, 5000)) / 100,
            }
            if row["type"] == "Order Cancelled":
                row["amount_base"] = None
        elif kind < 0.75 and rows:  # the same order again, or a correction
            sold = rng.choice(rows)
            row = {**sold, "touchpoint_id": f"m{number}", "received_at": received}
            if rng.random() < 0.7:
                row["corrects"] = sold.get("corrects") or sold["touchpoint_id"]
                row["amount_base"] = Decimal(rng.randrange(1, 100000)) / 100
        elif kind < 0.9:
            scale = rng.choice([(0.0, 10.0), (1.0, 5.0)])
            row |= {
                "type": "Survey Answered",
                "question": rng.choice(["nps", "csat"]),
                "scale_min": scale[0],
                "scale_max": scale[1],
                "score": float(rng.randint(int(scale[0]), int(scale[1]))),
                "sentiment": rng.choice([None, -0.5, 0.25, 1.0]),
            }
        else:
            row |= {"type": rng.choice(["Ticket Opened", "Call Ended", "Page Viewed"])}
        rows.append(row)
    who = {
        atom: f"p{rng.randrange(customers):05d}"
        for atom in range(customers * 2)
        if rng.random() < 0.97
    }
    return touchpoints(rows), membership(who)
