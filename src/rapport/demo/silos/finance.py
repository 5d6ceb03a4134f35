"""finance/: what forint and pound were worth in euro, per month."""

from __future__ import annotations

from collections import Counter

import numpy as np

from rapport.demo.files import copy_mapping, write_csv
from rapport.demo.purchases import EURO_WORTH
from rapport.demo.world import World, Written, WrittenFile

SOURCE = "finance"


def write(world: World) -> Written:
    rng = world.rng("finance")
    first = np.datetime64(world.story.start, "M") - 1
    months = np.arange(first, np.datetime64(world.story.until, "M") + 1)
    rows = []
    for currency, spread in (("HUF", 0.012), ("GBP", 0.008)):
        wobble = np.exp(np.clip(np.cumsum(rng.normal(0, spread, len(months))), -0.06, 0.06))
        digits = 6 if currency == "HUF" else 4
        rows += [
            (f"{month}-01", currency, f"{EURO_WORTH[currency] * w:.{digits}f}")
            for month, w in zip(months.astype(str).tolist(), wobble.tolist(), strict=True)
        ]
    rows.sort()
    path = world.folder / "finance" / "exchange_rates.csv"
    count = write_csv(path, ("month_start", "currency", "eur_value"), rows)
    copy_mapping(world.folder, "finance/exchange_rates")
    return Written(
        files=(WrittenFile(path="finance/exchange_rates.csv", source=SOURCE, rows=count),),
        touchpoints=Counter({SOURCE: 0}),
    )
