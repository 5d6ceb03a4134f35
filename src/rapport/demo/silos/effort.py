"""surveys/ces: how easy it was to be helped, asked after a ticket of those not asked for CSAT."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.silos.support import cases
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "survey_ces"
HEADER = ("id", "answered_at", "ticket", "agreement", "language", "email", "country")
#: Of those asked.
RESPONSE = 0.22
#: Agreement, 1 … 7, with "it was easy" where help came at once, and what each doubling of the wait
#: takes from it; a bad cause takes more.
AT_ONCE, PER_DOUBLING, BAD_CAUSE, NOISE = 6.6, 0.55, 0.5, 0.9


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("effort")
    start = int(np.datetime64(world.story.start).astype("datetime64[s]").astype(np.int64))
    end = start + world.story.days * 86_400
    found = cases(world)
    answers_it = rng.random(len(found)) < RESPONSE
    noise, delay = rng.normal(0.0, NOISE, len(found)), rng.exponential(20.0, len(found))
    answered = [
        (case.solved + 3600 + int(delay[n] * 3600), noise[n], case)
        for n, case in enumerate(found)
        # Below it the help desk asks for CSAT instead.
        if answers_it[n] and case.chance[8] > 0.3 and people.solo[case.person] == ""
    ]
    answered = [each for each in answered if each[0] < end]
    answered.sort(key=lambda each: (each[0], each[2].ticket))
    stamps = time_texts(np.array([each[0] for each in answered], dtype=np.int64), "Y-M-DTh:m:s")
    rows = []
    records: list[Record] = []
    for n, (_, off, case) in enumerate(answered):
        person = people.persons[case.person]
        waited = np.log2(1.0 + (case.solved - case.opened) / 14_400)
        level = AT_ONCE - PER_DOUBLING * waited + BAD_CAUSE * case.occasion.polarity + off
        agreement = int(np.clip(np.rint(level), 1, 7))
        rows.append((f"E{n + 1:05d}", f"{stamps[n]}Z", case.ticket, agreement, person.language,
                     case.mail, person.country))  # fmt: skip
        records.append((case.person, SOURCE, "email", "", case.mail))
    count = write_csv(world.folder / "surveys" / "ces.csv", HEADER, rows, delimiter=";")
    copy_mapping(world.folder, "surveys/ces")
    return Written(
        files=(WrittenFile(path="surveys/ces.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: count}),
    )
