"""What the company states because no data say it: unit costs, spending and targets."""

from __future__ import annotations

from collections.abc import Mapping

from rapport.understand.metrics import BY_NAME as METRICS
from rapport.vocabulary.stated_figure import FIGURE_KINDS, KIND_OF, StatedFigure
from rapport.web import html as h
from rapport.web.pages.admin.sections import admin_page
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.web.parts.measures import dimension_name, figure_name, metric_name, written
from rapport.web.parts.tables import Column, table


def figures_page(
    context: PageContext,
    figures: tuple[StatedFigure, ...],
    *,
    typed: Mapping[str, str] | None = None,
) -> h.Markup:
    """What is stated, and a form to state more."""
    t = context.t
    typed = typed or {}
    return admin_page(
        context,
        "figures",
        h.div(
            {"class": "grid"},
            card(
                form(
                    context,
                    select_field(
                        t("admin.figures.figure"),
                        "name",
                        [(kind.name, figure_name(context, kind.name)) for kind in FIGURE_KINDS],
                        value=typed.get("name"),
                    ),
                    field(
                        t("admin.figures.amount"),
                        "amount",
                        value=typed.get("amount", ""),
                        required=True,
                        hint=t("admin.figures.amount_hint"),
                        attributes={"inputmode": "decimal", "maxlength": 20},
                    ),
                    field(
                        t("admin.figures.scope"),
                        "scope",
                        value=typed.get("scope", ""),
                        hint=t("admin.figures.scope_hint"),
                        attributes={"maxlength": 200},
                    ),
                    field(
                        t("admin.figures.first_day"),
                        "first_day",
                        type="date",
                        value=typed.get("first_day", ""),
                        required=True,
                    ),
                    field(
                        t("admin.figures.last_day"),
                        "last_day",
                        type="date",
                        value=typed.get("last_day", ""),
                        hint=t("admin.figures.last_day_hint"),
                    ),
                    h.div(button(t("admin.figures.state"), kind="primary")),
                    action="/admin/figures",
                ),
                title=t("admin.figures.title"),
                span="span-5",
            ),
            _stated(context, figures),
        ),
        subtitle=t("admin.figures.subtitle"),
    )


def _stated(context: PageContext, figures: tuple[StatedFigure, ...]) -> h.Markup:
    t = context.t
    title = t("admin.figures.stated")
    if not figures:
        return card(h.p({"class": "muted"}, t("admin.figures.none")), title=title, span="span-7")
    columns = [
        Column(label=t("admin.figures.figure")),
        Column(label=t("admin.figures.amount"), numeric=True),
        Column(label=t("admin.figures.first_day"), numeric=True),
        Column(label=t("admin.figures.last_day"), numeric=True),
        Column(label=t("admin.figures.withdraw"), hidden=True),
    ]
    rows = [_row(context, figure) for figure in figures]
    return card(
        table(context, columns, rows, caption=title), title=title, flush=True, span="span-7"
    )


def _row(context: PageContext, figure: StatedFigure) -> list[h.Child]:
    n, t = context.n, context.t
    kind = KIND_OF[figure.name]
    scope = None
    if kind.scope == "metric":
        scope = h.div({"class": "small muted"}, metric_name(context, figure.scope or ""))
    elif figure.scope and kind.scope != "none":
        scope = h.div(
            {"class": "small muted"}, dimension_name(context, kind.scope), ": ", h.bdi(figure.scope)
        )
    if kind.unit == "metric":
        amount = written(context, METRICS[figure.scope or ""], figure.amount)
    elif kind.unit == "money":
        amount = n.price(figure.amount)
    elif kind.unit == "share":
        amount = n.share(figure.amount)
    else:
        amount = t(f"measures.in.{kind.unit}", value=n.decimal(figure.amount, digits=1))
    return [
        h.fragment(figure_name(context, figure.name), scope),
        amount,
        n.date(figure.first_day),
        n.date(figure.last_day) if figure.last_day else t("admin.figures.open"),
        form(
            context,
            h.input({"type": "hidden", "name": "name", "value": figure.name}),
            h.input({"type": "hidden", "name": "scope", "value": figure.scope or ""}),
            h.input({"type": "hidden", "name": "first_day", "value": figure.first_day.isoformat()}),
            button(t("admin.figures.withdraw")),
            action="/admin/figures/withdraw",
        ),
    ]
