"""configurator/: garden houses that people put together on the site, each time they saved one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rapport.demo.files import copy_mapping, write_json_lines
from rapport.demo.people import CATEGORIES
from rapport.demo.purchases import utc_seconds
from rapport.demo.words import words
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "configurator"
#: People who build one, of a thousand.
_BUILDERS = 18.0


def write(world: World) -> Written:
    people, story = world.people, world.story
    rng = world.rng("configurator")
    garden = people.interests[:, CATEGORIES.index("garden")]
    has_email = np.array([bool(p.email) for p in people.persons])
    begin = np.maximum(people.born, 0.0)
    can = np.flatnonzero((people.solo == "") & has_email & (begin < story.days - 30))
    # Who likes the garden builds more often.
    place = rng.random(len(can)) ** (1.0 / (0.02 + garden[can]))
    who = np.sort(can[np.argsort(-place, kind="stable")][: round(_BUILDERS * people.count / 1000)])
    u = rng.random((len(who), 12)).tolist()
    rows: list[dict[str, Any]] = []
    records: list[Record] = []
    for n, i in enumerate(who.tolist()):
        person = people.persons[i]
        first = int(begin[i]) + 2 + int(u[n][0] * (story.days - 14 - begin[i]))
        rows += _saved(world, i, f"GH-{n + 1:05d}", min(first, story.days - 12), u[n])
        records.append((i, SOURCE, "email", "", person.email))
    rows.sort(key=lambda row: (row["savedAt"], row["configurationId"]))
    path = "configurator/saved.jsonl"
    count = write_json_lines(world.folder / path, rows)
    copy_mapping(world.folder, "configurator/saved")
    return Written(
        files=(WrittenFile(path=path, source=SOURCE, rows=count),),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: count}),
    )


def _saved(world: World, i: int, number: str, day: int, u: list[float]) -> list[dict[str, Any]]:
    """The versions of one configuration, each a little richer, the last maybe sent in."""
    person, table = world.people.persons[i], words("configurator")
    language, forint = person.language, person.country == "HU"
    price = "huf" if forint else "eur"
    model = table["models"][int(u[1] ** 1.3 * len(table["models"]))]
    versions = 1 + (u[2] < 0.5) + (u[2] < 0.2)
    rows = []
    for version in range(1, versions + 1):
        options = [
            {
                "group": group["names"][language],
                "code": choice["code"],
                "name": choice["names"][language],
                "price": choice[price],
            }
            for n, group in enumerate(table["groups"])
            # Later versions have more groups filled in.
            if n < 2 + version
            for choice in [group["choices"][int(((u[3 + n] + 0.21 * version) % 1) * 3)]]
        ]
        at = utc_seconds(
            world.story,
            np.array([min(day + 3 * (version - 1), world.story.days - 1)]),
            np.array([30_000 + int(u[8] * 50_000)]),
        )
        asked = version == versions and u[9] < 0.3
        rows.append(
            {
                "configurationId": number,
                "version": version,
                "savedAt": f"{np.datetime64(int(at[0]), 's')}Z",
                "status": "requested quote" if asked else "saved",
                "model": {
                    "code": model["code"],
                    "name": model["names"][language],
                    "price": model[price],
                },
                "options": options,
                "total": model[price] + sum(option["price"] for option in options),
                "currency": "HUF" if forint else "EUR",
                "shareUrl": f"https://kadar.example/{language}/configurator/{number.lower()}",
                "person": {
                    "email": person.email,
                    "name": person.name,
                    "language": language,
                    "country": person.country,
                },
            }
        )
    return rows
