"""Attributes that make an element load or send without leaving the page.

Pages write no ``hx-`` attribute themselves: what htmx 4 changes is changed here. Every
attribute stands on the element itself, nothing is inherited.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from rapport.web import html as h

Swap: TypeAlias = Literal["innerHTML", "outerHTML", "beforeend", "afterend", "delete", "none"]


def load(
    href: str,
    *,
    target: str,
    swap: Swap = "outerHTML",
    trigger: str | None = None,
    select: str | None = None,
    push: bool = False,
    include: str | None = None,
) -> dict[str, h.Attribute]:
    """Attributes of a link, field or form that fetches `href` into `target`.

    Parameters
    ----------
    href : str
    target : str
        CSS selector, or ``"this"``.
    swap : {"innerHTML", "outerHTML", "beforeend", "afterend", "delete", "none"}
    trigger : str, optional
        Such as ``"load"``, ``"change"``, ``"input changed delay:120ms"``; without event filters
        in brackets, which would need eval. Default: a press, a change or a submit.
    select : str, optional
        Take only this part of the answer, so that a whole page can serve as the fragment.
    push : bool
        True where the address bar should show `href`, so that it can be shared.
    include : str, optional
        CSS selector of further fields to send.
    """
    return {
        "hx-get": href,
        "hx-target": target,
        "hx-swap": swap,
        "hx-trigger": trigger,
        "hx-select": select,
        "hx-push-url": "true" if push else None,
        "hx-include": include,
        "hx-sync": "this:replace",
    }


def send(
    action: str,
    *,
    target: str,
    swap: Swap = "outerHTML",
    trigger: str | None = None,
    select: str | None = None,
    newest: bool = False,
) -> dict[str, h.Attribute]:
    """Attributes of a form that posts to `action` and shows the answer in `target`.

    `newest` is True for what writes nothing, such as a preview: then the newest request counts
    and an older one under way is dropped. `select` takes only a part of the answer.
    """
    return {
        "hx-post": action,
        "hx-target": target,
        "hx-swap": swap,
        "hx-trigger": trigger,
        "hx-select": select,
        # Else a second press while the first is under way does nothing.
        "hx-sync": "this:replace" if newest else "this:drop",
        "hx-disabled-elt": None if newest else "find button",
    }


def lazy(href: str, *, height: int = 160, span: str | None = None) -> h.Markup:
    """A grey block of the final size that fetches its own card once the page stands."""
    return h.div(
        {
            **load(href, target="this", trigger="load"),
            "class": ["waiting", span],
            "style": f"min-height:{height}px",
            "aria-busy": True,
        }
    )
