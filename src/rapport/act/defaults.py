"""What a new installation starts with, so that it acts on the first day."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection

from rapport.act.alerts import NegativeFeedback
from rapport.engines.ledger import Ledger
from rapport.vocabulary.ledger_tables import alert_rule, contact_policy

DEFAULT_POLICY = "3 messages per 7 days"
DEFAULT_RULE = "Negative feedback"


def ensure_defaults(connection: Connection, ledger: Ledger, owner_email: str) -> None:
    """Add the default contact policy and alert rule, unless they exist; changed ones stay."""
    policy = {"name": DEFAULT_POLICY, "max_messages": 3, "window_days": 7, "enabled": True}
    ledger.insert_new(connection, contact_policy, [policy], ["name"])
    rule = {
        "name": DEFAULT_RULE,
        "definition": msgspec.to_builtins(NegativeFeedback()),
        "owner_email": owner_email,
        "enabled": True,
    }
    ledger.insert_new(connection, alert_rule, [rule], ["name"])
