"""The three forms of a customer's page: write, note a contact, open a ticket."""

from __future__ import annotations

from urllib.parse import quote

from rapport.web import html as h
from rapport.web.pages.customer.refusals import refusal_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, options, select_field, text_area
from rapport.web.parts.frame import page
from rapport.web.places import language_name
from rapport.workflows.write_message import MessageOutcome, WritingView


class Written:
    """What somebody typed, so that a refusal loses none of it."""

    def __init__(self, *, purpose: str = "service", subject: str = "", text: str = "") -> None:
        self.purpose, self.subject, self.text = purpose, subject, text


def message_page(
    context: PageContext,
    view: WritingView,
    *,
    key: str,
    shown_address: str | None,
    written: Written | None = None,
    outcome: MessageOutcome | None = None,
) -> h.Markup:
    """Compose; what the policy says of each purpose is seen before a word is written."""
    typed = written or Written()
    path = f"/customers/{quote(view.profile_id)}"
    name = view.name or context.t("customers.nameless")
    notes = {
        "service": context.t("customer.compose.service_note"),
        "marketing": context.t("customer.compose.allowed_now"),
    }
    labels = {
        "service": context.t("customer.compose.service"),
        "marketing": context.t("customer.compose.marketing"),
    }
    choices = []
    for purpose, decision in view.decisions.items():
        note = notes[purpose]
        if not decision.allowed:
            reason = refusal_words(context, decision.reason)
            note = context.t("customer.refusal.not_sent", reason=reason)
        choices.append((purpose, labels[purpose], note))
    refused = None
    if outcome is not None and not outcome.decision.allowed:
        refused = callout(
            context.t("customer.compose.not_sent"),
            h.p(refusal_words(context, outcome.decision.reason)),
            tone="caution",
        )
    title = context.t("customer.compose.title", name=name)
    return page(
        context,
        title,
        h.div(
            {"class": "stack", "style": "max-width:720px"},
            refused,
            card(
                h.p(context.t("customer.compose.to", address=shown_address))
                if shown_address
                else h.p({"class": "caution"}, context.t("customer.compose.no_address")),
                h.p(
                    {"class": "note"},
                    context.t(
                        "customer.compose.speaks",
                        spoken=language_name(context.language, view.language),
                    ),
                )
                if view.language
                else None,
                None
                if view.can_deliver
                else h.p({"class": "note"}, context.t("customer.compose.no_server")),
                _policy(context, view),
                form(
                    context,
                    options(
                        context.t("customer.compose.purpose"),
                        "purpose",
                        choices,
                        value=typed.purpose,
                    ),
                    field(
                        context.t("customer.compose.subject"),
                        "subject",
                        value=typed.subject,
                        required=True,
                        attributes={"maxlength": 200},
                    ),
                    text_area(
                        context.t("customer.compose.text"),
                        "text",
                        value=typed.text,
                        required=True,
                        rows=8,
                        attributes={"maxlength": 20000},
                    ),
                    h.input({"type": "hidden", "name": "key", "value": key}),
                    _send_or_leave(context, context.t("customer.compose.send"), "send", path),
                    action=f"{path}/messages",
                    attributes={"style": "margin-top:12px"},
                ),
            ),
        ),
    )


def _policy(context: PageContext, view: WritingView) -> list[h.Markup]:
    return [
        h.p(
            {"class": "note"},
            context.t(
                "customer.next.policy", sent=state.sent, max=state.max, count=state.window_days
            ),
        )
        for state in view.policies
    ]


def contact_page(
    context: PageContext, *, profile_id: str, name: str | None, phone: str | None
) -> h.Markup:
    """Call, and write down that and what was said."""
    path = f"/customers/{quote(profile_id)}"
    digits = "".join(c for c in phone or "" if c.isdigit() or c == "+")
    title = context.t("customer.call_form.title", name=name or context.t("customers.nameless"))
    return page(
        context,
        title,
        h.div(
            {"class": "stack", "style": "max-width:720px"},
            card(
                h.div(
                    button(
                        context.t("customer.call_form.dial", number=phone),
                        href=f"tel:{digits}",
                        icon_name="phone",
                    )
                )
                if phone and "…" not in phone
                else None,
                form(
                    context,
                    options(
                        context.t("customer.call_form.how"),
                        "channel",
                        [
                            ("phone", context.t("customer.call_form.phone"), None),
                            ("store", context.t("customer.call_form.store"), None),
                        ],
                        value="phone",
                    ),
                    text_area(
                        context.t("customer.call_form.note"),
                        "note",
                        hint=context.t("customer.call_form.note_hint"),
                        attributes={"maxlength": 2000},
                    ),
                    _send_or_leave(context, context.t("customer.call_form.save"), "check", path),
                    action=f"{path}/contacts",
                ),
            ),
        ),
    )


def ticket_page(context: PageContext, *, profile_id: str, name: str | None) -> h.Markup:
    """Open a ticket about what a customer said."""
    path = f"/customers/{quote(profile_id)}"
    title = context.t("customer.ticket_form.title", name=name or context.t("customers.nameless"))
    return page(
        context,
        title,
        h.div(
            {"class": "stack", "style": "max-width:720px"},
            card(
                form(
                    context,
                    field(
                        context.t("customer.ticket_form.subject"),
                        "subject",
                        required=True,
                        attributes={"maxlength": 200},
                    ),
                    text_area(
                        context.t("customer.ticket_form.note"),
                        "note",
                        attributes={"maxlength": 10000},
                    ),
                    select_field(
                        context.t("customer.ticket_form.priority"),
                        "priority",
                        [
                            ("1", context.t("customer.ticket_form.urgent")),
                            ("2", context.t("customer.ticket_form.ordinary")),
                            ("3", context.t("customer.ticket_form.minor")),
                        ],
                        value="2",
                    ),
                    _send_or_leave(context, context.t("customer.ticket_form.save"), "check", path),
                    action=f"{path}/tickets",
                ),
            ),
        ),
    )


def _send_or_leave(context: PageContext, text: str, icon_name: str, back: str) -> h.Markup:
    return h.div(
        {"class": "form-actions"},
        button(text, icon_name=icon_name, kind="primary"),
        button(context.t("customer.compose.cancel"), href=back, kind="quiet"),
    )
