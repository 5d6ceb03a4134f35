"""One pair at a time, side by side, to be judged with one press or one key."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote, urlencode

from rapport.web import html as h
from rapport.web.pages.conflicts.described import attribute_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.choices import Choice, pills
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.identifier_kinds import kind_words
from rapport.web.parts.likeness import (
    chance_words,
    level_words,
    share_words,
    tabs,
    weights,
    why_chips,
)
from rapport.web.parts.states import empty_state
from rapport.web.places import country_name, language_name
from rapport.workflows.identity_review import ComparedRow, Person, Queue, Review, Rival, Stated

_TONES: dict[str, tuple[str, str]] = {
    "same": ("good", "equal"),
    "alike": ("neutral", "equal-approximately"),
    "different": ("bad", "equal-not"),
    "one_sided": ("neutral", "minus"),
}


def address(state: str, key: str | None = None, **said: str) -> str:
    """The page's address; what is usual is left out."""
    query = {k: v for k, v in {"pair": key or "", **said}.items() if v}
    if state != "open" and not key:
        query["show"] = state
    return f"/identity?{urlencode(query)}" if query else "/identity"


def review_page(context: PageContext, queue: Queue) -> h.Markup:
    """The whole page."""
    review = queue.review
    return page(
        context,
        context.t("identity.title"),
        h.div(
            {"class": "row apart", "style": "margin-bottom:16px"},
            tabs(context, "review", queue.counts),
            _states(context, queue),
        ),
        _empty(context, queue) if review is None else _pair(context, review),
        subtitle=context.t("identity.subtitle"),
    )


def _states(context: PageContext, queue: Queue) -> h.Markup:
    n, counts = context.n, queue.counts
    shown = n.count(min(counts.open, 1_000))
    if counts.is_capped:
        shown = context.t("identity.more_than", count=shown)
    return pills(
        context.t("identity.state.label"),
        [
            Choice(
                text=f"{context.t('identity.state.open')} {shown}",
                href="/identity",
                chosen=queue.state == "open",
            ),
            Choice(
                text=f"{context.t('identity.state.later')} {n.count(counts.later)}",
                href="/identity?show=later",
                chosen=queue.state == "later",
            ),
        ],
    )


def _empty(context: PageContext, queue: Queue) -> h.Markup:
    code = "none" if queue.state == "open" else "none_later"
    return card(
        empty_state(
            context.t(f"identity.review.{code}"),
            context.t(f"identity.review.{code}_detail"),
            icon_name="users",
        )
    )


def _pair(context: PageContext, review: Review) -> h.Markup:
    return h.div(
        {"class": "stack", "data-keys": True},
        card(
            _question(context, review),
            _actions(context, review),
            wanted=True,
        ),
        h.div(
            {"class": "grid"},
            h.div({"class": "span-7 tablet-12"}, _side_by_side(context, review)),
            h.div({"class": "span-5 tablet-12 stack"}, _why(context, review)),
        ),
    )


def _question(context: PageContext, review: Review) -> h.Markup:
    score = review.score
    return h.div(
        {"class": "pair-head"},
        h.div(
            h.h2(context.t("identity.review.question")),
            h.p(
                {"class": "small"},
                context.t(
                    "identity.chance.said",
                    words=chance_words(context, score.probability),
                    share=share_words(context, score.probability),
                ),
                " · ",
                context.t(
                    "identity.alike", alike=context.n.count(review.alike), count=review.compared
                ),
            ),
        ),
        h.div(
            {"class": "pair-walk"},
            _walk(context, review, review.previous, "previous", "arrow-left", "arrowleft"),
            _walk(context, review, review.next, "next", "arrow-right", "arrowright"),
        ),
    )


def _walk(
    context: PageContext, review: Review, key: str | None, word: str, icon_name: str, pressed: str
) -> h.Markup | None:
    if key is None:
        return None
    return button(
        context.t(f"identity.review.{word}"),
        href=address(review.state, key),
        kind="quiet",
        icon_name=icon_name,
        attributes={"data-key": pressed},
    )


