"""Who signs in, in which role; adding people, closing accounts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rapport.vocabulary.access import ROLES
from rapport.web import html as h
from rapport.web.pages.admin.sections import admin_page
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.web.parts.tables import Column, table
from rapport.web.words import LANGUAGES
from rapport.workflows.accounts import Account


def users_page(
    context: PageContext,
    accounts: Sequence[Account],
    *,
    me: str,
    typed: Mapping[str, str] | None = None,
) -> h.Markup:
    """The whole page; ``typed`` is what could not be kept."""
    is_open = sum(account.disabled_at is None for account in accounts)
    columns = [
        Column(label=context.t("admin.users.name")),
        Column(label=context.t("admin.users.role")),
        Column(label=context.t("admin.users.language")),
        Column(label=context.t("admin.users.last")),
        Column(label=context.t("admin.users.actions"), hidden=True),
    ]
    title = context.t("admin.users.title")
    return admin_page(
        context,
        "users",
        h.div(
            {"class": "grid"},
            card(
                table(
                    context,
                    columns,
                    [_row(context, account, me) for account in accounts],
                    caption=title,
                ),
                title=title,
                note=context.t("admin.users.count", count=is_open),
                flush=True,
                span="span-8",
            ),
            _add(context, typed or {}),
        ),
    )


def role_options(context: PageContext) -> list[tuple[str, str]]:
    """Roles by their names in the user's language."""
    return [(role, context.t(f"pages.role.{role}")) for role in ROLES]


def _row(context: PageContext, account: Account, me: str) -> tuple[h.Child, ...]:
    seen = account.last_sign_in_at
    return (
        h.fragment(
            account.name,
            " ",
            chip(context.t("admin.users.you"), tone="accent") if account.email == me else None,
            chip(context.t("admin.users.closed")) if account.disabled_at else None,
            h.div({"class": "note"}, account.email),
        ),
        context.t(f"pages.role.{account.role}"),
        LANGUAGES[account.language],
        context.n.date_time(seen) if seen else context.t("admin.users.never"),
        _changes(context, account, me),
    )


def _changes(context: PageContext, account: Account, me: str) -> h.Markup:
    at = f"/admin/users/{account.user_id}"
    if account.disabled_at is not None:
        return post_button(context, context.t("admin.users.open"), action=f"{at}/open")
    return h.details(
        h.summary({"class": "button"}, context.t("admin.users.change")),
        h.div(
            {"class": "stack", "style": "padding:12px 0;min-width:220px"},
            form(
                context,
                select_field(
                    context.t("admin.users.role"),
                    "role",
                    role_options(context),
                    value=account.role,
                    id=f"role-{account.user_id}",
                ),
                h.div(button(context.t("admin.users.set_role"))),
                action=f"{at}/role",
            ),
            form(
                context,
                field(
                    context.t("admin.users.new_password"),
                    "password",
                    type="password",
                    required=True,
                    hint=context.t("admin.users.password_hint"),
                    autocomplete="new-password",
                    id=f"password-{account.user_id}",
                ),
                h.div(button(context.t("admin.users.set_password"))),
                action=f"{at}/password",
            ),
            None
            if account.email == me
            else post_button(
                context,
                context.t("admin.users.close"),
                action=f"{at}/close",
                kind="danger",
            ),
        ),
    )


def _add(context: PageContext, typed: Mapping[str, str]) -> h.Markup:
    return card(
        form(
            context,
            field(
                context.t("admin.users.name"),
                "name",
                value=typed.get("name", ""),
                required=True,
                autocomplete="off",
                attributes={"maxlength": 200},
            ),
            field(
                context.t("admin.users.email"),
                "email",
                type="email",
                value=typed.get("email", ""),
                required=True,
                autocomplete="off",
            ),
            select_field(
                context.t("admin.users.role"),
                "role",
                role_options(context),
                value=typed.get("role", "agent"),
            ),
            select_field(
                context.t("admin.users.language"),
                "language",
                list(LANGUAGES.items()),
                value=typed.get("language", context.language),
            ),
            field(
                context.t("admin.users.password"),
                "password",
                type="password",
                required=True,
                hint=context.t("admin.users.first_hint"),
                autocomplete="new-password",
            ),
            h.div(button(context.t("admin.users.add"), kind="primary", icon_name="user-plus")),
            action="/admin/users",
        ),
        title=context.t("admin.users.add_title"),
        span="span-4",
    )
