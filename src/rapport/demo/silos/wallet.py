"""surveys/wallet: what part of their spending customers say is ours, and where the rest goes."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.silos.market import COMPETITORS
from rapport.demo.story import PURCHASE_MEAN
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "survey_wallet"
HEADER = ("id", "answered_at", "share_with_us", "also_buys_at", "language", "email", "country")
#: Of the buyers asked once a year, on a day of their own.
RESPONSE = 0.12
#: Orders per day with rivals: gamma of this shape, on average as many as an average buyer's here.
RIVAL_SHAPE = 2.0
_DAY = 86_400


def write(world: World) -> Written:
    people, story = world.people, world.story
    rng = world.rng("wallet")
    asked = people.buyer & (people.solo == "") & np.array([bool(p.email) for p in people.persons])
    day = np.maximum(0, story.days - 365) + rng.random(people.count) * min(365, story.days)
    rivals = rng.gamma(RIVAL_SHAPE, PURCHASE_MEAN / RIVAL_SHAPE, people.count)
    # People round what they guess; who has left spends next to nothing here.
    here = np.where(world.lifetimes.dropout > day, people.purchase_rate, 0.05 * PURCHASE_MEAN)
    share = here / (here + rivals) + rng.normal(0.0, 0.08, people.count)
    stated = np.clip(np.rint(np.nan_to_num(share) * 20) * 5, 0, 100).astype(np.int64)
    who = np.flatnonzero(asked & (rng.random(people.count) < RESPONSE) & (people.born + 30 < day))
    who = who[np.lexsort((who, day[who]))]
    start = int(np.datetime64(story.start).astype("datetime64[s]").astype(np.int64))
    stamps = time_texts(start + (day[who] * _DAY).astype(np.int64), "Y-M-DTh:m:s")
    chance = rng.random(len(who)).tolist()
    rows = []
    records: list[Record] = []
    for n, i in enumerate(who.tolist()):
        person = people.persons[i]
        names = COMPETITORS[person.country]
        elsewhere = names[int(chance[n] * len(names))] if stated[i] < 100 else ""
        rows.append((f"SW{n + 1:05d}", f"{stamps[n]}Z", int(stated[i]), elsewhere,
                     person.language, person.email, person.country))  # fmt: skip
        records.append((i, SOURCE, "email", "", person.email))
    count = write_csv(world.folder / "surveys" / "wallet.csv", HEADER, rows)
    copy_mapping(world.folder, "surveys/wallet")
    return Written(
        files=(WrittenFile(path="surveys/wallet.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: count}),
    )
