"""Stated figures: unit costs, spending and targets, which no data say."""

from __future__ import annotations

from datetime import date
from typing import Any

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.vocabulary.access import User
from rapport.vocabulary.stated_figure import FIGURE_KINDS, FigureKind, StatedFigure
from rapport.workflows.company import Company
from rapport.workflows.stated_figures import state_figure, stated_figures, withdraw_figure

_READ = {"permission": "dashboard.read"}
_SETTINGS = {"permission": "settings.write"}


class FiguresStated(Struct, frozen=True, kw_only=True):
    """What can be stated, and what is."""

    kinds: tuple[FigureKind, ...]
    stated: tuple[StatedFigure, ...]


class NewFigure(Struct, frozen=True, kw_only=True):
    """A figure with the local days for which it holds; no last day: until further notice."""

    name: str
    amount: str
    first_day: date
    last_day: date | None = None
    scope: str | None = None


@get("/api/v1/stated-figures", sync_to_thread=True, opt=_READ, tags=["questions"])
def list_figures(company: NamedDependency[Company]) -> FiguresStated:
    """What can be stated, and what is."""
    return FiguresStated(kinds=FIGURE_KINDS, stated=stated_figures(company))


@post("/api/v1/stated-figures", sync_to_thread=True, opt=_SETTINGS, tags=["questions"])
def state(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: JSONBody[NewFigure],
) -> tuple[StatedFigure, ...]:
    """State a figure. One that began earlier and has no end ends the day before."""
    user: User = request.scope["user"]
    return state_figure(
        company,
        name=data.name,
        amount=data.amount,
        first_day=data.first_day,
        last_day=data.last_day,
        scope=data.scope,
        actor=user.email,
    )


@delete(
    "/api/v1/stated-figures/{name:str}/{first_day:date}",
    sync_to_thread=True,
    opt=_SETTINGS,
    status_code=200,
    tags=["questions"],
)
def withdraw(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    name: FromPath[str],
    first_day: FromPath[date],
    only_for: FromQuery[str | None] = None,
) -> tuple[StatedFigure, ...]:
    """Take back what was stated from a day on; `only_for` is the scope it was stated for."""
    user: User = request.scope["user"]
    return withdraw_figure(
        company, name=name, first_day=first_day, scope=only_for, actor=user.email
    )


routes = (list_figures, state, withdraw)
