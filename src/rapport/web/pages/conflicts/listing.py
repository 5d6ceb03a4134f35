"""The work-list: both sides beside each other, to be settled with one press or one key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from rapport.vocabulary.conflict import ATTRIBUTE, CONSENT, ORDER, ORDER_SAYS, TIERS
from rapport.web import html as h
from rapport.web.pages.conflicts.described import (
    attribute_words,
    silo_words,
    subject_words,
)
from rapport.web.parts.buttons import button, post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.choices import Choice, pills, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.icons import icon
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import pagination
from rapport.workflows.conflicts import (
    PAGE,
    STATES,
    ConflictLine,
    ConflictQuestion,
    Conflicts,
    Group,
)
from rapport.workflows.tell_silos import Silo

_MOST_GROUPS = 12
_TONES: dict[int, Any] = {1: "bad", 2: "caution", 3: "neutral", 4: "neutral"}


def address(question: ConflictQuestion, **changes: Any) -> str:
    """The list's address with some choices changed; what is usual is left out."""
    values: dict[str, Any] = {
        "show": question.state,
        "tier": question.tier,
        "kind": question.kind,
        "name": question.name,
        "winner": question.winner,
        "loser": question.loser,
        "page": 1,
    } | changes
    usual = {"show": "open", "page": 1}
    query = {k: v for k, v in values.items() if v and v != usual.get(k)}
    return f"/conflicts?{urlencode(query)}" if query else "/conflicts"


def _group_changes(group: Group | None) -> dict[str, Any]:
    if group is None:
        return {"kind": "", "name": "", "winner": "", "loser": "", "tier": None}
    return {
        "kind": group.kind, "name": group.name, "winner": group.winner, "loser": group.loser,
        "tier": None,
    }  # fmt: skip


def conflicts_page(
    context: PageContext, found: Conflicts, silos: Sequence[Silo], *, may_settle: bool
) -> h.Markup:
    """The whole page."""
    return page(
        context,
        context.t("conflicts.title"),
        _filters(context, found),
        h.div(
            {"class": "grid"},
            h.div(
                {"class": "span-8 stack"},
                _chosen_group(context, found, may_settle=may_settle),
                _list(context, found, may_settle=may_settle),
            ),
            h.div(
                {"class": "span-4 stack"},
                _groups(context, found),
                _silos(context, silos) if may_settle else None,
            ),
        ),
        subtitle=context.t("conflicts.subtitle"),
        tools=h.fragment(
            button(context.t("conflicts.nav_rules"), href="/conflicts/rules", icon_name="scale"),
            button(context.t("conflicts.nav_trust"), href="/quality", icon_name="gauge"),
        )
        if may_settle
        else None,
    )


def _filters(context: PageContext, found: Conflicts) -> h.Markup:
    asked, n = found.question, context.n
    return h.div(
        {"class": "row apart", "style": "margin-bottom:16px"},
        segmented(
            context.t("conflicts.state_label"),
            [
                Choice(
                    text=f"{context.t(f'conflicts.state.{state}')} {n.count(found.states[state])}",
                    href=address(asked, show=state, **_group_changes(None)),
                    chosen=asked.state == state,
                )
                for state in STATES
            ],
        ),
        pills(
            context.t("conflicts.tier_label"),
            [
                Choice(
                    text=context.t("conflicts.all"),
                    href=address(asked, **_group_changes(None)),
                    chosen=asked.tier is None and asked.group is None,
                ),
                *(
                    Choice(
                        text=f"{context.t(f'conflicts.tier.{tier}')} {n.count(found.tiers[tier])}",
                        href=address(asked, **{**_group_changes(None), "tier": tier}),
                        chosen=asked.tier == tier,
                    )
                    for tier in TIERS
                    if found.tiers[tier] or asked.tier == tier
                ),
            ],
        ),
    )


# ── the list ───────────────────────────────────────────────────────────────────────────────────


