"""One ticket: what happened, who it is, why somebody should answer, and what was done."""

from __future__ import annotations

from datetime import datetime

from babel import Locale

from rapport.act.alerts import NegativeFeedback
from rapport.act.identity_tickets import IDENTITY_APPROVAL
from rapport.act.journey_alerts import JOURNEY_ALERT
from rapport.act.source_alerts import SOURCE_ALERT
from rapport.act.tickets import CAUSES, Note
from rapport.vocabulary.access import User
from rapport.vocabulary.touchpoint import ORDER_CANCELLED, ORDER_COMPLETED, ORDER_REFUNDED
from rapport.web import html as h
from rapport.web.pages.inbox.described import (
    ICONS,
    channel_words,
    drifting_step,
    due_words,
    number,
    priority_chip,
    status_chip,
    ticket_title,
    type_words,
)
from rapport.web.pages.journeys.named import seconds
from rapport.web.pages.sources.one import address
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.forms import form, select_field, text_area
from rapport.web.parts.frame import page
from rapport.web.parts.timeline import Event, timeline
from rapport.workflows.inbox import Happened, TicketView, Who

_NOTE_ICONS = {
    "note": "notebook-pen",
    "contacted": "phone",
    "assigned": "user-check",
    "status": "circle-check",
}


def ticket_page(context: PageContext, view: TicketView, user: User, *, typed: str = "") -> h.Markup:
    """The whole page; ``typed`` is a note that could not be kept."""
    ticket = view.ticket
    may_write = user.may("tickets.write")
    name = view.who.name if view.who else None
    title = ticket_title(context, ticket)
    return page(
        context,
        title if name is None else f"{name}: {title}",
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "stack span-8 tablet-7"},
                _happened(context, view),
                _history(context, view),
                _note_form(context, view, typed) if may_write else None,
            ),
            h.div(
                {"class": "stack span-4 tablet-5"},
                _what_to_do(context, view, user) if may_write else None,
                *(
                    (_who(context, view), _why(context, view, user))
                    if view.ticket.title_code
                    not in (SOURCE_ALERT, IDENTITY_APPROVAL, JOURNEY_ALERT)
                    else ()
                ),
                _mail(context, view),
            ),
        ),
        subtitle=h.span(
            {"class": "row"},
            context.t("inbox.ticket.title", number=str(ticket.ticket_id)),
            " · ",
            context.t("inbox.ticket.opened", when=context.n.date_time(ticket.opened_at)),
            status_chip(context, ticket.status),
            priority_chip(context, ticket.priority) if ticket.priority != 2 else None,
            due_words(context, ticket, view.at, overdue=view.overdue),
        ),
        tools=button(context.t("inbox.ticket.back"), href="/inbox", icon_name="arrow-left"),
    )


# ── what happened ──────────────────────────────────────────────────────────────────────────────


def _stopped(context: PageContext, view: TicketView) -> h.Markup:
    """What is wrong with a source, and the way to it."""
    n, facts = context.n, view.ticket.facts
    numbers = {
        name: n.count(round(facts[name]))
        for name in ("hours", "expected_hours", "count", "expected", "failures")
        if name in facts
    }
    since = datetime.fromisoformat(facts["since"])
    return card(
        h.p(context.t(f"inbox.source.{facts['code']}", **numbers)),
        h.p({"class": "note"}, context.t("inbox.source.since", since=n.date_time(since))),
        h.p(h.a({"href": address(facts["source"])}, context.t("inbox.source.open"))),
        h.p({"class": "note"}, context.t("inbox.source.closes")),
        title=context.t("inbox.happened.title"),
    )


def _to_approve(context: PageContext, view: TicketView) -> h.Markup:
    """Who proposed what, and the way to it; the page there shows whom it is about."""
    facts = view.ticket.facts
    records = context.t("identity.records", count=facts["records"])
    return card(
        h.p(h.b(context.t(f"identity.approval.kind.{facts['kind']}"))),
        h.p(context.t("identity.inbox.said", author=facts["author"], records=records)),
        h.p(h.a({"href": "/identity/approvals"}, context.t("identity.inbox.open"))),
        h.p({"class": "note"}, context.t("identity.inbox.closes")),
        title=context.t("inbox.happened.title"),
    )


