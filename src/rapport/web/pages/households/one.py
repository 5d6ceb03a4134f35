"""One household: who lives there and why, their worth together, and what colleagues said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import quote

from rapport.unify.group_words import HOUSEHOLD, ROLES, GroupWord
from rapport.web import html as h
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import why
from rapport.web.parts.forms import field, form, options, select_field
from rapport.web.parts.frame import page
from rapport.web.parts.group_lists import place_of
from rapport.web.parts.icons import icon
from rapport.web.parts.kpis import Kpi, kpi_strip
from rapport.web.parts.tables import Column, table
from rapport.workflows.customer_list import CustomerRow
from rapport.workflows.households import (
    Household,
    HouseholdMember,
    LivedThere,
    PersonHome,
    WhyTogether,
)


def household_page(
    context: PageContext,
    shown: Household,
    *,
    may_say: bool,
    query: str,
    found: Sequence[CustomerRow],
) -> h.Markup:
    """The whole page."""
    t, n, row = context.t, context.n, shown.row
    members = {member.profile_id for member in shown.members}
    return page(
        context,
        t("groups.household.of", name=row.name or t("groups.nameless")),
        h.div(
            {"class": "stack"},
            kpi_strip(
                context,
                [
                    Kpi(label=t("groups.people"), figure=n.count(row.members)),
                    Kpi(
                        label=t("groups.household.value"),
                        figure=n.money(row.revenue, currency=shown.currency),
                    ),
                    Kpi(label=t("groups.orders"), figure=n.count(row.order_count)),
                    Kpi(
                        label=t("groups.contacts_days", days=shown.pressure.window_days),
                        figure=n.count(shown.pressure.contacts),
                        why=why(context, t("groups.contacts_note"), left=True),
                        against=t("groups.repeated", count=shown.pressure.repeated)
                        if shown.pressure.repeated
                        else None,
                    ),
                ],
            ),
            h.div(
                {"class": "grid"},
                h.div(
                    {"class": ["stack", "span-8"]},
                    _members_card(context, shown, may_say=may_say),
                    _before_card(context, shown.before) if shown.before else None,
                ),
                h.div(
                    {"class": ["stack", "span-4"]},
                    add_card(
                        context,
                        title=t("groups.household.add"),
                        submit=t("groups.household.add_submit"),
                        search_path=f"/households/{quote(shown.household_id)}",
                        action=f"/customers/{quote(shown.members[0].profile_id)}/household",
                        query=query,
                        found=[each for each in found if each.profile_id not in members],
                        name="other",
                    )
                    if may_say
                    else None,
                    words_card(
                        context,
                        shown.words,
                        shown.word_names,
                        kind="household",
                        action=f"/customers/{quote(shown.members[0].profile_id)}/household/words",
                        may_say=may_say,
                    ),
                ),
            ),
        ),
        subtitle=_address(row.street, place_of(row.postal_code, row.city, row.country)),
    )


def _address(street: str | None, place: h.Child) -> h.Child:
    if not street:
        return place
    return [h.bdi(street), " · " if place else None, place]


def person_page(
    context: PageContext,
    home: PersonHome,
    *,
    may_say: bool,
    query: str,
    found: Sequence[CustomerRow],
) -> h.Markup:
    """Of somebody who lives with nobody we know of: who may be said to."""
    t = context.t
    path = f"/customers/{quote(home.profile_id)}"
    return page(
        context,
        home.name or t("groups.nameless"),
        h.div(
            {"class": "grid"},
            h.div(
                {"class": ["stack", "span-8"]},
                card(
                    h.p({"class": "muted"}, t("groups.household.alone")),
                    title=t("groups.household.one"),
                ),
                add_card(
                    context,
                    title=t("groups.household.say"),
                    submit=t("groups.household.add_submit"),
                    search_path=f"{path}/household",
                    action=f"{path}/household",
                    query=query,
                    found=[each for each in found if each.profile_id != home.profile_id],
                    name="other",
                )
                if may_say
                else None,
            ),
            h.div(
                {"class": ["stack", "span-4"]},
                words_card(
                    context,
                    home.words,
                    home.word_names,
                    kind="household",
                    action=f"{path}/household/words",
                    may_say=may_say,
                ),
            ),
        ),
        subtitle=h.a({"href": path}, home.name or t("groups.nameless")),
    )


# ── who lives here ─────────────────────────────────────────────────────────────────────────────


def _members_card(context: PageContext, shown: Household, *, may_say: bool) -> h.Markup:
    t = context.t
    names = {m.profile_id: m.name or t("groups.nameless") for m in shown.members}
    columns = [
        Column(label=t("groups.name")),
        Column(label=t("groups.role")),
        Column(label=t("groups.why")),
        Column(label=t("groups.since")),
        Column(label=t("groups.revenue"), numeric=True),
        Column(label=t("groups.sure"), numeric=True),
    ]
    return card(
        table(
            context,
            columns,
            (_member(context, shown, each, names, may_say=may_say) for each in shown.members),
            caption=t("groups.household.members"),
        ),
        h.p({"class": "note", "style": "padding:12px 16px"}, t("groups.household.not_merged")),
        title=t("groups.household.members"),
        flush=True,
    )


def _member(
    context: PageContext,
    shown: Household,
    member: HouseholdMember,
    names: Mapping[str, str],
    *,
    may_say: bool,
) -> list[h.Child]:
    t, n = context.t, context.n
    path = f"/customers/{quote(member.profile_id)}"
    name = names[member.profile_id]
    return [
        h.div(
            h.a({"href": path}, h.bdi(name)),
            (
                h.div(
                    {"class": "note"},
                    t("groups.may_be", name=names[member.may_be[0]]),
                )
            )
            if member.may_be
            else None,
        ),
        h.div(
            {"class": "stack tight", "style": "min-width:140px"},
            h.div(
                {"class": "chips", "style": "flex-wrap:wrap"},
                (chip(t(f"groups.household.role.{role}")) for role in member.roles),
            ),
            h.div({"class": "note"}, t("groups.role_said", author=member.role_said_by))
            if member.role_said_by
            else None,
            role_menu(
                context,
                [(role, t(f"groups.household.role.{role}")) for role in ROLES[HOUSEHOLD]],
                member.roles[0] if member.role_said_by else "",
                action=f"{path}/household/role",
                who=name,
                key=member.profile_id,
                more=post_button(
                    context,
                    t("groups.household.leave"),
                    action=f"{path}/household",
                    values={"together": "no"},
                    icon_name="user-minus",
                    attributes={"aria-label": f"{t('groups.household.leave')}: {name}"},
                ),
            )
            if may_say
            else None,
        ),
        h.div({"class": "small"}, " · ".join(why_words(context, member.why))),
        h.span({"class": "nowrap"}, n.date_short(member.since)),
        n.money(member.revenue, currency=shown.currency),
        sure_words(context, member.confidence),
    ]


def sure_words(context: PageContext, confidence: float) -> str:
    """How sure; only a colleague's word is certain, and nothing else is rounded up to it."""
    return context.n.share(confidence if confidence == 1 else min(confidence, 0.99), digits=0)


