"""webshop/site-YYYY-MM.jsonl.gz: how visitors use other pages, and where those fail them.

For the last two months our tracker runs on a handful of pages. What is wrong with them is known:

- the button of the store finder is **dead**: most who press it see nothing happen;
- the size filter of the winter page is slow, and is clicked in **anger**;
- the size guide is **useless**: most who open it go straight back;
- the gift wrapping in the basket is shown to many and **used by nobody**, and the look book, which
  the site map lists, is visited by nobody;
- snowshoes are **searched and not found**: the shop sells none.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rapport.demo.files import write_json_lines
from rapport.demo.purchases import catalogue
from rapport.demo.silos.behaviour import NAMESPACE, SOURCE
from rapport.demo.tracked_visit import HOST, Place, TrackedVisit
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

_DAYS = 60
#: Visits of a thousand people.
_VISITS = 100.0

WINTER, SIZES, STORES, SEARCH, BASKET, LOOKBOOK = (
    "winter-shop", "size-guide", "stores", "search", "basket", "lookbook"
)  # fmt: skip
_TITLES: dict[str, dict[str, str]] = {
    WINTER: {"nl": "Winter", "fr": "Hiver", "hu": "Tél", "en": "Winter"},
    SIZES: {"nl": "Maattabel", "fr": "Guide des tailles", "hu": "Mérettáblázat",
            "en": "Size guide"},
    STORES: {"nl": "Winkels", "fr": "Magasins", "hu": "Üzletek", "en": "Stores"},
    SEARCH: {"nl": "Zoeken", "fr": "Recherche", "hu": "Keresés", "en": "Search"},
    BASKET: {"nl": "Winkelmand", "fr": "Panier", "hu": "Kosár", "en": "Basket"},
}  # fmt: skip
DEAD_BUTTON = "[data-rapport=find-store]"
RAGE_FILTER = "[data-rapport=filter-size]"
NEVER_USED = "gift-wrap"
#: Snowshoes.
NOT_FOUND = {"nl": "sneeuwschoenen", "fr": "raquettes à neige", "hu": "hótalp", "en": "snowshoes"}
#: Terms, the results that they have, and how often each is searched.
_FOUND = {
    "nl": (("tent", 24), ("slaapzak", 11)), "fr": (("tente", 24), ("sac de couchage", 11)),
    "hu": (("sátor", 24), ("hálózsák", 11)), "en": (("tent", 24), ("sleeping bag", 11)),
}  # fmt: skip

_CARD = Place("#products>a:nth-of-type(1)", 400, 320, 300, 380)
_FILTER = Place(RAGE_FILTER, 90, 300, 220, 44)
_SORT = Place("[data-rapport=sort]", 1080, 220, 260, 40)
_GUIDE_LINK = Place("#products>p>a", 400, 260, 160, 24)
_TABLE = Place("#sizes>table", 200, 300, 1000, 900)
_FIND = Place(DEAD_BUTTON, 620, 420, 200, 52)
_MAP = Place("#map", 200, 520, 1040, 600)
_RESULT = Place("#results>a:nth-of-type(1)", 300, 280, 840, 120)
_QUANTITY = Place("[data-rapport=quantity]", 900, 300, 90, 40)
_TO_CHECKOUT = Place("[data-rapport=to-checkout]", 980, 620, 280, 52)


def sitemap() -> str:
    """The shop's site map: every page of this file, and the one that nobody visits."""
    pages = (*_TITLES, LOOKBOOK)
    lines = (f"<url><loc>{HOST}/{code}/{page}</loc></url>" for code in NOT_FOUND for page in pages)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        + "\n".join(lines)
        + "\n</urlset>\n"
    )


