"""The timeline card: lines of the workflow in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from urllib.parse import quote, urlencode

from rapport.vocabulary import touchpoint as v
from rapport.web import html as h
from rapport.web.pages.customer.visits import visit_fold
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.choices import Choice, pills
from rapport.web.parts.context import PageContext
from rapport.web.parts.htmx import load
from rapport.web.parts.timeline import Event, timeline
from rapport.web.places import language_name
from rapport.workflows.customer_timeline import (
    CALL_MADE,
    RECORDS_SEEN,
    VISIT,
    VISIT_MADE,
    Timeline,
    TimelineLine,
)

_KIND_ICONS = {
    "orders": "package", "calls": "phone", "surveys": "clipboard-check", "messages": "mail",
    "tickets": "ticket", "stores": "store", "web": "mouse-pointer-click", "data": "database",
}  # fmt: skip
_ICONS = {
    v.ORDER_REFUNDED: "undo-2", v.ORDER_CANCELLED: "package-x", v.REVIEW_POSTED: "star",
    v.CHAT_ENDED: "message-circle", v.MESSAGE_OPENED: "mail-open", v.MESSAGE_BOUNCED: "mail-x",
    v.UNSUBSCRIBED: "bell-off", v.CONSENT_GIVEN: "shield-check", v.CONSENT_WITHDRAWN: "shield-x",
    CALL_MADE: "phone-outgoing", VISIT_MADE: "store", v.CALL_MISSED: "phone-missed",
    v.AUTOMATIC_REPLY_RECEIVED: "bot",
    v.MESSAGE_RECEIVED: "message-circle",
    v.ORDER_PLACED: "shopping-cart", v.PAYMENT_RECEIVED: "banknote",
    v.PAYMENT_RETURNED: "banknote-x", v.SHIPMENT_SENT: "truck",
    v.SHIPMENT_DELIVERED: "package-check", v.GOODS_MOVED: "truck",
    v.CONFIGURATION_SAVED: "sliders-horizontal", v.DEAL_UPDATED: "handshake",
    v.SOCIAL_MENTIONED: "at-sign", v.CUSTOMER_WON: "user-plus", v.CUSTOMER_LOST: "user-minus",
    v.COMPETITOR_OFFER_SEEN: "tag", v.MYSTERY_VISIT_SCORED: "clipboard-list",
    v.FOOTFALL_COUNTED: "footprints",
}  # fmt: skip
_TITLES = {
    v.CALL_ENDED: "customer.event.call", v.SURVEY_ANSWERED: "customer.event.survey",
    v.REVIEW_POSTED: "customer.event.review", v.EMAIL_RECEIVED: "customer.event.email_received",
    v.CHAT_ENDED: "customer.event.chat", v.MESSAGE_SENT: "customer.event.sent",
    v.MESSAGE_DELIVERED: "customer.event.delivered", v.MESSAGE_OPENED: "customer.event.opened",
    v.MESSAGE_CLICKED: "customer.event.clicked", v.MESSAGE_BOUNCED: "customer.event.bounced",
    v.UNSUBSCRIBED: "customer.event.unsubscribed",
    v.TICKET_OPENED: "customer.event.ticket_opened",
    v.TICKET_RESOLVED: "customer.event.ticket_resolved",
    v.STORE_VISITED: "customer.event.store_visited", v.IDENTIFIED: "customer.event.identified",
    v.ALIASED: "customer.event.aliased", v.GROUPED: "customer.event.grouped",
    v.CONSENT_GIVEN: "customer.event.consent_given",
    v.CONSENT_WITHDRAWN: "customer.event.consent_withdrawn",
    CALL_MADE: "customer.event.call_made", VISIT_MADE: "customer.event.visit_made",
    v.CALL_MISSED: "customer.event.call_missed",
    v.AUTOMATIC_REPLY_RECEIVED: "customer.event.automatic_reply",
    v.MESSAGE_RECEIVED: "customer.event.message_received",
    v.TICKET_UPDATED: "customer.event.ticket_updated",
    v.ORDER_PLACED: "customer.event.order_placed",
    v.PAYMENT_RECEIVED: "customer.event.paid", v.PAYMENT_RETURNED: "customer.event.payment_back",
    v.SHIPMENT_SENT: "customer.event.shipped", v.SHIPMENT_DELIVERED: "customer.event.delivered_to",
    v.GOODS_MOVED: "customer.event.goods_moved",
    v.CONFIGURATION_SAVED: "customer.event.configuration", v.DEAL_UPDATED: "customer.event.deal",
    v.SOCIAL_MENTIONED: "customer.event.mention", v.CUSTOMER_WON: "customer.event.won",
    v.CUSTOMER_LOST: "customer.event.lost", v.COMPETITOR_OFFER_SEEN: "customer.event.offer_seen",
    v.MYSTERY_VISIT_SCORED: "customer.event.mystery", v.FOOTFALL_COUNTED: "customer.event.counted",
}  # fmt: skip
#: Titles of what has an amount and is no order.
_PRICED = {
    v.PAYMENT_RECEIVED: "customer.event.paid_amount",
    v.PAYMENT_RETURNED: "customer.event.payment_back_amount",
    v.CONFIGURATION_SAVED: "customer.event.configuration_amount",
    v.DEAL_UPDATED: "customer.event.deal_amount",
}
#: Types whose lines tell more than their type, and what they are called where only that is known.
_OF_TYPES = {
    v.ORDER_COMPLETED: "customer.event.type_order",
    v.ORDER_REFUNDED: "customer.event.refund_plain",
    v.ORDER_CANCELLED: "customer.event.type_cancelled",
    v.RECORD_SEEN: "customer.event.type_record",
    v.PAGE_VIEWED: "customer.event.type_page",
}
_ORDERS = frozenset({v.ORDER_COMPLETED, v.ORDER_REFUNDED, v.ORDER_CANCELLED})
_SHOWN_WORDS = 3
#: Nobody pays fillér or sen any more.
_WITHOUT_CENTS = frozenset({"HUF", "JPY", "KRW", "ISK"})
#: A letter of pages is quoted from its beginning; the API has all of it.
_LONGEST_QUOTE = 600


def timeline_card(
    context: PageContext,
    page: Timeline,
    *,
    now: datetime,
    last_seen: datetime | None,
    is_first: bool,
) -> h.Markup:
    """The whole card: filter, lines, and the way to earlier ones; also its own fragment."""
    path = f"/customers/{quote(page.profile_id)}"
    return card(
        pills(
            context.t("customer.timeline.filter"),
            [
                Choice(
                    text=context.t("customer.timeline.all"),
                    href=f"{path}?#timeline",
                    chosen=page.kind is None,
                    attributes=_swap(path),
                ),
                *(
                    Choice(
                        text=context.t(f"customer.kind.{kind}"),
                        href=f"{path}?kind={kind}#timeline",
                        chosen=page.kind == kind,
                        icon=_KIND_ICONS[kind],
                        attributes=_swap(f"{path}?kind={kind}"),
                    )
                    for kind in page.counts
                ),
            ],
        )
        if page.counts
        else None,
        None
        if is_first
        else h.p(
            h.a({"href": f"{path}#timeline"}, context.t("customer.timeline.newest")),
        ),
        timeline(
            context,
            (_event(context, page.profile_id, line) for line in page.lines),
            today=context.n.local(now).date(),
        )
        if page.lines
        else h.p({"class": "muted"}, context.t("customer.timeline.empty")),
        more_link(context, page),
        title=context.t("customer.timeline.title"),
        note=[
            context.t("customer.timeline.count", count=page.total),
            f" · {context.t('customer.timeline.last_seen', ago=context.n.ago(last_seen, now))}"
            if last_seen
            else None,
        ],
        attributes={"id": "timeline"},
    )


def more_link(context: PageContext, page: Timeline) -> h.Markup | None:
    """The way to earlier events: more of them on this page, or another page without a script."""
    if page.next is None:
        return None
    kept = [("kind", page.kind)] if page.kind else []
    query = urlencode([*kept, ("before", page.next)])
    path = f"/customers/{quote(page.profile_id)}"
    return h.div(
        {"id": "timeline-more", "style": "margin-top:12px"},
        button(
            context.t("customer.timeline.more"),
            href=f"{path}?{query}#timeline",
            icon_name="chevron-down",
            attributes=load(f"{path}/timeline?{query}", target="#timeline-more"),
        ),
    )


def more_events(context: PageContext, page: Timeline, *, now: datetime) -> h.Markup:
    """What takes the place of the "earlier" button: the next lines, and the next button."""
    return h.fragment(
        timeline(
            context,
            (_event(context, page.profile_id, line) for line in page.lines),
            today=context.n.local(now).date(),
        ),
        more_link(context, page),
    )


def _swap(href: str) -> dict[str, h.Attribute]:
    return load(href, target="#timeline", select="#timeline", push=True)


def _event(context: PageContext, profile_id: str, line: TimelineLine) -> Event:
    return Event(
        occurred_at=line.occurred_at,
        icon=_ICONS.get(line.type) or _KIND_ICONS[line.kind],
        title=h.bdi(_title(context, line)),
        detail=_detail(context, line),
        quote=_shortened(line.text) if line.text else None,
        note=_note(context, line),
        mood=line.sentiment,
        actions=visit_fold(context, profile_id, line),
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE].rstrip()}…"


def _title(context: PageContext, line: TimelineLine) -> str:
    special = (
        _visit_title(context, line)
        or (_order_title(context, line) if line.type in _ORDERS else None)
        or _score_title(context, line)
        or _detailed_title(context, line)
    )
    if special is not None:
        return special
    key = _TITLES.get(line.type)
    return context.t(key) if key else context.t("customer.event.other", type=line.type[:80])


def type_title(context: PageContext, type_: str) -> str | None:
    """What happened, of any touchpoint of a type; None for names that a site gave itself."""
    key = _TITLES.get(type_) or _OF_TYPES.get(type_)
    return context.t(key) if key else None


def _visit_title(context: PageContext, line: TimelineLine) -> str | None:
    if line.visit is None:
        return None
    if line.visit.pages:
        return context.t("customer.event.visit", count=line.visit.pages)
    return context.t("customer.event.visit_steps", count=line.visit.events)


def _detailed_title(context: PageContext, line: TimelineLine) -> str | None:
    if line.type == RECORDS_SEEN:
        return context.t("customer.event.records", sources=", ".join(line.sources))
    if line.type == v.CALL_ENDED and (length := _call_length(line)) is not None:
        return context.t("customer.event.call_minutes", minutes=context.n.duration(length))
    if line.type in _PRICED and (amount := _price(context, line.amount, line.currency)):
        return context.t(_PRICED[line.type], amount=amount)
    if line.type == v.STORE_VISITED and line.place:
        return context.t("customer.event.store_visited_in", place=line.place)
    return None


def _order_title(context: PageContext, line: TimelineLine) -> str:
    """By what is known: a till gives its shop, a web shop its number, some only an amount."""
    amount, number = _price(context, line.amount, line.currency), line.order_id
    if line.type == v.ORDER_CANCELLED:
        return context.t("customer.event.cancelled", number=number or "")
    if line.type == v.ORDER_REFUNDED:
        bare, priced = "customer.event.refund_plain", "customer.event.refund"
    elif line.channel == "store" and line.place and amount is not None:
        bare, priced = "customer.event.bought_bare", "customer.event.bought"
    elif line.channel == "store" or not number:
        bare, priced = "customer.event.bought_bare", "customer.event.bought_plain"
    else:
        bare, priced = "customer.event.order_plain", "customer.event.order"
    return context.t(
        bare if amount is None else priced,
        number=number or "",
        amount=amount or "",
        place=line.place or "",
    )


def _score_title(context: PageContext, line: TimelineLine) -> str | None:
    if line.score is None or line.type not in (v.SURVEY_ANSWERED, v.REVIEW_POSTED):
        return None
    score = _plain(context, line.score)
    top = _plain(context, line.scale_max) if line.scale_max is not None else "?"
    if line.type == v.REVIEW_POSTED:
        return context.t("customer.event.review_score", score=score, max=top)
    question = (line.question or "").upper() if len(line.question or "") <= 4 else line.question
    return context.t(
        "customer.event.survey_score",
        question=question or context.t("customer.channel.survey"),
        score=score,
        max=top,
    )


def _plain(context: PageContext, value: float) -> str:
    return context.n.decimal(value, digits=0 if value == int(value) else 1)


def _call_length(line: TimelineLine) -> timedelta | None:
    seconds = line.properties.get("duration_seconds")
    return timedelta(seconds=seconds) if isinstance(seconds, int | float) else None


def _price(context: PageContext, amount: Decimal | None, currency: str | None) -> str | None:
    if amount is None:
        return None
    if not currency:
        return context.n.decimal(amount)
    if currency in _WITHOUT_CENTS:
        return context.n.money(amount, currency=currency)
    return context.n.price(amount, currency=currency)


def _detail(context: PageContext, line: TimelineLine) -> h.Child:
    if line.visit is not None:
        return _visit_detail(context, line)
    if line.items:
        return h.bdi(
            _listed(
                context,
                [
                    f"{_quantity(context, item.quantity)}{item.name or item.sku}"
                    for item in line.items
                ],
            )
        )
    if line.type in (v.PAYMENT_RECEIVED, v.PAYMENT_RETURNED):
        return h.bdi(line.order_id) if line.order_id else None
    told = line.properties.get
    note = str(told("note") or told("subject") or told("competitor") or "")
    # Many systems write the subject of a ticket above its text; once is enough.
    repeated = bool(line.text) and (line.text or "").startswith(note)
    return h.bdi(_shortened(note)) if note and not repeated else None


def _quantity(context: PageContext, quantity: Decimal) -> str:
    if quantity == 1:
        return ""
    return f"{context.n.decimal(quantity, digits=0 if quantity == int(quantity) else 2)} × "


def _visit_detail(context: PageContext, line: TimelineLine) -> h.Child:
    visit = line.visit
    if visit is None:
        return None
    parts = []
    if visit.searches:
        words = [f"“{word[:60]}”" for word in visit.searches]
        parts.append(context.t("customer.event.searched", words=_listed(context, words)))
    if visit.products:
        parts.append(
            context.t("customer.event.looked_at", products=_listed(context, visit.products))
        )
    if visit.put_in_basket:
        parts.append(context.t("customer.event.basket", count=visit.put_in_basket))
    if visit.reached_checkout:
        parts.append(context.t("customer.event.checkout"))
    return h.bdi(" · ".join(parts)) if parts else None


def _listed(context: PageContext, words: Sequence[str]) -> str:
    shown = ", ".join(word[:80] for word in words[:_SHOWN_WORDS])
    left = len(words) - _SHOWN_WORDS
    return context.t("customer.event.and_more", words=shown, count=left) if left > 0 else shown


def _note(context: PageContext, line: TimelineLine) -> h.Child:
    known = line.channel in v.CHANNELS  # a channel of the company's own keeps its name
    channel = context.t(f"customer.channel.{line.channel}") if known else line.channel
    parts = [channel, line.source]
    if line.type == RECORDS_SEEN:
        parts = []
    if line.text and line.language:
        name = language_name(context.language, line.language)
        if name != line.language:  # "other" is what a text gets that no language claims
            parts.append(context.t("customer.event.in_language", spoken=name))
    if line.place and line.kind not in ("stores",) and line.channel != "store":
        parts.append(line.place)
    if line.campaign:
        parts.append(context.t("customer.event.campaign", campaign=line.campaign))
    by = line.properties.get("by")
    if by == "machine":
        parts.append(context.t("customer.event.by_machine"))
    elif by and by != "agent":  # that one of ours wrote it, the line says already
        parts.append(context.t("customer.event.by", author=str(by)))
    if line.is_correction:
        parts.append(context.t("customer.event.correction"))
    if line.type == VISIT and line.visit is not None and line.visit.events > 1:
        length = line.occurred_at - line.visit.began_at
        if length >= timedelta(minutes=1):
            parts.append(context.n.duration(length))
    # A source is often called what its channel is called.
    named = list(dict.fromkeys(part for part in parts if part))
    return h.bdi(" · ".join(named)) if named else None
