"""Kinds of identifiers as people say them."""

from __future__ import annotations

from rapport.web.parts.context import PageContext

_KINDS = frozenset(
    {
        "user_id", "crm_contact", "customer_number", "loyalty_card", "email", "phone",
        "anonymous_id", "device_id", "crm_account", "social_handle", "iban", "business_id",
    }
)  # fmt: skip


def kind_words(context: PageContext, kind: str) -> str:
    """A kind of identifier as people say it."""
    if kind in _KINDS:
        return context.t(f"customer.identifier.{kind}")
    return context.t("customer.identifier.other")
