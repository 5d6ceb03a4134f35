"""webshop/clicks-YYYY-MM.jsonl.gz: two pages of the web shop in our own tracker's words.

For the last weeks the tracker runs on the product page of the tents and in the checkout, for those
who agreed to it. Its discount code is a trap: the button beside it does nothing while the field is
empty, and people click it in anger.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rapport.demo.files import write_json_lines
from rapport.demo.silos.behaviour import NAMESPACE, SOURCE
from rapport.demo.tracked_visit import Place, TrackedVisit
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

_DAYS = 45
#: At most so many visits, of a thousand people.
_VISITS = 22.0
_TENTS = "/{language}/camping/tents"
_CHECKOUT = "/{language}/checkout"
_TITLES = {
    _TENTS: {"nl": "Tenten", "fr": "Tentes", "hu": "Sátrak", "en": "Tents"},
    _CHECKOUT: {"nl": "Afrekenen", "fr": "Paiement", "hu": "Pénztár", "en": "Checkout"},
}
#: Element, where it stands on the page (x, y, width, height), and how often it is clicked.
_ON_TENTS = (
    (Place("#gallery>img:nth-of-type(2)", 90, 260, 560, 420), 0.30),
    (Place("#size>button:nth-of-type(3)", 760, 410, 90, 40), 0.25),
    (Place("#reviews>a", 760, 520, 140, 24), 0.15),
    (Place("[data-rapport=add-to-basket]", 760, 600, 300, 52), 0.22),
    (Place("#delivery>summary", 760, 690, 300, 32), 0.08),
)
_IN_CHECKOUT = (
    (Place("#address>input", 120, 300, 420, 40), 0.25),
    (Place("#shipping>label:nth-of-type(2)", 120, 520, 420, 36), 0.25),
    (Place("#coupon>button", 780, 430, 120, 40), 0.20),
    (Place("[data-rapport=pay]", 780, 640, 300, 52), 0.30),
)
_TRAP = 2  # of the checkout's


def write(world: World) -> Written:
    rng = world.rng("clicks")
    people, orders, story = world.people, world.orders, world.story
    bought = np.flatnonzero(
        orders.web & world.is_written() & (orders.day >= story.days - _DAYS) & ~orders.cancelled
    )
    bought = bought[people.tracked[orders.person[bought]]]
    bought = np.array([i for i in bought.tolist() if world.webshop_buyer[i][0]], dtype=np.int64)
    bought = np.sort(rng.permutation(bought)[: round(_VISITS * people.count / 1000)])
    records: list[Record] = []
    months: dict[str, list[dict[str, Any]]] = {}
    for i in bought.tolist():
        who = int(orders.person[i])
        # The tracker gives each browser a number of its own, which lasts.
        device = f"r-{who:06x}{world.seed:04x}"
        user = world.webshop_buyer[i][0]
        ids = {"anonymousId": device, "userId": user}
        language = people.persons[who].language
        visit = TrackedVisit(ids, int(orders.second[i]) - 700, f"r{i}", rng)
        _look(visit, _TENTS, language, 4200, _ON_TENTS, angry=False)
        _look(visit, _CHECKOUT, language, 1500, _IN_CHECKOUT, angry=rng.random() < 0.22)
        months.setdefault(str(np.datetime64(visit.began, "s"))[:7], []).extend(visit.events)
        records.append((who, SOURCE, "user_id", NAMESPACE, user))
        records.append((who, SOURCE, "anonymous_id", SOURCE, device))
    files = []
    for month, events in sorted(months.items()):
        path = f"webshop/clicks-{month}.jsonl.gz"
        events.sort(key=lambda e: (e["timestamp"], e["messageId"]))
        count = write_json_lines(world.folder / path, events)
        files.append(WrittenFile(path=path, source=SOURCE, rows=count))
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: sum(f.rows for f in files)}),
    )


def _look(
    visit: TrackedVisit,
    path: str,
    language: str,
    height: int,
    elements: tuple[tuple[Place, float], ...],
    *,
    angry: bool,
) -> None:
    rng = visit.rng
    visit.view(path.format(language=language), _TITLES[path][language], height)
    shares = np.array([share for _, share in elements])
    for _ in range(1 + int(rng.poisson(1.6))):
        chosen = int(rng.choice(len(elements), p=shares / shares.sum()))
        visit.click("Element Clicked", elements[chosen][0], 2 + float(rng.exponential(9.0)))
    if angry:
        trap = elements[_TRAP][0]
        for _ in range(3):
            visit.click("Element Clicked", trap, 0.3)
        visit.click("Rage Clicked", trap, 0.0)
        visit.click("Dead Clicked", trap, 1.0)
    visit.leave(1 + float(rng.exponential(12.0)))
