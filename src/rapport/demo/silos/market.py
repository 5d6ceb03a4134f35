"""market/: prices of competitors, week by week, and customers won from them or lost to them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np

from rapport.demo.files import amount_text, copy_mapping, day_text, write_csv
from rapport.demo.purchases import catalogue
from rapport.demo.world import Record, World, Written, WrittenFile, WrittenText, unique_records
from rapport.demo.writing import Occasion, draw, write_text

PRICES = "price_watch"
SWITCHES = "switches"
#: Invented, as all names here; by country.
COMPETITORS = {
    "BE": ("Buitenbaas", "Grand Large Sport"),
    "FR": ("Grand Large Sport", "Cimes & Sentiers"),
    "HU": ("Túramester", "Kertvilág Plusz"),
}
PRICES_HEADER = ("competitor", "country", "checked_at", "our_sku", "product", "price", "currency",
                 "shipping", "stock", "promo")  # fmt: skip
SWITCHES_HEADER = ("nr", "date", "result", "competitor", "reason", "card", "email", "noted_by",
                   "note", "language", "country")  # fmt: skip
_WEEKS = 12
_WATCHED = (2, 5, 10, 13, 21, 26, 34, 42, 46, 53)  # products, some of each category
#: Why somebody left, as sales write it, and what the note is then about.
_REASONS = {
    "late_delivery": ("delivery", "delivery"),
    "damaged_parcel": ("delivery", "damage"),
    "wrong_item": ("mistakes", "returns"),
    "poor_service": ("service", "staff"),
}


def write(world: World) -> Written:
    prices, (switches, records, texts) = _prices(world), _switches(world)
    watched = write_csv(world.folder / "market/price_watch.csv", PRICES_HEADER, prices)
    noted = write_csv(
        world.folder / "market/switches.csv", SWITCHES_HEADER, switches, delimiter=";"
    )
    copy_mapping(world.folder, "market/price_watch")
    copy_mapping(world.folder, "market/switches")
    return Written(
        files=(
            WrittenFile(path="market/price_watch.csv", source=PRICES, rows=watched),
            WrittenFile(path="market/switches.csv", source=SWITCHES, rows=noted),
        ),
        records=unique_records(records),
        texts=tuple(texts),
        touchpoints=Counter({PRICES: watched, SWITCHES: noted}),
    )


def _prices(world: World) -> list[tuple[object, ...]]:
    rng, story = world.rng("price_watch"), world.story
    products = catalogue()
    rows: list[tuple[object, ...]] = []
    for country, competitors in COMPETITORS.items():
        forint = country == "HU"
        for competitor in competitors:
            for index in _WATCHED:
                product = products[index]
                ours = product.huf * 100 if forint else product.eur_cents
                level = rng.normal(0.97, 0.06)  # of this shop for this product
                for week in range(_WEEKS):
                    day = story.days - 7 * (_WEEKS - week)
                    promo = rng.random() < 0.12
                    cents = int(ours * level * (0.85 if promo else 1.0) * rng.normal(1, 0.005))
                    # Prices end as prices do.
                    cents = cents // 1000 * 1000 + 99_000 % 1000 if forint else cents // 10 * 10 + 5
                    out = rng.random() < 0.06
                    date = story.start + timedelta(days=day)
                    language = "hu" if forint else "fr" if country == "FR" else "nl"
                    rows.append(
                        (competitor, country, f"{date}T06:00:00Z", product.sku,
                         product.names[language], amount_text(cents),
                         "HUF" if forint else "EUR", "1290.00" if forint else "4.95",
                         "out of stock" if out else "in stock", "-15%" if promo else "")
                    )  # fmt: skip
    rows.sort(key=lambda row: (str(row[2]), str(row[1]), str(row[0]), str(row[3])))
    return rows


def _switches(
    world: World,
) -> tuple[list[tuple[object, ...]], list[Record], list[WrittenText]]:
    """Customers of whom sales know where they went, or where they came from."""
    rng, people, story = world.rng("switches"), world.people, world.story
    known = (people.solo == "") & people.buyer
    gone = world.lifetimes.dropout
    year = max(0, story.days - 365)
    left = np.flatnonzero(known & (gone > year) & (gone < story.days - 12))
    left = left[np.isin(world.lifetimes.cause[left], list(_REASONS))]
    came = np.flatnonzero(known & (people.born > year) & (people.born < story.days - 12))
    share = people.count / 1000
    chosen = [
        *((i, -1, float(gone[i]) + 6) for i in rng.permutation(left)[: round(7 * share)].tolist()),
        *((i, 1, float(people.born[i]) + 1)
          for i in rng.permutation(came)[: round(5 * share)].tolist()),
    ]  # fmt: skip
    chosen.sort(key=lambda each: (each[2], each[0]))
    u, text_u = rng.random((len(chosen), 6)).tolist(), draw(rng, len(chosen))
    start = int(np.datetime64(story.start).astype(np.int64))
    rows: list[tuple[object, ...]] = []
    records: list[Record] = []
    texts: list[WrittenText] = []
    for n, (i, outcome, day) in enumerate(chosen):
        person, chance = people.persons[i], u[n]
        card = (
            people.card_number[i]
            if people.card[i] and (chance[0] < 0.6 or not person.email)
            else ""
        )
        if not card and not person.email:
            continue
        reason, topic = (
            _REASONS[str(world.lifetimes.cause[i])]
            if outcome < 0
            else (("price", "price"), ("assortment", "assortment"), ("service", "staff"))[
                int(chance[1] * 3)
            ]
        )
        number = f"WL-{len(rows) + 1:04d}"
        note = ""
        if chance[2] < 0.7:
            about = Occasion(language=person.language, topic=topic, polarity=outcome, asks=False)
            note = write_text(about, [*text_u[n][:11], 0.0])
            texts.append(
                WrittenText(
                    source=SWITCHES,
                    touchpoint_id=f"switches:{number}",
                    person=i,
                    language=person.language,
                    polarity=outcome,
                    topic=topic,
                )
            )
        rivals = COMPETITORS[person.country]
        rows.append(
            (number, day_text(start + int(day), "%Y-%m-%d"), "won" if outcome > 0 else "lost",
             rivals[int(chance[3] * len(rivals))], reason, card, "" if card else person.email,
             f"sales{1 + int(chance[4] * 5)}", note, person.language, person.country)
        )  # fmt: skip
        records.append(
            (i, SWITCHES, "loyalty_card", "", card)
            if card
            else (i, SWITCHES, "email", "", person.email)
        )
    return rows, records, texts
