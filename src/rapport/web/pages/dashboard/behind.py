"""The customers behind one number, each with what it would be for them alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from rapport.errors import InvalidInput, NotAllowed
from rapport.understand.metrics.base import Metric
from rapport.understand.question import Filter, dimensions_of, unknown
from rapport.web import html as h
from rapport.web.pages.dashboard.address import href, read_view
from rapport.web.pages.dashboard.cards import current_name
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.measures import dimension_name, metric_name, part_name, written
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, pagination, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.dashboard import Standing, stand
from rapport.workflows.metrics import PAGE, MetricPeople, metric_of, standing_people


@get(
    "/metrics/{name:str}/people",
    sync_to_thread=True,
    opt={"permission": "customers.read"},
    include_in_schema=False,
)
def people_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    name: FromPath[str],
    page_number: FromQuery[int] = 1,
) -> Response[Any]:
    """Who stands behind a metric; `by` and `part` narrow it to one part of a split."""
    metric = metric_of(name)
    context = context_of(request)
    if not request.user.may("dashboard.read"):
        raise NotAllowed("Your role may not see figures; ask whoever manages users")
    query = request.query_params
    standing = stand(company, read_view(query))
    t = context.t
    title = t("metrics.people_of", metric=metric_name(context, name))
    if standing is None:
        empty = empty_state(t("metrics.nothing"), t("metrics.nothing_detail"), icon_name="users")
        return html_response(page(context, title, empty))
    by, part = query.get("by", ""), query.get("part")
    narrowed: tuple[Filter, ...] = ()
    kept: dict[str, str] = {}
    if by:
        can = [each for each in dimensions_of(metric) if each != "segment"]
        if by not in can:
            raise InvalidInput(unknown("split", by, can))
        narrowed = (Filter(dimension=by, values=(part,)),)
        kept = {"by": by} if part is None else {"by": by, "part": part}
    found = standing_people(company, standing, name, narrowed=narrowed, page=max(page_number, 1))
    back = href(f"/metrics/{name}", standing.view)

    def turn(other: int) -> str:
        return href(f"/metrics/{name}/people", standing.view, **kept, page_number=other)

    return html_response(
        page(
            context,
            title,
            h.div({"class": "stack"}, people_card(context, metric, found, turn)),
            subtitle=_subtitle(context, standing, by, part),
            tools=[button(t("metrics.to_metric"), href=back, icon_name="info")],
        )
    )


def _subtitle(context: PageContext, standing: Standing, by: str, part: str | None) -> str:
    said = current_name(context, standing)
    if by:
        value = context.t("metrics.unknown") if part is None else part_name(context, by, part)
        said = f"{said} · {dimension_name(context, by)}: {value}"
    return said


def people_card(
    context: PageContext, metric: Metric, found: MetricPeople, turn: Callable[[int], str]
) -> h.Markup:
    """The customers of one page; ``turn`` gives the address of another."""
    t, n = context.t, context.n
    nobody = (
        h.p({"class": "muted"}, t("metrics.unknown_n", count=found.unknown_n))
        if found.unknown_n
        else None
    )
    if found.total is None:
        return card(h.p(t("metrics.too_few_long")), nobody)
    if not found.total:
        return card(h.p(t("metrics.nobody")), nobody)
    rows = [
        [
            h.a(
                {"href": f"/customers/{person.profile_id}"},
                h.bdi(person.name or person.profile_id),
            ),
            written(context, metric, person.value),
            n.count(person.n),
            h.a({"href": f"/customers/{person.profile_id}/identity"}, t("metrics.evidence")),
        ]
        for person in found.people
    ]
    columns = [
        Column(label=t("metrics.customer"), clip=True),
        Column(label=metric_name(context, metric.name), numeric=True),
        Column(label=t("metrics.observations"), numeric=True),
        Column(label=t("metrics.evidence")),
    ]
    last = found.first + len(found.people) - 1
    number = (found.first - 1) // PAGE + 1

    said = t(
        "metrics.behind",
        count=found.total,
        value=written(context, metric, found.value),
        observations=n.count(found.n),
    )
    return card(
        h.p({"style": "padding:12px 16px 0"}, said),
        table(context, columns, rows, caption=t("metrics.people")),
        pagination(
            context,
            first=found.first,
            last=last,
            total=found.total,
            number=number,
            turn=turn,
        ),
        foot=nobody,
        flush=True,
    )


routes = (people_page,)
