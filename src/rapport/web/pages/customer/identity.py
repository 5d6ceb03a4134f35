"""Why these records are one person, and the words of colleagues that change it."""

from __future__ import annotations

from urllib.parse import quote

from rapport.unify.decisions import DecisionShown
from rapport.unify.explain import LinkShown, RecordShown
from rapport.unify.review import Scored
from rapport.unify.stewardship import Consequences, ContactMade
from rapport.web import html as h
from rapport.web.pages.customer.chain import MOST_RECORDS, chain_picture
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, options
from rapport.web.parts.identifier_kinds import kind_words
from rapport.web.parts.likeness import chance_words, share_words, weights, why_chips
from rapport.web.parts.tables import Column, table
from rapport.workflows.customer_changes import Identity
from rapport.workflows.customer_list import CustomerRow

_MOST_LINKS = 40
#: Messages and tickets that are listed one by one.
_MOST_FOLLOWED = 20
#: Other people of one decision that are linked.
_MOST_OTHERS = 10


def identity_body(
    context: PageContext,
    identity: Identity,
    *,
    may_merge: bool,
    query: str,
    found: tuple[CustomerRow, ...],
) -> h.Markup:
    """Records and evidence on the left; joining and decisions on the right."""
    return h.div(
        {"class": "grid"},
        h.div(
            {"class": ["stack", "span-8"]},
            _records_card(context, identity, may_merge=may_merge),
            _picture_card(context, identity),
            _links_card(context, identity, may_merge=may_merge),
        ),
        h.div(
            {"class": ["stack", "span-4"]},
            _join_card(context, identity, query, found) if may_merge else None,
            _decisions_card(context, identity, may_merge=may_merge),
        ),
    )


def _records_card(context: PageContext, identity: Identity, *, may_merge: bool) -> h.Markup:
    records = identity.explanation.records
    can_part = may_merge and len(records) > 1
    columns = [
        Column(label=context.t("customer.identity.record"), clip=True),
        Column(label=context.t("customer.identity.source"), clip=True),
    ]
    if can_part:
        columns.append(Column(label=context.t("customer.identity.other"), numeric=True))

    def row(record: RecordShown) -> list[h.Child]:
        cells: list[h.Child] = [
            h.bdi({"title": record.value}, _record(context, record)),
            identity.labels.get(record.source, record.source),
        ]
        if can_part:
            name = context.t("customer.identity.other")
            cells.append(
                h.input(
                    {
                        "type": "checkbox",
                        "name": "record",
                        "value": record.atom_id,
                        "aria-label": f"{name}: {_record(context, record)}",
                    }
                )
            )
        return cells

    shown = table(
        context,
        columns,
        (row(record) for record in records),
        caption=context.t("customer.identity.records", count=len(records)),
    )
    if not can_part:
        return card(
            shown,
            h.p({"class": "note"}, context.t("customer.identity.alone"))
            if len(records) == 1
            else None,
            title=context.t("customer.identity.records", count=len(records)),
        )
    return card(
        form(
            context,
            shown,
            h.p({"class": "note"}, context.t("customer.identity.separate_hint")),
            field(
                context.t("customer.identity.reason"),
                "reason",
                id="separate-reason",
                attributes={"maxlength": 500},
            ),
            h.div(button(context.t("customer.identity.separate"), icon_name="split")),
            action=f"/customers/{quote(identity.profile_id)}/separate",
        ),
        title=context.t("customer.identity.records", count=len(records)),
    )


def _record(context: PageContext, record: RecordShown) -> str:
    return f"{kind_words(context, record.kind)} {record.value}"


def _picture_card(context: PageContext, identity: Identity) -> h.Markup | None:
    explanation = identity.explanation
    if len(explanation.records) < 2:
        return None
    title = context.t("identity.evidence.picture")
    if len(explanation.records) > MOST_RECORDS:
        return card(
            h.p({"class": "small muted"}, context.t("identity.evidence.too_large")), title=title
        )
    own = {record.atom_id for record in explanation.records}
    links = [x for x in explanation.links if x.a.atom_id in own and x.b.atom_id in own]
    return card(
        chain_picture(
            explanation.records,
            links,
            said=context.t(
                "identity.evidence.picture_said",
                records=context.t("identity.records", count=len(own)),
                links=context.t("identity.links", count=len(links)),
            ),
            names={r.atom_id: _record(context, r) for r in explanation.records},
            sources={
                r.atom_id: identity.labels.get(r.source, r.source) for r in explanation.records
            },
        ),
        title=title,
    )


