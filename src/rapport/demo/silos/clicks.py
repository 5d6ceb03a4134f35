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
    ("#gallery>img:nth-of-type(2)", 90, 260, 560, 420, 0.30),
    ("#size>button:nth-of-type(3)", 760, 410, 90, 40, 0.25),
    ("#reviews>a", 760, 520, 140, 24, 0.15),
    ("[data-rapport=add-to-basket]", 760, 600, 300, 52, 0.22),
    ("#delivery>summary", 760, 690, 300, 32, 0.08),
)
_IN_CHECKOUT = (
    ("#address>input", 120, 300, 420, 40, 0.25),
    ("#shipping>label:nth-of-type(2)", 120, 520, 420, 36, 0.25),
    ("#coupon>button", 780, 430, 120, 40, 0.20),
    ("[data-rapport=pay]", 780, 640, 300, 52, 0.30),
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
        visit = _Visit(ids, language, int(orders.second[i]) - 700, f"r{i}", rng)
        visit.page(_TENTS, 4200, _ON_TENTS, angry=False)
        visit.page(_CHECKOUT, 1500, _IN_CHECKOUT, angry=rng.random() < 0.22)
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


class _Visit:
    """What a browser sends while one person looks at two pages."""

    def __init__(
        self, ids: dict[str, str], language: str, began: int, key: str, rng: np.random.Generator
    ) -> None:
        self.began = began
        self.events: list[dict[str, Any]] = []
        self._ids, self._language = ids, language
        self._key, self._rng = key, rng
        self._at = float(began)
        self._phone = rng.random() < 0.55

    def page(
        self,
        path: str,
        height: int,
        elements: tuple[tuple[str, int, int, int, int, float], ...],
        *,
        angry: bool,
    ) -> None:
        title = _TITLES[path][self._language]
        path = path.format(language=self._language)
        view_width, view_height = (390, 760) if self._phone else (1440, 820)
        sizes = {"view_width": view_width, "view_height": view_height,
                 "page_width": view_width, "page_height": height}  # fmt: skip
        view = self._add(
            {"type": "page", "name": title,
             "properties": {"path": path, "url": f"https://kadar.example{path}", "title": title,
                            **sizes}}
        )  # fmt: skip
        begun, deepest = self._at, 0
        shares = np.array([element[5] for element in elements])
        for _ in range(1 + int(self._rng.poisson(1.6))):
            chosen = int(self._rng.choice(len(elements), p=shares / shares.sum()))
            self._at += 2 + float(self._rng.exponential(9.0))
            down = self._click("Element Clicked", path, view, elements[chosen], sizes)
            deepest = max(deepest, down)
        if angry:
            for _ in range(3):
                self._at += 0.3
                self._click("Element Clicked", path, view, elements[_TRAP], sizes)
            self._click("Rage Clicked", path, view, elements[_TRAP], sizes)
            self._at += 1.0
            self._click("Dead Clicked", path, view, elements[_TRAP], sizes)
        self._at += 1 + float(self._rng.exponential(12.0))
        seen = min(100, round(100 * max(view_height, deepest + 200) / height))
        self._track(
            "Page Engaged", path, view,
            {"visible_seconds": round(self._at - begun, 1), "scroll_depth": seen},
        )  # fmt: skip
        self._at += 1.0

    def _click(
        self,
        name: str,
        path: str,
        view: str,
        element: tuple[str, int, int, int, int, float],
        sizes: dict[str, int],
    ) -> int:
        """Adds the click; how far down the page it was."""
        selector, left, top, width, height, _ = element
        x, y = (float(v) for v in np.clip(self._rng.normal(0.5, 0.18, 2), 0.02, 0.98))
        scale = sizes["page_width"] / 1440
        page_y = round(top + y * height)
        self._track(
            name, path, view,
            {"element": selector, "x": round(x, 3), "y": round(y, 3),
             "page_x": round((left + x * width) * scale), "page_y": page_y, "fixed": False,
             "width": round(width * scale), "height": height, **sizes},
        )  # fmt: skip
        return page_y

    def _track(self, name: str, path: str, view: str, properties: dict[str, Any]) -> None:
        self._add({"type": "track", "event": name,
                   "properties": {"path": path, "view": view, **properties}})  # fmt: skip

    def _add(self, event: dict[str, Any]) -> str:
        message_id = f"{self._key}-{len(self.events)}"
        moment = np.datetime64(round(self._at * 1000), "ms")
        self.events.append(
            {"messageId": message_id, **self._ids, "timestamp": f"{moment}Z", **event}
        )
        return message_id
