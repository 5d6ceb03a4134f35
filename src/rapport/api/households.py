"""Households: list, one of them, a person's, and what colleagues say of who lives together."""

from __future__ import annotations

from typing import Any

from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.unify.group_words import HOUSEHOLD
from rapport.workflows.company import Company
from rapport.workflows.group_words import say_group_role, take_group_word_back
from rapport.workflows.households import (
    PAGE_ROWS,
    Household,
    HouseholdPage,
    PersonHome,
    household_view,
    list_households,
    person_home,
    say_lives_with,
)

_READ = {"permission": "customers.read"}
_SAY = {"permission": "customers.merge"}


class LivesWith(Struct, frozen=True, kw_only=True):
    """The other person, whether the two are one household, and why."""

    other: str
    together: bool
    reason: str = ""


class Role(Struct, frozen=True, kw_only=True):
    """The role to keep; null gives it back to what is derived."""

    role: str | None


class People(Struct, frozen=True, kw_only=True):
    """The people, as they are now, whom a word was about."""

    profiles: list[str]


@get("/api/v1/households", sync_to_thread=True, opt=_READ, tags=["households"])
def get_households(
    company: NamedDependency[Company],
    q: FromQuery[str] = "",
    sort: FromQuery[str] = "-revenue",
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = PAGE_ROWS,
) -> HouseholdPage:
    """Households of the people whom `q` finds, or all; `sort` is a column, `-` before it turns."""
    return list_households(
        company,
        query=q[:200],
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        offset=offset,
        limit=limit,
    )


@get("/api/v1/households/{household_id:str}", sync_to_thread=True, opt=_READ, tags=["households"])
def get_household(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    household_id: FromPath[str],
) -> Household:
    """One household, also under an old id: who lives there and why, worth, contacts, words."""
    return household_view(company, household_id, reveal=request.user.may("customers.contact"))


@get(
    "/api/v1/customers/{profile_id:str}/household",
    sync_to_thread=True,
    opt=_READ,
    tags=["households"],
)
def get_person_home(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
) -> PersonHome:
    """With whom somebody lives now, and where they lived before."""
    return person_home(company, profile_id, reveal=request.user.may("customers.contact"))


@post(
    "/api/v1/customers/{profile_id:str}/household",
    sync_to_thread=True,
    opt=_SAY,
    tags=["households"],
    status_code=200,
)
def post_lives_with(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[LivesWith],
) -> PersonHome:
    """Say that two people are, or are not, one household; it outranks what is derived."""
    here = say_lives_with(
        company,
        profile_id,
        data.other,
        together=data.together,
        author=request.user.email,
        reason=data.reason,
    )
    return person_home(company, here, reveal=request.user.may("customers.contact"))


@put(
    "/api/v1/customers/{profile_id:str}/household/role",
    sync_to_thread=True,
    opt=_SAY,
    tags=["households"],
)
def put_household_role(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Role],
) -> PersonHome:
    """Say which role somebody has at home."""
    here = say_group_role(company, HOUSEHOLD, profile_id, data.role, author=request.user.email)
    return person_home(company, here, reveal=request.user.may("customers.contact"))


@delete(
    "/api/v1/households/words/{word_id:int}",
    sync_to_thread=True,
    opt=_SAY,
    tags=["households"],
    status_code=200,
)
def delete_household_word(
    request: Request[Any, Any, Any], company: NamedDependency[Company], word_id: FromPath[int]
) -> People:
    """Take back what a colleague said of two people."""
    return People(
        profiles=list(take_group_word_back(company, HOUSEHOLD, word_id, author=request.user.email))
    )


routes = (
    get_households,
    get_household,
    get_person_home,
    post_lives_with,
    put_household_role,
    delete_household_word,
)
