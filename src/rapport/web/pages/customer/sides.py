"""The cards beside the timeline: facts, consent, next action, predictions, and the others."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from rapport.vocabulary.identifier_values import readable_phone
from rapport.web import html as h
from rapport.web.charts.deciles import decile_bars
from rapport.web.charts.figure import chart_figure
from rapport.web.charts.sparkline import sparkline
from rapport.web.pages.customer.refusals import refusal_words
from rapport.web.parts.accuracy import cautions
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Consent, Fact, consent_list, fact_list, why
from rapport.web.parts.forms import form, options
from rapport.web.parts.icons import icon
from rapport.web.places import country_name, language_name
from rapport.workflows.customer import (
    Customer,
    MessageShown,
    NextStep,
    Predictions,
    ShownFact,
    ShownReason,
    ShownScore,
)

_DATA_KINDS = ("demographic", "behavioural", "transactional", "psychographic")
_PURPOSES = frozenset(
    {
        "email_marketing", "sms_marketing", "profiling", "surveys", "call_recording",
        "post_marketing", "phone_marketing", "marketing",
    }
)  # fmt: skip
_LIKELY, _UNSURE = 0.7, 0.4


# ── facts ──────────────────────────────────────────────────────────────────────────────────────


def facts_card(context: PageContext, customer: Customer, *, may_choose: bool) -> h.Markup:
    """Who it is and what they were worth, then everything that is known."""
    shown = [fact for fact in _headline(context, customer) if fact is not None]
    return card(
        fact_list(context, shown),
        _every_fact(context, customer, may_choose=may_choose) if customer.facts else None,
    )


def _headline(context: PageContext, customer: Customer) -> list[Fact | None]:
    value, n = customer.value, context.n
    city, country = customer.fact("city"), customer.fact("country")
    # Each in its own direction: a town of a silo must not turn our name of the country around.
    place: list[h.Child] = [h.bdi({"style": "overflow-wrap:anywhere"}, city.value)] if city else []
    if country:
        place += [", "] if place else []
        place.append(h.bdi(country_name(context.language, country.value)))
    return [
        Fact(label=context.t("customer.since"), value=n.date(value.customer_since))
        if value.customer_since
        else None,
        Fact(
            label=context.t("customer.lives_in"),
            value=place,
            source=_origin(context, city or country),
        )
        if place
        else None,
        _known(context, customer, "language"),
        _known(context, customer, "email"),
        _known(context, customer, "phone"),
        Fact(
            label=context.t("customer.value_so_far"),
            value=[
                h.b(n.money(value.revenue, currency=value.currency)),
                " · ",
                context.t("customer.orders", count=value.order_count),
                h.div(
                    {"class": "note"},
                    context.t("customer.better_than", share=n.share(value.value_rank, digits=0)),
                )
                if value.value_rank is not None
                else None,
            ],
        ),
        Fact(
            label=context.t("customer.average_order"),
            value=n.price(value.average_order_value, currency=value.currency),
        )
        if value.average_order_value is not None
        else None,
        Fact(
            label=context.t("customer.last_order"),
            value=f"{n.date(value.last_order_at)} · {n.ago(value.last_order_at, customer.at)}",
        )
        if value.last_order_at
        else None,
        _known(context, customer, "loyalty_card"),
        _mood(context, customer),
    ]


def _known(context: PageContext, customer: Customer, name: str) -> Fact | None:
    fact = customer.fact(name)
    if fact is None:
        return None
    words = _worded(context, fact)
    if name == "phone":
        country = customer.fact("country")
        words = readable_phone(words, None if country is None else country.value)
    return Fact(
        label=context.t(f"customer.fact.{name}"),
        value=h.bdi({"style": "overflow-wrap:anywhere"}, words),
        source=_origin(context, fact),
        extra=chip(context.t("customer.versions", count=fact.versions), tone="caution")
        if fact.versions > 1
        else None,
    )


def _worded(context: PageContext, fact: ShownFact) -> str:
    if fact.name == "language":
        return language_name(context.language, fact.value)
    if fact.name == "country":
        return country_name(context.language, fact.value)
    if fact.name in ("birthday", "created_at"):
        try:
            return context.n.date(datetime.fromisoformat(fact.value[:10]).date())
        except ValueError:
            return fact.value
    return fact.value


def _origin(context: PageContext, fact: ShownFact | None) -> h.Child:
    if fact is None:
        return None
    date = context.n.date(fact.observed_at)
    if fact.is_chosen:
        return context.t("customer.chosen_by", author=fact.source, date=date)
    said = context.t("customer.source_of", source=fact.source, date=date)
    if fact.versions == 1:
        return said
    share = context.n.share(fact.confidence, digits=0)
    return f"{said} · {context.t('customer.confidence', share=share)}"


def _mood(context: PageContext, customer: Customer) -> Fact | None:
    months = [month for month in customer.mood if month.mood is not None]
    if not months or months[-1].mood is None:
        return None
    latest = months[-1].mood
    said = context.t(
        "customer.mood_now",
        mood=context.n.signed(latest, digits=2),
        count=sum(month.texts for month in months),
    )
    return Fact(
        label=context.t("customer.mood", count=len(customer.mood)),
        value=[
            h.div(
                {"style": "height:36px"},
                sparkline(
                    [month.mood for month in customer.mood],
                    colour="cneg" if latest < 0 else "c1",
                    label=said,
                ),
            )
            if len(months) > 1
            else None,
            h.span({"class": "note"}, said),
        ],
    )


def _every_fact(context: PageContext, customer: Customer, *, may_choose: bool) -> h.Markup:
    def give_back(fact: ShownFact) -> h.Child:
        if not (may_choose and fact.is_chosen):
            return None
        return post_button(
            context,
            context.t("customer.give_back"),
            action=f"/customers/{quote(customer.profile_id)}/pins",
            values={f"back.{fact.name}": "1"},
            kind="quiet",
        )

    return h.details(
        {"style": "margin-top:12px"},
        _opener(context.t("customer.all_facts", count=len(customer.facts))),
        (
            [
                h.h2(
                    {"class": "small", "style": "margin:12px 0 4px"},
                    context.t(f"customer.data.{kind}"),
                ),
                fact_list(
                    context,
                    [
                        Fact(
                            label=context.t(f"customer.fact.{fact.name}"),
                            value=[
                                h.bdi({"style": "overflow-wrap:anywhere"}, _worded(context, fact)),
                                h.div({"class": "note"}, _origin(context, fact)),
                                give_back(fact),
                            ],
                        )
                        for fact in customer.facts
                        if fact.data_kind == kind
                    ],
                ),
            ]
            for kind in _DATA_KINDS
            if any(fact.data_kind == kind for fact in customer.facts)
        ),
    )


def _opener(text: str) -> h.Markup:
    """What opens a part of a card: it must look as if it did."""
    return h.summary(
        {"class": "small muted", "style": "cursor:pointer"},
        h.span(text, " ", icon("chevron-down", size=14)),
    )


# ── consent ────────────────────────────────────────────────────────────────────────────────────


def purpose_words(context: PageContext, purpose: str) -> str:
    """A purpose of consent as people say it."""
    if purpose in _PURPOSES:
        return context.t(f"customer.purpose.{purpose}")
    return context.t("customer.purpose.other", purpose=purpose.replace("_", " "))


def consent_card(context: PageContext, customer: Customer) -> h.Markup:
    """Each purpose with the latest word on it, whence and when."""
    return card(
        consent_list(
            context,
            [
                Consent(
                    label=purpose_words(context, word.purpose),
                    given=word.granted,
                    detail=context.t(
                        "customer.consent.given" if word.granted else "customer.consent.withdrawn",
                        source=word.source,
                        date=context.n.date_short(word.since),
                    ),
                )
                for word in customer.consents
            ],
        )
        if customer.consents
        else h.p({"class": "small muted"}, context.t("customer.consent.none")),
        title=context.t("customer.consent.title"),
    )


# ── what to do next ────────────────────────────────────────────────────────────────────────────


def next_step_card(context: PageContext, customer: Customer, *, may_act: bool) -> h.Markup:
    """The one card that asks to act, with where the contact policy stands."""
    step = customer.next_step
    head = h.p({"class": "small muted"}, context.t("customer.next.title"))
    policy = _policy_lines(context, step)
    if step.advice is None:
        return card(
            head,
            h.h2(context.t("customer.next.none")),
            h.p(
                {"class": "small"},
                _answered(context, step) or context.t("customer.next.none_detail"),
            ),
            policy,
        )
    advice = step.advice
    action = f"/customers/{quote(customer.profile_id)}/next-step"
    return card(
        head,
        h.h2(_advice_title(context, advice.code, advice.facts)),
        h.p({"class": "small"}, _advice_detail(context, advice.code, advice.facts)),
        h.p({"class": "note"}, _worth(context, customer)),
        policy,
        h.div(
            {"class": "row", "style": "margin-top:12px"},
            post_button(
                context,
                context.t("customer.next.accept"),
                action=action,
                values={"code": advice.code, "status": "accepted"},
                icon_name="check",
                kind="primary",
            ),
            post_button(
                context,
                context.t("customer.next.decline"),
                action=action,
                values={"code": advice.code, "status": "declined"},
            ),
        )
        if may_act
        else None,
        wanted=True,
    )


def _advice_title(context: PageContext, code: str, facts: dict[str, Any]) -> str:
    return context.t(f"customer.next.title_of.{code}", ticket=str(facts.get("ticket_id", "")))


def _advice_detail(context: PageContext, code: str, facts: dict[str, Any]) -> str:
    n = context.n
    moment = facts.get("due_at") if code == "keep_promise" else facts.get("opened_at")
    values: dict[str, object] = {}
    if isinstance(moment, str):
        values["date"] = n.date(datetime.fromisoformat(moment))
    if "probability_alive" in facts:
        values["now"] = n.share(facts["probability_alive"], digits=0)
        values["before"] = n.share(facts["probability_alive_before"], digits=0)
    if "days_since" in facts:
        values["count"] = facts["days_since"]
    return context.t(f"customer.next.detail_of.{code}", **values)


def _worth(context: PageContext, customer: Customer) -> str | None:
    advice = customer.next_step.advice
    if advice is None or advice.expected_value is None:
        return None
    amount = context.n.money(advice.expected_value, currency=customer.value.currency)
    key = "customer.next.measured" if advice.basis == "measured" else "customer.next.at_stake"
    return context.t(key, amount=amount)


def _answered(context: PageContext, step: NextStep) -> str | None:
    answered = step.answered
    if answered is None or answered.status == "open":
        return None
    key = {"accepted": "customer.next.accepted", "declined": "customer.next.declined"}[
        answered.status
    ]
    date = context.n.date(answered.made_at)
    return context.t(key, author=answered.status_by or "", date=date)


def _policy_lines(context: PageContext, step: NextStep) -> list[h.Markup]:
    lines = []
    for view in step.policies:
        said = context.t(
            "customer.next.policy", sent=view.sent, max=view.max, count=view.window_days
        )
        if view.free_at is None:
            said += f" · {context.t('customer.next.never_free')}"
        elif not view.free_now:
            date = context.n.date_time(view.free_at)
            said += f" · {context.t('customer.next.free_at', date=date)}"
        lines.append(h.p({"class": "note"}, said))
    return lines


# ── predictions ────────────────────────────────────────────────────────────────────────────────


def predictions_card(context: PageContext, customer: Customer) -> h.Markup:
    """What the model says, what it rests on, and how well it did before."""
    said = customer.predictions
    note = (
        context.t("customer.predictions.note", date=context.n.date(said.as_of))
        if said.as_of
        else None
    )
    body = _scores(context, customer) if said.state == "scored" else _no_scores(context, said)
    return card(body, title=context.t("customer.predictions.title"), note=note)


def _no_scores(context: PageContext, said: Predictions) -> h.Child:
    if said.state == "not_trained":
        return h.p({"class": "small muted"}, context.t("customer.predictions.not_trained"))
    if said.state == "no_orders":
        return h.p({"class": "small muted"}, context.t("customer.predictions.no_orders"))
    numbers = said.refusal
    detail = (
        context.t(
            "customer.predictions.refused_detail",
            needs_buyers=int(numbers["needs_repeat_buyers"]),
            needs_weeks=int(numbers["needs_weeks"]),
            buyers=int(numbers["repeat_buyers"]),
            weeks=context.n.decimal(numbers["weeks"], digits=0),
        )
        if {"needs_repeat_buyers", "needs_weeks", "repeat_buyers", "weeks"} <= numbers.keys()
        else context.t("customer.predictions.refused_plain")
    )
    return [
        h.p(h.b(context.t("customer.predictions.refused"))),
        h.p({"class": "small muted"}, detail),
    ]


def _scores(context: PageContext, customer: Customer) -> list[h.Child]:
    said, n = customer.predictions, context.n
    months = round((said.horizon_days or 365) / 30.4)
    currency = customer.value.currency
    parts: list[h.Child] = []
    alive = said.scores.get("probability_alive")
    if alive is not None:
        parts.append(
            _score(
                context,
                context.t("customer.predictions.alive"),
                alive,
                lambda value: n.share(value, digits=0),
                _likelihood(context, alive.value),
            )
        )
    orders = said.scores.get("expected_orders")
    if orders is not None:
        parts.append(
            _score(
                context,
                context.t("customer.predictions.orders", count=months),
                orders,
                lambda value: n.decimal(value, digits=1),
                None,
                _likely(context, said.likely_orders),
            )
        )
    value = said.scores.get("expected_value")
    if value is not None:
        parts.append(
            _score(
                context,
                context.t("customer.predictions.value", count=months),
                value,
                lambda amount: n.money(amount, currency=currency),
                None,
            )
        )
    separated = [
        part for index, part in enumerate(parts) for part in ([h.hr()] if index else []) + [part]
    ]
    return [
        *separated,
        _cautions(context, said),
        h.hr(),
        h.h3({"class": "small"}, context.t("customer.predictions.because")),
        h.ul(
            {"class": "small muted", "style": "margin:4px 0 0;padding-left:18px"},
            (h.li(_reason(context, reason, currency)) for reason in said.reasons),
        ),
        _back_test(context, said),
    ]


def _score(
    context: PageContext,
    label: str,
    score: ShownScore,
    written: Any,
    mark: h.Child,
    more: str | None = None,
) -> h.Markup:
    interval = None
    if score.low is not None and score.high is not None:
        interval = context.t(
            "customer.predictions.range", low=written(score.low), high=written(score.high)
        )
    return h.div(
        h.div({"class": "prediction"}, label, mark, h.b(written(score.value))),
        h.p({"class": "note"}, interval) if interval else None,
        h.p({"class": "note"}, more) if more else None,
    )


def _likely(context: PageContext, orders: tuple[int, int] | None) -> str | None:
    if orders is None:
        return None
    low, high = orders
    if high == 0:
        return context.t("customer.predictions.likely_none")
    return context.t("customer.predictions.likely", low=low, high=high)


def _likelihood(context: PageContext, share: float) -> h.Markup:
    if share >= _LIKELY:
        return chip(context.t("customer.predictions.high"), tone="good")
    if share >= _UNSURE:
        return chip(context.t("customer.predictions.medium"), tone="caution")
    return chip(context.t("customer.predictions.low"), tone="bad")


def _reason(context: PageContext, reason: ShownReason, currency: str) -> str:
    numbers, n = reason.numbers, context.n
    days = next(
        (numbers[name] for name in ("days", "over_days", "days_since_first") if name in numbers),
        None,
    )
    values: dict[str, object] = {}
    if days is not None:
        values["duration"] = n.duration(timedelta(days=max(days, 1)))
    if "purchases" in numbers:
        values["purchases"] = int(numbers["purchases"])
    if "gaps_since_last" in numbers:
        values["times"] = n.decimal(numbers["gaps_since_last"], digits=1)
    if "mean_value" in numbers:
        values["amount"] = n.price(Decimal(str(round(numbers["mean_value"], 2))), currency=currency)
    return context.t(f"customer.reason.{reason.code}", **values)


def _cautions(context: PageContext, said: Predictions) -> h.Markup | None:
    """What speaks against the figures stands open beside them, not folded away with the rest."""
    told = [] if said.accuracy is None else cautions(context, said.accuracy)
    if not told:
        return None
    return h.div(
        {"style": "display:flex;gap:8px;margin-top:12px"},
        h.span({"class": "caution"}, icon("triangle-alert", size=14)),
        h.div({"class": "small stack tight"}, (h.p(each) for each in told)),
    )


def _back_test(context: PageContext, said: Predictions) -> h.Markup | None:
    test, n = said.back_test, context.n
    if test is None:
        return None
    simple = [losses.orders_mae_loss for losses in test.scores[1:]]
    return h.details(
        {"style": "margin-top:12px"},
        _opener(context.t("customer.predictions.how_good")),
        h.p(
            {"class": "small"},
            context.t(
                "customer.predictions.test",
                start=n.date_short(test.cutoff),
                end=n.date_short(test.until),
                count=test.n_profiles,
            ),
        ),
        h.p(
            {"class": "small"},
            context.t(
                "customer.predictions.error",
                own=n.decimal(test.own.orders_mae_loss, digits=2),
                simple=n.decimal(min(simple), digits=2),
            ),
        )
        if simple
        else None,
        h.p(
            {"class": "small"},
            context.t(
                "customer.predictions.total",
                said=round(test.own.total_orders),
                seen=test.total_orders,
            ),
        ),
        h.p({"class": "note"}, context.t("customer.predictions.calibration")),
        chart_figure(
            context,
            decile_bars(
                context,
                predicted=[row.predicted_share for row in test.calibration],
                observed=[row.observed_share for row in test.calibration],
                written=lambda share: n.share(share, digits=0),
                sentence=context.t("customer.predictions.calibration"),
            ),
        )
        if test.calibration
        else None,
    )


# ── conflicts, tickets, messages ───────────────────────────────────────────────────────────────


def conflicts_card(
    context: PageContext, customer: Customer, *, may_choose: bool
) -> h.Markup | None:
    """Where silos state different values; a choice is kept above all of them."""
    if not customer.conflicts:
        return None
    fields = [
        h.fragment(
            options(
                context.t(f"customer.fact.{conflict.name}"),
                f"pin.{conflict.name}",
                [
                    (
                        choice.key,
                        h.bdi({"style": "overflow-wrap:anywhere"}, choice.value),
                        f"{choice.source} · {context.n.date_short(choice.observed_at)}",
                    )
                    for choice in conflict.choices
                ],
                value=next((c.key for c in conflict.choices if c.is_shown), None),
            ),
            h.p(
                {"class": "note"},
                context.t(
                    "customer.conflicts.shown_because",
                    rule=context.t(f"customer.rule.{conflict.rule}"),
                ),
            ),
        )
        for conflict in customer.conflicts
    ]
    return card(
        form(
            context,
            fields,
            button(context.t("customer.conflicts.keep")) if may_choose else None,
            action=f"/customers/{quote(customer.profile_id)}/pins",
        ),
        title=context.t("customer.conflicts.title"),
        note=chip(context.n.count(len(customer.conflicts)), tone="caution"),
    )


def ticket_title(context: PageContext, title_code: str, facts: dict[str, Any]) -> str:
    """What a ticket is about: a colleague's words, or the rule that raised it."""
    if facts.get("subject"):
        return str(facts["subject"])
    if title_code == "negative_feedback":
        return context.t("customer.tickets.negative_feedback")
    return title_code.replace("_", " ")