def _drifting(context: PageContext, view: TicketView) -> h.Markup:
    """What an early warning saw: the newest week against its band, and whether complaints rose."""
    t, n, facts = context.t, context.n, view.ticket.facts

    def value(name: str) -> str:
        found = float(facts[name])
        return n.share(found) if facts["kind"] == "failure" else seconds(context, found)

    def day(name: str) -> str:
        return n.date(n.local(datetime.fromisoformat(facts[name])).date())

    kind = "failure" if facts["kind"] == "failure" else "time"
    complaints = (
        t("journeys.glance.loud", day=day("complaints_since"))
        if "complaints_since" in facts
        else t("journeys.glance.quiet")
    )
    return card(
        h.p(t(f"journeys.inbox.{kind}", step=drifting_step(context, facts))),
        h.p(
            t(
                "journeys.glance.warn_detail",
                value=value("value"),
                usual=value("usual"),
                limit=value("limit"),
                since=day("since"),
            ),
            " ",
            complaints,
        ),
        h.p(h.a({"href": f"/journeys/{facts['journey']}#watch"}, t("journeys.inbox.look"))),
        title=t("inbox.happened.title"),
    )


def _happened(context: PageContext, view: TicketView) -> h.Markup:
    if view.ticket.title_code == IDENTITY_APPROVAL:
        return _to_approve(context, view)
    if view.ticket.title_code == SOURCE_ALERT:
        return _stopped(context, view)
    if view.ticket.title_code == JOURNEY_ALERT:
        return _drifting(context, view)
    today = context.n.local(view.at).date()
    if not view.happened:
        # Who opens a ticket by hand owns it, until it is handed on.
        is_first_owner = all(note.kind != "assigned" for note in view.notes)
        return card(
            h.p(ticket_title(context, view.ticket)),
            h.p({"class": "note"}, context.t("inbox.happened.reported", name=view.owner_name))
            if is_first_owner
            else None,
            title=context.t("inbox.happened.title"),
        )
    more = len(view.happened) - 1
    return card(
        timeline(
            context,
            [_event(context, happened) for happened in reversed(view.happened)],
            today=today,
        ),
        title=context.t("inbox.happened.title"),
        note=context.t("inbox.happened.more", count=more) if more else None,
    )


def _event(context: PageContext, happened: Happened) -> Event:
    detail: list[str] = []
    if happened.score is not None:
        detail.append(_score(context, happened))
    if happened.order_id:
        detail.append(context.t("inbox.happened.about", order=happened.order_id))
    if not happened.is_kept:
        detail.append(context.t("inbox.happened.gone"))
    elif not happened.text and happened.score is None:
        detail.append(context.t("inbox.happened.silent"))
    note = [channel_words(context, happened.channel), happened.source, happened.place]
    if happened.question:
        note.append(happened.question.upper())
    return Event(
        occurred_at=happened.occurred_at,
        icon=ICONS.get(happened.type, "message-square"),
        title=type_words(context, happened.type),
        detail=" · ".join(detail) or None,
        quote=happened.text,
        note=" · ".join(part for part in note if part),
        mood=happened.sentiment,
    )


def _score(context: PageContext, happened: Happened) -> str:
    score = number(context, happened.score or 0.0)
    if happened.scale_min is None or happened.scale_max is None:
        return context.t("inbox.happened.score_alone", score=score)
    return context.t(
        "inbox.happened.score",
        score=score,
        low=number(context, happened.scale_min),
        high=number(context, happened.scale_max),
    )


# ── what to do ─────────────────────────────────────────────────────────────────────────────────