def _links_card(context: PageContext, identity: Identity, *, may_merge: bool) -> h.Markup:
    explanation = identity.explanation
    return card(
        h.ul(
            {"class": "link-list"},
            (
                _link_item(context, identity, link, may_merge=may_merge)
                for link in explanation.links[:_MOST_LINKS]
            ),
        )
        if explanation.links
        else h.p({"class": "muted small"}, context.t("customer.identity.alone")),
        _more(context, len(explanation.links)),
        (
            h.h3({"style": "margin-top:20px"}, context.t("customer.identity.refused")),
            h.ul(
                {"class": "link-list"},
                (
                    h.li(
                        h.bdi({"class": "small"}, _link(context, link)),
                        why_chips(context, (link.why,)),
                        _waterfall(context, link),
                    )
                    for link in explanation.refused[:_MOST_LINKS]
                ),
            ),
            _more(context, len(explanation.refused)),
        )
        if explanation.refused
        else None,
        (
            h.h3({"style": "margin-top:20px"}, context.t("customer.identity.set_aside")),
            h.ul(
                {"class": "small"},
                (
                    h.li(
                        h.bdi(f"{kind_words(context, value.kind)} {value.value}"),
                        " ",
                        chip(_aside_words(context, value.why)),
                    )
                    for value in explanation.set_aside[:_MOST_LINKS]
                ),
            ),
        )
        if explanation.set_aside
        else None,
        title=context.t("customer.identity.together"),
    )


def _more(context: PageContext, there_are: int) -> h.Markup | None:
    """How many links a list leaves out."""
    if there_are <= _MOST_LINKS:
        return None
    more = context.n.count(there_are - _MOST_LINKS)
    return h.p({"class": "note"}, context.t("identity.evidence.more", count=more))


def _aside_words(context: PageContext, why: str) -> str:
    return (
        context.t(f"identity.class.{why}")
        if why in ("generic", "junk")
        else context.t("identity.class.blocked")
    )


def _link_item(
    context: PageContext, identity: Identity, link: LinkShown, *, may_merge: bool
) -> h.Markup:
    return h.li(
        h.div(
            {"class": "link-head"},
            h.bdi({"class": "small"}, _link(context, link)),
            post_button(
                context,
                h.fragment(
                    context.t("identity.evidence.split_here"),
                    h.span({"class": "sr"}, f": {_link(context, link)}"),
                ),
                action=f"/customers/{quote(identity.profile_id)}/split",
                values={"a": link.a.atom_id, "b": link.b.atom_id},
                kind="quiet",
                icon_name="scissors",
            )
            if may_merge and link.fell is not None and link.fell.cut
            else None,
        ),
        _waterfall(context, link),
        _if_fell(context, identity, link),
    )


def _waterfall(context: PageContext, link: LinkShown) -> h.Markup | None:
    """Why two records were found alike, on asking."""
    if link.probability is None or not link.steps:
        return None
    return h.details(
        h.summary(context.t("identity.review.why")),
        weights(context, Scored(probability=link.probability, bits=link.bits, steps=link.steps)),
    )


def _if_fell(context: PageContext, identity: Identity, link: LinkShown) -> h.Markup | None:
    """What would change without a link, and what a split there parts and leaves behind."""
    fell = link.fell
    if fell is None:
        return None
    known = {record.atom_id: record for record in identity.explanation.records}

    def listed(atoms: tuple[str, ...]) -> h.Markup:
        return h.ul(
            {"class": "small"},
            (h.li(h.bdi(_record(context, known[a]))) for a in atoms if a in known),
        )

    return h.details(
        h.summary(context.t("identity.evidence.if_fell")),
        (
            h.p({"class": "small"}, context.t("identity.leave", count=len(fell.leaving))),
            listed(fell.leaving),
        )
        if fell.leaving
        else (
            h.p({"class": "small"}, context.t("identity.evidence.if_nothing")),
            h.p({"class": "small"}, context.t("identity.evidence.split_parts")),
            listed(fell.cut),
        ),
        (
            h.p({"class": "small"}, context.t("identity.evidence.alone")),
            listed(fell.alone),
        )
        if fell.alone
        else None,
        _listed(context, fell.followed)
        or h.p({"class": "note"}, context.t("identity.evidence.no_messages")),
    )


def _listed(context: PageContext, known: Consequences) -> h.Markup | None:
    """Messages and tickets one by one: whoever parts two people has to follow them up."""
    lines = [
        *(_contact_line(context, each) for each in known.contacts),
        *(
            h.li(
                h.a(
                    {"href": f"/inbox/{each.ticket_id}"},
                    context.t("identity.evidence.ticket", number=each.ticket_id),
                ),
                f" · {context.n.date(each.opened_at)}",
            )
            for each in known.tickets
        ),
    ]
    if not lines:
        return None
    counts = [
        context.t(f"identity.{name}", count=len(several))
        for name, several in (("messages", known.contacts), ("tickets", known.tickets))
        if several
    ]
    more = len(lines) - _MOST_FOLLOWED
    return h.div(
        h.p({"class": "note"}, ", ".join(counts)),
        h.ul({"class": "small"}, lines[:_MOST_FOLLOWED]),
        h.p({"class": "note"}, context.t("identity.evidence.more", count=context.n.count(more)))
        if more > 0
        else None,
    )