def tickets_card(context: PageContext, customer: Customer) -> h.Markup:
    """The person's tickets, newest first."""
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (
                h.li(
                    h.a(
                        {"href": f"/inbox/{ticket.ticket_id}"},
                        h.bdi(ticket_title(context, ticket.title_code, ticket.facts)),
                    ),
                    " ",
                    chip(
                        context.t(f"customers.status.{ticket.status}"),
                        tone="neutral" if ticket.status == "resolved" else "caution",
                    ),
                    h.div(
                        {"class": "note"},
                        context.t(
                            "customer.tickets.opened", date=context.n.date_short(ticket.opened_at)
                        ),
                        (
                            " · ",
                            context.t(
                                "customer.tickets.due", date=context.n.date_time(ticket.due_at)
                            ),
                        )
                        if ticket.due_at and ticket.status != "resolved"
                        else None,
                    ),
                )
                for ticket in customer.tickets[:10]
            ),
        )
        if customer.tickets
        else h.p({"class": "small muted"}, context.t("customer.tickets.none")),
        title=context.t("customer.tickets.title"),
        note=context.n.count(len(customer.tickets)) if customer.tickets else None,
    )


def messages_card(context: PageContext, customer: Customer) -> h.Markup:
    """What we sent and what we did not, with the reason; calls of colleagues too."""
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (_message(context, message) for message in customer.messages[:10]),
        )
        if customer.messages
        else h.p({"class": "small muted"}, context.t("customer.messages.none")),
        title=context.t("customer.messages.title"),
    )