def _what_to_do(context: PageContext, view: TicketView, user: User) -> h.Markup:
    ticket = view.ticket
    at = f"/inbox/{ticket.ticket_id}"
    seen = {"version": str(ticket.version)}
    if ticket.status == "resolved":
        cause = context.t(f"inbox.cause.{ticket.cause}") if ticket.cause in CAUSES else ""
        when = context.n.date_time(ticket.resolved_at) if ticket.resolved_at else ""
        return card(
            h.div(
                {"class": "stack tight"},
                h.p(context.t("inbox.act.solved", when=when, cause=cause)),
                post_button(
                    context,
                    context.t("inbox.act.reopen"),
                    action=f"{at}/reopen",
                    values=seen,
                    icon_name="rotate-ccw",
                ),
                h.p({"class": "note"}, context.t("inbox.act.reopen_hint")),
            ),
            title=context.t("inbox.act.title"),
        )
    mine = ticket.owner_email == user.email
    version = h.input({"type": "hidden", "name": "version", "value": str(ticket.version)})
    return card(
        h.div(
            {"class": "stack"},
            h.p(
                context.t("inbox.act.yours")
                if mine
                else context.t("inbox.act.owner", name=view.owner_name)
            ),
            h.div(
                {"class": "row"},
                None
                if mine
                else post_button(
                    context,
                    context.t("inbox.act.take"),
                    action=f"{at}/owner",
                    values=seen,
                    icon_name="hand",
                    kind="primary",
                ),
                post_button(
                    context,
                    context.t("inbox.act.work"),
                    action=f"{at}/status",
                    values=seen | {"status": "working"},
                    icon_name="play",
                    kind="primary" if mine else "plain",
                )
                if ticket.status == "open"
                else post_button(
                    context,
                    context.t("inbox.act.put_back"),
                    action=f"{at}/status",
                    values=seen | {"status": "open"},
                    icon_name="undo-2",
                ),
            ),
            _contact_form(context, view) if view.who else None,
            form(
                context,
                version,
                h.input({"type": "hidden", "name": "status", "value": "resolved"}),
                select_field(
                    context.t("inbox.act.cause"),
                    "cause",
                    [
                        ("", context.t("inbox.act.choose")),
                        *((cause, context.t(f"inbox.cause.{cause}")) for cause in CAUSES),
                    ],
                    value="",
                    required=True,
                ),
                h.div(
                    {"class": "form-actions"},
                    button(context.t("inbox.act.resolve"), icon_name="check"),
                ),
                action=f"{at}/status",
            ),
            form(
                context,
                version,
                select_field(
                    context.t("inbox.act.assign"),
                    "owner",
                    [(colleague.email, colleague.name) for colleague in view.colleagues],
                    value=ticket.owner_email,
                ),
                h.div(
                    {"class": "form-actions"},
                    button(context.t("inbox.act.assign_button"), icon_name="user-check"),
                ),
                action=f"{at}/owner",
            ),
        ),
        title=context.t("inbox.act.title"),
        wanted=True,
    )


def _contact_form(context: PageContext, view: TicketView) -> h.Markup:
    return h.details(
        {"class": "fold"},
        h.summary({"class": "button"}, context.t("inbox.act.contacted")),
        form(
            context,
            select_field(
                context.t("inbox.act.how"),
                "channel",
                [
                    ("phone", context.t("inbox.act.phone")),
                    ("store", context.t("inbox.act.store")),
                ],
                value="phone",
            ),
            text_area(
                context.t("inbox.act.contact_note"),
                "body",
                rows=3,
                id="contact-body",
                hint=context.t("inbox.act.contact_hint"),
                attributes={"maxlength": 2000},
            ),
            h.div(
                {"class": "form-actions"},
                button(context.t("inbox.act.contact_button"), icon_name="phone"),
            ),
            action=f"/inbox/{view.ticket.ticket_id}/contacts",
            attributes={"style": "margin-top:12px"},
        ),
    )


def _note_form(context: PageContext, view: TicketView, typed: str) -> h.Markup:
    return card(
        form(
            context,
            text_area(
                context.t("inbox.act.note"),
                "body",
                value=typed,
                rows=3,
                required=True,
                attributes={"maxlength": 10_000},
            ),
            h.div(
                {"class": "form-actions"},
                button(context.t("inbox.act.note_button"), icon_name="notebook-pen"),
            ),
            action=f"/inbox/{view.ticket.ticket_id}/notes",
        )
    )