def _actions(context: PageContext, review: Review) -> h.Markup:
    choices = [("same", "primary", "merge", "s"), ("different", "plain", "split", "d")]
    if review.state == "open":
        choices.append(("later", "quiet", "clock", "l"))
    return h.form(
        {"method": "post", "action": "/identity/verdict", "class": "pair-form"},
        context.csrf_input,
        h.input({"type": "hidden", "name": "pair", "value": review.key}),
        h.input({"type": "hidden", "name": "state", "value": review.state}),
        h.div(
            {"class": "row"},
            (
                button(
                    context.t(f"identity.review.{word}"),
                    name="verdict",
                    value=word,
                    kind=kind,  # type: ignore[arg-type]
                    icon_name=icon_name,
                    attributes={"data-key": key},
                )
                for word, kind, icon_name, key in choices
            ),
            h.input(
                {
                    "class": "input pair-reason",
                    "name": "reason",
                    "maxlength": 500,
                    "placeholder": context.t("identity.review.reason"),
                    "aria-label": context.t("identity.review.reason"),
                }
            ),
        ),
        h.p({"class": "note pair-keys"}, context.t("identity.review.keys")),
    )


# ── side by side ───────────────────────────────────────────────────────────────────────────────


def _side_by_side(context: PageContext, review: Review) -> h.Markup:
    return card(
        h.div(
            {
                "class": "table-scroll", "tabindex": 0, "role": "region",
                "aria-label": context.t("identity.review.compared"),
            },
            h.table(
                {"class": "table pair-table"},
                h.thead(
                    h.tr(
                        h.th(
                            {"scope": "col"},
                            h.span({"class": "sr"}, context.t("identity.review.matter")),
                        ),
                        _person(context, review, review.left, "left"),
                        h.th(
                            {"scope": "col", "class": "pair-sign"},
                            h.span({"class": "sr"}, context.t("identity.review.agreement")),
                        ),
                        _person(context, review, review.right, "right"),
                    )
                ),
                h.tbody(_row(context, row) for row in review.rows),
            ),
        ),
        title=context.t("identity.review.compared"),
        flush=True,
    )  # fmt: skip


def _person(context: PageContext, review: Review, person: Person, side: str) -> h.Markup:
    n = context.n
    lines = [
        f"{n.money(person.revenue, currency=review.currency)} · "
        + context.t("identity.orders", count=person.order_count)
        + " · "
        + context.t("identity.records", count=person.records)
    ]
    if person.last_order_at is not None:
        lines.append(context.t("identity.review.last_order", date=n.date(person.last_order_at)))
    elif person.first_seen is not None and person.last_seen is not None:
        lines.append(
            context.t(
                "identity.review.seen", **{"from": n.date(person.first_seen)},
                until=n.date(person.last_seen),
            )
        )  # fmt: skip
    return h.th(
        {"scope": "col", "class": "pair-person"},
        h.span({"class": "sr"}, context.t(f"identity.review.{side}"), ": "),
        h.a(
            {"href": f"/customers/{quote(person.profile_id)}"},
            h.bdi(person.name or context.t("identity.nameless")),
        ),
        (h.div({"class": "note"}, line) for line in lines),
    )


def _row(context: PageContext, row: ComparedRow) -> h.Markup:
    tone, icon_name = _TONES[row.agreement]
    if row.is_identifier:
        label = kind_words(context, row.name)
        label = label[:1].upper() + label[1:]
    else:
        label = attribute_words(context, row.name)
    said = context.t(f"identity.agree.{row.agreement}")
    found = None
    if row.comparison is not None and row.level is not None:
        found = level_words(context, row.comparison, row.level)
        said = context.t("identity.agree.because", said=said, why=found)
    return h.tr(
        {"class": f"agree-{row.agreement}"},
        h.th(
            {"scope": "row"},
            label,
            # "Other name" is what the values say themselves.
            h.div({"class": "note"}, found)
            if found is not None and row.agreement != "same" and row.level != "else"
            else None,
        ),
        h.td(_values(context, row, row.left)),
        h.td(
            {"class": "pair-sign"},
            chip(
                h.span({"class": "sr"}, said),
                tone=tone,  # type: ignore[arg-type]
                icon_name=icon_name,
                title=said,
            ),
        ),
        h.td(_values(context, row, row.right)),
    )


