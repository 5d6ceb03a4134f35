"""whatsapp_*/: chats of two shops' telephones, exported as text, one file a customer."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from zoneinfo import ZoneInfo

import numpy as np

from rapport.demo.files import copy_mapping
from rapport.demo.phone_numbers import written_phone
from rapport.demo.replies import agent, said
from rapport.demo.story import TIME_ZONES
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import Occasion, draw, write_text

#: Chats a shop, for each thousand people of the company.
_CHATS = 5.0
_TOPICS = ("assortment", "product", "store", "returns", "price")


@dataclass(frozen=True, kw_only=True)
class _Shop:
    """A telephone, in the language that it is set to."""

    source: str
    store: str
    country: str
    us: str
    pattern: str  # of a message's time
    encrypted: str
    picture: str
    file: str


SHOPS = (
    _Shop(
        source="whatsapp_gent",
        store="Gent",
        country="BE",
        us="Maison Kadár Gent",
        pattern="%d/%m/%Y %H:%M",
        encrypted="Berichten en gesprekken zijn end-to-end versleuteld. Alleen mensen in deze chat "
        "kunnen deze lezen, beluisteren of delen.",
        picture="<Media weggelaten>",
        file="WhatsApp-chat met {name}.txt",
    ),
    _Shop(
        source="whatsapp_budapest",
        store="Budapest Nyugati",
        country="HU",
        us="Maison Kadár Budapest",
        pattern="%Y. %m. %d. %H:%M",
        encrypted="Az üzenetek és hívások végpontok között titkosítottak. Csak a csevegés "
        "résztvevői olvashatják, hallgathatják meg és oszthatják meg őket.",
        picture="<Média kihagyva>",
        file="WhatsApp-beszélgetés – {name}.txt",
    ),
)


def write(world: World) -> Written:
    files: list[WrittenFile] = []
    records: list[Record] = []
    texts: list[WrittenText] = []
    for shop in SHOPS:
        _write_shop(world, shop, files, records, texts)
        copy_mapping(world.folder, f"{shop.source}/chats")
    return Written(
        files=tuple(files),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter(text.source for text in texts),
    )


def chatters(world: World, shop: _Shop) -> list[int]:
    """Who chats with a shop: customers nearby, those first who were bothered or wait for money."""
    people, rng = world.people, world.rng(f"{shop.source}:who")
    near = np.array([p.store == shop.store and p.country == shop.country for p in people.persons])
    # A telephone has its customers since the shop is there, and the last weeks come later.
    can = near & (people.solo == "") & (people.born < world.story.days - 60)
    who = np.flatnonzero(can)
    paying = np.isin(who, world.orders.person[list(world.transfers)])
    weight = (0.05 + world.troubles()[who]) * np.where(paying, 4.0, 1.0)
    place = rng.random(len(who)) ** (1.0 / weight)
    chosen = who[np.argsort(-place, kind="stable")]
    found: list[int] = chosen[: max(2, round(_CHATS * people.count / 1000))].tolist()
    return found


def _write_shop(
    world: World,
    shop: _Shop,
    files: list[WrittenFile],
    records: list[Record],
    texts: list[WrittenText],
) -> None:
    people = world.people
    rng = world.rng(shop.source)
    who = chatters(world, shop)
    first_day = np.maximum(people.born, 0.0)
    named: Counter[str] = Counter(people.persons[i].name for i in who)
    u = rng.random((len(who), 8)).tolist()
    for n, i in enumerate(who):
        person, chance = people.persons[i], u[n]
        # Few numbers are saved under a name; in the list of a telephone each name is there once.
        saved = chance[0] < 0.15 and named[person.name] == 1
        author = person.name if saved else _shown_number(person.mobile)
        talks = 1 + (chance[1] > 0.6) + (chance[1] > 0.9)
        text_u = draw(rng, talks)
        begin = int(first_day[i]) + 3
        days = np.sort(begin + rng.random(talks) * (world.story.days - 8 - begin)).astype(np.int64)
        days += np.arange(talks) * 2  # a day of silence at least, else it is one conversation
        lines = []
        for day, words, turn in zip(
            days.tolist(), text_u, rng.random((talks, 8)).tolist(), strict=True
        ):
            topic = _TOPICS[int(turn[0] * len(_TOPICS))]
            occasion = Occasion(
                language=person.language,
                topic=topic,
                polarity=0 if turn[1] < 0.8 else -1,
                store=shop.store,
            )
            asked = write_text(occasion, words)
            at = _moment(world, shop, day, 36_000 + int(turn[2] * 25_000))
            lines += _talk(shop, author, person.language, topic, asked, at, turn)
            texts.append(
                WrittenText(
                    source=shop.source,
                    touchpoint_id=f"whatsapp:{_key(author, at, asked)}",
                    person=i,
                    language=person.language,
                    polarity=occasion.polarity,
                    topic=topic,
                )
            )
        kind, space = ("chat_name", shop.source) if saved else ("phone", "")
        records.append((i, shop.source, kind, space, author if saved else person.mobile))
        begun = _moment(world, shop, int(days[0]), 35_000).strftime(shop.pattern)
        path = f"{shop.source}/{shop.file.format(name=author)}"
        target = world.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        body = "\n".join([f"{begun} - {shop.encrypted}", *lines]) + "\n"
        target.write_text(body, "utf-8", newline="\n")
        files.append(WrittenFile(path=path, source=shop.source, rows=talks))


def _shown_number(mobile: str) -> str:
    """A number as a telephone shows it that has no name for it."""
    return written_phone(mobile, 0.45)


def _moment(world: World, shop: _Shop, day: int, second: int) -> datetime:
    """To the minute, as chats are exported."""
    zone = ZoneInfo(TIME_ZONES[shop.country])
    start = datetime.combine(world.story.start + timedelta(days=day), datetime.min.time(), UTC)
    return (start + timedelta(seconds=second - second % 60)).replace(tzinfo=zone)


def _key(author: str, at: datetime, first: str) -> str:
    """What the conversation is known by: who, when and its first words."""
    said = "\x1f".join((author, at.isoformat(), author, first))
    return blake2b(said.encode(), digest_size=12).hexdigest()


def _talk(
    shop: _Shop, author: str, language: str, topic: str, asked: str, at: datetime, u: list[float]
) -> list[str]:
    """One conversation: a question, our answer, thanks."""
    store = shop.store
    turns = [(0, author, asked)]
    if u[3] < 0.25:
        turns.append((1, author, shop.picture))
    wait = 2 + int(u[4] ** 3 * 180)
    hello = said(language, "hello_chat", u[5], agent=agent(language, u[6]), store=store)
    turns += [(wait, shop.us, hello), (wait + 1, shop.us, said(language, topic, u[5]))]
    if u[7] < 0.8:
        turns.append((wait + 4, author, said(language, "thanks", u[7] / 0.8)))
    return [
        f"{(at + timedelta(minutes=later)).strftime(shop.pattern)} - {who}: {text}"
        for later, who, text in turns
    ]
