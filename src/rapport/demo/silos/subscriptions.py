"""subscriptions/: contracts of the workshop's care plan, a line when one starts or ends."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "care_plan"
HEADER = ("line", "contract", "what", "at", "plan", "reason", "card", "email", "country")
#: Skis and bicycles looked after, by the month: sold since so many days after the start.
PLANS, SOLD_FROM = ("ski", "bike"), 45
#: Of buyers who are known everywhere, those who ever sign.
SIGNED = 0.09
#: Chance per month to end it, while the customer stays one; and how many of those who have left
#: for good end it at the next month. The others forget that they pay.
ENDING, ENDING_OF_LEFT = 0.025, 0.85
_MONTH, _DAY = 30, 86_400


def write(world: World) -> Written:
    people, story = world.people, world.story
    rng = world.rng("subscriptions")
    can = people.buyer & (people.solo == "")
    can &= people.card | np.array([bool(p.email) for p in people.persons])
    signs = can & (rng.random(people.count) < SIGNED)
    # Somewhere between the first day on which they could and the end, as long as they buy.
    first = np.maximum(people.born + 3.0, SOLD_FROM)
    last = np.minimum(world.lifetimes.dropout, story.days - 1.0)
    begun = first + rng.random(people.count) * (last - first)
    months = rng.geometric(ENDING, people.count).astype(np.float64)
    told = rng.random(people.count) < ENDING_OF_LEFT
    left = np.ceil((world.lifetimes.dropout - begun) / _MONTH)
    by_leaving = signs & told & (left < months)
    months = np.where(by_leaving, left, months)
    who = np.flatnonzero(signs & (first < last))
    who = who[np.lexsort((who, begun[who].astype(np.int64)))]
    start = int(np.datetime64(story.start).astype("datetime64[s]").astype(np.int64))
    # Signed at the workshop's counter, which is open from nine to six.
    hour = 9 * 3600 + (rng.random(len(who)) * 9 * 3600).astype(np.int64)
    opened = start + begun[who].astype(np.int64) * _DAY + hour
    closed = opened + (months[who] * _MONTH * _DAY).astype(np.int64)
    end = start + story.days * _DAY
    opened_texts, closed_texts = (time_texts(s, "Y-M-DTh:m:s") for s in (opened, closed))
    chance = rng.random((len(who), 3)).tolist()
    records: list[Record] = []
    rows: list[tuple[str, ...]] = []
    for n, i in enumerate(who.tolist()):
        person, u = people.persons[i], chance[n]
        with_card = people.card[i] and (u[0] < 0.7 or not person.email)
        card, mail = (people.card_number[i], "") if with_card else ("", person.email)
        records.append((i, SOURCE, "loyalty_card" if card else "email", "", card or mail))
        number = f"CP-{n + 1:05d}"
        plan = PLANS[int(u[1] * 2)] if person.country != "HU" else "bike"
        lines = [("start", opened_texts[n], "")]
        if closed[n] < end:
            own = ("price", "not used")[int(u[2] * 2)]
            reason = "no longer a customer" if by_leaving[i] else own
            lines.append(("end", closed_texts[n], reason))
        rows += [
            (f"{number}-{what}", number, what, f"{at}Z", plan, why, card, mail, person.country)
            for what, at, why in lines
        ]
    rows.sort(key=lambda row: (row[3], row[0]))
    count = write_csv(world.folder / "subscriptions/contracts.csv", HEADER, rows, delimiter=";")
    copy_mapping(world.folder, "subscriptions/contracts")
    return Written(
        files=(WrittenFile(path="subscriptions/contracts.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: count}),
    )
