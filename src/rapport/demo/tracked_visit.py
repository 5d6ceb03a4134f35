"""What our tracker of web sites sends while one person looks at pages, event by event."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec import Struct

HOST = "https://kadar.example"


class Place(Struct, frozen=True):
    """An element of a page: its address, and where it stands on a page 1440 pixels wide."""

    element: str
    left: int
    top: int
    width: int
    height: int


class TrackedVisit:
    """The events of one visit; every method moves the visit's clock on."""

    def __init__(
        self, ids: dict[str, str], began: float, key: str, rng: np.random.Generator
    ) -> None:
        self.began = int(began)
        self.events: list[dict[str, Any]] = []
        self.rng = rng
        self._ids, self._key = ids, key
        self._at = float(began)
        self._phone = rng.random() < 0.55

    def view(self, path: str, title: str, height: int, features: tuple[str, ...] = ()) -> None:
        """Open a page; `features` are the names of elements that it shows."""
        self._view_width, self._view_height = (390, 760) if self._phone else (1440, 820)
        self._path, self._height = path, height
        self._sizes = {"view_width": self._view_width, "view_height": self._view_height,
                       "page_width": self._view_width, "page_height": height}  # fmt: skip
        shown = {"features": list(features)} if features else {}
        self._view = self._add(
            {"type": "page", "name": title,
             "properties": {"path": path, "url": HOST + path, "title": title,
                            **self._sizes, **shown}}
        )  # fmt: skip
        self._begun, self._deepest = self._at, 0

    def click(self, name: str, place: Place, after: float) -> None:
        """A click, or what is told of one (``Rage Clicked``), so many seconds later."""
        self._at += after
        x, y = (float(v) for v in np.clip(self.rng.normal(0.5, 0.18, 2), 0.02, 0.98))
        scale = self._sizes["page_width"] / 1440
        page_y = round(place.top + y * place.height)
        self.track(
            name,
            {"element": place.element, "x": round(x, 3), "y": round(y, 3),
             "page_x": round((place.left + x * place.width) * scale), "page_y": page_y,
             "fixed": False, "width": round(place.width * scale), "height": place.height,
             **self._sizes},
        )  # fmt: skip
        if name == "Element Clicked":
            self._deepest = max(self._deepest, page_y)

    def leave(self, after: float, depth: int | None = None) -> None:
        """Leave the page after so many seconds more; `depth` is how far it was read, in percent."""
        self._at += after
        reached = round(100 * max(self._view_height, self._deepest + 200) / self._height)
        self.track(
            "Page Engaged",
            {"visible_seconds": round(self._at - self._begun, 1),
             "scroll_depth": min(100, reached if depth is None else max(depth, reached))},
        )  # fmt: skip
        self._at += 1.0

    def track(self, name: str, properties: dict[str, Any]) -> None:
        """An event on the page."""
        said = {"path": self._path, "view": self._view, **properties}
        self._add({"type": "track", "event": name, "properties": said})

    def _add(self, event: dict[str, Any]) -> str:
        message_id = f"{self._key}-{len(self.events)}"
        moment = np.datetime64(round(self._at * 1000), "ms")
        self.events.append(
            {"messageId": message_id, **self._ids, "timestamp": f"{moment}Z", **event}
        )
        return message_id