def _message(context: PageContext, message: MessageShown) -> h.Markup:
    date = context.n.date_time(message.at)
    if message.is_human:
        said = context.t(
            "customer.messages.called" if message.channel == "phone" else "customer.messages.met"
        )
        return h.li(h.span({"class": "small"}, said), h.div({"class": "note"}, date))
    kind, _, rest = message.message_key.partition(":")
    title = message.subject or (
        context.t("customer.messages.campaign", name=rest)
        if kind == "campaign"
        else context.t("customer.messages.written")
    )
    refused = message.status == "refused"
    return h.li(
        h.span({"class": "small"}, h.bdi(title)),
        " ",
        chip(
            context.t(f"customer.messages.status.{message.status}"),
            tone="caution" if refused or message.status == "failed" else "neutral",
        ),
        h.div({"class": "note"}, refusal_words(context, message.reason)) if refused else None,
        h.div({"class": "note"}, f"{context.t(f'customer.channel.{message.channel}')} · {date}"),
    )


def identity_card(context: PageContext, customer: Customer, *, may_merge: bool) -> h.Markup:
    """How many records make up this person, and the way to why."""
    href = f"/customers/{quote(customer.profile_id)}/identity"
    return card(
        h.p({"class": "small"}, context.t("customer.identity.records", count=customer.records)),
        h.div(
            {"class": "row"},
            button(context.t("customer.identity.open"), href=href, icon_name="git-merge"),
            why(context, context.t("customer.identity.separate_hint"))
            if may_merge and customer.records > 1
            else None,
        ),
        title=context.t("customer.identity.title"),
    )