def why_words(context: PageContext, why: Sequence[WhyTogether]) -> list[str]:
    """The reasons as people say them; that the family name agrees is said once."""
    said = [context.t(f"groups.household.why.{each.code}") for each in why]
    if any(each.same_name for each in why):
        said.append(context.t("groups.household.why.same_name"))
    return said


def role_menu(
    context: PageContext,
    roles: Sequence[tuple[str, str]],
    chosen: str,
    *,
    action: str,
    who: str,
    key: str,
    hidden: Mapping[str, str] | None = None,
    more: h.Child = None,
) -> h.Markup:
    """A role to choose and ``more`` to do, behind one word; ``hidden`` is sent with the role."""
    t = context.t
    return h.details(
        {"class": "small"},
        h.summary(
            {"class": "muted", "style": "cursor:pointer"},
            t("groups.role_change"),
            h.span({"class": "sr"}, f": {who}"),
            " ",
            icon("chevron-down", size=14),
        ),
        form(
            context,
            (
                h.input({"type": "hidden", "name": name, "value": value})
                for name, value in (hidden or {}).items()
            ),
            select_field(
                t("groups.role_of", name=who),
                "role",
                [("", t("groups.role_derived")), *roles],
                value=chosen,
                id=f"role-{key}",
            ),
            h.div(button(t("groups.role_keep"))),
            action=action,
            attributes={"style": "margin:8px 0"},
        ),
        more,
    )


