"""Shops: where they are, how far their buyers live, and who could come to an event there."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput, NotFound
from rapport.understand.geography.catchment import RING_ENDS, Catchment, Ring
from rapport.understand.segments.near import Near
from rapport.understand.segments.rule import All, where, write_rule
from rapport.web import html as h
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import form
from rapport.web.parts.frame import page
from rapport.web.parts.kpis import Kpi, kpi_strip
from rapport.web.parts.states import empty_state, flash
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.shops import (
    DAYS,
    KnownShop,
    forget_shop,
    keep_found_shops,
    list_shops,
    shop_catchment,
    shop_catchments,
    state_shop,
)

_READ = {"permission": "dashboard.read"}
_WRITE = {"permission": "settings.write"}
#: How near people live who are asked to an event.
_EVENT_KM = 25
Sent = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
_AnyRequest = Request[Any, Any, Any]


def shop_href(name: str) -> str:
    """The page of one shop."""
    return "/map/shop?" + urlencode({"name": name})


@get("/map/shops", sync_to_thread=True, opt=_READ, include_in_schema=False)
def shops_page(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """All shops beside each other."""
    context = context_of(request)
    if done == "saved":
        context = msgspec.structs.replace(context, flash=(flash(context.t("map.shops.saved")),))
    return html_response(_shops(context, company, may_write=request.user.may("settings.write")))


@post("/map/shops", sync_to_thread=True, opt=_WRITE, include_in_schema=False)
def shops_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Say where a shop is, take what its name says, or take it back."""
    actor = request.user.email
    try:
        if data.get("do") == "found":
            keep_found_shops(company, actor=actor)
        elif data.get("do") == "forget":
            forget_shop(company, data.get("name", ""), actor=actor)
        else:
            latitude, longitude, town = _point(data.get("where", ""))
            state_shop(
                company, name=data.get("name", ""), latitude=latitude, longitude=longitude,
                town=town, actor=actor,
            )  # fmt: skip
    except (InvalidInput, NotFound) as mistake:
        context = context_of(request)
        said = flash(context.t("map.shops.not_saved", why=mistake.message), tone="bad")
        context = msgspec.structs.replace(context, flash=(said,))
        shown = _shops(context, company, may_write=True)
        return html_response(shown, status_code=mistake.http_status)
    return Redirect("/map/shops?done=saved", status_code=303)


def _point(text: str) -> tuple[float | None, float | None, str | None]:
    """Latitude and longitude, or a town, as typed in one field."""
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError:
        return None, None, text
    return latitude, longitude, None


def _shops(context: PageContext, company: Company, *, may_write: bool) -> h.Markup:
    t = context.t
    known = list_shops(company)
    if not known:
        body: h.Child = card(
            empty_state(t("map.shops.none"), t("map.shops.none_detail"), icon_name="store")
        )
    else:
        body = h.div(
            {"class": "stack"},
            _reaches(context, shop_catchments(company)),
            _where(context, known, may_write=may_write),
        )
    back = button(t("map.title"), href="/map", icon_name="map")
    return page(
        context, t("map.shops.title"), body,
        subtitle=t("map.shops.subtitle", days=context.n.count(DAYS)), tools=back,
    )  # fmt: skip


def counted(context: PageContext, count: int | None) -> str:
    """How many, or that they are too few to tell."""
    return context.t("map.few") if count is None else context.n.count(count)


def _km(context: PageContext, km: float | None) -> str:
    return "–" if km is None else context.t("map.km", value=context.n.decimal(km, digits=0))


def _reaches(context: PageContext, found: tuple[Catchment, ...]) -> h.Child:
    if not found:
        return None
    t, n = context.t, context.n
    columns = [
        Column(label=t("map.shops.shop")),
        Column(label=t("map.shops.buyers"), numeric=True),
        Column(label=t("map.shops.half"), numeric=True),
        Column(label=t("map.shops.most"), numeric=True),
        Column(label=t("map.shops.near"), numeric=True),
        Column(label=t("map.shops.share_near"), numeric=True),
        Column(label=t("map.shops.elsewhere"), numeric=True),
    ]
    rows: list[list[h.Child]] = []
    for each in sorted(found, key=lambda each: -(each.buyers or 0)):
        near = [ring for ring in each.rings if 0 <= ring.number <= 2]
        living = sum(ring.customers or 0 for ring in near)
        buying = sum(ring.buyers or 0 for ring in near)
        rows.append(
            [
                h.a({"href": shop_href(each.shop.name)}, each.shop.name),
                counted(context, each.buyers),
                *(_km(context, km) for km in each.reach_km),
                n.count(living),
                n.share(buying / living) if living and buying else "–",
                counted(context, each.elsewhere),
            ]
        )
    return card(
        table(context, columns, rows, caption=t("map.shops.reach")),
        title=t("map.shops.reach"),
        foot=t("map.shops.as_the_crow_flies"),
        flush=True,
    )


