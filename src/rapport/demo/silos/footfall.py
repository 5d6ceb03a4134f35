"""footfall/: how many came through each store's door, a day, for the last half year."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import numpy as np

from rapport.demo.files import copy_mapping, write_csv
from rapport.demo.purchases import stores
from rapport.demo.story import COUNTRIES
from rapport.demo.world import World, Written, WrittenFile

SOURCE = "footfall"
HEADER = ("date", "store", "country", "sensor", "in", "out")
_DAYS = 180
#: Of those who come in, this share buys; stores differ around it.
_CONVERSION = 0.24


def write(world: World) -> Written:
    rng, story = world.rng("footfall"), world.story
    receipts: Counter[tuple[str, int]] = Counter()
    for orders in (world.orders, world.strangers):
        here = np.flatnonzero(~orders.web & (orders.day < story.days))
        receipts.update(zip(orders.store[here].tolist(), orders.day[here].tolist(), strict=True))
    first = max(0, story.days - _DAYS)
    weekday = (np.datetime64(story.start).astype(np.int64) + np.arange(story.days) + 3) % 7
    months: dict[str, list[tuple[object, ...]]] = {}
    for country in COUNTRIES:
        opened = story.day(story.hungary_opened) if country == "HU" else 0
        for number, store in enumerate(stores(country), 1):
            conversion = np.clip(rng.normal(_CONVERSION, 0.04), 0.12, 0.4)
            for day in range(max(first, opened), story.days):
                if weekday[day] == 6:
                    continue
                bought = receipts[store, day]
                browsed = int(rng.poisson((bought + 1.5) * (1 - conversion) / conversion))
                entered = bought + browsed
                missed = int(rng.integers(-2, 3))  # counters miss somebody at closing time
                date = story.start + timedelta(days=day)
                months.setdefault(f"{date:%Y-%m}", []).append(
                    (date.isoformat(), store, country, f"{country}-{number}-door",
                     entered, max(0, entered + missed))
                )  # fmt: skip
    files = []
    for month, rows in sorted(months.items()):
        path = f"footfall/counts_{month}.csv"
        rows.sort(key=lambda row: (row[0], row[1]))
        count = write_csv(world.folder / path, HEADER, rows)
        files.append(WrittenFile(path=path, source=SOURCE, rows=count))
    copy_mapping(world.folder, "footfall/counts")
    return Written(files=tuple(files), touchpoints=Counter({SOURCE: sum(f.rows for f in files)}))
