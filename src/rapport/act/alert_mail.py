"""The mail that tells a colleague of a new ticket: what happened, by when, and where to look.

It names no customer and quotes none: mail is kept where nobody can erase it again. Who it is,
the ticket's page says, to those who may know.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal
from msgspec import Struct

from rapport.act.channels.base import Message

#: Languages of the mail and how each writes dates: English as it is written in Europe.
LOCALES = {"en": "en_GB", "nl": "nl", "fr": "fr", "hu": "hu"}


class Owner(Struct, frozen=True, kw_only=True):
    """How a colleague reads."""

    language: str = "en"
    time_zone: str = "Europe/Brussels"


#: For owners without an account.
OWNER_DEFAULTS = Owner()


@cache
def mail_words() -> dict[str, Any]:
    """The catalogue: sentences of each language, and names of codes in every language."""
    return tomllib.loads(files("rapport.act").joinpath("alert_mail.toml").read_text("utf-8"))


def alert_message(
    facts: Mapping[str, Any], *, owner: Owner, due_at: datetime, link: str
) -> Message:
    """The mail about one ticket in its owner's language; an unknown language is English."""
    language = owner.language if owner.language in LOCALES else "en"
    locale = LOCALES[language]
    words: dict[str, str] = mail_words()[language]
    zone = ZoneInfo(owner.time_zone)

    def moment(at: datetime) -> str:
        return format_datetime(at, "short", tzinfo=zone, locale=locale)

    def number(value: float) -> str:
        return format_decimal(value, locale=locale)

    def named(group: str, code: str) -> str:
        # A type that a source made up has no translation: its own name says most.
        return str(mail_words()[group].get(code, {}).get(language, code))

    lines = [words["greeting"], ""]
    if (score := facts.get("score")) is not None:
        low, high = facts.get("scale_min"), facts.get("scale_max")
        lines.append(
            words["score_alone"].format(score=number(score))
            if low is None or high is None
            else words["score"].format(score=number(score), low=number(low), high=number(high))
        )
    if "text" in facts["because"]:
        lines.append(words["text"])
    due = moment(due_at)
    lines += [
        words["when"].format(when=moment(datetime.fromisoformat(facts["occurred_at"]))),
        words["where"].format(
            type=named("type", facts["type"]),
            channel=named("channel", facts["channel"]),
            source=facts["source"],
        ),
        "",
        words["due"].format(due=due),
        words["link"].format(link=link),
        "",
        words["why"],
        "",
    ]
    subject = words["subject"].format(what=named("what", "negative_feedback"), due=due)
    return Message(subject=subject, text="\n".join(lines))
