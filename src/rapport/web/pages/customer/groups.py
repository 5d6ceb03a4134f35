"""With whom a customer lives, and the companies they are of."""

from __future__ import annotations

from urllib.parse import quote

from rapport.web import html as h
from rapport.web.pages.households.one import sure_words, why_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.workflows.company_accounts import PersonAccount
from rapport.workflows.customer import Customer
from rapport.workflows.households import HomeBefore, HomeNow, HouseholdMember

_MOST_MATES = 6


def home_card(context: PageContext, customer: Customer, *, may_say: bool) -> h.Markup | None:
    """The household with its people, and where they lived before."""
    home, t = customer.home, context.t
    if any(each.is_itself for each in customer.accounts):
        return None  # a company lives with nobody
    if home.now is None and not home.before and not may_say:
        return None
    return card(
        _now(context, customer, home.now)
        if home.now is not None
        else h.p({"class": "small muted"}, t("groups.household.alone")),
        (
            h.h3(t("groups.household.earlier")),
            h.ul({"class": "small"}, (h.li(_before(context, each)) for each in home.before)),
        )
        if home.before
        else None,
        h.div(
            {"style": "margin-top:12px"},
            button(
                t("groups.household.open"),
                href=f"/households/{quote(home.now.row.household_id)}",
                icon_name="house",
            )
            if home.now is not None
            else button(
                t("groups.household.say"),
                href=f"/customers/{quote(customer.profile_id)}/household",
                icon_name="house",
            ),
        )
        if home.now is not None or may_say
        else None,
        title=t("groups.household.one"),
        note=h.bdi(home.now.row.name) if home.now is not None else None,
    )


def _now(context: PageContext, customer: Customer, now: HomeNow) -> h.Markup:
    t, n = context.t, context.n
    others = [each for each in now.members if each.profile_id != customer.profile_id]
    own = next(each for each in now.members if each.profile_id == customer.profile_id)
    return h.div(
        {"class": "stack tight"},
        h.div(
            {"class": "chips"},
            (chip(t(f"groups.household.role.{role}")) for role in own.roles),
            why(
                context,
                h.ul(h.li(each) for each in why_words(context, now.why)),
                t("groups.sure"),
                f" {sure_words(context, now.confidence)}",
                label=t("groups.why"),
                left=True,
            ),
        ),
        h.div({"class": "note"}, t("groups.household.with")),
        h.ul(
            {"class": "small", "style": "list-style:none;margin:0;padding:0"},
            (_mate(context, each) for each in others[:_MOST_MATES]),
        ),
        h.p(
            {"class": "note"},
            t("groups.household.value"),
            ": ",
            n.money(now.row.revenue, currency=customer.value.currency),
        ),
    )


def _mate(context: PageContext, each: HouseholdMember) -> h.Markup:
    t = context.t
    return h.li(
        h.a(
            {"href": f"/customers/{quote(each.profile_id)}"},
            h.bdi(each.name or t("groups.nameless")),
        ),
        h.span(
            {"class": "muted"},
            " · ",
            ", ".join(t(f"groups.household.role.{role}") for role in each.roles),
        ),
    )


def _before(context: PageContext, each: HomeBefore) -> h.Child:
    since, until = context.n.date_short(each.since), context.n.date_short(each.until)
    if each.household_id is None:
        return context.t("groups.household.earlier_alone", since=since, until=until)
    return h.a(
        {"href": f"/households/{quote(each.household_id)}"},
        h.bdi(
            context.t(
                "groups.household.earlier_with",
                since=since,
                until=until,
                name=each.household_name or context.t("groups.nameless"),
            )
        ),
    )


def accounts_card(context: PageContext, customer: Customer) -> h.Markup | None:
    """The companies that the customer is of, or the company that the customer is."""
    if not customer.accounts:
        return None
    return card(
        h.ul(
            {"class": "stack tight small", "style": "list-style:none;margin:0;padding:0"},
            (_account(context, each) for each in customer.accounts),
        ),
        title=context.t("groups.account.works_at"),
    )


def _account(context: PageContext, each: PersonAccount) -> h.Markup:
    t = context.t
    link = {"href": f"/accounts/{quote(each.account_id)}"}
    if each.is_itself:
        return h.li(h.a(link, t("groups.account.itself")))
    return h.li(
        h.a(link, h.bdi(each.name)),
        " ",
        chip(t("groups.account.suggested"), tone="caution",
             title=t("groups.account.suggested_detail"))
        if each.suggested
        else chip(t(f"groups.account.role.{each.role}")),
        h.div({"class": "note"}, h.bdi(each.title)) if each.title else None,
        h.div({"class": "note"}, t("groups.account.until", date=context.n.date(each.until)))
        if each.until
        else None,
        h.div({"class": "note"}, ", ".join(t(f"groups.account.why.{code}") for code in each.why)),
    )  # fmt: skip
