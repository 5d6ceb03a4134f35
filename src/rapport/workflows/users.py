"""People who use Rapport: accounts, signing in and out, API tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from msgspec import Struct
from sqlalchemy import Connection, Row, delete, func, select, update

from rapport.act.defaults import ensure_defaults
from rapport.errors import Conflict, InvalidInput, NotFound, NotSignedIn, Overloaded
from rapport.privacy.credentials import hash_password, new_token, password_fits, token_digest
from rapport.vocabulary.access import ROLES, User
from rapport.vocabulary.ledger_tables import api_token, audit, session, sign_in_attempt
from rapport.vocabulary.ledger_tables import user as accounts
from rapport.workflows.company import Company

SESSION_HOURS = 12
#: Failed attempts that cost nothing; each later one doubles the wait, up to the longest.
FREE_ATTEMPTS = 5
LONGEST_WAIT = timedelta(minutes=15)
LANGUAGES = ("en", "nl", "fr", "hu")
THEMES = ("auto", "light", "dark")


class Session(Struct, frozen=True, kw_only=True):
    """A signed-in browser."""

    user: User
    csrf_token: str


def create_user(
    company: Company,
    *,
    email: str,
    name: str,
    role: str,
    password: str,
    language: str = "en",
    actor: str = "cli",
) -> User:
    """Make an account; with the first one the company gets its contact policy and alert rule.

    Raises
    ------
    InvalidInput
        If the role or language is unknown, or the password too short.
    Conflict
        If the address has an account already.
    """
    address = _address(email)
    if role not in ROLES:
        raise InvalidInput(f"Role {role!r} does not exist; choose one of {', '.join(ROLES)}")
    if language not in LANGUAGES:
        raise InvalidInput(
            f"Language {language!r} is not offered; choose of {', '.join(LANGUAGES)}"
        )
    row = {
        "email": address, "name": name.strip() or address, "role": role, "language": language,
        "password_hash": hash_password(password), "created_at": company.clock(),
    }  # fmt: skip
    with company.ledger.write() as connection:
        first = connection.scalar(select(accounts.c.user_id).limit(1)) is None
        if not company.ledger.insert_new(connection, accounts, [row], ["email"]):
            raise Conflict("An account with this e-mail address exists already")
        if first:
            # Without a policy there would be no limit to what a customer receives, and without
            # a rule nobody would hear of a complaint. Nobody can turn them off before this.
            ensure_defaults(connection, company.ledger, owner_email=address)
        _note(connection, company.clock(), actor, "user.created", address)
        return _user(connection.execute(select(accounts).where(accounts.c.email == address)).one())


def list_users(company: Company) -> list[User]:
    """All accounts that may sign in, by name."""
    with company.ledger.read() as connection:
        rows = connection.execute(
            select(accounts).where(accounts.c.disabled_at.is_(None)).order_by(accounts.c.name)
        )
        return [_user(row) for row in rows]


def find_user(company: Company, email: str) -> User:
    """The account of an address that may sign in.

    Raises
    ------
    NotFound
        If there is none.
    """
    for user in list_users(company):
        if user.email.lower() == email.strip().lower():
            return user
    raise NotFound(f"There is no account {email!r}; see `rapport user list`")


def set_password(company: Company, *, email: str, password: str, actor: str = "cli") -> None:
    """Give an account a new password and end its sessions."""
    hashed = hash_password(password)
    with company.ledger.write() as connection:
        found = _by_email(connection, email)
        connection.execute(
            update(accounts).where(accounts.c.user_id == found.user_id).values(password_hash=hashed)
        )
        connection.execute(delete(session).where(session.c.user_id == found.user_id))
        _note(connection, company.clock(), actor, "user.password", found.email)


def disable_user(company: Company, *, email: str, actor: str = "cli") -> None:
    """Close an account; its history stays."""
    with company.ledger.write() as connection:
        found = _by_email(connection, email)
        connection.execute(
            update(accounts)
            .where(accounts.c.user_id == found.user_id)
            .values(disabled_at=company.clock())
        )
        for table in (session, api_token):
            connection.execute(delete(table).where(table.c.user_id == found.user_id))
        _note(connection, company.clock(), actor, "user.disabled", found.email)


def set_preferences(
    company: Company, user_id: int, *, language: str | None = None, theme: str | None = None
) -> None:
    """Remember the user's language or theme; None leaves it."""
    changes = {
        name: value
        for name, value, allowed in (("language", language, LANGUAGES), ("theme", theme, THEMES))
        if value in allowed
    }
    if changes:
        with company.ledger.write() as connection:
            connection.execute(
                update(accounts).where(accounts.c.user_id == user_id).values(**changes)
            )