def _chosen_group(context: PageContext, found: Conflicts, *, may_settle: bool) -> h.Markup | None:
    """What is common to all that is listed, and the rules that would settle them at once."""
    asked = found.question
    if asked.group is None:
        return None
    group = next(
        (g for g in found.groups if (g.kind, g.name, g.winner, g.loser) == asked.group), None
    )
    labels = found.labels
    both = silo_words(context, asked.winner, asked.loser, labels)
    rules = None
    if may_settle and asked.kind == ATTRIBUTE and asked.winner != asked.loser:
        rules = h.div(
            {"class": "row"},
            (
                button(
                    context.t(
                        "conflicts.prefer",
                        better=labels.get(better, better),
                        worse=labels.get(worse, worse),
                    ),
                    href=rule_address(asked.name, better, worse),
                    icon_name="scale",
                )
                for better, worse in ((asked.winner, asked.loser), (asked.loser, asked.winner))
            ),
        )
    return card(
        h.p(
            {"class": "small muted"},
            _counted(context, asked.kind, group.count if group else 0),
            " · ",
            context.t(
                "conflicts.value",
                amount=context.n.money(group.value if group else 0, currency=found.currency),
            ),
        ),
        rules,
        title=f"{_group_subject(context, asked.kind, asked.name)}: {both}",
        tools=button(
            context.t("conflicts.group_clear"),
            href=address(asked, **_group_changes(None)),
            kind="quiet",
            icon_name="x",
        ),
    )


def rule_address(name: str, better: str, worse: str) -> str:
    """The rule by which one silo beats another, with what it would change."""
    return f"/conflicts/rules/{quote(name)}?{urlencode({'better': better, 'worse': worse})}"


def _list(context: PageContext, found: Conflicts, *, may_settle: bool) -> h.Markup:
    asked = found.question
    if not found.lines:
        code = "none_settled" if asked.state == "settled" else "none"
        return card(
            empty_state(
                context.t(f"conflicts.{code}"),
                context.t(f"conflicts.{code}_detail"),
                icon_name="git-compare",
            )
        )
    first = (asked.page - 1) * PAGE + 1
    last = first + len(found.lines) - 1
    return card(
        h.ol(
            {"class": "conflicts", "data-walk": True},
            (
                _line(context, found, line, number, may_settle=may_settle)
                for number, line in enumerate(found.lines)
            ),
        ),
        pagination(
            context,
            first=first,
            last=last,
            total=found.total,
            number=asked.page,
            turn=lambda to: address(asked, page=to),
        ),
        title=context.t("conflicts.list"),
        note=context.n.count(found.total),
        foot=context.t("conflicts.keys") if may_settle else None,
        flush=True,
    )


def _line(
    context: PageContext, found: Conflicts, line: ConflictLine, number: int, *, may_settle: bool
) -> h.Markup:
    n = context.n
    subject = subject_words(context, line.kind, line.name, line.item)
    customer = line.customer or context.t("conflicts.nameless")
    title_id = f"conflict-{number}"
    settled = bool(line.settled)
    body = _sides(context, found, line, may_settle=may_settle and not settled)
    return h.li(
        {"class": "conflict", "tabindex": "-1", "aria-labelledby": title_id},
        h.div(
            {"class": "conflict-head"},
            h.div(
                {"id": title_id},
                h.b(subject),
                " · ",
                h.a(
                    {"href": f"/customers/{quote(line.profile_id)}", "data-key": "o"},
                    h.bdi(customer),
                ),
            ),
            h.div(
                {"class": "conflict-marks"},
                chip(context.t("conflicts.urgent"), tone="caution", icon_name="truck")
                if line.urgent
                else None,
                chip(context.t(f"conflicts.tier.{line.tier}"), tone=_TONES[line.tier])
                if found.question.tier is None
                else None,
                h.span({"class": "note nowrap"}, n.money(line.value, currency=found.currency)),
            ),
        ),
        _form(context, found, line, body) if may_settle and not settled else body,
        h.div(
            {"class": "row apart conflict-foot"},
            h.span({"class": "note"}, _because(context, line)),
            _more(context, line, may_settle=may_settle),
        ),
    )


