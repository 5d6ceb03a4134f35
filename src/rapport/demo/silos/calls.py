"""calls/: the call centre's log, with notes and scraps of transcript."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.phone_numbers import written_phone
from rapport.demo.purchases import local_seconds, utc_seconds
from rapport.demo.silos.support import occasion_of, trouble
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import draw, write_call

SOURCE = "callcentre"
HEADER = ("call_id", "ended", "seconds", "caller", "agent", "language", "topic", "country", "notes")


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("calls")
    order, second = trouble(
        world,
        rng,
        {
            "late_delivery": 0.22,
            "damaged_parcel": 0.16,
            "wrong_item": 0.2,
            "poor_service": 0.05,
            "web": 0.03,
            "store": 0.02,
        },
    )
    # The lines are open from half past eight to eight, local time.
    local_day = local_seconds(world.story, second) // 86_400
    day = local_day - int(np.datetime64(world.story.start).astype(np.int64))
    second = utc_seconds(world.story, day, 30_600 + rng.integers(0, 41_400, len(order)))
    by_time = np.lexsort((order, second))
    order, second = order[by_time], second[by_time]
    stamps = time_texts(local_seconds(world.story, second), "D-M-Y h:m")
    chance, text_chance = rng.random((len(order), 8)).tolist(), draw(rng, len(order))
    seconds = (40 + rng.gamma(2.0, 110.0, len(order))).astype(np.int64).tolist()
    records: list[Record] = []
    texts: list[WrittenText] = []
    rows = []
    for n, i in enumerate(order.tolist()):
        who, u = int(world.orders.person[i]), chance[n]
        person = people.persons[who]
        phone = person.landline if person.landline and u[2] < 0.4 else person.mobile
        occasion = occasion_of(world, i, who, u)
        call_id = f"CC-{n + 1:06d}"
        notes = ""
        if u[3] < 0.85:
            notes = write_call(occasion, text_chance[n])
            texts.append(
                WrittenText(
                    source=SOURCE,
                    touchpoint_id=f"calls:{call_id}",
                    person=who,
                    language=person.language,
                    polarity=occasion.polarity,
                    topic=occasion.topic,
                )
            )
        records.append((who, SOURCE, "phone", "", phone))
        rows.append(
            (
                call_id,
                stamps[n],
                seconds[n],
                written_phone(phone, u[4]),
                f"agent{1 + int(u[5] * 14):02d}",
                person.language,
                occasion.topic,
                person.country,
                notes,
            )
        )
    count = write_csv(world.folder / "calls" / "calls.csv", HEADER, rows, delimiter=";")
    copy_mapping(world.folder, "calls/calls")
    return Written(
        files=(WrittenFile(path="calls/calls.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: count}),
    )
