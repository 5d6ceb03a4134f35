"""loyalty/: the cards, filled in at the till years ago: own spellings, old addresses."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, day_text, write_csv
from rapport.demo.phone_numbers import PLACEHOLDERS, written_phone
from rapport.demo.spelling import with_typo, written_first, written_last, written_street
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "loyalty"
HEADER = (
    "CardNumber",
    "HolderName",
    "HolderEmail",
    "Mobile",
    "DateOfBirth",
    "Gender",
    "Address",
    "Zip",
    "Town",
    "Country",
    "Tier",
    "HomeStore",
    "Joined",
    "LastChange",
    "EmailOptIn",
)


def write(world: World) -> Written:
    people = world.people
    rng = world.rng("loyalty")
    start = int(np.datetime64(world.story.start).astype(np.int64))
    end = start + world.story.days - 1
    who = np.flatnonzero(people.card)
    records: list[Record] = []
    rows = []
    for i, u in zip(who.tolist(), rng.random((len(who), 18)).tolist(), strict=True):
        person = people.persons[i]
        first = written_first(person.first, person.language, u[0])
        last = written_last(person.last, u[1])
        # One box for the name: family name first in Hungary, and by some clerks elsewhere.
        reverse = person.language == "hu" or u[2] < 0.12
        name = f"{last} {first}" if reverse else f"{first} {last}"
        if person.married_name and u[3] < 0.3:
            name = person.married_name
        mail = person.email if u[4] < 0.7 else person.email_other if u[4] < 0.85 else ""
        if mail and u[5] < 0.05:
            local, _, domain = mail.partition("@")
            mail = f"{local}+kadar@{domain}"
        elif mail and u[5] < 0.08:
            local, _, domain = mail.partition("@")
            mail = f"{with_typo(local, u[6], u[7])}@{domain}"
        phone = "" if u[8] < 0.15 else written_phone(person.mobile, u[9])
        if u[8] > 0.98:
            phone = PLACEHOLDERS[int(u[9] * len(PLACEHOLDERS))]
        birthday = person.birthday.isoformat() if u[10] < 0.75 else ""
        if birthday and u[11] < 0.02 and person.birthday.day <= 12:
            birthday = (
                f"{person.birthday.year}-{person.birthday.day:02d}-{person.birthday.month:02d}"
            )
        joined = min(end, start + int(people.born[i]))
        changed = joined + int(u[12] ** 3 * (end - joined + 1))  # seldom kept up
        old = u[13] < 0.75
        level = float(people.spend_level[i] * people.purchase_rate[i])
        rows.append(
            (
                people.card_number[i],
                name,
                mail,
                phone,
                birthday,
                ("F" if person.female else "M") if u[14] < 0.9 else "",
                written_street(person.old_street if old else person.street, u[15]),
                person.old_postal_code if old else person.postal_code,
                person.old_city if old else person.city,
                person.country,
                "gold" if level > 0.05 else "silver" if level > 0.02 else "basic",
                person.store,
                day_text(joined, "%Y-%m-%d"),
                day_text(changed, "%Y-%m-%d"),
                "yes" if people.newsletter[i] or u[16] < 0.1 else "no",
            )
        )
        records.append((i, SOURCE, "loyalty_card", "", people.card_number[i]))
    rows.sort(key=lambda r: (r[12], r[0]))
    path = world.folder / "loyalty" / "cards.csv"
    count = write_csv(path, HEADER, rows, encoding="utf-8-sig")
    copy_mapping(world.folder, "loyalty/cards")
    return Written(
        files=(WrittenFile(path="loyalty/cards.csv", source=SOURCE, rows=count),),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: count}),
    )