def sign_in(company: Company, *, email: str, password: str) -> str:
    """Check a password and open a session; returns the cookie's value.

    Raises
    ------
    NotSignedIn
        If address and password do not belong together; which one is wrong is not said.
    Overloaded
        If there were too many failed attempts; it says how long to wait.
    """
    now = company.clock()
    address = email.strip().lower()
    attempt_key = sha256(address.encode()).hexdigest()
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "sign_in")
        # Counted as failed before it is looked at: of attempts made at once each counts.
        _count_attempt(company, connection, attempt_key, now)
        found = connection.execute(
            select(accounts).where(accounts.c.email == address, accounts.c.disabled_at.is_(None))
        ).first()
    if not password_fits(password, found.password_hash if found else None):
        raise NotSignedIn("E-mail address and password do not belong together")
    assert found is not None  # noqa: S101  # password_fits is False without an account
    token = new_token()
    with company.ledger.write() as connection:
        connection.execute(
            delete(sign_in_attempt).where(sign_in_attempt.c.email_digest == attempt_key)
        )
        connection.execute(delete(session).where(session.c.expires_at < now))
        connection.execute(
            session.insert().values(
                token_digest=token_digest(token),
                user_id=found.user_id,
                csrf_token=new_token(),
                created_at=now,
                expires_at=now + timedelta(hours=SESSION_HOURS),
            )
        )
        _note(connection, now, address, "sign_in", None)
    return token


def _count_attempt(company: Company, connection: Connection, key: str, now: datetime) -> None:
    attempt = connection.execute(
        select(sign_in_attempt).where(sign_in_attempt.c.email_digest == key)
    ).first()
    if attempt is not None and (wait := _wait(attempt.failures, attempt.last_at, now)):
        raise Overloaded(
            f"Too many failed attempts; try again in {wait} seconds", retry_after_seconds=wait
        )
    company.ledger.upsert(
        connection,
        sign_in_attempt,
        [
            {
                "email_digest": key,
                "failures": 1 + (attempt.failures if attempt else 0),
                "last_at": now,
            }
        ],
        ["email_digest"],
        ["failures", "last_at"],
    )


def session_of(company: Company, token: str | None) -> Session | None:
    """The session that a cookie names, or None if it is over or was never opened."""
    if not token:
        return None
    with company.ledger.read() as connection:
        row = connection.execute(
            select(accounts, session.c.csrf_token)
            .join(accounts, accounts.c.user_id == session.c.user_id)
            .where(
                session.c.token_digest == token_digest(token),
                session.c.expires_at > company.clock(),
                accounts.c.disabled_at.is_(None),
            )
        ).first()
    return None if row is None else Session(user=_user(row), csrf_token=row.csrf_token)


def sign_out(company: Company, token: str | None) -> None:
    """End a session."""
    if token:
        with company.ledger.write() as connection:
            connection.execute(delete(session).where(session.c.token_digest == token_digest(token)))


def create_api_token(company: Company, *, email: str, name: str, actor: str = "cli") -> str:
    """A token for programs that act as this user; it is shown only now."""
    token = new_token()
    with company.ledger.write() as connection:
        found = _by_email(connection, email)
        connection.execute(
            api_token.insert().values(
                token_digest=token_digest(token),
                user_id=found.user_id,
                name=name,
                created_at=company.clock(),
            )
        )
        _note(connection, company.clock(), actor, "api_token.created", found.email)
    return token


def user_of_api_token(company: Company, token: str) -> User | None:
    """The user as whom a program acts, or None."""
    with company.ledger.read() as connection:
        row = connection.execute(
            select(accounts)
            .join(api_token, accounts.c.user_id == api_token.c.user_id)
            .where(
                api_token.c.token_digest == token_digest(token), accounts.c.disabled_at.is_(None)
            )
        ).first()
    return None if row is None else _user(row)


def has_users(company: Company) -> bool:
    """Whether anybody can sign in."""
    with company.ledger.read() as connection:
        return bool(connection.scalar(select(func.count()).select_from(accounts)))


def _address(email: str) -> str:
    address = email.strip().lower()
    name, at, domain = address.partition("@")
    if not (name and at and domain) or any(c.isspace() for c in address):
        raise InvalidInput("That is no e-mail address; give one such as name@company.example")
    return address


def _by_email(connection: Connection, email: str) -> Row[tuple[object, ...]]:
    found = connection.execute(
        select(accounts).where(accounts.c.email == email.strip().lower())
    ).first()
    if found is None:
        raise NotFound("No account has this e-mail address; `rapport user list` shows all")
    return found


def _wait(failures: int, last_at: datetime, now: datetime) -> int:
    if failures < FREE_ATTEMPTS:
        return 0
    pause = min(LONGEST_WAIT, timedelta(seconds=2 ** min(failures - FREE_ATTEMPTS, 12)))
    return max(0, round((last_at + pause - now).total_seconds()))


def _user(row: Row[tuple[object, ...]]) -> User:
    return User(
        user_id=row.user_id,
        email=row.email,
        name=row.name,
        role=row.role,
        language=row.language,
        theme=row.theme,
        time_zone=row.time_zone,
    )


def _note(
    connection: Connection, at: datetime, actor: str, action: str, subject: str | None
) -> None:
    connection.execute(audit.insert().values(at=at, actor=actor, action=action, subject=subject))