def _because(context: PageContext, line: ConflictLine) -> str:
    since = context.t("conflicts.since", date=context.n.date(line.since))
    if line.decided is not None:
        said = context.t(
            "conflicts.decided",
            by=line.decided.by,
            date=context.n.date(line.decided.at),
        )
        return f"{said}: “{line.decided.reason}”" if line.decided.reason else said
    if line.kind == ATTRIBUTE:
        why = context.t("conflicts.shown_because", rule=context.t(f"customer.rule.{line.why}"))
    else:
        why = context.t("conflicts.stands_because", rule=context.t(f"conflicts.why.{line.why}"))
    return f"{why} · {since}"


def _more(context: PageContext, line: ConflictLine, *, may_settle: bool) -> h.Markup | None:
    if not may_settle:
        return None
    if line.settled in ("pin", "word"):
        return reopen_button(
            context, line.profile_id, line.kind, line.name, line.item,
            context.t("conflicts.reopen"),
        )  # fmt: skip
    if line.settled == "rule":
        return button(
            context.t("conflicts.nav_rules"), href=f"/conflicts/rules/{quote(line.name)}",
            kind="quiet", icon_name="scale",
        )  # fmt: skip
    if line.kind == ATTRIBUTE and line.winner != line.loser:
        return button(
            context.t("conflicts.as_rule"),
            href=rule_address(line.name, line.winner, line.loser),
            kind="quiet",
            icon_name="scale",
        )
    return None


def reopen_button(
    context: PageContext, profile_id: str, kind: str, name: str, item: str, text: str
) -> h.Markup:
    """Takes back what a colleague settled."""
    return post_button(
        context,
        text,
        action="/conflicts/reopen",
        values={"profile": profile_id, "kind": kind, "name": name, "item": item},
        kind="quiet",
        icon_name="undo-2",
    )


def _form(context: PageContext, found: Conflicts, line: ConflictLine, body: h.Markup) -> h.Markup:
    hidden = {
        "profile": line.profile_id,
        "kind": line.kind,
        "name": line.name,
        "item": line.item,
        "loser": line.loser,
        "back": address(found.question, page=found.question.page),
    }
    return h.form(
        {"method": "post", "action": "/conflicts/settle", "class": "conflict-form"},
        context.csrf_input,
        (h.input({"type": "hidden", "name": k, "value": v}) for k, v in hidden.items()),
        body,
        h.input(
            {
                "class": "input conflict-reason",
                "name": "reason",
                "maxlength": 500,
                "placeholder": context.t("conflicts.reason"),
                "aria-label": context.t("conflicts.reason"),
            }
        ),
    )


def _sides(
    context: PageContext, found: Conflicts, line: ConflictLine, *, may_settle: bool
) -> h.Markup:
    return h.div(
        {"class": "conflict-sides"},
        _side(
            context, found, line, line.winner, line.shown, line.shown_at, line.shown_proof,
            key="1", right="shown", may_settle=may_settle,
        ),
        _side(
            context, found, line, line.loser, line.other, line.other_at, line.other_proof,
            key="2", right="other", may_settle=may_settle and line.kind != CONSENT,
        ),
    )  # fmt: skip


