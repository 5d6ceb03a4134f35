"""One's own account: the password, and tokens for programs that act as oneself."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, FromQuery
from litestar.response import Redirect

from rapport.errors import InvalidInput, NotAllowed, NotFound
from rapport.vocabulary.access import User
from rapport.web import html as h
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.frame import page
from rapport.web.parts.states import flash
from rapport.web.parts.tables import Column, table
from rapport.web.visit import SESSION_COOKIE, context_of, html_response
from rapport.workflows.accounts import (
    ApiToken,
    api_tokens_of,
    change_own_password,
    revoke_api_token,
    token_name,
)
from rapport.workflows.company import Company
from rapport.workflows.users import create_api_token

_OWN = {"permission": "signed_in"}
_AnyRequest = Request[Any, Any, Any]
Sent = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
_DONE = {"changed": "admin.account.changed", "revoked": "admin.account.token_revoked"}


def _user(request: _AnyRequest) -> User:
    user: User = request.scope["user"]
    return user


def _shown(
    request: _AnyRequest,
    company: Company,
    *,
    why: str | None = None,
    token: str | None = None,
    status_code: int = 200,
) -> Response[Any]:
    context = context_of(request)
    if why is not None:
        said = flash(context.t("admin.not_saved", why=why), tone="bad")
        context = msgspec.structs.replace(context, flash=(said,))
    user = _user(request)
    content = _account_page(context, user, api_tokens_of(company, user.user_id), token)
    return html_response(content, status_code=status_code)


@get("/account", sync_to_thread=True, opt=_OWN, include_in_schema=False)
def account_get(
    request: _AnyRequest, company: NamedDependency[Company], done: FromQuery[str] = ""
) -> Response[Any]:
    """The page."""
    if done not in _DONE:
        return _shown(request, company)
    context = context_of(request)
    context = msgspec.structs.replace(context, flash=(flash(context.t(_DONE[done])),))
    user = _user(request)
    return html_response(_account_page(context, user, api_tokens_of(company, user.user_id), None))


@post("/account/password", sync_to_thread=True, opt=_OWN, include_in_schema=False)
def account_password(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Change one's password; this browser stays signed in."""
    try:
        change_own_password(
            company,
            _user(request).user_id,
            current=data.get("current", ""),
            password=data.get("password", ""),
            keep_session=request.cookies.get(SESSION_COOKIE),
        )
    except (InvalidInput, NotAllowed) as mistake:
        return _shown(request, company, why=mistake.message, status_code=400)
    return Redirect("/account?done=changed", status_code=303)


@post("/account/tokens", sync_to_thread=True, opt=_OWN, include_in_schema=False)
def account_token(
    request: _AnyRequest, company: NamedDependency[Company], data: Sent
) -> Response[Any]:
    """Make a token and show it, this once."""
    user = _user(request)
    try:
        name = token_name(data.get("name", ""))
    except InvalidInput as mistake:
        return _shown(request, company, why=mistake.message, status_code=400)
    token = create_api_token(company, email=user.email, name=name, actor=user.email)
    return _shown(request, company, token=token)


@post(
    "/account/tokens/{token_id:str}/revoke",
    sync_to_thread=True,
    opt=_OWN,
    include_in_schema=False,
)
def account_revoke(
    request: _AnyRequest, company: NamedDependency[Company], token_id: FromPath[str]
) -> Response[Any]:
    """End a token."""
    try:
        revoke_api_token(company, _user(request).user_id, token_id)
    except NotFound as gone:
        return _shown(request, company, why=gone.message, status_code=404)
    return Redirect("/account?done=revoked", status_code=303)


def _account_page(
    context: PageContext, user: User, tokens: tuple[ApiToken, ...], token: str | None
) -> h.Markup:
    return page(
        context,
        context.t("admin.account.title"),
        h.div(
            {"class": "grid"},
            card(
                form(
                    context,
                    h.input(
                        {
                            "type": "hidden",
                            "name": "username",
                            "value": user.email,
                            "autocomplete": "username",
                        }
                    ),
                    field(
                        context.t("admin.account.current"),
                        "current",
                        type="password",
                        required=True,
                        autocomplete="current-password",
                    ),
                    field(
                        context.t("admin.account.new"),
                        "password",
                        type="password",
                        required=True,
                        hint=context.t("admin.account.new_hint"),
                        autocomplete="new-password",
                    ),
                    h.div(button(context.t("admin.account.change"), kind="primary")),
                    action="/account/password",
                ),
                title=context.t("admin.account.password"),
                span="span-5",
            ),
            h.div(
                {"class": "stack span-7"},
                _new_token(context, token) if token else None,
                _tokens(context, tokens),
            ),
        ),
        subtitle=f"{user.name} · {user.email} · {context.t(f'pages.role.{user.role}')}",
    )


def _new_token(context: PageContext, token: str) -> h.Markup:
    return card(
        h.div(
            {"class": "stack tight"},
            h.p(context.t("admin.account.token_once")),
            h.p({"style": "overflow-wrap:anywhere"}, h.code(token)),
        ),
        title=context.t("admin.account.token_new"),
        wanted=True,
    )


def _tokens(context: PageContext, tokens: tuple[ApiToken, ...]) -> h.Markup:
    title = context.t("admin.account.tokens")
    return card(
        table(
            context,
            [
                Column(label=context.t("admin.account.token_name")),
                Column(label=context.t("admin.account.token_made")),
                Column(label=context.t("admin.users.actions"), hidden=True),
            ],
            [
                (
                    token.name,
                    context.n.date(token.created_at),
                    post_button(
                        context,
                        context.t("admin.account.token_revoke"),
                        action=f"/account/tokens/{token.token_id}/revoke",
                    ),
                )
                for token in tokens
            ],
            caption=title,
        )
        if tokens
        else h.p(
            {"class": "muted", "style": "padding:0 16px"},
            context.t("admin.account.tokens_none"),
        ),
        h.div(
            {"style": "padding:16px"},
            form(
                context,
                field(
                    context.t("admin.account.token_name"),
                    "name",
                    required=True,
                    autocomplete="off",
                    attributes={"maxlength": 200},
                ),
                h.div(button(context.t("admin.account.token_create"), icon_name="key-round")),
                action="/account/tokens",
            ),
        ),
        title=title,
        note=context.t("admin.account.tokens_note"),
        flush=True,
    )


routes = (account_get, account_password, account_token, account_revoke)
