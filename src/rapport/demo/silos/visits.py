"""visits/: appointments and click & collect, from the shops' planning tool."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.phone_numbers import written_phone
from rapport.demo.purchases import local_seconds, utc_seconds
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import Occasion, draw, write_text

SOURCE = "visits"
HEADER = ("visit_id", "moment", "store", "reason", "card", "phone", "note", "staff", "country")


def write(world: World) -> Written:
    people, orders, story = world.people, world.orders, world.story
    rng = world.rng("visits")
    everywhere = people.solo == ""
    written = world.is_written() & everywhere[orders.person]
    collected = np.flatnonzero(written & orders.collect & ~orders.cancelled)
    # Who buys in the shop sometimes came some days before, by appointment.
    advised = np.flatnonzero(
        written & ~orders.web & (orders.day > 8) & (rng.random(orders.count) < 0.09)
    )
    order = np.concatenate((collected, advised))
    gap = np.where(
        np.arange(len(order)) < len(collected),
        rng.integers(1, 4, len(order)),
        -rng.integers(1, 8, len(order)),
    )
    day = orders.day[order] + gap
    day += (np.datetime64(story.start).astype(np.int64) + day + 3) % 7 == 6  # closed on Sundays
    inside = day < story.days
    order, day, appointment = order[inside], day[inside], (gap < 0)[inside]
    second = utc_seconds(story, day, (36_000 + rng.integers(0, 28_000, len(order))))
    by_time = np.lexsort((order, second))
    order, second, appointment = order[by_time], second[by_time], appointment[by_time]
    stamps = time_texts(local_seconds(story, second), "Y-M-D h:m")
    chance, text_chance = rng.random((len(order), 6)).tolist(), draw(rng, len(order))
    records: list[Record] = []
    texts: list[WrittenText] = []
    rows = []
    for n, i in enumerate(order.tolist()):
        who, u = int(orders.person[i]), chance[n]
        person = people.persons[who]
        card = people.card_number[who] if people.card[who] and u[0] < 0.7 else ""
        phone = person.landline if person.landline and u[1] < 0.15 else person.mobile
        records.append(
            (who, SOURCE, "loyalty_card", "", card) if card else (who, SOURCE, "phone", "", phone)
        )
        visit_id, store = f"V{n + 1:06d}", str(orders.store[i])
        note = ""
        if u[2] < 0.3:
            topic = ("product", "assortment", "price")[int(u[3] * 3)]
            occasion = Occasion(language=person.language, topic=topic, polarity=0, store=store)
            note = write_text(occasion, text_chance[n])
            texts.append(
                WrittenText(
                    source=SOURCE,
                    touchpoint_id=f"visits:{visit_id}",
                    person=who,
                    language=person.language,
                    polarity=0,
                    topic=topic,
                )
            )
        rows.append(
            (
                visit_id,
                stamps[n],
                store,
                "appointment" if appointment[n] else "click & collect",
                card,
                "" if card and u[4] < 0.5 else written_phone(phone, u[5]),
                note,
                f"{person.country}-{1 + int(u[3] * 40):02d}",
                person.country,
            )
        )
    count = write_csv(world.folder / "visits" / "visits.csv", HEADER, rows)
    copy_mapping(world.folder, "visits/visits")
    return Written(
        files=(WrittenFile(path="visits/visits.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: count}),
    )
