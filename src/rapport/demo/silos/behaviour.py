"""webshop/behaviour-YYYY-MM.jsonl.gz: what browsers sent, in the Segment protocol."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from rapport.demo.files import copy_mapping, time_texts, write_json_lines
from rapport.demo.people import CATEGORIES
from rapport.demo.purchases import catalogue, utc_seconds
from rapport.demo.story import IntArray
from rapport.demo.world import Record, World, Written, WrittenFile, unique_records

SOURCE = "web"
NAMESPACE = "web"  # of account numbers, as in `webshop`
#: At most this many events per person in the company; later sessions are dropped whole.
EVENTS_PER_PERSON = 20
_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "Version/18.6 Mobile Safari/604.1",
    "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36",
)
_MEDIUM = {
    "search": ("google", "cpc"),
    "social": ("instagram", "paid_social"),
    "referral": ("wandelblog", "referral"),
    "email": ("newsletter", "email"),
}


def write(world: World) -> Written:
    rng = world.rng("behaviour")
    devices = _devices(world, rng)
    person, order, second = _sessions(world, rng)
    u = rng.random((len(person), 24)).tolist()
    chosen = _within_budget(world, order, u, rng)
    stamps = _Stamps(rng)
    starts = time_texts(second, "Y-M-DTh:m:s")
    months: dict[str, list[dict[str, Any]]] = {}
    records: list[Record] = []
    seen: set[int] = set()
    for s in np.lexsort((person, second)).tolist():
        if not chosen[s]:
            continue
        who, chance = int(person[s]), u[s]
        if who >= 0:
            own, shared = devices[who]
            device = shared if shared and chance[0] < 0.3 else own[int(chance[1] * len(own))]
        else:
            device = f"a-{stamps.hexes(chance[1], s)}"
        events = _session(world, who, int(order[s]), device, chance, first=who not in seen)
        seen.add(who)
        for n, event in enumerate(events):
            event["messageId"] = f"ajs-{s}-{n}"
            event["timestamp"] = stamps.later(int(second[s]), n, chance)
            # Only a browser on which somebody logged in can be known to be theirs.
            if "userId" in event:
                records.append((who, SOURCE, "user_id", NAMESPACE, str(event["userId"])))
                records.append((who, SOURCE, "anonymous_id", SOURCE, device))
        months.setdefault(starts[s][:7], []).extend(events)
    files = []
    for month, events in sorted(months.items()):
        path = f"webshop/behaviour-{month}.jsonl.gz"
        events.sort(key=lambda e: (e["timestamp"], e["messageId"]))
        count = write_json_lines(world.folder / path, events)
        files.append(WrittenFile(path=path, source=SOURCE, rows=count))
    copy_mapping(world.folder, "webshop/behaviour")
    return Written(
        files=tuple(files),
        records=unique_records(records),
        touchpoints=Counter({SOURCE: sum(f.rows for f in files)}),
    )


def _sessions(world: World, rng: np.random.Generator) -> tuple[IntArray, IntArray, IntArray]:
    """Person, order (−1: only looked around) and UTC second of each visit to the site."""
    people, orders, story = world.people, world.orders, world.story
    bought = np.flatnonzero(orders.web & world.is_written())
    bought = bought[people.tracked[orders.person[bought]]]
    bought = np.array([i for i in bought.tolist() if world.webshop_buyer[i][0]], dtype=np.int64)
    looking = np.flatnonzero(
        people.buyer & (people.tracked | (~people.account & (people.web_share > 0.4)))
    )
    begin = np.maximum(people.born[looking] - 5, 0)
    last = np.clip(np.nan_to_num(world.lifetimes.dropout[looking], nan=0.0), 1, story.days)
    span = np.maximum(last - begin, 0)
    counts = rng.poisson(span * (0.006 + 0.3 * people.purchase_rate[looking]))
    looker = np.repeat(looking, counts)
    look_day = np.repeat(begin, counts) + rng.random(len(looker)) * np.repeat(span, counts)
    strangers = int(0.12 * (len(bought) + len(looker)))
    stranger_day = story.days * rng.beta(1.3, 1.0, strangers)
    day = np.minimum(np.concatenate((look_day, stranger_day)).astype(np.int64), story.days - 1)
    at = utc_seconds(story, day, (25_200 + rng.beta(2.4, 1.6, len(day)) * 55_000).astype(np.int64))
    return (
        np.concatenate((orders.person[bought], looker, np.full(strangers, -1))),
        np.concatenate((bought, np.full(len(looker) + strangers, -1))),
        np.concatenate((orders.second[bought] - 1500, at)),
    )


def _within_budget(
    world: World, order: IntArray, u: list[list[float]], rng: np.random.Generator
) -> list[bool]:
    """Which sessions are kept: chosen by chance and not by time, so that no month is cut off."""
    budget = EVENTS_PER_PERSON * world.people.count
    chosen = [False] * len(order)
    lengths = [_views(c) + (7 if o >= 0 else 2) for o, c in zip(order.tolist(), u, strict=True)]
    taken = 0
    for s in rng.permutation(len(order)).tolist():
        if taken + lengths[s] > budget:
            break
        chosen[s] = True
        taken += lengths[s]
    return chosen


class _Stamps:
    """Times and ids of events."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._salt = int(rng.integers(1 << 40))

    def hexes(self, u: float, n: int) -> str:
        return f"{(int(u * (1 << 40)) ^ self._salt):010x}{n:06x}"

    def later(self, second: int, n: int, chance: list[float]) -> str:
        # Three minutes at most between two events: a session stays inside its 25 minutes.
        step = int(second + n * 100 + chance[(n + 3) % 24] * 90)
        moment = np.datetime64(step, "s")
        return f"{moment}.{int(chance[(n + 7) % 24] * 1000):03d}Z"


