"""What visitors did on web sites, as rows of the lake: read out of what trackers say."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa

from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.lake_tables import SITE_EVENTS, bucket_of
from rapport.vocabulary.touchpoint import Touchpoint

_LONGEST = 500
_MOST = 2**31 - 1
_MOST_SECONDS = 86_400.0
#: What a search term is not: an address, a number of a person, an order or a parcel.
_PERSONAL = re.compile(r"@|\d(?:[\s./-]?\d){5}")
_NAMED = re.compile(r"""\[data-rapport=["']?([^"'\]]*)["']?\]""")
#: How sites write the number of results; the first is what the manual asks for.
_RESULTS = ("results", "results_count", "result_count", "number_of_results")


def site_rows(
    touchpoints: Sequence[Touchpoint], positions: Sequence[int], atoms: Sequence[int | None]
) -> pa.Table:
    """Rows of the lake table `site_events`: the touchpoints that tell of behaviour on a site."""
    rows = [
        {
            "bucket": bucket_of(atom),
            "atom_id": atom,
            "position": position,
            "occurred_at": t.occurred_at,
            "source": t.source,
            "type": t.type,
            **_said(t),
        }
        for t, position, atom in zip(touchpoints, positions, atoms, strict=True)
        if t.channel == "web" and t.type in v.SITE_TYPES
    ]
    return pa.Table.from_pylist(rows, SITE_EVENTS)


def selector(text: str) -> str:
    """An element's address in one spelling: names are quoted, as the tracker writes them.

    >>> selector("[data-rapport=pay]>span")
    '[data-rapport="pay"]>span'
    """
    return _NAMED.sub(r'[data-rapport="\1"]', text)


def _said(touch: Touchpoint) -> dict[str, Any]:
    about = touch.properties
    read = _READERS.get(touch.type, _product)
    return {
        "view": touch.touchpoint_id if touch.type == v.PAGE_VIEWED else _text(about.get("view")),
        "path": _path(about),
        "view_width": _whole(about.get("view_width")),
        "page_width": _whole(about.get("page_width")),
        "page_height": _whole(about.get("page_height")),
        **read(about),
    }


def _page(about: dict[str, Any]) -> dict[str, Any]:
    url = _split(about.get("url"))
    features = about.get("features")
    named = dict.fromkeys(filter(None, map(_text, features))) if isinstance(features, list) else {}
    return {
        "origin": f"{url.scheme}://{url.netloc}" if url and url.netloc else None,
        "title": _text(about.get("title")),
        "features": "\n".join(named) or None,
    }


def _click(about: dict[str, Any]) -> dict[str, Any]:
    element = _text(about.get("element"))
    return {
        "element": None if element is None else selector(element),
        "x": _number(about.get("x"), 1.0),
        "y": _number(about.get("y"), 1.0),
        "page_x": _whole(about.get("page_x")),
        "page_y": _whole(about.get("page_y")),
        "fixed": about.get("fixed") is True,
    }


def _engaged(about: dict[str, Any]) -> dict[str, Any]:
    depth = _number(about.get("scroll_depth"), 100.0)
    return {
        "scroll_depth": None if depth is None else round(depth),
        "visible_seconds": _number(about.get("visible_seconds"), _MOST_SECONDS),
    }


def _search(about: dict[str, Any]) -> dict[str, Any]:
    term = _text(about.get("query"))
    found = next((about[name] for name in _RESULTS if name in about), None)
    return {
        "term": None if term is None or _PERSONAL.search(term) else " ".join(term.lower().split()),
        "results": len(found) if isinstance(found, list) else _whole(found),
    }


def _product(about: dict[str, Any]) -> dict[str, Any]:
    name = about.get("name") or about.get("sku") or about.get("product_id")
    return {"category": _text(about.get("category")), "product": _text(name)}


_READERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    v.PAGE_VIEWED: _page,
    v.PAGE_ENGAGED: _engaged,
    v.ELEMENT_CLICKED: _click,
    v.RAGE_CLICKED: _click,
    v.DEAD_CLICKED: _click,
    v.PRODUCTS_SEARCHED: _search,
}


def _path(about: dict[str, Any]) -> str | None:
    path = _text(about.get("path"))
    if path is None and (url := _split(about.get("url"))):
        path = url.path or "/"
    return path


def _split(url: Any) -> Any:
    try:
        return urlsplit(url) if isinstance(url, str) and url else None
    except ValueError:  # such as "http://[": nothing that a browser showed
        return None


def _text(value: Any) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) and value.strip() else None


def _whole(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return round(value) if 0 <= value <= _MOST else None


def _number(value: Any, most: float) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= most else None
