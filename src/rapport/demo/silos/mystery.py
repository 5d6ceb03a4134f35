"""mystery/: forms of mystery shoppers, who visit each store once a quarter."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_csv
from rapport.demo.purchases import local_seconds, stores, utc_seconds
from rapport.demo.story import COUNTRIES
from rapport.demo.words import words
from rapport.demo.world import World, Written, WrittenFile, WrittenText
from rapport.demo.writing import Occasion, draw, write_text

SOURCE = "mystery"
HEADER = ("Formulier", "Bezoek", "Winkel", "Land", "Bezoeker", "Scenario", "Begroeting", "Advies",
          "Netheid", "Kassa", "Indruk", "Taal")  # fmt: skip
_SCENARIOS = ("schoenen passen", "tent kiezen", "cadeau zoeken", "artikel terugbrengen")
_CRITERIA = 4
_QUARTER = 91


def write(world: World) -> Written:
    rng, story = world.rng("mystery"), world.story
    rows: list[tuple[object, ...]] = []
    texts: list[WrittenText] = []
    for country in COUNTRIES:
        opened = story.day(story.hungary_opened) if country == "HU" else 0
        for store in stores(country):
            quality = rng.normal(7.4, 0.7)  # of a store, and it lasts
            language = _language(store, country)
            visits = range(opened + 20, story.days - 5, _QUARTER)
            for start, text_u in zip(visits, draw(rng, len(visits)), strict=True):
                day = min(start + int(rng.integers(0, 60)), story.days - 2)
                day -= (np.datetime64(story.start).astype(np.int64) + day + 3) % 7 == 6
                points = np.clip(np.rint(rng.normal(quality, 1.4, _CRITERIA)), 1, 10).astype(int)
                mean = float(points.mean())
                polarity = 1 if mean >= 8 else -1 if mean < 6.5 else 0
                occasion = Occasion(
                    language=language, topic="staff", polarity=polarity, store=store, asks=False
                )
                form = f"MS-{len(rows) + 1:04d}"
                at = utc_seconds(story, np.array([day]), 37_800 + rng.integers(0, 24_000, 1))
                stamp = time_texts(local_seconds(story, at), "D/M/Y h:m")[0]
                scenario = _SCENARIOS[int(rng.integers(0, len(_SCENARIOS)))]
                shopper = f"{country}{1 + int(rng.integers(0, 3))}"
                # A form has room for one sentence, on what was looked at.
                text = write_text(occasion, [*text_u[:2], 0.3, *text_u[3:11], 0.0])
                rows.append(
                    (form, stamp, store, country, shopper, scenario,
                     *("n.v.t." if n == 3 and scenario == _SCENARIOS[1] else p
                       for n, p in enumerate(points.tolist())),
                     text, language)
                )  # fmt: skip
                texts.append(
                    WrittenText(
                        source=SOURCE,
                        touchpoint_id=f"mystery:{form}",
                        person=-1,
                        language=language,
                        polarity=polarity,
                        topic="staff",
                    )
                )
    count = write_csv(world.folder / "mystery" / "visits.csv", HEADER, rows, delimiter=";")
    copy_mapping(world.folder, "mystery/visits")
    return Written(
        files=(WrittenFile(path="mystery/visits.csv", source=SOURCE, rows=count),),
        texts=tuple(texts),
        touchpoints=Counter({SOURCE: count}),
    )


def _language(store: str, country: str) -> str:
    """What is spoken where the store is."""
    found: str = next(c[4] for c in words("places")[country]["cities"] if c[3] == store)
    return found
