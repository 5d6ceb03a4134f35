"""Households: the list, and one of them with its people, worth and what colleagues said."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias
from urllib.parse import quote, urlencode

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput
from rapport.unify.group_words import HOUSEHOLD
from rapport.web.pages.households.listing import listing_page
from rapport.web.pages.households.one import household_page, person_page
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.customer_list import list_customers
from rapport.workflows.group_words import say_group_role, take_group_word_back
from rapport.workflows.households import (
    PAGE_ROWS,
    SORTS,
    household_view,
    leaves_household,
    list_households,
    person_home,
    say_lives_with,
)

Form: TypeAlias = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]

_READ = {"permission": "customers.read"}
_SAY = {"permission": "customers.merge"}
_FIRST_SORT = "-revenue"
_MOST_FOUND = 8
#: What a write leaves behind for the page that follows it.
_DONE = ("together", "apart", "back", "role", "derived")


def said(context: PageContext, done: str) -> PageContext:
    """The context with the message that the last write left."""
    if done not in _DONE:
        return context
    return msgspec.structs.replace(context, flash=(flash(context.t(f"groups.done.{done}")),))


def _back(path: str, done: str) -> Redirect:
    return Redirect(f"{path}?{urlencode({'done': done})}", status_code=303)


def one(data: dict[str, Any], name: str) -> str:
    """The field's value; of a field that was sent twice the last."""
    given = data.get(name, "")
    return str(given[-1] if isinstance(given, list) and given else given or "")


def is_together(data: dict[str, Any]) -> bool:
    """Whether a form says that two belong together.

    Raises
    ------
    InvalidInput
        If it says neither: nobody is parted by a form that broke on its way.
    """
    given = one(data, "together")
    if given not in ("yes", "no"):
        raise InvalidInput(f"Two belong together, `yes` or `no`, not {given[:20]!r}")
    return given == "yes"


@get("/households", sync_to_thread=True, opt=_READ, include_in_schema=False)
def households_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    q: FromQuery[str] = "",
    sort: FromQuery[str] = _FIRST_SORT,
    page_number: FromQuery[int] = 1,
) -> Response[str]:
    """Households, found or sorted."""
    sort = sort if sort.removeprefix("-") in SORTS else _FIRST_SORT
    shown = list_households(
        company,
        query=q[:200],
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        offset=(max(page_number, 1) - 1) * PAGE_ROWS,
    )
    return html_response(listing_page(context_of(request), shown, sort, company.clock()))


@get("/households/{household_id:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def one_household(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    household_id: FromPath[str],
    q: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Response[Any]:
    """One household; an old id leads on to what it is now."""
    reveal = request.user.may("customers.contact")
    shown = household_view(company, household_id, reveal=reveal)
    if shown.household_id != household_id:
        query = f"?{urlencode({'done': done})}" if done in _DONE else ""
        return Redirect(f"/households/{quote(shown.household_id)}{query}", status_code=303)
    found = list_customers(company, reveal=reveal, query=q[:200], limit=_MOST_FOUND).rows
    return html_response(
        household_page(
            said(context_of(request), done),
            shown,
            may_say=request.user.may("customers.merge"),
            query=q[:200],
            found=found if q.strip() else (),
        )
    )


@get(
    "/customers/{profile_id:str}/household", sync_to_thread=True, opt=_READ, include_in_schema=False
)
def person_household(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    q: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Response[Any]:
    """With whom somebody lives; the household's own page where there is one."""
    reveal = request.user.may("customers.contact")
    home = person_home(company, profile_id, reveal=reveal)
    if home.now is not None:
        query = f"?{urlencode({'done': done})}" if done in _DONE else ""
        return Redirect(f"/households/{quote(home.now.row.household_id)}{query}", status_code=303)
    found = list_customers(company, reveal=reveal, query=q[:200], limit=_MOST_FOUND).rows
    return html_response(
        person_page(
            said(context_of(request), done),
            home,
            may_say=request.user.may("customers.merge"),
            query=q[:200],
            found=found if q.strip() else (),
        )
    )


@post(
    "/customers/{profile_id:str}/household", sync_to_thread=True, opt=_SAY, include_in_schema=False
)
def say_household(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Redirect:
    """One household, or not: it is remembered."""
    author, reason = request.user.email, one(data, "reason")
    together = is_together(data)
    if together and not one(data, "other"):
        raise InvalidInput("Nobody was chosen; go back and choose a person")
    if together:
        here = say_lives_with(
            company, profile_id, one(data, "other"), together=True, author=author, reason=reason
        )
    else:
        here = leaves_household(company, profile_id, author=author, reason=reason)
    return _back(f"/customers/{quote(here)}/household", "together" if together else "apart")


@post(
    "/customers/{profile_id:str}/household/role",
    sync_to_thread=True,
    opt=_SAY,
    include_in_schema=False,
)
def household_role(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: Form,
) -> Redirect:
    """Somebody's role at home, said or given back to what is derived."""
    role = one(data, "role") or None
    here = say_group_role(company, HOUSEHOLD, profile_id, role, author=request.user.email)
    return _back(f"/customers/{quote(here)}/household", "role" if role else "derived")


@post(
    "/customers/{profile_id:str}/household/words/{word_id:int}/back",
    sync_to_thread=True,
    opt=_SAY,
    include_in_schema=False,
)
def household_word_back(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    word_id: FromPath[int],
) -> Redirect:
    """A word is taken back; what is derived counts again."""
    take_group_word_back(company, HOUSEHOLD, word_id, author=request.user.email)
    return _back(f"/customers/{quote(profile_id)}/household", "back")


routes = (
    households_page,
    one_household,
    person_household,
    say_household,
    household_role,
    household_word_back,
)