def _side(
    context: PageContext,
    found: Conflicts,
    line: ConflictLine,
    source: str,
    value: str | None,
    at: Any,
    proof: str | None,
    *,
    key: str,
    right: str,
    may_settle: bool,
) -> h.Markup:
    said: h.Child = context.t("conflicts.gone") if value is None else value
    if value is not None and line.kind != ATTRIBUTE:
        said = context.t(f"conflicts.says.{value}")
    silo = found.labels.get(source, source)
    stands = right == "shown"
    where = silo if at is None else context.t(
        "conflicts.stated", silo=silo, date=context.n.date_short(at)
    )  # fmt: skip
    words = context.t("conflicts.told" if line.kind == CONSENT else "conflicts.this_one")
    return h.div(
        {"class": ["conflict-side", stands and "stands"]},
        h.div(
            {"class": "conflict-said"},
            h.div(
                {"class": "conflict-value"},
                icon("check", size=14) if stands else None,
                h.bdi(said),
            ),
            h.div({"class": "note"}, where),
            chip(
                context.t(f"conflicts.proof.{proof}"),
                tone="bad" if proof == "bounced" else "good",
                icon_name="mail-x" if proof == "bounced" else "badge-check",
            )
            if proof
            else None,
        ),
        button(
            h.fragment(words, h.span({"class": "sr"}, f": {silo}")),
            name="right",
            value=right,
            attributes={"data-key": key},
        )
        if may_settle
        else None,
    )


# ── beside it ──────────────────────────────────────────────────────────────────────────────────


def _counted(context: PageContext, kind: str, count: int) -> str:
    """Somebody may have several orders, and states an attribute in one way per silo."""
    if kind == ORDER:
        return context.t("conflicts.orders", count=count)
    return context.t("conflicts.people", count=count)


def _group_subject(context: PageContext, kind: str, name: str) -> str:
    if kind == ORDER:
        right, wrong = ORDER_SAYS.get(name, ("", ""))
        if not right:
            return name
        return f"{context.t(f'conflicts.says.{right}')} / {context.t(f'conflicts.says.{wrong}')}"
    if kind == ATTRIBUTE:
        return attribute_words(context, name)
    return subject_words(context, kind, name)


def _groups(context: PageContext, found: Conflicts) -> h.Markup | None:
    if not found.groups:
        return None
    asked, n = found.question, context.n
    wanted = [g for g in found.groups if asked.tier in (None, g.tier)]
    return card(
        h.ul(
            {"class": "conflict-groups"},
            (
                h.li(
                    h.a(
                        {
                            "href": address(asked, **_group_changes(group)),
                            "aria-current": "true"
                            if (group.kind, group.name, group.winner, group.loser) == asked.group
                            else None,
                        },
                        h.span(
                            h.b(_group_subject(context, group.kind, group.name)),
                            h.br(),
                            h.span(
                                {"class": "note"},
                                silo_words(context, group.winner, group.loser, found.labels),
                            ),
                        ),
                        h.span(
                            {"class": "num small"},
                            _counted(context, group.kind, group.count),
                            h.br(),
                            h.span(
                                {"class": "note"},
                                n.money(group.value, currency=found.currency),
                            ),
                        ),
                    )
                )
                for group in wanted[:_MOST_GROUPS]
            ),
        ),
        title=context.t("conflicts.groups"),
        foot=context.t("conflicts.groups_more", count=n.count(len(wanted) - _MOST_GROUPS))
        if len(wanted) > _MOST_GROUPS
        else None,
    )


def _silos(context: PageContext, silos: Sequence[Silo]) -> h.Markup | None:
    if not silos:
        return None
    n = context.n
    return card(
        h.p({"class": "small muted"}, context.t("conflicts.silos_note")),
        h.ul(
            {"class": "conflict-groups"},
            (
                h.li(
                    h.a(
                        {
                            "href": f"/conflicts/silos/{quote(silo.name, safe='')}/corrections.csv",
                            "download": True,
                            "title": context.t("conflicts.download", silo=silo.label),
                        },
                        h.span(icon("download", size=14), " ", silo.label),
                        h.span(
                            {"class": "note num"},
                            context.t(
                                "conflicts.silo_counts",
                                told=n.count(silo.told),
                                all=n.count(silo.all),
                            ),
                        ),
                    )
                )
                for silo in silos
                if silo.told
            ),
        ),
        title=context.t("conflicts.silos"),
    )
