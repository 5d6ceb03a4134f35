"""A ticket in words: its title, its due date, what kind of feedback it is about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from rapport.act.identity_tickets import IDENTITY_APPROVAL
from rapport.act.journey_alerts import JOURNEY_ALERT
from rapport.act.source_alerts import SOURCE_ALERT
from rapport.act.ticket_by_hand import REPORTED
from rapport.act.tickets import Ticket
from rapport.vocabulary import touchpoint as v
from rapport.vocabulary.touchpoint import CHANNELS
from rapport.web import html as h
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.measures import part_name

_TYPES = {
    v.SURVEY_ANSWERED: "inbox.type.survey_answered",
    v.REVIEW_POSTED: "inbox.type.review_posted",
    v.EMAIL_RECEIVED: "inbox.type.email_received",
    v.CHAT_ENDED: "inbox.type.chat_ended",
    v.CALL_ENDED: "inbox.type.call_ended",
    v.MESSAGE_RECEIVED: "inbox.type.message_received",
    v.SOCIAL_MENTIONED: "inbox.type.social_mentioned",
    v.MYSTERY_VISIT_SCORED: "inbox.type.mystery_visit_scored",
    v.CUSTOMER_LOST: "inbox.type.customer_lost",
}
ICONS = {
    v.SURVEY_ANSWERED: "clipboard-check",
    v.REVIEW_POSTED: "star",
    v.EMAIL_RECEIVED: "mail",
    v.CHAT_ENDED: "message-square",
    v.CALL_ENDED: "phone",
    v.MESSAGE_RECEIVED: "message-circle",
    v.SOCIAL_MENTIONED: "at-sign",
    v.MYSTERY_VISIT_SCORED: "clipboard-list",
    v.CUSTOMER_LOST: "user-minus",
}
_TONES: dict[int, Literal["bad", "neutral"]] = {1: "bad", 2: "neutral", 3: "neutral"}


def type_words(context: PageContext, type_: str) -> str:
    """What happened; a type that a source made up has no translation, its own name says most."""
    return context.t(_TYPES[type_]) if type_ in _TYPES else type_


def channel_words(context: PageContext, channel: str) -> str:
    """Where it happened."""
    return context.t(f"measures.channel.{channel}") if channel in CHANNELS else channel


def number(context: PageContext, value: float) -> str:
    """A score as people write it: 2, or 2.5."""
    return context.n.decimal(value, digits=0 if value == int(value) else 1)


def score_words(context: PageContext, facts: Mapping[str, Any]) -> str:
    """The score beside the top of its scale: "2/10"."""
    score, high = facts.get("score"), facts.get("scale_max")
    if score is None:
        return ""
    shown = number(context, score)
    return shown if high is None else f"{shown}/{number(context, high)}"


def ticket_title(context: PageContext, ticket: Ticket) -> str:
    """What a ticket is about."""
    if ticket.title_code == SOURCE_ALERT:
        label = str(ticket.facts.get("label", ""))
        return context.t("inbox.title_of.source", source=label)
    if ticket.title_code == JOURNEY_ALERT:
        return context.t("journeys.inbox.title", step=drifting_step(context, ticket.facts))
    if ticket.title_code == IDENTITY_APPROVAL:
        return context.t("identity.inbox.title")
    if ticket.title_code == REPORTED:
        return str(ticket.facts.get("subject", "")) or context.t("inbox.title_of.other")
    because = ticket.facts.get("because", ())
    score = score_words(context, ticket.facts)
    if "score" in because and "text" in because:
        return context.t("inbox.title_of.both", score=score)
    if "score" in because:
        return context.t("inbox.title_of.score", score=score)
    return context.t("inbox.title_of.text" if "text" in because else "inbox.title_of.other")


def drifting_step(context: PageContext, facts: Mapping[str, Any]) -> str:
    """The step that an early warning is about, with its group."""
    step = context.t(
        "journeys.arrow",
        stage=facts.get("stage_name") or context.t(f"journeys.stage.{facts['stage']}"),
        to=facts.get("to_name") or context.t(f"journeys.stage.{facts['to']}"),
    )
    part = facts.get("part")
    if part is None:
        return step
    return context.t("journeys.step_of", step=step, part=part_name(context, facts["by"], part))


def due_words(context: PageContext, ticket: Ticket, now: datetime, *, overdue: bool) -> h.Child:
    """By when, with what is overdue marked."""
    if ticket.due_at is None:
        return h.span({"class": "muted"}, context.t("inbox.no_due"))
    title = context.n.date_time(ticket.due_at)
    if ticket.status == "resolved":
        return h.span({"class": "muted", "title": title}, context.n.date_short(ticket.due_at))
    if overdue:
        late = context.n.duration(now - ticket.due_at)
        return chip(
            context.t("inbox.overdue", time=late), tone="bad", icon_name="clock-alert", title=title
        )
    left = context.n.duration(ticket.due_at - now)
    return h.span({"class": "nowrap", "title": title}, context.t("inbox.due_in", time=left))


def status_chip(context: PageContext, status: str) -> h.Markup:
    """Open, in work or solved."""
    tones: dict[str, Literal["caution", "accent", "good"]] = {
        "open": "caution",
        "working": "accent",
        "resolved": "good",
    }
    return chip(context.t(f"inbox.status.{status}"), tone=tones[status])


def priority_chip(context: PageContext, priority: int) -> h.Markup:
    """How urgent; the ordinary ones say nothing."""
    return chip(context.t(f"inbox.priority.{priority}"), tone=_TONES[priority])
