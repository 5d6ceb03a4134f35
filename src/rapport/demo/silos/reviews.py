"""reviews/: stars and words on products, as the review platform streams them."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_json_lines
from rapport.demo.purchases import catalogue
from rapport.demo.silos.surveys import polarity_of, topic_of
from rapport.demo.story import EVENTS
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import Occasion, draw, write_text

SOURCE = "reviews"


def write(world: World) -> Written:
    people, orders = world.people, world.orders
    rng = world.rng("reviews")
    has_mail = np.array([bool(p.email) for p in people.persons])
    can = world.is_written() & ~orders.cancelled & ((people.solo == "") & has_mail)[orders.person]
    order = np.flatnonzero(can & (rng.random(orders.count) < np.where(orders.web, 0.08, 0.02)))
    second = orders.second[order] + ((2 + rng.exponential(6.0, len(order))) * 86_400).astype(
        np.int64
    )
    end = int(np.datetime64(world.story.until).astype("datetime64[s]").astype(np.int64))
    inside = second < end
    order, second = order[inside], second[inside]
    by_time = np.lexsort((order, second))
    order, second = order[by_time], second[by_time]
    stamps = time_texts(second, "Y-M-DTh:m:s")
    chance, text_chance = rng.random((len(order), 5)).tolist(), draw(rng, len(order))
    records: list[Record] = []
    texts: list[WrittenText] = []
    rows = []
    for n, i in enumerate(order.tolist()):
        who, u = int(orders.person[i]), chance[n]
        person = people.persons[who]
        ten = int(np.clip(np.rint(orders.satisfaction[i]), 0, 10))
        polarity = polarity_of(ten, u[0])
        product = catalogue()[int(orders.line_product[int(orders.line_from[i])])]
        topic = topic_of(
            orders.items[i].tolist(),
            EVENTS[int(orders.event[i])],
            bool(orders.web[i]),
            polarity,
            u[1],
        )
        mail = (world.webshop_buyer[i][1] or person.email) if u[2] < 0.85 else ""
        review_id = f"RV{n + 1:05d}"
        occasion = Occasion(
            language=person.language,
            topic=topic,
            polarity=polarity,
            store=str(orders.store[i]),
            asks=False,
        )
        rows.append(
            {
                "id": review_id,
                "created": stamps[n] + "Z",
                "stars": int(np.clip(np.rint(ten / 2), 1, 5)),
                "body": write_text(occasion, text_chance[n]),
                "product": {"sku": product.sku},
                "author": {
                    "display_name": f"{person.first} {person.last[0]}.",
                    "email": mail or None,
                },
                "order": world.order_ids[i],
                "country": person.country,
            }
        )
        if mail:
            records.append((who, SOURCE, "email", "", mail))
        texts.append(
            WrittenText(
                source=SOURCE,
                touchpoint_id=f"reviews:{review_id}",
                person=who,
                language=person.language,
                polarity=polarity,
                topic=topic,
            )
        )
    count = write_json_lines(world.folder / "reviews" / "reviews.jsonl", rows)
    copy_mapping(world.folder, "reviews/reviews")
    return Written(
        files=(WrittenFile(path="reviews/reviews.jsonl", source=SOURCE, rows=count),),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: count}),
    )
