"""Companies: the list, and one of them with its people, orders, opportunities and tickets."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput
from rapport.unify.group_words import ACCOUNT
from rapport.web.pages.accounts.listing import listing_page
from rapport.web.pages.accounts.one import account_page
from rapport.web.pages.households import Form, is_together, one, said
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.company_accounts import (
    SORTS,
    account_view,
    list_accounts,
    say_works_at,
)
from rapport.workflows.customer_list import list_customers
from rapport.workflows.group_words import say_group_role, take_group_word_back
from rapport.workflows.households import PAGE_ROWS

_READ = {"permission": "customers.read"}
_SAY = {"permission": "customers.merge"}
_FIRST_SORT = "-revenue"
_MOST_FOUND = 8


def _back(account_id: str, done: str) -> Redirect:
    return Redirect(f"/accounts/{quote(account_id)}?{urlencode({'done': done})}", status_code=303)


@get("/accounts", sync_to_thread=True, opt=_READ, include_in_schema=False)
def accounts_page(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    q: FromQuery[str] = "",
    sort: FromQuery[str] = _FIRST_SORT,
    page_number: FromQuery[int] = 1,
) -> Response[str]:
    """Companies, found or sorted."""
    sort = sort if sort.removeprefix("-") in SORTS else _FIRST_SORT
    shown = list_accounts(
        company,
        query=q[:200],
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        offset=(max(page_number, 1) - 1) * PAGE_ROWS,
    )
    return html_response(listing_page(context_of(request), shown, sort, company.clock()))


@get("/accounts/{account_id:str}", sync_to_thread=True, opt=_READ, include_in_schema=False)
def one_account(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    account_id: FromPath[str],
    q: FromQuery[str] = "",
    done: FromQuery[str] = "",
) -> Response[Any]:
    """One company; an old id leads on to what it is now."""
    reveal = request.user.may("customers.contact")
    shown = account_view(company, account_id, reveal=reveal)
    if shown.account_id != account_id:
        return _back(shown.account_id, done)
    found = list_customers(company, reveal=reveal, query=q[:200], limit=_MOST_FOUND).rows
    return html_response(
        account_page(
            said(context_of(request), done),
            shown,
            user=request.user,
            query=q[:200],
            found=found if q.strip() else (),
        )
    )


@post("/accounts/{account_id:str}/people", sync_to_thread=True, opt=_SAY, include_in_schema=False)
def say_person(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    account_id: FromPath[str],
    data: Form,
) -> Redirect:
    """Somebody is of the company, or not: it is remembered."""
    if not one(data, "person"):
        raise InvalidInput("Nobody was chosen; go back and choose a person")
    together = is_together(data)
    here = say_works_at(
        company,
        one(data, "person"),
        account_id,
        together=together,
        author=request.user.email,
        reason=one(data, "reason"),
    )
    return _back(here, "together" if together else "apart")


@post("/accounts/{account_id:str}/role", sync_to_thread=True, opt=_SAY, include_in_schema=False)
def say_role(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    account_id: FromPath[str],
    data: Form,
) -> Redirect:
    """Somebody's role, said or given back to title and mailbox."""
    role = one(data, "role") or None
    say_group_role(company, ACCOUNT, one(data, "person"), role, author=request.user.email)
    return _back(account_id, "role" if role else "derived")


@post(
    "/accounts/{account_id:str}/words/{word_id:int}/back",
    sync_to_thread=True,
    opt=_SAY,
    include_in_schema=False,
)
def word_back(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    account_id: FromPath[str],
    word_id: FromPath[int],
) -> Redirect:
    """A word is taken back; what is derived counts again."""
    take_group_word_back(company, ACCOUNT, word_id, author=request.user.email)
    return _back(account_id, "back")


routes = (accounts_page, one_account, say_person, say_role, word_back)
