"""What we sent to many: each message with what became of it."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from rapport.engines.lake import Step
from rapport.understand.relations.base import Relation
from rapport.understand.relations.holding import IN_PERIOD, SPLIT, current, with_profiles

_FOLLOWED = ("opened", "clicked", "bounced", "unsubscribed")
#: A message that was written to one person names neither.
_KEY = "coalesce(t.message, t.campaign)"


def _messages(as_known_then: bool) -> tuple[Step, ...]:
    became = ", ".join(
        f"max(CASE WHEN f.type = $message_{name} THEN 1 ELSE 0 END) AS {name}"
        if name != "unsubscribed"
        else "max(CASE WHEN f.type = $unsubscribed THEN 1 ELSE 0 END) AS unsubscribed"
        for name in _FOLLOWED
    )
    return (
        Step(
            "sent",
            current(
                ("atom_id", "occurred_at", "position", *SPLIT, "message"),
                f"t.type = $message_sent AND {_KEY} IS NOT NULL",
                as_known_then=as_known_then,
                only=IN_PERIOD,
            ),
        ),
        Step(
            "followed",
            current(
                ("atom_id", "source", "type", "message", "campaign"),
                "t.type IN ($message_opened, $message_clicked, $message_bounced, $unsubscribed) "
                f"AND {_KEY} IS NOT NULL AND t.atom_id IS NOT NULL",
                as_known_then=as_known_then,
                only=" AND t.occurred_at >= $start",
            ),
        ),
        Step(
            "became",
            "SELECT f.source, f.atom_id, coalesce(f.message, f.campaign) AS sent_as, "
            f"{became} FROM followed AS f "
            "GROUP BY f.source, f.atom_id, coalesce(f.message, f.campaign)",
        ),
        Step(
            "messages",
            "SELECT s.*, "
            # To click is to have opened, also where the picture that tells of it was blocked.
            "CASE WHEN b.opened = 1 OR b.clicked = 1 THEN 1 ELSE 0 END AS opened, "
            + ", ".join(f"coalesce(b.{name}, 0) AS {name}" for name in _FOLLOWED[1:])
            + " FROM sent AS s LEFT JOIN became AS b ON b.source = s.source "
            "AND b.atom_id = s.atom_id AND b.sent_as = coalesce(s.message, s.campaign)",
        ),
        with_profiles("messages"),
    )


MESSAGES = Relation(name="messages", columns=_FOLLOWED, steps=_messages, rows="named_messages")