def _before_card(context: PageContext, before: Sequence[LivedThere]) -> h.Markup:
    t, n = context.t, context.n
    return card(
        h.ul(
            {"class": "small"},
            (
                h.li(
                    h.a(
                        {"href": f"/customers/{quote(each.profile_id)}"},
                        h.bdi(each.name or t("groups.nameless")),
                    ),
                    f" · {n.date_short(each.since)} – {n.date_short(each.until)}",
                )
                for each in before
            ),
        ),
        title=t("groups.household.before"),
    )


# ── what colleagues say ────────────────────────────────────────────────────────────────────────


def add_card(
    context: PageContext,
    *,
    title: str,
    submit: str,
    search_path: str,
    action: str,
    query: str,
    found: Sequence[CustomerRow],
    name: str,
) -> h.Markup:
    """Search for somebody, and say that they belong here."""
    t = context.t
    return card(
        form(
            context,
            field(
                t("groups.choose"),
                "q",
                value=query,
                type="search",
                id="add-search",
                attributes={"maxlength": 200, "autocomplete": "off"},
            ),
            h.div(button(t("groups.find"), icon_name="search")),
            action=search_path,
            method="get",
        ),
        form(
            context,
            h.input({"type": "hidden", "name": "together", "value": "yes"}),
            options(
                t("groups.choose"),
                name,
                [
                    (
                        row.profile_id,
                        h.bdi(row.name or t("groups.nameless")),
                        " · ".join(part for part in (row.email, row.phone, row.city) if part),
                    )
                    for row in found
                ],
                # Of several namesakes nobody is chosen beforehand.
                value=found[0].profile_id if len(found) == 1 else None,
                required=True,
            ),
            field(t("groups.reason"), "reason", id="add-reason", attributes={"maxlength": 500}),
            h.div(button(submit, icon_name="user-plus", kind="primary")),
            action=action,
            attributes={"style": "margin-top:12px"},
        )
        if found
        else h.p({"class": "small muted"}, t("groups.found_none"))
        if query.strip()
        else None,
        title=title,
    )


def words_card(
    context: PageContext,
    words: Sequence[GroupWord],
    names: Mapping[str, str | None],
    *,
    kind: str,
    action: str,
    may_say: bool,
) -> h.Markup:
    """Every standing word, with the way to take it back."""
    t = context.t
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (
                h.li(
                    h.div(
                        {"class": "row apart"},
                        h.span({"class": "small"}, h.bdi(_word(context, word, names, kind))),
                        post_button(
                            context,
                            t("groups.take_back"),
                            action=f"{action}/{word.word_id}/back",
                            kind="quiet",
                            icon_name="undo-2",
                        )
                        if may_say
                        else None,
                    ),
                    h.div(
                        {"class": "note"},
                        t(
                            "groups.word_by",
                            author=word.author,
                            date=context.n.date_time(word.at),
                        ),
                    ),
                    h.div({"class": "small"}, h.bdi(f"“{word.reason}”")) if word.reason else None,
                )
                for word in words
            ),
        )
        if words
        else h.p({"class": "small muted"}, t("groups.no_words")),
        title=t("groups.words"),
    )


def _word(context: PageContext, word: GroupWord, names: Mapping[str, str | None], kind: str) -> str:
    t = context.t
    a, b = (names.get(each or "") or t("groups.nameless") for each in (word.a, word.b))
    if kind == "account":
        key = "groups.account.word_together" if word.together else "groups.account.word_apart"
        return t(key, a=a)
    key = "groups.household.word_together" if word.together else "groups.household.word_apart"
    return t(key, a=a, b=b)
