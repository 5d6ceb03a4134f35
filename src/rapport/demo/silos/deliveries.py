"""deliveries/: when each parcel of the web shop was handed over, from the carriers' portal."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.purchases import local_seconds, utc_seconds
from rapport.demo.silos.webshop import NAMESPACE, carrier, delivery_days
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "deliveries"
HEADER = ("parcel", "scan", "moment", "order", "customer", "mail", "country", "carrier")


def write(world: World) -> Written:
    people, orders, story = world.people, world.orders, world.story
    rng = world.rng("deliveries")
    where, days = delivery_days(world)
    day = orders.day[where] + days
    # Neither is a parcel to be fetched in a shop brought, nor a cancelled one; carriers rest on
    # Sundays.
    day += (np.datetime64(story.start).astype(np.int64) + day + 3) % 7 == 6
    brought = ~orders.collect[where] & ~orders.cancelled[where] & (day < story.days)
    where, day = where[brought], day[brought]
    second = utc_seconds(story, day, (30_600 + rng.beta(2.0, 2.2, len(day)) * 36_000).astype(int))
    # An order of late evening that arrives the next day never arrives before it was placed.
    second = np.maximum(second, orders.second[where] + 6 * 3600)
    inside = second < utc_seconds(story, np.array([story.days]), np.array([0]))[0]
    where, second = where[inside], second[inside]
    by_time = np.lexsort((where, second))
    where, second = where[by_time], second[by_time]
    stamps = time_texts(local_seconds(story, second), "Y-M-D h:m")
    chance = rng.random(len(where)).tolist()
    records: list[Record] = []
    months: dict[str, list[tuple[str, ...]]] = {}
    for n, i in enumerate(where.tolist()):
        who = int(orders.person[i])
        person = people.persons[who]
        user, mail = world.webshop_buyer[i]
        kind, space, key = ("user_id", NAMESPACE, user) if user else ("email", "", mail)
        records.append((who, SOURCE, kind, space, key))
        problem = int(orders.day[i]) >= story.day(story.problem_from)
        months.setdefault(stamps[n][:7], []).append(
            (
                f"P{n + 1:07d}",
                "delivered",
                stamps[n],
                world.order_ids[i],
                user or "",
                mail if not user or chance[n] < 0.6 else "",
                person.country,
                carrier(person.country, problem),
            )
        )
    files = []
    for month, rows in sorted(months.items()):
        path = f"deliveries/parcels_{month}.csv"
        count = write_csv(world.folder / path, HEADER, rows, delimiter=";")
        files.append(WrittenFile(path=path, source=SOURCE, rows=count))
    copy_mapping(world.folder, "deliveries/parcels")
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: sum(f.rows for f in files)}),
    )
