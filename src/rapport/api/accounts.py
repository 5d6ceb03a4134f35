"""Companies as customers: list, one of them, its people, and what colleagues say of them."""

from __future__ import annotations

from typing import Any

from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import Struct

from rapport.api.households import People, Role
from rapport.unify.group_words import ACCOUNT
from rapport.workflows.company import Company
from rapport.workflows.company_accounts import (
    Account,
    AccountPage,
    account_view,
    list_accounts,
    say_works_at,
)
from rapport.workflows.group_words import say_group_role, take_group_word_back
from rapport.workflows.households import PAGE_ROWS

_READ = {"permission": "customers.read"}
_SAY = {"permission": "customers.merge"}


class WorksAt(Struct, frozen=True, kw_only=True):
    """A person, whether they are of the company, and why."""

    person: str
    together: bool
    reason: str = ""


@get("/api/v1/accounts", sync_to_thread=True, opt=_READ, tags=["accounts"])
def get_accounts(
    company: NamedDependency[Company],
    q: FromQuery[str] = "",
    sort: FromQuery[str] = "-revenue",
    offset: FromQuery[int] = 0,
    limit: FromQuery[int] = PAGE_ROWS,
) -> AccountPage:
    """Companies whose name, number or people `q` finds, or all; `-` before `sort` turns it."""
    return list_accounts(
        company,
        query=q[:200],
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        offset=offset,
        limit=limit,
    )


@get("/api/v1/accounts/{account_id:str}", sync_to_thread=True, opt=_READ, tags=["accounts"])
def get_account(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    account_id: FromPath[str],
) -> Account:
    """One company, also under an old id: people, orders, opportunities, tickets, worth, health."""
    return account_view(company, account_id, reveal=request.user.may("customers.contact"))


@post(
    "/api/v1/accounts/{account_id:str}/people",
    sync_to_thread=True,
    opt=_SAY,
    tags=["accounts"],
    status_code=200,
)
def post_works_at(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    account_id: FromPath[str],
    data: JSONBody[WorksAt],
) -> Account:
    """Say that somebody is, or is not, of the company; it outranks what is derived."""
    here = say_works_at(
        company,
        data.person,
        account_id,
        together=data.together,
        author=request.user.email,
        reason=data.reason,
    )
    return account_view(company, here, reveal=request.user.may("customers.contact"))


@put(
    "/api/v1/customers/{profile_id:str}/account-role",
    sync_to_thread=True,
    opt=_SAY,
    tags=["accounts"],
)
def put_account_role(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    profile_id: FromPath[str],
    data: JSONBody[Role],
) -> People:
    """Say which role somebody has at companies."""
    here = say_group_role(company, ACCOUNT, profile_id, data.role, author=request.user.email)
    return People(profiles=[here])


@delete(
    "/api/v1/accounts/words/{word_id:int}",
    sync_to_thread=True,
    opt=_SAY,
    tags=["accounts"],
    status_code=200,
)
def delete_account_word(
    request: Request[Any, Any, Any], company: NamedDependency[Company], word_id: FromPath[int]
) -> People:
    """Take back what a colleague said of a person and a company."""
    return People(
        profiles=list(take_group_word_back(company, ACCOUNT, word_id, author=request.user.email))
    )


routes = (get_accounts, get_account, post_works_at, put_account_role, delete_account_word)
