"""The JSON API and the collector: one resource, one file; the schema is generated from it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: Modules with a ``routes`` tuple of Litestar handlers or routers.
RESOURCES: tuple[str, ...] = (
    "rapport.api.accounts",
    "rapport.api.alert_rules",
    "rapport.api.boards",
    "rapport.api.conflicts",
    "rapport.api.customers",
    "rapport.api.geography",
    "rapport.api.health",
    "rapport.api.households",
    "rapport.api.hypotheses",
    "rapport.api.identity",
    "rapport.api.imports",
    "rapport.api.journeys",
    "rapport.api.lookup",
    "rapport.api.models",
    "rapport.api.outbox",
    "rapport.api.personas",
    "rapport.api.policy",
    "rapport.api.questions",
    "rapport.api.segments",
    "rapport.api.site",
    "rapport.api.sources",
    "rapport.api.stated_figures",
    "rapport.api.tickets",
    "rapport.api.users",
)


def api_routes() -> list[Any]:
    """The handlers of all resources."""
    return [handler for name in RESOURCES for handler in import_module(name).routes]
