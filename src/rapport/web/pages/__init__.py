"""The pages, each in its folder; this list is what the left bar shows and what is served."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from msgspec import Struct

from rapport.workflows.company import Company
from rapport.workflows.conflicts import open_conflicts
from rapport.workflows.identity_review import waiting_suggestions
from rapport.workflows.inbox import waiting_tickets


class Entry(Struct, frozen=True, kw_only=True):
    """One line of the left bar."""

    name: str  # words are at frame.nav.<name>
    href: str
    icon: str
    permission: str
    waiting: Callable[[Company], int] | None = None


#: Modules with a ``routes`` tuple of Litestar handlers.
PAGES: tuple[str, ...] = (
    "rapport.web.pages.account",
    "rapport.web.pages.accounts",
    "rapport.web.pages.admin",
    "rapport.web.pages.boards",
    "rapport.web.pages.conflicts",
    "rapport.web.pages.customer",
    "rapport.web.pages.customers",
    "rapport.web.pages.dashboard",
    "rapport.web.pages.households",
    "rapport.web.pages.hypotheses",
    "rapport.web.pages.identity",
    "rapport.web.pages.inbox",
    "rapport.web.pages.journeys",
    "rapport.web.pages.map",
    "rapport.web.pages.personas",
    "rapport.web.pages.predictions",
    "rapport.web.pages.questions",
    "rapport.web.pages.segments",
    "rapport.web.pages.sign_in",
    "rapport.web.pages.site",
    "rapport.web.pages.sources",
)

NAVIGATION: tuple[tuple[str, tuple[Entry, ...]], ...] = (
    (
        "understand",
        (
            Entry(name="dashboard", href="/", icon="layout-dashboard", permission="dashboard.read"),
            Entry(name="boards", href="/boards", icon="layout-grid", permission="boards.read"),
            Entry(name="questions", href="/questions", icon="search", permission="dashboard.read"),
            Entry(name="figures", href="/metrics", icon="sigma", permission="dashboard.read"),
            Entry(name="journeys", href="/journeys", icon="waypoints", permission="dashboard.read"),
            Entry(
                name="site", href="/site", icon="mouse-pointer-click", permission="dashboard.read"
            ),
            Entry(
                name="hypotheses",
                href="/hypotheses",
                icon="lightbulb",
                permission="dashboard.read",
            ),
            Entry(
                name="predictions",
                href="/predictions",
                icon="trending-up",
                permission="dashboard.read",
            ),
        ),
    ),
    (
        "people",
        (
            Entry(name="customers", href="/customers", icon="users", permission="customers.read"),
            Entry(name="households", href="/households", icon="house", permission="customers.read"),
            Entry(
                name="accounts",
                href="/accounts",
                icon="building-complex",
                permission="customers.read",
            ),
            Entry(name="segments", href="/segments", icon="blend", permission="segments.read"),
            Entry(name="personas", href="/personas", icon="shapes", permission="segments.read"),
            Entry(name="map", href="/map", icon="map", permission="dashboard.read"),
        ),
    ),
    (
        "act",
        (
            Entry(
                name="inbox",
                href="/inbox",
                icon="inbox",
                permission="tickets.read",
                waiting=waiting_tickets,
            ),
            Entry(
                name="conflicts",
                href="/conflicts",
                icon="git-compare",
                permission="customers.read",
                waiting=open_conflicts,
            ),
        ),
    ),
    (
        "manage",
        (
            Entry(name="sources", href="/sources", icon="database", permission="sources.read"),
            Entry(
                name="identity",
                href="/identity",
                icon="fingerprint-pattern",
                permission="customers.merge",
                waiting=waiting_suggestions,
            ),
            Entry(name="admin", href="/admin", icon="shield-check", permission="users.write"),
        ),
    ),
)


def page_routes() -> list[Any]:
    """The handlers of all pages."""
    return [handler for name in PAGES for handler in import_module(name).routes]
