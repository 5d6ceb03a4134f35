"""What a map of clicks reads when it is drawn on a page of the company's own site.

A page of another origin asks, so this answers what a signed token allows, and tells the browser to
hand the answer to the token's own origin only. It is asked by text, which needs no preflight.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, Response, post
from litestar.di import NamedDependency
from msgspec import Struct

from rapport.errors import InvalidInput, PayloadTooLarge
from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.web.numbers import numbers_for
from rapport.web.words import t
from rapport.workflows.company import Company
from rapport.workflows.site_map import SiteMap, read_map

_LARGEST = 4_000


class _Asked(Struct, frozen=True):
    token: str
    width: int


@post(
    "/rapport-map/clicks",
    status_code=200,
    include_in_schema=False,
    name="click-map",
    opt={"permission": "public", "cross_origin": True},
)
async def read_click_map(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[bytes]:
    """Counts of the elements of one page; register this in the application's route handlers."""
    body = await request.body()
    if len(body) > _LARGEST:
        raise PayloadTooLarge("A question for a map holds a token and a width")
    try:
        asked = msgspec.json.decode(body, type=_Asked)
    except msgspec.DecodeError as error:
        raise InvalidInput("A question for a map is a JSON object with token and width") from error
    origin = request.headers.get("origin", "")
    found = await asyncio.to_thread(
        read_map, company, asked.token, origin=origin, window_width=asked.width
    )
    return Response(
        msgspec.json.encode({"elements": found.elements, "words": _words(found, company)}),
        media_type="application/json",
        headers={
            "Access-Control-Allow-Origin": origin,
            "Vary": "Origin",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


def _words(found: SiteMap, company: Company) -> dict[str, str]:
    n = numbers_for(found.language, str(company.choice("time_zone")), "EUR")
    summary = t(
        found.language,
        "site.overlay.summary" if found.elements else "site.overlay.few",
        visitors=t(found.language, "site.fewer", count=n.count(SMALLEST_GROUP))
        if found.visitors is None
        else found.visitors,
        start=n.date(n.local(found.start).date()),
        end=n.date(n.local(found.until).date()),
    )
    return {"summary": summary, "close": t(found.language, "site.overlay.close")}
