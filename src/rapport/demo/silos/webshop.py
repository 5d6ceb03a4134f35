"""webshop/: orders as nested JSON, with cancellations and refunds."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_json
from rapport.demo.phone_numbers import written_phone
from rapport.demo.purchases import catalogue
from rapport.demo.spelling import nickname, written_street
from rapport.demo.story import EVENTS, FloatArray, IntArray
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "webshop"
#: Who issues the account numbers: the site, whose behaviour events carry them too.
NAMESPACE = "web"


def carrier(country: str, problem: bool) -> str:
    """The parcel service."""
    if country == "BE":
        return "FlitsExpress" if problem else "Pakketlijn"
    return "ColisDirect" if country == "FR" else "GyorsFutár"


def _payment(world: World, order: int) -> dict[str, str] | None:
    """What the shop notes of a payment over the bank; cards stay with their service."""
    transfer = world.transfers.get(order)
    if transfer is None:
        return None
    return {
        "method": "direct_debit" if transfer.mandate else "bank_transfer",
        "iban": transfer.iban,
        "reference": transfer.reference,
    }


def _drawn(world: World) -> tuple[IntArray, FloatArray]:
    """Web orders that were written, and their chances; who asks again gets the same."""
    where = np.flatnonzero(world.orders.web & world.is_written())
    return where, world.rng("webshop").random((len(where), 10))


def delivery_days(world: World) -> tuple[IntArray, IntArray]:
    """The web orders that were written, and in how many days each parcel was there."""
    where, u = _drawn(world)
    late = world.orders.event[where] == EVENTS.index("late_delivery")
    days = 1 + (u[:, 2] * 3).astype(np.int64)
    days += np.where(late, 4 + (u[:, 3] * 9).astype(np.int64), 0)
    return where, days


def write(world: World) -> Written:
    people, orders, story = world.people, world.orders, world.story
    where, u = _drawn(world)
    _, delivered_in = delivery_days(world)
    placed = time_texts(orders.second[where], "Y-M-DTh:m:s")
    back_second = orders.second[where] + ((4 + u[:, 0] * 18) * 86_400).astype(np.int64)
    back_times = time_texts(back_second, "Y-M-DTh:m:s")
    end = int(np.datetime64(story.until).astype("datetime64[s]").astype(np.int64))
    event = orders.event[where]
    back_probability = np.select([event == 2, event == 3, event == 1], [0.5, 0.7, 0.12], 0.06)
    back = (u[:, 1] < back_probability) & ~orders.cancelled[where] & (back_second < end)
    products = catalogue()
    records: list[Record] = []
    years: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    counts: dict[str, Counter[Any]] = {
        k: Counter() for k in ("orders", "refunds", "cancelled", "revenue")
    }
    for n, i in enumerate(where.tolist()):
        person = people.persons[int(orders.person[i])]
        user, mail = world.webshop_buyer[i]
        kind, space, key = ("user_id", NAMESPACE, user) if user else ("email", "", mail)
        records.append((int(orders.person[i]), SOURCE, kind, space, key))
        currency = str(orders.currency[i])
        problem = int(orders.day[i]) >= story.day(story.problem_from)
        first = person.first if u[n, 4] < 0.93 else nickname(person.first, person.language)
        name = (
            f"{person.last} {first}"
            if person.language == "hu" and u[n, 5] < 0.9
            else f"{first} {person.last}"
        )
        lines = range(int(orders.line_from[i]), int(orders.line_from[i + 1]))
        items = [
            {
                "sku": products[int(orders.line_product[line])].sku,
                "title": products[int(orders.line_product[line])].names[person.language],
                "category": products[int(orders.line_product[line])].category,
                "qty": int(orders.line_quantity[line]),
                "price": int(orders.line_unit[line]) / 100,
                "total": int(orders.line_amount[line]) / 100,
            }
            for line in lines
        ]
        order: dict[str, Any] = {
            "id": world.order_ids[i],
            "placedAt": placed[n] + "Z",
            "status": "cancelled" if orders.cancelled[i] else "delivered",
            "currency": currency,
            "total": int(orders.total[i]) / 100,
            "customer": {
                "id": user or None,
                "guest": not user,
                "name": name,
                "email": mail.upper() if u[n, 6] < 0.02 else mail,
                "phone": written_phone(person.mobile, u[n, 7]) if u[n, 7] < 0.85 else None,
                "locale": f"{person.language}-{person.country}",
            },
            "shippingAddress": {
                "street": written_street(person.street, float(u[n, 8])),
                "zip": person.postal_code,
                "city": person.city,
                "country": person.country,
            },
            "shipping": {
                "method": "click_collect" if orders.collect[i] else "home",
                "carrier": None if orders.collect[i] else carrier(person.country, problem),
                "days": None if orders.collect[i] or orders.cancelled[i] else int(delivered_in[n]),
            },
            "coupon": "SPRING15" if orders.campaign_order[i] else None,
            "attribution": {
                "source": "email"
                if orders.campaign_order[i]
                else str(people.acquisition[orders.person[i]])
            },
            "payment": _payment(world, i),
            "items": items,
        }
        years.setdefault(placed[n][:4], []).append((placed[n] + order["id"], order))
        if orders.cancelled[i]:
            counts["cancelled"][SOURCE] += 1
        else:
            counts["orders"][SOURCE] += 1
            counts["revenue"][SOURCE, currency] += int(orders.total[i])
        if back[n]:
            line = items[0]
            refund = {
                **order,
                "id": order["id"] + "-R",
                "placedAt": back_times[n] + "Z",
                "status": "refunded",
                "total": -line["total"],  # type: ignore[operator]
                "coupon": None,
                "items": [{**line, "qty": -line["qty"], "total": -line["total"]}],  # type: ignore[operator]
            }
            years.setdefault(back_times[n][:4], []).append((back_times[n] + refund["id"], refund))
            counts["refunds"][SOURCE] += 1
            counts["revenue"][SOURCE, currency] -= int(orders.line_amount[lines[0]])
    files = []
    for year, rows in sorted(years.items()):
        path = f"webshop/orders_{year}.json"
        write_json(world.folder / path, [order for _, order in sorted(rows, key=lambda r: r[0])])
        files.append(WrittenFile(path=path, source=SOURCE, rows=len(rows)))
    copy_mapping(world.folder, "webshop/orders")
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: sum(f.rows for f in files)}),
        orders=counts["orders"],
        refunds=counts["refunds"],
        cancelled=counts["cancelled"],
        revenue=counts["revenue"],
    )
