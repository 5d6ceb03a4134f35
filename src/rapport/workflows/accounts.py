"""Accounts as an administrator and their owners manage them: roles, passwords, API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, func, select, update

from rapport.errors import Conflict, InvalidInput, NotAllowed, NotFound
from rapport.privacy.credentials import hash_password, password_fits, token_digest
from rapport.vocabulary.access import ROLES
from rapport.vocabulary.ledger_tables import api_token, audit, session
from rapport.vocabulary.ledger_tables import user as accounts
from rapport.workflows.company import Company
from rapport.workflows.users import disable_user, set_password

#: So much of a token's digest names it on pages; the digest itself stays inside.
_TOKEN_NAME = 16
_LONGEST_NAME = 200


class Account(Struct, frozen=True, kw_only=True):
    """One account, open or closed."""

    user_id: int
    email: str
    name: str
    role: str
    language: str
    created_at: datetime
    disabled_at: datetime | None
    last_sign_in_at: datetime | None


class ApiToken(Struct, frozen=True, kw_only=True):
    """A token as its owner sees it; the token itself was shown once."""

    token_id: str
    name: str
    created_at: datetime


def all_accounts(company: Company) -> tuple[Account, ...]:
    """All accounts, open ones first, by name."""
    with company.ledger.read() as connection:
        signed_in = (
            select(audit.c.actor, func.max(audit.c.at).label("at"))
            .where(audit.c.action == "sign_in")
            .group_by(audit.c.actor)
            .subquery()
        )
        rows = connection.execute(
            select(accounts, signed_in.c.at.label("signed_in_at"))
            .outerjoin(signed_in, signed_in.c.actor == accounts.c.email)
            .order_by(accounts.c.disabled_at.is_not(None), accounts.c.name, accounts.c.email)
        ).all()
    return tuple(
        Account(
            user_id=row.user_id,
            email=row.email,
            name=row.name,
            role=row.role,
            language=row.language,
            created_at=row.created_at,
            disabled_at=row.disabled_at,
            last_sign_in_at=row.signed_in_at,
        )
        for row in rows
    )


def change_role(company: Company, user_id: int, *, role: str, actor: str) -> None:
    """Give an account another role; what is open in its browser follows at its next press.

    Raises
    ------
    InvalidInput
        If the role does not exist.
    Conflict
        If nobody would be left who may manage users.
    """
    if role not in ROLES:
        raise InvalidInput(f"Role {role!r} does not exist; choose one of {', '.join(ROLES)}")
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "accounts")
        found = _by_id(connection, user_id)
        if "users.write" not in ROLES[role]:
            _require_another(connection, user_id)
        connection.execute(update(accounts).where(accounts.c.user_id == user_id).values(role=role))
        _note(connection, company.clock(), actor, "user.role", found.email)


def close_account(company: Company, user_id: int, *, actor: str) -> None:
    """Close an account: its sessions and tokens end, its history stays.

    Raises
    ------
    Conflict
        If nobody would be left who may manage users, or it is the actor's own.
    """
    with company.ledger.read() as connection:
        found = _by_id(connection, user_id)
        if found.email == actor:
            raise Conflict("You cannot close your own account; ask another administrator")
        _require_another(connection, user_id)
    disable_user(company, email=found.email, actor=actor)


def reopen_account(company: Company, user_id: int, *, actor: str) -> None:
    """Open a closed account again, with the password it had."""
    with company.ledger.write() as connection:
        found = _by_id(connection, user_id)
        connection.execute(
            update(accounts).where(accounts.c.user_id == user_id).values(disabled_at=None)
        )
        _note(connection, company.clock(), actor, "user.enabled", found.email)


def reset_password(company: Company, user_id: int, *, password: str, actor: str) -> None:
    """Set an account's password for its owner; all its sessions end."""
    with company.ledger.read() as connection:
        found = _by_id(connection, user_id)
    set_password(company, email=found.email, password=password, actor=actor)


# ── one's own ──────────────────────────────────────────────────────────────────────────────────


def change_own_password(
    company: Company, user_id: int, *, current: str, password: str, keep_session: str | None
) -> None:
    """Change one's password; every other browser is signed out.

    Parameters
    ----------
    keep_session : str or None
        The session's cookie in which this is done.

    Raises
    ------
    NotAllowed
        If the present password is another.
    InvalidInput
        If the new one is too short, or the same.
    """
    with company.ledger.read() as connection:
        found = _by_id(connection, user_id)
    if not password_fits(current, found.password_hash):
        raise NotAllowed("Your present password is another; type it again")
    if password == current:
        raise InvalidInput("The new password is the present one; choose another")
    hashed = hash_password(password)
    with company.ledger.write() as connection:
        connection.execute(
            update(accounts).where(accounts.c.user_id == user_id).values(password_hash=hashed)
        )
        others = session.delete().where(session.c.user_id == user_id)
        if keep_session:
            others = others.where(session.c.token_digest != token_digest(keep_session))
        connection.execute(others)
        _note(connection, company.clock(), found.email, "user.password", found.email)


def api_tokens_of(company: Company, user_id: int) -> tuple[ApiToken, ...]:
    """A user's tokens, newest first."""
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(api_token)
            .where(api_token.c.user_id == user_id)
            .order_by(api_token.c.created_at.desc(), api_token.c.name)
        ).all()
    return tuple(
        ApiToken(token_id=row.token_digest[:_TOKEN_NAME], name=row.name, created_at=row.created_at)
        for row in rows
    )


def token_name(name: str) -> str:
    """What a token is for, as it may be kept.

    Raises
    ------
    InvalidInput
        If it is empty or too long.
    """
    checked = " ".join(name.replace("\0", "").split())
    if not 1 <= len(checked) <= _LONGEST_NAME:
        raise InvalidInput(
            f"Say in 1 to {_LONGEST_NAME} characters what the token is for, such as warehouse"
        )
    return checked


def revoke_api_token(company: Company, user_id: int, token_id: str) -> None:
    """End one of one's own tokens.

    Raises
    ------
    NotFound
        If the user has no such token.
    """
    with company.ledger.write() as connection:
        found = _by_id(connection, user_id)
        digests = [
            digest
            for digest in connection.scalars(
                select(api_token.c.token_digest).where(api_token.c.user_id == user_id)
            )
            if digest[:_TOKEN_NAME] == token_id
        ]
        if not digests:
            raise NotFound("You have no such API token (any more); reload the page")
        connection.execute(api_token.delete().where(api_token.c.token_digest.in_(digests)))
        _note(connection, company.clock(), found.email, "api_token.revoked", found.email)


def _by_id(connection: Connection, user_id: int) -> Row[Any]:
    found = connection.execute(select(accounts).where(accounts.c.user_id == user_id)).one_or_none()
    if found is None:
        raise NotFound(f"There is no account {user_id}; reload the page")
    return found


def _require_another(connection: Connection, user_id: int) -> None:
    able = [role for role, permissions in ROLES.items() if "users.write" in permissions]
    others = connection.scalar(
        select(func.count())
        .select_from(accounts)
        .where(
            accounts.c.role.in_(able),
            accounts.c.disabled_at.is_(None),
            accounts.c.user_id != user_id,
        )
    )
    if not others:
        raise Conflict("Nobody else could manage users then; make another administrator first")


def _note(connection: Connection, at: datetime, actor: str, action: str, subject: str) -> None:
    connection.execute(audit.insert().values(at=at, actor=actor, action=action, subject=subject))
