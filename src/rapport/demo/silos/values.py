"""values/: a survey of values and attitudes, one row per question answered."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.motives import (
    AGREEMENT,
    ANSWER_HALO,
    ANSWER_NOISE,
    MOTIVES,
    QUESTIONS,
    motives_of,
)
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "survey_values"
HEADER = ("answer_id", "answered_at", "question", "agreement", "lang", "email", "country")
#: Of those who are asked; the lowest and highest agreement.
RESPONSE, LOWEST, HIGHEST = 0.5, 1, 7
_DAY = 86_400


def write(world: World) -> Written:
    people, story = world.people, world.story
    rng = world.rng("values")
    asked = (people.solo == "") & np.array([bool(p.email) for p in people.persons])
    who = np.flatnonzero(asked & (rng.random(people.count) < RESPONSE))
    # Customers of a month are asked; over the last nine.
    first = np.maximum(people.born[who] + 30, story.days - 270)
    day = first + rng.random(len(who)) * (story.days - first)
    inside = (first < story.days - 1) & (day < story.days - 1)
    who, day = who[inside], day[inside]
    by_time = np.lexsort((who, day))
    who, day = who[by_time], day[by_time]
    start = int(np.datetime64(story.start).astype("datetime64[s]").astype(np.int64))
    stamps = time_texts(start + (day * _DAY).astype(np.int64), "Y-M-DTh:m:s")
    means = np.array([AGREEMENT[name] for name in MOTIVES])[motives_of(world)[who]]
    felt = (
        means
        + rng.normal(0.0, ANSWER_HALO, (len(who), 1))
        + rng.normal(0.0, ANSWER_NOISE, means.shape)
    )
    agreement = np.clip(np.rint(felt), LOWEST, HIGHEST).astype(np.int64).tolist()
    skipped = (rng.random(means.shape) < 0.03).tolist()
    records: list[Record] = []
    rows = []
    for n, (index, stamp) in enumerate(zip(who.tolist(), stamps, strict=True)):
        person = people.persons[index]
        records.append((index, SOURCE, "email", "", person.email))
        rows += [
            (
                f"A{n + 1:05d}-{place + 1}",
                stamp + "Z",
                question,
                agreement[n][place],
                person.language,
                person.email,
                person.country,
            )
            for place, question in enumerate(QUESTIONS)
            if not skipped[n][place]
        ]
    count = write_csv(world.folder / "values" / "answers.csv", HEADER, rows)
    copy_mapping(world.folder, "values/answers")
    return Written(
        files=(WrittenFile(path="values/answers.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: count}),
    )