# ── who and why ────────────────────────────────────────────────────────────────────────────────


def _who(context: PageContext, view: TicketView) -> h.Markup:
    who = view.who
    if who is None:
        return card(
            h.p({"class": "muted"}, context.t("inbox.who.nobody")),
            title=context.t("inbox.who.title"),
        )
    n = context.n
    languages = Locale.parse(context.language).languages
    facts = [
        Fact(
            label=context.t("inbox.who.value"),
            value=h.fragment(
                h.b(n.money(who.revenue, currency=view.currency)),
                " · ",
                context.t("inbox.who.orders", count=who.order_count),
            ),
        )
    ]
    if who.phone:
        facts.append(Fact(label=context.t("inbox.who.phone"), value=who.phone))
    if who.email:
        facts.append(Fact(label=context.t("inbox.who.email"), value=who.email))
    if who.language:
        spoken = str(languages.get(who.language, who.language))
        where = f"{spoken} · {who.country}" if who.country else spoken
        facts.append(Fact(label=context.t("inbox.who.language"), value=where))
    if who.first_seen:
        facts.append(Fact(label=context.t("inbox.who.since"), value=n.date(who.first_seen)))
    return card(
        h.div(
            {"class": "stack tight"},
            h.p(
                {"style": "overflow-wrap:anywhere"},
                h.a(
                    {"href": f"/customers/{who.profile_id}", "class": "text-link"},
                    h.b(who.name or context.t("inbox.no_name")),
                ),
            ),
            fact_list(context, facts),
            h.h3({"style": "margin-top:8px"}, context.t("inbox.who.last_orders")),
            _orders(context, who),
            h.div(
                button(
                    context.t("inbox.who.open"),
                    href=f"/customers/{who.profile_id}",
                    icon_name="user",
                )
            ),
        ),
        title=context.t("inbox.who.title"),
    )


def _orders(context: PageContext, who: Who) -> h.Markup:
    if not who.last_orders:
        return h.p({"class": "muted small"}, context.t("inbox.who.no_orders"))
    n = context.n
    kinds = {
        ORDER_COMPLETED: None,
        ORDER_REFUNDED: context.t("inbox.who.refund"),
        ORDER_CANCELLED: context.t("inbox.who.cancelled"),
    }
    return h.ul(
        {"class": "stack tight small"},
        (
            h.li(
                {"class": "row apart"},
                h.span(
                    context.t("inbox.who.order", order=order.order_id or "–"),
                    h.div(
                        {"class": "note"},
                        " · ".join(
                            part
                            for part in (
                                n.date(order.occurred_at),
                                channel_words(context, order.channel),
                                kinds.get(order.type),
                            )
                            if part
                        ),
                    ),
                ),
                None
                if order.amount is None
                else h.b(n.price(order.amount, currency=order.currency)),
            )
            for order in who.last_orders
        ),
    )


def _why(context: PageContext, view: TicketView, user: User) -> h.Markup:
    title = context.t("inbox.why.title")
    if view.why is None:
        return card(h.p({"class": "small"}, context.t("inbox.why.hand")), title=title)
    rule = view.why.definition
    off = context.t("inbox.why.off")
    n = context.n
    return card(
        h.div(
            {"class": "stack tight small"},
            (h.p(h.b(reason)) for reason in _reasons(context, view, rule)),
            h.p(
                {"class": "muted"},
                context.t(
                    "inbox.why.rule",
                    rule=view.why.name,
                    score=off if rule.score_max is None else number(context, rule.score_max),
                    share=off if rule.share_max is None else n.share(rule.share_max, digits=0),
                    sentiment=off
                    if rule.sentiment_max is None
                    else n.signed(rule.sentiment_max, digits=2),
                    hours=number(context, rule.due_hours),
                ),
            ),
            h.p(h.a({"href": "/admin/alerts"}, context.t("inbox.why.change")))
            if user.may("settings.write")
            else None,
        ),
        title=title,
    )


