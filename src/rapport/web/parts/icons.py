"""Icons of the Lucide set as inline SVG, and our own mark."""

from __future__ import annotations

import re
from functools import cache

from lucide import lucide_icon

from rapport.web import html as h

# The package answers a name it does not know with a drawing of that name; we refuse instead.
_CONTENT = re.compile(r"<svg\b(?![^>]*data-missing-icon)[^>]*>(.*)</svg>\s*\Z", re.DOTALL)


@cache
def icon(name: str, *, size: int = 16, label: str | None = None) -> h.Markup:
    """The Lucide icon `name`, `size` px square, in the colour of the text around it.

    Parameters
    ----------
    name : str
        A name from https://lucide.dev/icons, such as ``"phone"``.
    size : int, in px
    label : str, optional
        What a screen reader says. Without it the icon is decoration and is skipped.

    Raises
    ------
    ValueError
        If Lucide has no such icon.
    """
    found = _CONTENT.search(lucide_icon(name))
    if found is None or "data-missing-icon" in found[0]:
        raise ValueError(f"Lucide has no icon {name!r}; choose one of https://lucide.dev/icons.")
    drawing = re.sub(r"\s*\n\s*", "", found[1]).replace(" />", "/>")
    return h.svg(
        {
            "class": "icon",
            "width": size,
            "height": size,
            "viewBox": "0 0 24 24",
            "role": "img" if label else None,
            "aria-label": label,
            "aria-hidden": None if label else True,
        },
        h.Markup(drawing),
    )


@cache
def logo(size: int = 24) -> h.Markup:
    """Rapport's mark: two people's circles that meet, on a rounded square."""
    return h.svg(
        {
            "class": "logo",
            "width": size,
            "height": size,
            "viewBox": "0 0 24 24",
            "aria-hidden": True,
        },
        h.rect({"width": 24, "height": 24, "rx": 6, "fill": "var(--logo-back)"}),
        h.circle({"cx": 9.4, "cy": 12, "r": 4.6, "fill": "var(--logo-one)"}),
        h.circle({"cx": 14.6, "cy": 12, "r": 4.6, "fill": "var(--logo-two)"}),
        h.path(
            {
                "d": "M12 8.21a4.6 4.6 0 0 1 0 7.58 4.6 4.6 0 0 1 0-7.58Z",
                "fill": "var(--logo-both)",
            }
        ),
    )
