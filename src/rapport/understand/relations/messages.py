"""What we sent to many: each message with what became of it."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import IN_PERIOD, SPLIT, current, with_profiles

#: What may become of a message, and the touchpoint that tells it. One that was written to one
#: person names neither a message nor a campaign, and is not followed.
_FOLLOWED = {
    "opened": "message_opened",
    "clicked": "message_clicked",
    "bounced": "message_bounced",
    "unsubscribed": "unsubscribed",
}


def _became(rows: str) -> str:
    return ", ".join(
        f"max(CASE WHEN {rows}.type = ${kind} THEN 1 ELSE 0 END) AS {name}"
        for name, kind in _FOLLOWED.items()
    )


def _messages(as_known_then: bool) -> tuple[Step, ...]:
    # To click is to have opened, also where the picture that tells of it was blocked.
    opened = ("opened", "clicked")
    return (
        Step(
            "sent",
            current(
                ("atom_id", "occurred_at", "position", *SPLIT, "message"),
                "t.type = $message_sent AND coalesce(t.message, t.campaign) IS NOT NULL",
                as_known_then=as_known_then,
                only=IN_PERIOD,
            ),
        ),
        Step(
            "followed",
            current(
                ("atom_id", "source", "type", "message", "campaign"),
                "t.type IN ($message_opened, $message_clicked, $message_bounced, $unsubscribed) "
                "AND t.atom_id IS NOT NULL",
                as_known_then=as_known_then,
                only=" AND t.occurred_at >= $start",
            ),
        ),
        Step(
            "known_messages",
            # Of all times: what an older message led to is nothing of this period's.
            "SELECT DISTINCT t.source, t.message FROM touchpoints AS t "
            "WHERE t.type = $message_sent AND t.message IS NOT NULL",
        ),
        Step(
            "followed_message",
            f"SELECT f.source, f.atom_id, f.message, {_became('f')} FROM followed AS f "
            "JOIN known_messages AS k ON k.source = f.source AND k.message = f.message "
            "GROUP BY f.source, f.atom_id, f.message",
        ),
        Step(
            "followed_campaign",
            # Some systems number what happened and not the message: then the campaign tells.
            f"SELECT f.source, f.atom_id, f.campaign, {_became('f')} FROM followed AS f "
            "LEFT JOIN known_messages AS k ON k.source = f.source AND k.message = f.message "
            "WHERE k.message IS NULL AND f.campaign IS NOT NULL "
            "GROUP BY f.source, f.atom_id, f.campaign",
        ),
        Step(
            "messages",
            "SELECT s.*, "
            + ", ".join(
                "CASE WHEN "
                + " OR ".join(
                    f"m.{each} = 1 OR c.{each} = 1"
                    for each in (opened if name == "opened" else (name,))
                )
                + f" THEN 1 ELSE 0 END AS {name}"
                for name in _FOLLOWED
            )
            + " FROM sent AS s "
            "LEFT JOIN followed_message AS m ON m.source = s.source "
            "AND m.atom_id = s.atom_id AND m.message = s.message "
            "LEFT JOIN followed_campaign AS c ON c.source = s.source "
            "AND c.atom_id = s.atom_id AND c.campaign = s.campaign",
        ),
        with_profiles("messages"),
    )


MESSAGES = Relation(
    name="messages", columns=tuple(_FOLLOWED), steps=_messages, rows="named_messages"
)
