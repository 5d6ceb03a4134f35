"""mail/: what the mailing tool logs of each campaign; the held-out are simply not there."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.purchases import utc_seconds
from rapport.demo.story import IntArray
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "mail"
HEADER = ("event_id", "ts", "event", "campaign", "recipient")


def write(world: World) -> Written:
    people, story, arms = world.people, world.story, world.arms
    rng = world.rng("mail")
    opener = rng.beta(1.6, 2.6, people.count)
    bounces = rng.random(people.count) < 0.012
    events: list[tuple[int, str, int, int]] = []  # second, event, campaign, person
    left = np.zeros(people.count, dtype=bool)
    bounced = np.zeros(people.count, dtype=bool)
    for index, campaign in enumerate(story.campaigns):
        mask = (arms.campaign == index) & ~arms.held_out
        who = arms.person[mask]
        who = who[~left[who] & ~bounced[who]]
        sent = utc_seconds(
            story, np.full(len(who), campaign.day), 32_400 + rng.integers(0, 1800, len(who))
        )
        _add(events, sent, "send", index, who)
        bad = bounces[who]
        _add(events, sent[bad] + 60, "bounce", index, who[bad])
        bounced[who[bad]] = True
        opened = ~bad & (rng.random(len(who)) < opener[who])
        open_at = sent + 300 + (rng.exponential(0.4, len(who)) * 86_400).astype(np.int64)
        opened &= open_at < utc_seconds(
            story, np.full(len(who), story.days), np.zeros(len(who), np.int64)
        )
        _add(events, open_at[opened], "open", index, who[opened])
        clicked = opened & (rng.random(len(who)) < 0.16)
        _add(events, open_at[clicked] + 40, "click", index, who[clicked])
        leaving = opened & ~clicked & (rng.random(len(who)) < 0.008)
        _add(events, open_at[leaving] + 90, "unsub", index, who[leaving])
        left[who[leaving]] = True
    events.sort()
    stamps = time_texts(np.array([e[0] for e in events], dtype=np.int64), "Y-M-DTh:m:s")
    years: dict[str, list[tuple[str, ...]]] = {}
    records: list[Record] = []
    for n, (stamp, (_, event, index, who)) in enumerate(zip(stamps, events, strict=True)):
        recipient = people.persons[who].email
        years.setdefault(stamp[:4], []).append(
            (f"M{n + 1:07d}", stamp + "Z", event, story.campaigns[index].name, recipient)
        )
        if event == "send":
            records.append((who, SOURCE, "email", "", recipient))
    files = []
    for year, rows in sorted(years.items()):
        path = f"mail/events_{year}.csv"
        files.append(
            WrittenFile(path=path, source=SOURCE, rows=write_csv(world.folder / path, HEADER, rows))
        )
    copy_mapping(world.folder, "mail/events")
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: sum(f.rows for f in files)}),
    )


def _add(
    events: list[tuple[int, str, int, int]], at: IntArray, event: str, campaign: int, who: IntArray
) -> None:
    events.extend((s, event, campaign, w) for s, w in zip(at.tolist(), who.tolist(), strict=True))
