"""Users: accounts, roles and passwords."""

from __future__ import annotations

from typing import Any

from litestar import Request, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct

from rapport.vocabulary.access import User
from rapport.workflows.accounts import (
    Account,
    all_accounts,
    change_role,
    close_account,
    reopen_account,
    reset_password,
)
from rapport.workflows.company import Company
from rapport.workflows.users import create_user

_WRITE = {"permission": "users.write"}
_AnyRequest = Request[Any, Any, Any]


class NewUser(Struct, frozen=True, kw_only=True):
    """An account to make."""

    email: str
    password: str
    role: str = "agent"
    name: str = ""
    language: str = "en"


class ChangedUser(Struct, frozen=True, kw_only=True):
    """What to change; what is left out stays."""

    role: str | None = None
    password: str | None = None
    disabled: bool | None = None


class Me(Struct, frozen=True, kw_only=True):
    """As whom a token acts."""

    user: User


def _actor(request: _AnyRequest) -> str:
    user: User = request.scope["user"]
    return user.email


@get("/api/v1/users", sync_to_thread=True, opt=_WRITE, tags=["users"])
def users(company: NamedDependency[Company]) -> tuple[Account, ...]:
    """All accounts, open ones first."""
    return all_accounts(company)


@post("/api/v1/users", sync_to_thread=True, opt=_WRITE, tags=["users"])
def add_user(
    request: _AnyRequest, company: NamedDependency[Company], data: JSONBody[NewUser]
) -> User:
    """Make an account."""
    return create_user(
        company,
        email=data.email,
        name=data.name.replace("\0", ""),
        role=data.role,
        password=data.password,
        language=data.language,
        actor=_actor(request),
    )


@patch("/api/v1/users/{user_id:int}", sync_to_thread=True, opt=_WRITE, tags=["users"])
def change_user(
    request: _AnyRequest,
    company: NamedDependency[Company],
    user_id: FromPath[int],
    data: JSONBody[ChangedUser],
) -> tuple[Account, ...]:
    """Change role, password, or whether the account is closed; answers all accounts."""
    actor = _actor(request)
    if data.role is not None:
        change_role(company, user_id, role=data.role, actor=actor)
    if data.password is not None:
        reset_password(company, user_id, password=data.password, actor=actor)
    if data.disabled is True:
        close_account(company, user_id, actor=actor)
    elif data.disabled is False:
        reopen_account(company, user_id, actor=actor)
    return all_accounts(company)


@get("/api/v1/me", sync_to_thread=False, opt={"permission": "signed_in"}, tags=["users"])
def me(request: _AnyRequest) -> Me:
    """Who is asking."""
    user: User = request.scope["user"]
    return Me(user=user)


routes = (users, add_user, change_user, me)
