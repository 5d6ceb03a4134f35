"""Conversations in writing: who said what, and what a company wants to know of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from rapport.collect.long_texts import LONGEST_TEXT, clean_lines

Side = Literal["customer", "agent", "bot"]
#: Characters of both sides' words that are kept beside the customer's.
_LONGEST_TRANSCRIPT = 20_000
_CUSTOMER = (
    *("customer", "client", "klant", "ügyfél", "kunde", "user", "visitor", "contact", "lead"),
    *("bezoeker", "visiteur", "látogató", "besucher", "guest", "end-user", "enduser"),
    *("requester", "consumer", "caller", "inbound", "incoming", "in"),
)
_AGENT = (
    *("agent", "operator", "admin", "medewerker", "conseiller", "ügyintéző", "mitarbeiter"),
    *("support", "staff", "employee", "team", "teammate", "company", "outbound", "outgoing"),
    *("out", "representative", "owner"),
)
_BOT = ("bot", "chatbot", "assistant", "system", "automation", "workflow")
_SIDES: dict[str, Side] = {
    **dict.fromkeys(_CUSTOMER, "customer"),
    **dict.fromkeys(_AGENT, "agent"),
    **dict.fromkeys(_BOT, "bot"),
}


class Turn(Struct, frozen=True, kw_only=True):
    """One message of a conversation."""

    said_at: datetime  # aware
    side: Side
    author: str | None
    text: str
    media: int = 0  # pictures, voice messages and files that came with it


def side_of(role: str | None) -> Side | None:
    """Which side a silo's word for a role means."""
    return None if role is None else _SIDES.get(role.strip().casefold())


def customer_text(turns: Iterable[Turn]) -> str | None:
    """The words of the person, in their order."""
    return _joined((turn.text for turn in turns if turn.side == "customer"), LONGEST_TEXT)


def _joined(texts: Iterable[str], longest: int) -> str | None:
    said, length = [], 0
    for text in texts:
        if text and length < longest:
            said.append(text)
            length += len(text) + 1
    return clean_lines("\n".join(said))[:longest] or None


def conversation_facts(turns: Sequence[Turn]) -> dict[str, Any]:
    """Turns of each side, how fast the first answer came, how long it all took.

    Parameters
    ----------
    turns : sequence of Turn
        In the order of their time; at least one.
    """
    sides = [turn.side for turn in turns]
    agents = dict.fromkeys(
        turn.author for turn in turns if turn.side == "agent" and turn.author is not None
    )
    answered = _first_answer_minutes(turns)
    spoken = _joined((f"{turn.side}: {turn.text}" for turn in turns if turn.text), LONGEST_TEXT)
    media = sum(turn.media for turn in turns)
    return {
        "turns_customer": sides.count("customer"),
        "turns_agent": sides.count("agent"),
        "turns_bot": sides.count("bot") or None,
        "started_by": sides[0],
        "agents": list(agents)[:20] or None,
        "first_response_minutes": answered,
        "unanswered": None if "agent" in sides or "customer" not in sides else True,
        "duration_minutes": _minutes(turns[0].said_at, turns[-1].said_at),
        "media_count": media or None,
        # Both sides, for people who look how it was handled; `text` is the customer's alone.
        "transcript": spoken[:_LONGEST_TRANSCRIPT] if spoken and len(set(sides)) > 1 else None,
    }


def _first_answer_minutes(turns: Sequence[Turn]) -> float | None:
    """From the customer's first words to a person's first answer to them."""
    asked = next((turn.said_at for turn in turns if turn.side == "customer"), None)
    if asked is None:
        return None
    answers = (turn.said_at for turn in turns if turn.side == "agent" and turn.said_at >= asked)
    first = next(answers, None)
    return None if first is None else _minutes(asked, first)


def _minutes(begin: datetime, end: datetime) -> float:
    return round((end - begin).total_seconds() / 60, 2)
