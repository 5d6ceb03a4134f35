"""Admin: people, the contact policy, alerts, the company's choices, and the outbox."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.pages.admin.alerts import alerts_page
from rapport.web.pages.admin.company import company_page
from rapport.web.pages.admin.figures import figures_page
from rapport.web.pages.admin.outbox import outbox_page
from rapport.web.pages.admin.policy import policy_page
from rapport.web.pages.admin.users import users_page
from rapport.web.parts.context import PageContext
from rapport.web.parts.states import flash
from rapport.web.visit import context_of, html_response
from rapport.workflows.accounts import (
    all_accounts,
    change_role,
    close_account,
    reopen_account,
    reset_password,
)
from rapport.workflows.alert_rules import alert_rules, change_alert_rule
from rapport.workflows.company import Company
from rapport.workflows.inbox import ticket_colleagues
from rapport.workflows.outbox import outbox_view, retry_messages
from rapport.workflows.policy import PolicyPreview, contact_policies, preview_policy, set_policy
from rapport.workflows.settings import change_company, company_settings
from rapport.workflows.stated_figures import state_figure, stated_figures, withdraw_figure
from rapport.workflows.users import create_user

_USERS = {"permission": "users.write"}
_SETTINGS = {"permission": "settings.write"}
_AnyRequest = Request[Any, Any, Any]
Sent = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
#: From a form's fields, tried, to the page that says what was wrong.
_Page = Callable[[PageContext], h.Markup]


def _actor(request: _AnyRequest) -> str:
    user: User = request.scope["user"]
    return user.email


def _said(context: PageContext, done: str, known: dict[str, str]) -> PageContext:
    if done not in known:
        return context
    return msgspec.structs.replace(context, flash=(flash(context.t(known[done])),))


def _written(
    request: _AnyRequest, write: Callable[[], object], page: _Page, leads_to: str
) -> Response[Any]:
    """Write and lead on; or show the page with what was wrong."""
    try:
        write()
    except (InvalidInput, Conflict, NotFound) as mistake:
        context = context_of(request)
        said = flash(context.t("admin.not_saved", why=mistake.message), tone="bad")
        context = msgspec.structs.replace(context, flash=(said,))
        return html_response(page(context), status_code=mistake.http_status)
    return Redirect(leads_to, status_code=303)


def _whole(data: dict[str, str], name: str) -> int:
    text = data.get(name, "").strip()
    if not (text.isascii() and text.lstrip("-").isdecimal()) or len(text) > 9:
        raise InvalidInput(f"{name} is {text[:20]!r}; give a whole number")
    return int(text)


def _decimal(data: dict[str, str], name: str) -> float | None:
    """A number with point or comma; empty is none."""
    text = data.get(name, "").strip().replace(",", ".").replace("−", "-")
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput(f"{name} is {text[:20]!r}; give a number, or leave it empty") from error


def _needed(data: dict[str, str], name: str) -> float:
    value = _decimal(data, name)
    if value is None:
        raise InvalidInput(f"{name} is empty; give a number")
    return value


# ── people ─────────────────────────────────────────────────────────────────────────────────────


def _users(request: _AnyRequest, company: Company) -> _Page:
    return lambda context: users_page(context, all_accounts(company), me=_actor(request))


@get("/admin", sync_to_thread=False, opt=_USERS, include_in_schema=False)
def admin_get() -> Redirect:
    """To the first part."""
    return Redirect("/admin/users", status_code=303)


@get("/admin/users", sync_to_thread=True, opt=_USERS, include_in_schema=False)
def users_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """Who signs in."""
    context = _said(context_of(request), done, {"saved": "admin.saved"})
    return html_response(_users(request, company)(context))


@post("/admin/users", sync_to_thread=True, opt=_USERS, include_in_schema=False)
def users_add(request: _AnyRequest, company: NamedDependency[Company], data: Sent) -> Response[Any]:
    """Make an account."""
    return _written(
        request,
        lambda: create_user(
            company,
            email=data.get("email", ""),
            name=data.get("name", "").replace("\0", ""),
            role=data.get("role", ""),
            password=data.get("password", ""),
            language=data.get("language", "en"),
            actor=_actor(request),
        ),
        lambda context: users_page(context, all_accounts(company), me=_actor(request), typed=data),
        "/admin/users?done=saved",
    )


@post("/admin/users/{user_id:int}/role", sync_to_thread=True, opt=_USERS, include_in_schema=False)
def users_role(
    request: _AnyRequest,
    company: NamedDependency[Company],
    user_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Give somebody another role."""
    return _written(
        request,
        lambda: change_role(company, user_id, role=data.get("role", ""), actor=_actor(request)),
        _users(request, company),
        "/admin/users?done=saved",
    )


