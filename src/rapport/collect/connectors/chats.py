"""Chat transcripts in tables: one message a row, together by their conversation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rapport.collect.connector import Connector
from rapport.collect.conversation import Side, Turn, conversation_facts, customer_text, side_of
from rapport.collect.long_texts import clean_lines
from rapport.collect.mapping import Mapping
from rapport.collect.rows import PERSON_FIELDS, PLACE_FIELDS, Row, RowError
from rapport.vocabulary.identifier_values import clean_text
from rapport.vocabulary.touchpoint import CHAT_ENDED, Touchpoint


def _by_conversation(_mapping: Mapping) -> str | None:
    return "conversation_id"


def read_chat(rows: Sequence[Row]) -> Iterable[Touchpoint]:
    """The touchpoint of one conversation, when its last message was written."""
    conversation = rows[0].required("conversation_id")
    spoken = sorted(((_turn(row), row) for row in rows), key=lambda pair: pair[0].said_at)
    turns = [turn for turn, _ in spoken]
    # An address beside an agent's words is the agent's.
    theirs = [row for turn, row in spoken if turn.side != "agent"]
    who = next((row for row in theirs if row.identifiers()), (theirs or [rows[0].part()])[0])
    return [
        who.touchpoint(
            f"chats:{conversation}",
            type=CHAT_ENDED,
            channel="chat",
            occurred_at=turns[-1].said_at,
            text=customer_text(turns),
            language=who.language(),
            order_id=who.text("order_id"),
            properties={"conversation_id": conversation, **conversation_facts(turns)},
        )
    ]


def _turn(row: Row) -> Turn:
    text = row.cell("text")
    return Turn(
        said_at=row.required_moment("said_at"),
        side=_side(row),
        author=row.text("author"),
        text=clean_lines(text) if isinstance(text, str) else "",
    )


def _side(row: Row) -> Side:
    role = row.text("role")
    author = row.text("author")
    stated = row.reading.constants.get("agent", "")
    ours = {clean_text(name).casefold() for name in stated.split(",") if name.strip()}
    side = side_of(role) or side_of(author)
    if author is not None and author.casefold() in ours:
        return "agent"
    if side is None and role is None and ours:
        return "customer"
    if side is None:
        raise RowError(
            "wrong_type",
            "`role` does not say who speaks; map its words to customer, agent or bot under "
            "[values.role], or state the company's names in `agent`",
        )
    return side


CONNECTOR = Connector(
    kind="chats",
    label="Chat transcripts, one message a row",
    required=("conversation_id", "said_at", "text"),
    optional=(
        *("role", "author", "agent", "language", "order_id"),
        *PERSON_FIELDS,
        *PLACE_FIELDS,
    ),
    read=read_chat,
    group_by=_by_conversation,
    file_words=("chat", "transcript", "conversation", "gesprek", "csevegés", "livechat"),
    synonyms={
        "conversation_id": ("conversation id", "chat_id", "chat id", "session_id", "thread_id"),
        "said_at": ("sent_at", "sent at", "timestamp", "time", "created_at", "created at", "date"),
        "text": ("message", "body", "content", "bericht", "üzenet", "nachricht"),
        "author": ("sender", "from", "sender_name", "afzender", "expéditeur", "feladó", "speaker"),
        "role": ("sender_type", "sender type", "author_type", "type", "direction", "participant"),
    },
)