def _reasons(context: PageContext, view: TicketView, rule: NegativeFeedback) -> list[str]:
    """What of this feedback crossed which limit."""
    n = context.n
    facts = view.ticket.facts
    because = facts.get("because", ())
    found: list[str] = []
    if "score" in because and (score := facts.get("score")) is not None:
        low, high = facts.get("scale_min"), facts.get("scale_max")
        nps = low in (None, 0.0) and high in (None, 10.0)
        if nps and rule.score_max is not None:
            found.append(
                context.t(
                    "inbox.why.score",
                    score=number(context, score),
                    limit=number(context, rule.score_max),
                )
            )
        elif low is not None and high is not None and rule.share_max is not None:
            found.append(
                context.t(
                    "inbox.why.share",
                    share=n.share((score - low) / (high - low), digits=0),
                    limit=n.share(rule.share_max, digits=0),
                )
            )
    if "text" in because and "sentiment" in facts and rule.sentiment_max is not None:
        found.append(
            context.t(
                "inbox.why.text",
                sentiment=n.signed(facts["sentiment"], digits=2),
                limit=n.signed(rule.sentiment_max, digits=2),
            )
        )
    return found


def _mail(context: PageContext, view: TicketView) -> h.Markup | None:
    title = context.t("inbox.mail.title")
    mail = view.mail
    if mail is None:
        if view.why is None:
            return None
        return card(h.p({"class": "small muted"}, context.t("inbox.mail.none")), title=title)
    recipient = mail.recipient or ""
    if mail.status == "sent" and mail.sent_at is not None:
        text = context.t(
            "inbox.mail.sent", recipient=recipient, when=context.n.date_time(mail.sent_at)
        )
    elif mail.status == "failed":
        text = context.t("inbox.mail.failed", recipient=recipient, why=mail.last_error or "–")
    elif mail.status == "sending":
        text = context.t("inbox.mail.sending", recipient=recipient)
    elif view.mail_server:
        text = context.t("inbox.mail.waiting", recipient=recipient)
    else:
        text = context.t("inbox.mail.no_server", recipient=recipient)
    return card(h.p({"class": "small"}, text), title=title)


# ── history ────────────────────────────────────────────────────────────────────────────────────


def _history(context: PageContext, view: TicketView) -> h.Markup:
    ticket = view.ticket
    opened = (
        context.t("inbox.history.opened_by", rule=view.why.name)
        if view.why
        else context.t("inbox.history.opened")
    )
    events = [_noted(context, view, note) for note in reversed(view.notes)]
    events.append(Event(occurred_at=ticket.opened_at, icon="ticket", title=opened))
    return card(
        timeline(context, events, today=context.n.local(view.at).date()),
        title=context.t("inbox.history.title"),
    )


def _noted(context: PageContext, view: TicketView, note: Note) -> Event:
    name = view.author_names.get(note.author, note.author)
    icon = _NOTE_ICONS.get(note.kind, "notebook-pen")
    quote = None
    if note.kind == "assigned":
        owner = view.author_names.get(note.body, note.body)
        title = (
            context.t("inbox.history.taken", name=name)
            if note.body == note.author
            else context.t("inbox.history.assigned", name=name, owner=owner)
        )
    elif note.kind == "status":
        status, _, cause = note.body.partition(":")
        title = (
            context.t("inbox.history.resolved", name=name, cause=context.t(f"inbox.cause.{cause}"))
            if cause in CAUSES
            else context.t(
                "inbox.history.status", name=name, status=context.t(f"inbox.status.{status}")
            )
        )
    elif note.kind == "contacted":
        channel, _, quote = note.body.partition(": ")
        ways = {
            "phone": context.t("inbox.act.phone"),
            "store": context.t("inbox.act.store"),
        }
        title = context.t("inbox.history.contacted", name=name, how=ways.get(channel, channel))
    else:
        title = context.t("inbox.history.note", name=name)
        quote = note.body
    return Event(occurred_at=note.at, icon=icon, title=title, detail=quote or None)