def _views(chance: list[float]) -> int:
    return 1 + int(chance[2] ** 2 * 4)


def _devices(world: World, rng: np.random.Generator) -> dict[int, tuple[list[str], str]]:
    """Own browsers of each person, and the tablet on the household's sofa ("" is none)."""
    people = world.people
    tracked = np.flatnonzero(people.buyer)
    homes: dict[int, list[int]] = {}
    for i in tracked.tolist():
        homes.setdefault(people.persons[i].household, []).append(i)
    result: dict[int, tuple[list[str], str]] = {}
    u = rng.random((people.count, 3))
    for members in homes.values():
        sharing = len(members) > 1 and u[members[0], 0] < 0.45
        tablet = f"a-{int(u[members[0], 1] * (1 << 44)):011x}t{members[0]:05x}" if sharing else ""
        for i in members:
            own = [
                f"a-{int(u[i, 2] * (1 << 44)):011x}{d}{i:05x}"
                for d in range(2 if u[i, 1] < 0.35 else 1)
            ]
            result[i] = (own, tablet)
    return result


def _session(
    world: World, who: int, order: int, device: str, chance: list[float], *, first: bool
) -> list[dict[str, Any]]:
    """The events of one visit, without id and time."""
    people = world.people
    products = catalogue()
    person = people.persons[who] if who >= 0 else None
    language = person.language if person else ("nl", "fr", "fr", "hu")[int(chance[4] * 4)]
    country = person.country if person else {"nl": "BE", "fr": "FR", "hu": "HU"}[language]
    user = world.webshop_buyer[order][0] if order >= 0 else ""
    context: dict[str, Any] = {
        "locale": f"{language}-{country}",
        "userAgent": _AGENTS[int(chance[5] * 3)],
    }
    source = str(people.acquisition[who]) if who >= 0 else "search"
    if source in _MEDIUM and chance[6] < 0.35:
        name, medium = _MEDIUM[source]
        context["campaign"] = {
            "name": "autumn-2026" if chance[7] < 0.3 else "brand",
            "source": name,
            "medium": medium,
        }

    events: list[dict[str, Any]] = []

    def add(kind: str, *, name: str = "", identified: bool = False, **more: Any) -> None:
        event: dict[str, Any] = {"type": kind, "anonymousId": device, "context": context, **more}
        if name:
            event["event" if kind == "track" else "name"] = name
        if identified:
            event["userId"] = user
        events.append(event)

    add(
        "page",
        name="Home",
        properties={
            "path": f"/{language}/",
            "url": f"https://kadar.example/{language}/",
            "title": "Maison Kadár",
        },
    )
    shown = _shown_products(world, who, order, chance)
    for product_index in shown:
        product = products[product_index]
        add(
            "track",
            name="Product Viewed",
            properties={
                "product_id": product.sku,
                "sku": product.sku,
                "category": product.category,
                "name": product.names[language],
                "price": product.huf if country == "HU" else product.eur_cents / 100,
                "currency": "HUF" if country == "HU" else "EUR",
            },
        )
    if order < 0 or person is None:
        category = CATEGORIES[int(chance[8] * len(CATEGORIES))]
        add(
            "page",
            name="Category",
            properties={
                "path": f"/{language}/{category}",
                "url": f"https://kadar.example/{language}/{category}",
            },
        )
        return events
    mail = world.webshop_buyer[order][1]
    traits = {"email": mail, "name": person.name}
    if first and chance[9] < 0.3:
        add("alias", identified=True, previousId=device)
    else:
        add(
            "page",
            name="Login",
            properties={
                "path": f"/{language}/login",
                "url": f"https://kadar.example/{language}/login",
            },
        )
    add("identify", identified=True, traits=traits)
    line = int(world.orders.line_from[order])
    bought = products[int(world.orders.line_product[line])]
    add(
        "track",
        name="Product Added",
        identified=True,
        properties={
            "product_id": bought.sku,
            "sku": bought.sku,
            "category": bought.category,
            "quantity": int(world.orders.line_quantity[line]),
            "price": int(world.orders.line_unit[line]) / 100,
            "currency": str(world.orders.currency[order]),
        },
    )
    add("track", name="Cart Viewed", identified=True, properties={"product_count": len(shown)})
    add(
        "track",
        name="Checkout Started",
        identified=True,
        properties={
            "order_id": world.order_ids[order],
            "value": int(world.orders.total[order]) / 100,
            "currency": str(world.orders.currency[order]),
        },
    )
    add(
        "page",
        name="Thank You",
        identified=True,
        properties={
            "path": f"/{language}/thanks",
            "url": f"https://kadar.example/{language}/thanks",
        },
    )
    return events


def _shown_products(world: World, who: int, order: int, chance: list[float]) -> list[int]:
    shown = []
    if order >= 0:
        shown.append(int(world.orders.line_product[int(world.orders.line_from[order])]))
    interests = (
        np.cumsum(world.people.interests[who]).tolist()
        if who >= 0
        else [n / 8 for n in range(1, 9)]
    )
    for n in range(len(shown), _views(chance)):
        category = next((c for c, edge in enumerate(interests) if chance[10 + n] < edge), 7)
        shown.append(category * 8 + int(chance[16 + n] * 8))
    return shown