def _where(context: PageContext, known: tuple[KnownShop, ...], *, may_write: bool) -> h.Markup:
    t, n = context.t, context.n
    columns = [
        Column(label=t("map.shops.shop")),
        Column(label=t("map.shops.touchpoints"), numeric=True),
        Column(label=t("map.shops.point")),
    ]

    def row(each: KnownShop) -> list[h.Child]:
        typed, note = "", t("map.shops.not_known")
        if each.shop is not None:
            typed = f"{each.shop.latitude:.5f}, {each.shop.longitude:.5f}"
            note = "" if each.shop.stated else t("map.shops.middle")
        elif each.found is not None:
            typed = f"{each.found.country} {each.found.name}"
            note = t("map.shops.looks_like", town=each.found.name)
        point = _point_form(context, each, typed) if may_write else typed
        noted = h.div({"class": "small muted"}, note) if note else None
        return [each.name, n.count(each.touchpoints), h.fragment(point, noted)]

    unsaid = [each for each in known if each.found is not None]
    tools = None
    if may_write and unsaid:
        tools = form(
            context,
            button(
                t("map.shops.use_found", count=n.count(len(unsaid))), name="do", value="found",
                kind="primary",
            ),
            action="/map/shops",
        )  # fmt: skip
    return card(
        table(
            context,
            columns,
            [row(each) for each in known],
            caption=t("map.shops.places"),
        ),
        title=t("map.shops.places"),
        tools=tools,
        foot=t("map.shops.where_hint"),
        flush=True,
    )


def _point_form(context: PageContext, shop: KnownShop, typed: str) -> h.Markup:
    t = context.t
    return form(
        context,
        h.input({"type": "hidden", "name": "name", "value": shop.name}),
        h.input(
            {
                "class": "input",
                "name": "where",
                "value": typed,
                "aria-label": t("map.shops.where_of", shop=shop.name),
                "maxlength": 200,
            }
        ),
        button(t("map.shops.save"), name="do", value="state"),
        button(t("map.shops.forget"), name="do", value="forget") if shop.shop else None,
        action="/map/shops",
        attributes={"class": "form inline"},
    )


# ── one shop ───────────────────────────────────────────────────────────────────────────────────


@get("/map/shop", sync_to_thread=True, opt=_READ, include_in_schema=False)
def shop_page(
    request: _AnyRequest, company: NamedDependency[Company], name: FromQuery[str]
) -> Response[Any]:
    """One shop with its rings."""
    context = context_of(request)
    t, n = context.t, context.n
    found = shop_catchment(company, name)
    strip = kpi_strip(
        context,
        [
            Kpi(label=t("map.shops.buyers"), figure=counted(context, found.buyers)),
            *(
                Kpi(label=t(f"map.shops.{label}"), figure=_km(context, km))
                for label, km in zip(("half", "most"), found.reach_km, strict=True)
            ),
            Kpi(label=t("map.shops.elsewhere"), figure=counted(context, found.elsewhere)),
        ],
    )
    tools = [
        button(t("map.shops.all"), href="/map/shops", icon_name="store"),
        button(t("map.shops.event"), href=_event_href(found), icon_name="users", kind="primary"),
    ]
    body = h.div(
        {"class": "stack"},
        strip,
        card(
            table(context, _ring_columns(context), [_ring(context, found, r) for r in found.rings],
                  caption=t("map.shops.rings")),
            title=t("map.shops.rings"),
            foot=t("map.shops.as_the_crow_flies"),
            flush=True,
        ),
    )  # fmt: skip
    return html_response(
        page(
            context, found.shop.name, body,
            subtitle=t("map.shops.one_subtitle", days=n.count(DAYS)), tools=tools,
        )
    )  # fmt: skip


def _event_href(found: Catchment) -> str:
    """A new segment: who lives near and may be written to."""
    rule = All(rules=(_near(found, _EVENT_KM), where("email_marketing", "eq", True)))
    name = f"{found.shop.name} {_EVENT_KM} km"
    return "/segments/new?" + urlencode({"rule": write_rule(rule).decode(), "name": name})


def _near(found: Catchment, km: float) -> Near:
    shop = found.shop
    return Near(latitude=shop.latitude, longitude=shop.longitude, km=km, place=shop.name)


def _ring_columns(context: PageContext) -> list[Column]:
    t = context.t
    return [
        Column(label=t("map.shops.distance")),
        Column(label=t("map.shops.living"), numeric=True),
        Column(label=t("map.shops.buying"), numeric=True),
        Column(label=t("map.shops.share"), numeric=True),
        Column(label=t("map.shops.revenue"), numeric=True),
        Column(label=t("map.shops.each"), numeric=True),
        Column(label=t("map.shops.elsewhere"), numeric=True),
    ]


def _ring(context: PageContext, found: Catchment, ring: Ring) -> list[h.Child]:
    t, n = context.t, context.n
    whole = 0 <= ring.number < len(RING_ENDS)
    if ring.number < 0:
        name: h.Child = t("map.shops.ring_unknown")
    elif whole:
        low = RING_ENDS[ring.number - 1] if ring.number else 0
        name = t("map.shops.ring", low=str(low), high=str(RING_ENDS[ring.number]))
        within = write_rule(_near(found, RING_ENDS[ring.number])).decode()
        title = t("map.shops.up_to", km=str(RING_ENDS[ring.number]))
        href = "/segments/people?" + urlencode({"rule": within})
        name = h.a({"href": href, "title": title}, name)
    else:
        name = t("map.shops.ring_beyond", km=str(RING_ENDS[-1]))
    living = counted(context, ring.customers) if whole else "–"
    if ring.buyers is None or ring.revenue is None:
        return [name, living, counted(context, None), "–", "–", "–", "–"]
    share = n.share(ring.buyers / ring.customers) if whole and ring.customers else "–"
    each = n.price(ring.revenue / ring.buyers) if ring.buyers else "–"
    return [
        name, living, n.count(ring.buyers), share, n.money(ring.revenue), each,
        counted(context, ring.elsewhere),
    ]  # fmt: skip


ROUTES = (shops_page, shops_post, shop_page)