@post(
    "/admin/users/{user_id:int}/password", sync_to_thread=True, opt=_USERS, include_in_schema=False
)
def users_password(
    request: _AnyRequest,
    company: NamedDependency[Company],
    user_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Set somebody's password."""
    return _written(
        request,
        lambda: reset_password(
            company, user_id, password=data.get("password", ""), actor=_actor(request)
        ),
        _users(request, company),
        "/admin/users?done=saved",
    )


@post("/admin/users/{user_id:int}/close", sync_to_thread=True, opt=_USERS, include_in_schema=False)
def users_close(
    request: _AnyRequest, company: NamedDependency[Company], user_id: FromPath[int]
) -> Response[Any]:
    """Close an account."""
    return _written(
        request,
        lambda: close_account(company, user_id, actor=_actor(request)),
        _users(request, company),
        "/admin/users?done=saved",
    )


@post("/admin/users/{user_id:int}/open", sync_to_thread=True, opt=_USERS, include_in_schema=False)
def users_open(
    request: _AnyRequest, company: NamedDependency[Company], user_id: FromPath[int]
) -> Response[Any]:
    """Open a closed account."""
    return _written(
        request,
        lambda: reopen_account(company, user_id, actor=_actor(request)),
        _users(request, company),
        "/admin/users?done=saved",
    )


# ── contact policy ─────────────────────────────────────────────────────────────────────────────


@get("/admin/policy", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def policy_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    done: FromQuery[str] = "",
    policy: FromQuery[int] = 0,
    max_messages: FromQuery[str] = "",
    window_days: FromQuery[str] = "",
) -> Response[Any]:
    """The policy; with figures in the address, whom those would hold back."""
    context = _said(context_of(request), done, {"saved": "admin.saved"})
    tried: dict[int, PolicyPreview] = {}
    status = 200
    if max_messages or window_days:
        asked = {"max_messages": max_messages, "window_days": window_days}
        try:
            tried[policy] = preview_policy(
                company,
                max_messages=_whole(asked, "max_messages"),
                window_days=_whole(asked, "window_days"),
            )
        except InvalidInput as mistake:
            said = flash(context.t("admin.not_saved", why=mistake.message), tone="bad")
            context = msgspec.structs.replace(context, flash=(said,))
            status = 400
    page = policy_page(context, contact_policies(company), tried)
    return html_response(page, status_code=status)


@post("/admin/policy/{policy_id:int}", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def policy_post(
    request: _AnyRequest,
    company: NamedDependency[Company],
    policy_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Change the policy."""
    return _written(
        request,
        lambda: set_policy(
            company,
            policy_id,
            max_messages=_whole(data, "max_messages"),
            window_days=_whole(data, "window_days"),
            enabled="enabled" in data,
            actor=_actor(request),
        ),
        lambda context: policy_page(context, contact_policies(company), {}),
        "/admin/policy?done=saved",
    )


# ── alerts ─────────────────────────────────────────────────────────────────────────────────────


def _alerts(company: Company) -> _Page:
    return lambda context: alerts_page(context, alert_rules(company), ticket_colleagues(company))


@get("/admin/alerts", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def alerts_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """The rules that open tickets."""
    context = _said(context_of(request), done, {"saved": "admin.saved"})
    return html_response(_alerts(company)(context))


@post("/admin/alerts/{rule_id:int}", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def alerts_post(
    request: _AnyRequest,
    company: NamedDependency[Company],
    rule_id: FromPath[int],
    data: Sent,
) -> Response[Any]:
    """Change a rule."""
    return _written(
        request,
        lambda: change_alert_rule(
            company,
            rule_id,
            score_max=_decimal(data, "score_max"),
            share_max=_decimal(data, "share_max"),
            sentiment_max=_decimal(data, "sentiment_max"),
            max_age_days=_needed(data, "max_age_days"),
            due_hours=_needed(data, "due_hours"),
            priority=_whole(data, "priority"),
            owner_email=data.get("owner", ""),
            enabled="enabled" in data,
            actor=_actor(request),
        ),
        _alerts(company),
        "/admin/alerts?done=saved",
    )


# ── company and outbox ─────────────────────────────────────────────────────────────────────────


@get("/admin/company", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def company_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """The company's own choices."""
    context = _said(context_of(request), done, {"saved": "admin.saved"})
    return html_response(company_page(context, company_settings(company)))


@post("/admin/company", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def company_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Change the company's choices."""
    return _written(
        request,
        lambda: change_company(
            company,
            company_name=data.get("company_name", ""),
            time_zone=data.get("time_zone", "").strip(),
            reporting_currency=data.get("reporting_currency"),
            actor=_actor(request),
        ),
        lambda context: company_page(context, company_settings(company)),
        "/admin/company?done=saved",
    )


@get("/admin/figures", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def figures_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """Unit costs, spending and targets."""
    context = _said(context_of(request), done, {"saved": "admin.saved"})
    return html_response(figures_page(context, stated_figures(company)))


def _day(data: dict[str, str], name: str) -> date:
    text = data.get(name, "").strip()
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{name} is {text[:20]!r}; give a day such as 2026-11-01") from None


@post("/admin/figures", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def figures_post(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """State a figure."""
    return _written(
        request,
        lambda: state_figure(
            company,
            name=data.get("name", ""),
            amount=data.get("amount", ""),
            scope=data.get("scope", "").replace("\0", ""),
            first_day=_day(data, "first_day"),
            last_day=_day(data, "last_day") if data.get("last_day", "").strip() else None,
            actor=_actor(request),
        ),
        lambda context: figures_page(context, stated_figures(company), typed=data),
        "/admin/figures?done=saved",
    )


@post("/admin/figures/withdraw", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def figures_withdraw(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Take back what was stated."""
    return _written(
        request,
        lambda: withdraw_figure(
            company,
            name=data.get("name", ""),
            scope=data.get("scope"),
            first_day=_day(data, "first_day"),
            actor=_actor(request),
        ),
        lambda context: figures_page(context, stated_figures(company)),
        "/admin/figures?done=saved",
    )


@get("/admin/outbox", sync_to_thread=True, opt=_SETTINGS, include_in_schema=False)
def outbox_get(
    request: _AnyRequest,
    company: NamedDependency[Company],
    show: FromQuery[str] = "",
    page: FromQuery[int] = 1,
    done: FromQuery[str] = "",
) -> Response[Any]:
    """What waits, what failed and why."""
    context = _said(context_of(request), done, {"retried": "admin.outbox.retried"})
    return html_response(outbox_page(context, outbox_view(company, status=show or None, page=page)))


@post(
    "/admin/outbox/{outbox_id:int}/retry",
    sync_to_thread=True,
    opt=_SETTINGS,
    include_in_schema=False,
)
def outbox_retry(
    request: _AnyRequest, company: NamedDependency[Company], outbox_id: FromPath[int]
) -> Response[Any]:
    """Queue a failed message to a colleague again."""
    return _written(
        request,
        lambda: retry_messages(company, [outbox_id], actor=_actor(request)),
        lambda context: outbox_page(context, outbox_view(company)),
        "/admin/outbox?done=retried",
    )


routes = (
    admin_get,
    users_get,
    users_add,
    users_role,
    users_password,
    users_close,
    users_open,
    policy_get,
    policy_post,
    alerts_get,
    alerts_post,
    company_get,
    company_post,
    figures_get,
    figures_post,
    figures_withdraw,
    outbox_get,
    outbox_retry,
)
