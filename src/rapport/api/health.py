"""Whether this installation works, for monitors: no names, no figures of the business."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency

from rapport.workflows.company import Company
from rapport.workflows.health import Health, health


@get("/healthz", sync_to_thread=True, opt={"permission": "public"}, tags=["health"])
def healthz(company: NamedDependency[Company]) -> Health:
    """The ledger answers, and how far the worker is behind."""
    return health(company)


routes = (healthz,)