def _values(context: PageContext, row: ComparedRow, stated: tuple[Stated, ...]) -> h.Child:
    if not stated:
        return h.span({"class": "muted"}, context.t("identity.unknown"))
    return [
        h.div(
            {"class": "pair-value"},
            _clipped(context, row.name, each),
            h.div(
                {"class": "note"},
                " · ".join(
                    part
                    for part in (
                        each.source,
                        None if each.observed_at is None else context.n.date(each.observed_at),
                    )
                    if part
                ),
            ),
            _reservation(context, each),
        )
        for each in stated
    ]


#: More of one value is shown only to who asks for it.
_MOST_LETTERS = 120


def _clipped(context: PageContext, name: str, stated: Stated) -> h.Markup:
    value = _value(context, name, stated.value)
    if len(value) <= _MOST_LETTERS:
        return h.bdi(value)
    return h.bdi({"title": value}, f"{value[:_MOST_LETTERS]}…")


def _reservation(context: PageContext, stated: Stated) -> h.Markup | None:
    """That a value is the beginning of a longer one, or no evidence for or against."""
    said = [
        context.t("identity.cut", count=len(stated.value)) if stated.is_cut else None,
        None if stated.counts else context.t("identity.does_not_count"),
    ]
    if not any(said):
        return None
    return h.div({"class": "note"}, " ".join(part for part in said if part))


def _value(context: PageContext, name: str, value: str) -> str:
    if name == "country":
        return country_name(context.language, value)
    if name == "language":
        return language_name(context.language, value)
    if name == "gender" and value in ("female", "male"):
        return context.t(f"identity.gender.{value}")
    if name == "birthday":
        try:
            return context.n.date(date.fromisoformat(value))
        except ValueError:  # as a silo wrote it
            return value
    return value


# ── why ────────────────────────────────────────────────────────────────────────────────────────


def _why(context: PageContext, review: Review) -> h.Child:
    objections = None
    if review.objections:
        said = "would_join" if review.joined else "would_object"
        objections = card(
            h.p({"class": "small"}, context.t(f"identity.review.{said}")),
            why_chips(context, review.objections),
            title=context.t("identity.review.objections"),
        )
    elif review.sure and not review.rivals:
        # Nothing keeps them apart, and they are not joined all the same.
        objections = card(
            h.p(
                {"class": "small"},
                context.t(
                    "identity.review.others",
                    alike=context.n.count(review.alike), count=context.n.count(review.compared),
                ),
            ),
            title=context.t("identity.review.objections"),
        )  # fmt: skip
    return (
        objections,
        _rivals(context, review) if review.rivals else None,
        card(
            weights(context, review.score),
            title=context.t("identity.review.why"),
            note=context.t("identity.review.why_note"),
            foot=context.t("identity.review.start"),
        ),
    )


def _rivals(context: PageContext, review: Review) -> h.Markup:
    """Who else it could be: to be looked at before one says that the two are one."""
    nameless = context.t("identity.nameless")
    names = {one.profile_id: one.name or nameless for one in (review.left, review.right)}
    if len(set(names.values())) == 1:  # of two namesakes the name does not tell which
        names = {
            review.left.profile_id: context.t("identity.rival.first"),
            review.right.profile_id: context.t("identity.rival.second"),
        }

    def line(rival: Rival) -> h.Markup:
        return h.li(
            h.a(
                {"href": f"/customers/{quote(rival.profile_id)}"},
                h.bdi(rival.name or nameless),
            ),
            h.div(
                {"class": "note"},
                context.t(
                    "identity.rival.like",
                    name=names[rival.like],
                    share=share_words(context, rival.probability),
                ),
            ),
        )

    more = review.rivals - len(review.nearest_rivals)
    return card(
        h.p({"class": "small"}, context.t("identity.rivals", count=review.rivals)),
        h.ul({"class": "why-list rivals"}, map(line, review.nearest_rivals)),
        h.p({"class": "note"}, context.t("identity.rival.more", count=more)) if more else None,
        title=context.t("identity.rival.title"),
    )
