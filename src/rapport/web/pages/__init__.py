"""The pages, each in its folder; this list is what the left bar shows and what is served."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from msgspec import Struct

from rapport.workflows.company import Company


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the left bar."""

    name: str  # words are at frame.nav.<name>
    href: str
    icon: str
    permission: str
    waiting: Callable[[Company], int] | None = None


#: Modules with a ``routes`` tuple of Litestar handlers.
PAGES: tuple[str, ...] = ("rapport.web.pages.sign_in",)

NAVIGATION: tuple[tuple[str, tuple[Entry, ...]], ...] = ()


def page_routes() -> list[Any]:
    """The handlers of all pages."""
    return [handler for name in PAGES for handler in import_module(name).routes]
