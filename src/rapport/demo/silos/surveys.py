"""surveys/: NPS after an order, answered by a quarter of those asked."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.purchases import catalogue
from rapport.demo.story import DRIVERS, EVENTS
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import Occasion, draw, write_text

SOURCE = "survey_nps"
HEADER = (
    "response_id",
    "answered_at",
    "score",
    "comment",
    "lang",
    "email",
    "order_no",
    "store",
    "country",
    "about",
    *(f"q_{driver}" for driver in DRIVERS),
)
_EVENT_TOPICS = {
    "late_delivery": "delivery",
    "damaged_parcel": "damage",
    "wrong_item": "returns",
    "poor_service": "staff",
}
RESPONSE = 0.25


def write(world: World) -> Written:
    people, orders, story = world.people, world.orders, world.story
    rng = world.rng("surveys")
    has_mail = np.array([bool(p.email) for p in people.persons])
    asked = world.is_written() & ~orders.cancelled & ((people.solo == "") & has_mail)[orders.person]
    # The delighted and the angry answer a little more often.
    strength = np.abs(orders.satisfaction - 7.0) / 3.0
    order = np.flatnonzero(asked & (rng.random(orders.count) < RESPONSE * (0.88 + 0.16 * strength)))
    delay = np.where(orders.web[order], 3.0, 0.5) + rng.exponential(2.0, len(order))
    second = orders.second[order] + (delay * 86_400).astype(np.int64)
    end = int(np.datetime64(story.until).astype("datetime64[s]").astype(np.int64))
    inside = second < end
    order, second = order[inside], second[inside]
    by_time = np.lexsort((order, second))
    order, second = order[by_time], second[by_time]
    stamps = time_texts(second, "Y-M-DTh:m:s")
    score = np.clip(np.rint(orders.satisfaction[order]), 0, 10).astype(np.int64)
    chance, text_chance = rng.random((len(order), 6)).tolist(), draw(rng, len(order))
    records: list[Record] = []
    texts: list[WrittenText] = []
    rows = []
    for n, i in enumerate(order.tolist()):
        who, u = int(orders.person[i]), chance[n]
        person = people.persons[who]
        mail = world.webshop_buyer[i][1] or person.email
        records.append((who, SOURCE, "email", "", mail))
        response_id = f"N{n + 1:06d}"
        language = person.language
        if person.country == "BE" and language != "en" and u[0] < 0.03:
            language = "fr" if language == "nl" else "nl"
        comment = ""
        if u[1] < (0.72 if score[n] <= 6 else 0.45):
            polarity = polarity_of(int(score[n]), u[2])
            topic = topic_of(
                orders.items[i].tolist(),
                EVENTS[int(orders.event[i])],
                bool(orders.web[i]),
                polarity,
                u[3],
            )
            product = catalogue()[int(orders.line_product[int(orders.line_from[i])])]
            comment = write_text(
                Occasion(
                    language=language,
                    topic=topic,
                    polarity=polarity,
                    store=str(orders.store[i]),
                    asks=False,
                    product=product.names[language],
                ),
                text_chance[n],
            )
            texts.append(
                WrittenText(
                    source=SOURCE,
                    touchpoint_id=f"surveys:{response_id}",
                    person=who,
                    language=language,
                    polarity=polarity,
                    topic=topic,
                )
            )
        rows.append(
            (
                response_id,
                stamps[n] + "Z",
                int(score[n]),
                comment,
                language,
                mail.upper() if u[4] < 0.01 else mail,
                world.order_ids[i],
                str(orders.store[i]),
                person.country,
                "web" if orders.web[i] else "store",
                *(item or "" for item in orders.items[i].tolist()),
            )
        )
    count = write_csv(world.folder / "surveys" / "nps.csv", HEADER, rows)
    copy_mapping(world.folder, "surveys/nps")
    return Written(
        files=(WrittenFile(path="surveys/nps.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: count}),
    )


def polarity_of(score: int, u: float) -> int:
    """The mood of a comment beside a score of 0 … 10."""
    if score >= 9:
        return 1 if u < 0.93 else 0
    if score >= 7:
        return 1 if u < 0.5 else 0
    if score >= 5:
        return -1 if u < 0.75 else 0
    return -1 if u < 0.97 else 0


def topic_of(items: list[int], event: str, web: bool, polarity: int, u: float) -> str:
    """What the comment is about: what happened, or the driver that stood out."""
    if event != "none" and polarity < 0 and u < 0.85:
        return _EVENT_TOPICS[event]
    if u > 0.82:
        return ("assortment", "returns" if web else "store")[int(u * 1000) % 2]
    felt = [(value, driver) for value, driver in zip(items, DRIVERS, strict=True) if value]
    if polarity == 0:
        return felt[int(u / 0.82 * len(felt)) % len(felt)][1]
    edge = min(felt)[0] if polarity < 0 else max(felt)[0]
    extreme = [driver for value, driver in felt if value == edge]
    return extreme[int(u * 977) % len(extreme)]
