"""`rapport user`: who may come in."""

from __future__ import annotations

from typing import Any

import click

from rapport.cli.common import Context, out, show, with_json
from rapport.vocabulary.access import ROLES
from rapport.workflows.company import Company


@click.group()
def user() -> None:
    """People who sign in: add, list, password, disable, token."""


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="Shown in the pages.")
@click.option("--role", type=click.Choice(list(ROLES)), default="agent", show_default=True)
@click.option(
    "--language", type=click.Choice(["en", "nl", "fr", "hu"]), default="en", show_default=True
)
@click.password_option(help="At least ten characters; asked for when left out.")
@with_json
def user_add(
    company: Company,
    context: Context,
    email: str,
    name: str,
    role: str,
    language: str,
    password: str,
) -> None:
    """Make an account.

    \b
    Example:
      rapport user add sofie@kadar.example --role manager --language nl
    """
    from rapport.workflows.users import create_user  # noqa: PLC0415

    made = create_user(
        company, email=email, name=name, role=role, password=password, language=language
    )
    show(context, made, lambda u: out.print(f"{u.email} can sign in as {u.role}"))


@user.command("list")
@with_json
def user_list(company: Company, context: Context) -> None:
    """All accounts.

    \b
    Example:
      rapport user list --json
    """
    from rapport.workflows.users import list_users  # noqa: PLC0415

    def shown(users: Any) -> None:
        for each in users:
            out.print(f"{each.role:<8} {each.email}  {each.name}")

    show(context, list_users(company), shown)


@user.command("password")
@click.argument("email")
@click.password_option(help="At least ten characters; asked for when left out.")
@with_json
def user_password(company: Company, context: Context, email: str, password: str) -> None:
    """Set a new password and end the account's sessions.

    \b
    Example:
      rapport user password sofie@kadar.example
    """
    from rapport.workflows.users import set_password  # noqa: PLC0415

    set_password(company, email=email, password=password)
    show(context, {"email": email}, lambda _: out.print("Password changed; sessions ended"))


@user.command("disable")
@click.argument("email")
@with_json
def user_disable(company: Company, context: Context, email: str) -> None:
    """Close an account; its history stays.

    \b
    Example:
      rapport user disable sofie@kadar.example
    """
    from rapport.workflows.users import disable_user  # noqa: PLC0415

    disable_user(company, email=email)
    show(context, {"email": email}, lambda _: out.print("Account closed"))


@user.command("token")
@click.argument("email")
@click.option("--name", default="program", show_default=True, help="What the token is for.")
@with_json
def user_token(company: Company, context: Context, email: str, name: str) -> None:
    """Make an API token that acts as this user; it is shown only now.

    \b
    Example:
      rapport user token sofie@kadar.example --name warehouse
    """
    from rapport.workflows.users import create_api_token  # noqa: PLC0415

    token = create_api_token(company, email=email, name=name)
    show(context, {"token": token}, lambda r: out.print(r["token"]))
