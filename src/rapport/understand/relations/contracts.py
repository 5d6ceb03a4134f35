"""Contracts that run until somebody ends them: whose leaving is said, not guessed."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import SPLIT, current, with_profiles


def _contracts(as_known_then: bool) -> tuple[Step, ...]:
    splits = ", ".join(f"c.{name}" for name in SPLIT)
    # A source that gives no number has one contract per record.
    number = "coalesce(s.order_id, concat('record ', CAST(s.atom_id AS VARCHAR)))"
    return (
        Step(
            "subscribed",
            current(
                ("atom_id", "position", "occurred_at", "type", "order_id", *SPLIT),
                "t.type IN ($subscription_started, $subscription_ended)",
                as_known_then=as_known_then,
                only=" AND t.occurred_at < $end",
            ),
        ),
        Step("contract_steps", f"SELECT s.*, {number} AS contract FROM subscribed AS s"),
        Step(
            "contract_runs",
            # What follows a start ends it: its end, or a new start of the same contract.
            "SELECT s.*, lead(s.occurred_at) OVER (PARTITION BY s.source, s.contract "
            "ORDER BY s.occurred_at ASC NULLS LAST, s.position ASC NULLS LAST) AS until, "
            "lead(s.type) OVER (PARTITION BY s.source, s.contract "
            "ORDER BY s.occurred_at ASC NULLS LAST, s.position ASC NULLS LAST) AS next_type, "
            "lag(s.type) OVER (PARTITION BY s.source, s.contract "
            "ORDER BY s.occurred_at ASC NULLS LAST, s.position ASC NULLS LAST) AS last_type "
            "FROM contract_steps AS s WHERE s.contract IS NOT NULL",
        ),
        Step(
            "running",
            "SELECT c.atom_id, c.occurred_at, c.until, c.next_type, c.last_type, "
            f"concat(c.source, ' ', c.contract) AS contract, {splits} FROM contract_runs AS c "
            "WHERE c.type = $subscription_started",
        ),
        with_profiles("running"),
        Step(
            "contracts",
            # Rows about a border of a period lie at the period's start, so that they fall in it.
            "SELECT b.starts_at AS occurred_at, c.profile_id, c.contract, 'start' AS part, "
            f"{splits} FROM named_running AS c JOIN period_bounds AS b "
            "ON c.occurred_at < b.starts_at AND (c.until IS NULL OR c.until >= b.starts_at) "
            "UNION ALL SELECT b.starts_at AS occurred_at, c.profile_id, c.contract, "
            f"'end' AS part, {splits} FROM named_running AS c JOIN period_bounds AS b "
            "ON c.occurred_at < b.ends_at AND (c.until IS NULL OR c.until >= b.ends_at) "
            "UNION ALL SELECT c.occurred_at, c.profile_id, c.contract, 'started' AS part, "
            f"{splits} FROM named_running AS c WHERE c.last_type IS NULL "
            "OR c.last_type = $subscription_ended "
            "UNION ALL SELECT c.until AS occurred_at, c.profile_id, c.contract, "
            "CASE WHEN c.occurred_at < b.starts_at THEN 'ended' ELSE 'came and ended' END AS part, "
            f"{splits} FROM named_running AS c JOIN period_bounds AS b "
            "ON c.until >= b.starts_at AND c.until < b.ends_at "
            "WHERE c.next_type = $subscription_ended",
        ),
    )


CONTRACTS = Relation(
    name="contracts", columns=("part", "contract"), steps=_contracts, rows="contracts"
)