def write(world: World) -> Written:
    rng = world.rng("site")
    people, orders, story = world.people, world.orders, world.story
    theirs = np.flatnonzero(orders.web & world.is_written())
    theirs = theirs[people.tracked[orders.person[theirs]]]
    theirs = np.array([i for i in theirs.tolist() if world.webshop_buyer[i][0]], dtype=np.int64)
    count = round(_VISITS * people.count / 1000) if len(theirs) else 0
    end = int(np.datetime64(story.until).astype("datetime64[s]").astype(np.int64))
    records: list[Record] = []
    months: dict[str, list[dict[str, Any]]] = {}
    for n in range(count):
        order = int(rng.choice(theirs))
        who, user = int(orders.person[order]), world.webshop_buyer[order][0]
        # The same browser, and so the same number, as on the pages of `clicks`.
        device = f"r-{who:06x}{world.seed:04x}"
        began = end - 86_400 * float(rng.integers(1, _DAYS)) + float(rng.integers(25_000, 80_000))
        visit = TrackedVisit({"anonymousId": device, "userId": user}, began, f"s{n}", rng)
        _visit(visit, people.persons[who].language)
        months.setdefault(str(np.datetime64(visit.began, "s"))[:7], []).extend(visit.events)
        records.append((who, SOURCE, "user_id", NAMESPACE, user))
        records.append((who, SOURCE, "anonymous_id", SOURCE, device))
    files = []
    for month, events in sorted(months.items()):
        path = f"webshop/site-{month}.jsonl.gz"
        events.sort(key=lambda e: (e["timestamp"], e["messageId"]))
        rows = write_json_lines(world.folder / path, events)
        files.append(WrittenFile(path=path, source=SOURCE, rows=rows))
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: sum(f.rows for f in files)}),
    )


def _visit(visit: TrackedVisit, language: str) -> None:
    """One way through the pages, by chance."""
    chance = visit.rng.random(6)
    _winter(visit, language, angry=chance[0] < 0.16)
    if chance[1] < 0.45:
        _guide(visit, language, of_use=chance[2] < 0.2)
        _winter(visit, language, angry=False)
    if chance[3] < 0.40:
        _search(visit, language)
    if chance[4] < 0.30:
        _stores(visit, language)
    if chance[5] < 0.35:
        _open(visit, BASKET, language, 1400, ("quantity", NEVER_USED, "to-checkout"))
        visit.click("Element Clicked", _QUANTITY, 4 + float(visit.rng.exponential(6.0)))
        visit.click("Element Clicked", _TO_CHECKOUT, 3 + float(visit.rng.exponential(5.0)))
        visit.leave(3.0)


def _open(
    visit: TrackedVisit, page: str, language: str, height: int, features: tuple[str, ...] = ()
) -> None:
    visit.view(f"/{language}/{page}", _TITLES[page][language], height, features)


def _winter(visit: TrackedVisit, language: str, *, angry: bool) -> None:
    rng = visit.rng
    _open(visit, WINTER, language, 3600, ("filter-size", "sort"))
    products = catalogue()
    product = products[int(rng.integers(len(products)))]
    visit.track(
        "Product Viewed",
        {"sku": product.sku, "name": product.names[language], "category": product.category},
    )
    place = (_CARD, _CARD, _SORT, _GUIDE_LINK)[int(rng.integers(4))]
    visit.click("Element Clicked", place, 5 + float(rng.exponential(12.0)))
    if angry:
        for _ in range(4):
            visit.click("Element Clicked", _FILTER, 0.3)
        visit.click("Rage Clicked", _FILTER, 0.0)
    elif rng.random() < 0.4:
        visit.click("Element Clicked", _FILTER, 3.0)
    visit.leave(4 + float(rng.exponential(15.0)), int(100 * rng.beta(2.0, 2.5)))


def _guide(visit: TrackedVisit, language: str, *, of_use: bool) -> None:
    _open(visit, SIZES, language, 2600)
    if of_use:
        visit.click("Element Clicked", _TABLE, 8 + float(visit.rng.exponential(10.0)))
        visit.leave(30 + float(visit.rng.exponential(10.0)), 90)
    else:
        visit.leave(2 + float(visit.rng.random()) * 5)


def _search(visit: TrackedVisit, language: str) -> None:
    rng = visit.rng
    _open(visit, SEARCH, language, 2200)
    lost = rng.random() < 0.35
    term, results = (NOT_FOUND[language], 0) if lost else _FOUND[language][int(rng.random() < 0.4)]
    visit.track("Products Searched", {"query": term, "results": results})
    if not lost:
        visit.click("Element Clicked", _RESULT, 3 + float(rng.exponential(6.0)))
    visit.leave(12 + float(rng.exponential(8.0)))


def _stores(visit: TrackedVisit, language: str) -> None:
    rng = visit.rng
    _open(visit, STORES, language, 1600, ("find-store",))
    for _ in range(1 + int(rng.random() < 0.3)):
        visit.click("Element Clicked", _FIND, 4 + float(rng.exponential(5.0)))
        if rng.random() < 0.7:
            visit.click("Dead Clicked", _FIND, 1.0)
    if rng.random() < 0.5:
        visit.click("Element Clicked", _MAP, 4.0)
    visit.leave(14 + float(rng.exponential(8.0)), 80)
