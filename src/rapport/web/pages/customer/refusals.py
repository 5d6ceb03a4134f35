"""Why a message was not sent, in words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rapport.web.parts.context import PageContext

_KNOWN = frozenset(
    {
        "consent_missing", "consent_withdrawn", "suppressed", "profile_unknown", "not_eligible",
        "expired", "open_complaint", "not_relevant", "already_contacted", "household_contacted",
        "policy_cap",
        "no_address", "address_invalid", "unknown_channel",
    }
)  # fmt: skip
_PURPOSES = frozenset({"email_marketing", "sms_marketing", "surveys", "marketing"})


def refusal_words(context: PageContext, reason: dict[str, Any]) -> str:
    """The reason that a check gave (see `act.decide`); a code of tomorrow stays a code."""
    code = str(reason.get("code", ""))
    if code not in _KNOWN:
        return code.replace("_", " ")
    purpose = str(reason.get("purpose", ""))
    since = reason.get("since")
    return context.t(
        f"customer.refusal.{code}",
        purpose=context.t(f"customer.purpose.{purpose}")
        if purpose in _PURPOSES
        else purpose.replace("_", " "),
        date=context.n.date(datetime.fromisoformat(since)) if isinstance(since, str) else "",
        sent=reason.get("sent", 0),
        days=reason.get("window_days", 0),
        max=reason.get("max", 0),
    )