def _contact_line(context: PageContext, contact: ContactMade) -> h.Markup:
    kind, _, rest = contact.message_key.partition(":")
    if kind == "campaign":
        said = context.t("customer.messages.campaign", name=rest)
    elif kind == "human":
        said = context.t(
            "customer.messages.called" if contact.channel == "phone" else "customer.messages.met"
        )
    else:
        said = context.t("customer.messages.written")
    return h.li(
        h.bdi(said),
        f" · {context.t(f'customer.channel.{contact.channel}')} · {context.n.date(contact.at)} ",
        chip(context.t(f"customer.messages.status.{contact.status}")),
    )


def _link(context: PageContext, link: LinkShown) -> str:
    a, b = _record(context, link.a), _record(context, link.b)
    if link.value:
        return context.t(
            "customer.identity.link",
            a=a,
            b=b,
            kind=kind_words(context, link.kind),
            value=link.value,
        )
    if link.reason == "must_link":
        return context.t("customer.identity.linked_by_hand", a=a, b=b)
    if link.probability is None:
        return context.t("customer.identity.linked_by_match", a=a, b=b)
    chance = (
        f"{chance_words(context, link.probability).lower()} "
        f"({share_words(context, link.probability)})"
    )
    return context.t("identity.evidence.likeness", a=a, b=b, chance=chance)


def _join_card(
    context: PageContext, identity: Identity, query: str, found: tuple[CustomerRow, ...]
) -> h.Markup:
    path = f"/customers/{quote(identity.profile_id)}"
    others = [row for row in found if row.profile_id != identity.profile_id]
    return card(
        form(
            context,
            field(
                context.t("customer.identity.join_search"),
                "q",
                value=query,
                type="search",
                id="join-search",
                attributes={"maxlength": 200},
            ),
            h.div(button(context.t("customer.identity.find"), icon_name="search")),
            action=f"{path}/identity",
            method="get",
        ),
        form(
            context,
            options(
                context.t("customer.identity.join_search"),
                "other",
                [
                    (
                        row.profile_id,
                        h.bdi(row.name or context.t("customers.nameless")),
                        " · ".join(part for part in (row.email, row.phone, row.city) if part),
                    )
                    for row in others
                ],
                required=True,
            ),
            field(
                context.t("customer.identity.reason"),
                "reason",
                id="join-reason",
                attributes={"maxlength": 500},
            ),
            h.div(button(context.t("customer.identity.join_submit"), icon_name="merge")),
            action=f"{path}/merge",
            attributes={"style": "margin-top:12px"},
        )
        if others
        else (
            h.p({"class": "small muted"}, context.t("customer.identity.found_none"))
            if query.strip()
            else None
        ),
        title=context.t("customer.identity.join"),
    )


def _decisions_card(context: PageContext, identity: Identity, *, may_merge: bool) -> h.Markup:
    return card(
        h.ul(
            {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
            (
                _decision(context, identity, decision, may_merge=may_merge)
                for decision in identity.decisions
            ),
        )
        if identity.decisions
        else h.p({"class": "small muted"}, context.t("customer.identity.no_decisions")),
        title=context.t("customer.identity.decisions"),
    )


def _decision(
    context: PageContext, identity: Identity, decision: DecisionShown, *, may_merge: bool
) -> h.Markup:
    author = context.t("customer.identity.rules") if decision.actor == "rules" else decision.actor
    return h.li(
        h.div(
            {"class": "row apart"},
            h.span(
                context.t(f"customer.decision.{decision.kind}"),
                (" ", chip(context.t("customer.identity.undone"))) if decision.undone else None,
            ),
            post_button(
                context,
                context.t("customer.identity.undo"),
                action=f"/customers/{quote(identity.profile_id)}/decisions/"
                f"{decision.decision_id}/undo",
                kind="quiet",
                icon_name="undo-2",
            )
            if may_merge and decision.decision_id in identity.undoable
            else None,
        ),
        h.div(
            {"class": "note"},
            context.t("customer.identity.by", author=author, date=context.n.date_time(decision.at)),
        ),
        h.div({"class": "small"}, h.bdi(f"“{decision.reason}”")) if decision.reason else None,
        _others(context, identity, decision),
        _followed(context, identity, decision.decision_id),
    )


def _others(context: PageContext, identity: Identity, decision: DecisionShown) -> h.Markup | None:
    """Who else it was about: after a split the way to the other person."""
    links = [
        h.li(
            h.a(
                {"href": f"/customers/{quote(other)}/identity"},
                h.bdi(identity.others[other] or context.t("identity.nameless")),
            )
        )
        for other in decision.others
        if other in identity.others
    ]
    if not links:
        return None
    more = len(links) - _MOST_OTHERS
    return h.div(
        {"class": "small"},
        context.t("identity.evidence.others"),
        h.ul(links[:_MOST_OTHERS]),
        context.t("identity.evidence.more", count=context.n.count(more)) if more > 0 else None,
    )


def _followed(context: PageContext, identity: Identity, decision_id: int) -> h.Markup | None:
    known = identity.followed.get(decision_id)
    if known is None:
        return None
    return _listed(context, known) or h.div(
        {"class": "note"}, context.t("customer.identity.followed_nothing")
    )
