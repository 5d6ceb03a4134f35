"""A condition on where somebody lives, while it is written: kilometres and a point.

The point is one field: a shop chosen from the list, "name (latitude, longitude)" or the two
numbers alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from rapport.understand.segments.near import Near, mistakes_of_near
from rapport.vocabulary.shop import Shop
from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon

#: In the first field of a condition.
NEAR = "@near"
LIST = "segments-near-points"
_POINT = re.compile(
    r"(?P<name>.*?)\(?\s*(?P<lat>-?\d+(?:\.\d+)?)\s*,\s*(?P<lon>-?\d+(?:\.\d+)?)\s*\)?"
)


class DraftNear(msgspec.Struct):
    """The condition as its fields stand."""

    km: str = "25"
    point: str = ""
    error: str | None = None


def read_near(form: Mapping[str, str], at: str) -> DraftNear:
    """The draft whose fields a form holds."""
    if f"n.{at}.km" not in form:
        return DraftNear()
    return DraftNear(
        km=form.get(f"n.{at}.km", "").strip()[:20],
        point=form.get(f"n.{at}.point", "").strip()[:240],
    )


def near_of(draft: DraftNear) -> Near | None:
    """The condition that a draft describes; None, with the mistake marked, where it has one."""
    draft.error = None
    found = _POINT.fullmatch(draft.point)
    try:
        km = float(draft.km.replace(",", "."))
    except ValueError:
        km = 0.0
    made = None if found is None else Near(
        latitude=float(found["lat"]),
        longitude=float(found["lon"]),
        km=km,
        place=found["name"].strip(),
    )  # fmt: skip
    if made is None or any(True for _ in mistakes_of_near(made)):
        draft.error = "near"
        return None
    return made


def near_draft(rule: Near) -> DraftNear:
    """A stored condition as fields."""
    return DraftNear(km=f"{rule.km:g}", point=_written(rule.place, rule.latitude, rule.longitude))


def _written(name: str, latitude: float, longitude: float) -> str:
    point = f"{latitude}, {longitude}"
    return f"{name} ({point})" if name else point


def near_fields(
    context: PageContext, draft: DraftNear, at: str, first: h.Child, last: h.Child
) -> h.Markup:
    """The fields: ``first`` chooses the kind of condition, ``last`` moves and removes it."""
    t = context.t
    error_id = f"error-{at}" if draft.error else None
    shared: dict[str, h.Attribute] = {
        "class": "input",
        "aria-invalid": "true" if draft.error else None,
        "aria-describedby": error_id,
    }
    return h.div(
        {"class": "stack tight", "style": "gap:4px"},
        h.div(
            {"class": "row"},
            first,
            h.input(
                {
                    **shared,
                    "style": "flex:0 1 90px;width:auto",
                    "inputmode": "decimal",
                    "name": f"n.{at}.km",
                    "id": f"n.{at}.km",
                    "value": draft.km,
                    "aria-label": t("segments.near.km"),
                }
            ),
            h.span(t("segments.near.of")),
            h.input(
                {
                    **shared,
                    "style": "flex:1 1 200px;width:auto",
                    "name": f"n.{at}.point",
                    "id": f"n.{at}.point",
                    "value": draft.point,
                    "list": LIST,
                    "placeholder": "Gent (51.0543, 3.7174)",
                    "aria-label": t("segments.near.point"),
                }
            ),
            last,
        ),
        h.p(
            {"class": "field-error", "id": error_id},
            icon("circle-alert", size=14),
            t("segments.mistake.near"),
        )
        if draft.error
        else None,
    )


def near_list(shops: Sequence[Shop]) -> h.Markup:
    """The shops to choose from."""
    return h.element("datalist")(
        {"id": LIST},
        (h.option({"value": _written(shop.name, shop.latitude, shop.longitude)}) for shop in shops),
    )


def near_words(context: PageContext, draft: DraftNear) -> str:
    """The condition for people."""
    place = draft.point.split(" (")[0]
    return context.t("segments.near.words", km=draft.km, place=place)
