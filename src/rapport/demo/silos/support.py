"""support/: tickets as a help desk exports them, and the CSAT question after each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv, write_json_lines
from rapport.demo.phone_numbers import written_phone
from rapport.demo.purchases import catalogue
from rapport.demo.story import EVENTS, IntArray
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import TOPICS, Occasion, draw, write_subject, write_text

SOURCE = "support"
CSAT = "survey_csat"
CSAT_HEADER = ("id", "timestamp", "ticket", "rating", "comment", "language", "email", "country")
_EVENT_TOPICS = {
    "late_delivery": "delivery",
    "damaged_parcel": "damage",
    "wrong_item": "returns",
    "poor_service": "staff",
}
_CHANNELS = ("email", "email", "web", "chat")


def trouble(world: World, rng: np.random.Generator, rates: dict[str, float]) -> tuple[Any, Any]:
    """Orders after which somebody writes or calls, and days between: rates by event and channel."""
    people, orders = world.people, world.orders
    probability = np.select(
        [orders.event == EVENTS.index(name) for name in EVENTS[1:]],
        [rates[name] for name in EVENTS[1:]],
        np.where(orders.web, rates["web"], rates["store"]),
    )
    can = world.is_written() & (people.solo == "")[orders.person]
    order = np.flatnonzero(can & (rng.random(orders.count) < probability))
    delay = np.where(orders.event[order] == 1, 3.0, 0.6) + rng.exponential(2.0, len(order))
    second = orders.second[order] + (delay * 86_400).astype(np.int64)
    end = int(np.datetime64(world.story.until).astype("datetime64[s]").astype(np.int64))
    inside = second < end
    return order[inside], second[inside]


def occasion_of(world: World, order: int, person: int, u: list[float]) -> Occasion:
    """What a ticket or call is about."""
    people, orders = world.people, world.orders
    language = people.persons[person].language
    if order < 0:
        topic = ("assortment", "store", "website", "product")[int(u[0] * 4)]
        return Occasion(language=language, topic=topic, polarity=0 if u[1] < 0.8 else -1)
    event = EVENTS[int(orders.event[order])]
    product = catalogue()[int(orders.line_product[int(orders.line_from[order])])].names[language]
    store = str(orders.store[order])
    if event != "none":
        polarity = -1 if u[1] < 0.8 else 0
        return Occasion(
            language=language,
            topic=_EVENT_TOPICS[event],
            polarity=polarity,
            store=store,
            product=product,
            order_id=world.order_ids[order],
        )
    topic = TOPICS[int(u[0] * len(TOPICS))]
    polarity = 0 if u[1] < 0.68 else -1 if u[1] < 0.93 else 1
    return Occasion(
        language=language,
        topic=topic,
        polarity=polarity,
        store=store,
        product=product,
        order_id=world.order_ids[order],
    )


@dataclass(frozen=True, kw_only=True)
class Case:
    """A ticket as it was opened: what other silos know of it."""

    ticket: int
    order: int  # −1: none
    person: int
    opened: int  # UTC second
    solved: int  # UTC second; beyond the end: still open
    mail: str  # under which the person wrote
    occasion: Occasion
    subject: str
    chance: list[float]
    text_chance: list[float]

    @property
    def text(self) -> str:
        """What the person wrote."""
        return write_text(self.occasion, self.text_chance)


def _start(world: World) -> int:
    return int(np.datetime64(world.story.start).astype("datetime64[s]").astype(np.int64))


def _cases(world: World, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """Order (−1: none), person and UTC second of each ticket, in the order of time."""
    people = world.people
    order, second = trouble(
        world,
        rng,
        {
            "late_delivery": 0.40,
            "damaged_parcel": 0.5,
            "wrong_item": 0.5,
            "poor_service": 0.08,
            "web": 0.05,
            "store": 0.022,
        },
    )
    only = np.flatnonzero(people.solo == "support")
    lonely = _start(world) + ((people.born[only] * 0.98) * 86_400).astype(np.int64) + 36_000
    order = np.concatenate((order, np.full(len(only), -1)))
    person = np.concatenate((world.orders.person[order[: len(second)]], only))
    second = np.concatenate((second, lonely))
    has_mail = np.array([bool(p.email) for p in people.persons])[person]
    order, person, second = order[has_mail], person[has_mail], second[has_mail]
    by_time = np.lexsort((person, second))
    return order[by_time], person[by_time], second[by_time]


def cases(world: World, rng: np.random.Generator | None = None) -> list[Case]:
    """Every ticket, in the order of time; the same for whoever asks."""
    rng = world.rng("support") if rng is None else rng
    people, story = world.people, world.story
    order, person, second = _cases(world, rng)
    problem_start = _start(world) + story.day(story.problem_from) * 86_400
    slow = (second >= problem_start) & (people.country[person] == "BE")
    hours = rng.gamma(1.5, np.where(slow, 40.0, 14.0))
    solved = second + (hours * 3600).astype(np.int64)
    chance, text_chance = rng.random((len(order), 10)).tolist(), draw(rng, len(order))
    found = []
    for n, (i, who) in enumerate(zip(order.tolist(), person.tolist(), strict=True)):
        u, p = chance[n], people.persons[who]
        mail = (world.webshop_buyer[i][1] if i >= 0 else "") or p.email
        if p.email_other and u[2] < 0.15 and people.solo[who] == "":
            mail = p.email_other
        occasion = occasion_of(world, i, who, u)
        found.append(
            Case(
                ticket=10_000 + n,
                order=i,
                person=who,
                opened=int(second[n]),
                solved=int(solved[n]),
                mail=mail,
                occasion=occasion,
                subject=write_subject(occasion, u[3]),
                chance=u,
                text_chance=text_chance[n],
            )
        )
    return found


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("support")
    found = cases(world, rng)
    end = _start(world) + world.story.days * 86_400
    opened = time_texts(np.array([c.opened for c in found], dtype=np.int64), "Y-M-DTh:m:s")
    closed = time_texts(np.array([c.solved for c in found], dtype=np.int64), "Y-M-DTh:m:s")
    csat_chance = draw(rng, len(found))
    records: list[Record] = []
    texts: list[WrittenText] = []
    rows: list[dict[str, Any]] = []
    answers: list[tuple[Any, ...]] = []
    for n, case in enumerate(found):
        u, who, occasion, mail = case.chance, case.person, case.occasion, case.mail
        p = people.persons[who]
        ticket = case.ticket
        done = case.solved < end
        rows.append(
            {
                "id": ticket,
                "created_at": opened[n] + "Z",
                "status": "solved" if done else "open",
                "subject": case.subject,
                "description": case.text,
                "via": {"channel": _CHANNELS[int(u[4] * 4)]},
                "requester": {
                    "name": p.name if u[5] < 0.85 else p.first,
                    "email": mail,
                    "phone": written_phone(p.mobile, u[6]) if u[7] < 0.3 else None,
                    "locale": p.language,
                },
                "custom_fields": {
                    "topic": occasion.topic,
                    "order_id": occasion.order_id or None,
                    "country": p.country,
                },
                "metric_set": {"solved_at": closed[n] + "Z" if done else None},
                "tags": [occasion.topic, p.country.lower()],
            }
        )
        records.append((who, SOURCE, "email", "", mail))
        texts.append(_truth(SOURCE, f"tickets:{ticket}", who, occasion))
        if not done or u[8] > 0.3 or people.solo[who] != "" or case.solved + 90_000 >= end:
            continue
        # Content with the help: the sooner the better, and less so when the cause was bad.
        level = (
            4.6
            - 0.5 * np.log1p((case.solved - case.opened) / 43_200) * 1.6
            + 0.5 * occasion.polarity
            + (u[9] - 0.5) * 2.2
        )
        rating = int(np.clip(np.rint(level), 1, 5))
        answer_id, comment = f"Q{len(answers) + 1:05d}", ""
        if csat_chance[n][0] < 0.45:
            polarity = 1 if rating >= 4 else 0 if rating == 3 else -1
            about = Occasion(language=p.language, topic="staff", polarity=polarity, asks=False)
            comment = write_text(about, csat_chance[n][::-1])
            texts.append(_truth(CSAT, f"surveys:{answer_id}", who, about))
        at = np.datetime64(case.solved + 3600 + int(u[8] * 200_000), "s")
        at = min(at, np.datetime64(end - 1, "s"))
        answers.append((answer_id, f"{at}Z", ticket, rating, comment, p.language, mail, p.country))
        records.append((who, CSAT, "email", "", mail))
    tickets = write_json_lines(world.folder / "support" / "tickets.jsonl", rows)
    answered = write_csv(world.folder / "surveys" / "csat.csv", CSAT_HEADER, answers, delimiter=";")
    copy_mapping(world.folder, "support/tickets")
    copy_mapping(world.folder, "surveys/csat")
    resolved = sum(1 for row in rows if row["status"] == "solved")
    return Written(
        files=(
            WrittenFile(path="support/tickets.jsonl", source=SOURCE, rows=tickets),
            WrittenFile(path="surveys/csat.csv", source=CSAT, rows=answered),
        ),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: tickets + resolved, CSAT: answered}),
    )


def _truth(source: str, touchpoint_id: str, person: int, occasion: Occasion) -> WrittenText:
    return WrittenText(
        source=source,
        touchpoint_id=touchpoint_id,
        person=person,
        language=occasion.language,
        polarity=occasion.polarity,
        topic=occasion.topic,
    )
