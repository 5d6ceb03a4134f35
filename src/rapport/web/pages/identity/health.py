"""How healthy identity is, and the two things one can do about it: block, and look."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import quote

from rapport.unify.identity_figures import SIZES
from rapport.web import html as h
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.figure import chart_card
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.charts.line import Line, line_chart
from rapport.web.parts.buttons import post_button
from rapport.web.parts.cards import card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.identifier_kinds import kind_words
from rapport.web.parts.kpis import Kpi, delta_of, kpi_strip
from rapport.web.parts.likeness import tabs
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, meter, table
from rapport.workflows.identity_health import (
    FEWEST_VERDICTS,
    LARGE,
    Band,
    DayPoint,
    Health,
    SharedShown,
)

_TONES = {"household": "neutral", "generic": "caution", "junk": "bad", "blocked": "neutral"}
_MOST_EXAMPLES = 20
#: Columns of numbers, by their words.
_NUMERIC = frozenset({"most", "persons", "records", "values"})


def health_page(context: PageContext, found: Health) -> h.Markup:
    """The whole page."""
    n = context.n
    measure = post_button(
        context,
        context.t("identity.health.measure"),
        action="/identity/measure",
        icon_name="rotate-cw",
    )
    top = h.div(
        {"class": "row", "style": "margin-bottom:16px"}, tabs(context, "health", found.counts)
    )
    if found.measured_at is None:
        return page(
            context,
            context.t("identity.title"),
            top,
            card(
                empty_state(
                    context.t("identity.health.none"),
                    context.t("identity.health.none_detail"),
                    measure,
                    icon_name="activity",
                )
            ),
            subtitle=context.t("identity.health.subtitle"),
        )
    return page(
        context,
        context.t("identity.title"),
        top,
        h.div(
            {"class": "grid"},
            h.div({"class": "span-12 stack"}, _strip(context, found), _groups(context, found)),
            _by_source(context, found),
            _sizes(context, found),
            h.div({"class": "span-6 tablet-12 stack"}, _drift(context, found)),
            h.div({"class": "span-6 tablet-12 stack"}, _weeks(context, found)),
            h.div(
                {"class": "span-8 tablet-12 stack"},
                _shared(context, found),
                _examples(context, found),
                _overfull(context, found),
            ),
            h.div(
                {"class": "span-4 tablet-12 stack"},
                _believe(context, found),
                _large(context, found),
                _blocked(context, found),
            ),
        ),
        subtitle=(
            context.t("identity.health.subtitle"),
            " · ",
            context.t("identity.health.measured", when=n.date_time(found.measured_at)),
        ),
        tools=measure,
    )


def _strip(context: PageContext, found: Health) -> h.Markup:
    n = context.n
    share = found.matched / found.records if found.records else 0.0
    largest = found.large[0].records if found.large else 0
    then = found.before
    matched_then = None if then is None else then.matched_share
    return kpi_strip(
        context,
        [
            _counted(
                context, "people", found.people, None if then is None else then.people, then,
                trend=[day.people for day in found.days],
            ),
            _counted(
                context, "records", found.records, None if then is None else then.records, then,
                trend=[day.records for day in found.days],
            ),
            Kpi(
                label=context.t("identity.health.matched"),
                figure=n.share(share, digits=0),
                delta=None
                if matched_then is None
                else delta_of(
                    round((share - matched_then) * 100, 1),
                    n.points(share - matched_then),
                ),
                against=_since(context, None if matched_then is None else then),
                trend=[day.matched_share for day in found.days],
            ),
            _counted(
                context, "largest", largest, None if then is None else then.largest, then,
                trend=[day.largest for day in found.days],
            ),
        ],
    )  # fmt: skip


#: Figures of groups, and whose list they link to.
_GROUPS = (
    ("households", "/households"),
    ("household_people", "/households"),
    ("largest_household", "/households?sort=members"),
    ("accounts", "/accounts"),
    ("account_people", "/accounts"),
)


def _groups(context: PageContext, found: Health) -> h.Markup | None:
    """Households and accounts, and what they were: a sudden change is a value that joins many."""
    if found.groups is None:
        return None
    then = found.groups_before
    return kpi_strip(
        context,
        [
            _counted(
                context, name, getattr(found.groups, name),
                None if then is None else getattr(then.groups, name), then, href=href,
                trend=[getattr(day.groups, name) for day in found.days if day.groups is not None],
            )
            for name, href in _GROUPS
        ],
    )  # fmt: skip


def _counted(
    context: PageContext,
    name: str,
    now: int,
    before: int | None,
    then: DayPoint | None,
    *,
    trend: Sequence[int],
    href: str | None = None,
) -> Kpi:
    """A number, how it changed, and since when. More of them is neither good nor bad."""
    n = context.n
    return Kpi(
        label=context.t(f"identity.health.{name}"),
        figure=n.count(now),
        href=href,
        delta=None
        if before is None
        else delta_of(now - before, n.signed(now - before), better=None),
        against=_since(context, then),
        trend=[float(each) for each in trend],
    )


def _since(context: PageContext, then: DayPoint | None) -> str | None:
    return (
        None if then is None else context.t("identity.health.since", day=context.n.date(then.day))
    )


def _by_source(context: PageContext, found: Health) -> h.Markup:
    n = context.n
    ranked = sorted(
        (
            (each.matched / each.records, found.labels.get(each.source, each.source), each.records)
            for each in found.sources
            if each.records
        ),
        key=lambda each: (-each[0], each[1]),
    )
    chart = hbar_chart(
        [
            NamedBar(
                name=label,
                value=share * 100,
                note=" " + context.t("identity.records", count=records),
            )
            for share, label, records in ranked
        ],
        written=lambda value: n.share(value / 100, digits=0),
        sentence=context.t(
            "identity.health.by_source_said",
            low=n.share(ranked[-1][0] if ranked else 0, digits=0),
            high=n.share(ranked[0][0] if ranked else 0, digits=0),
        ),
    )
    return chart_card(
        context, context.t("identity.health.by_source"), chart, span="span-7 tablet-12"
    )


def _sizes(context: PageContext, found: Health) -> h.Markup:
    n = context.n
    names = []
    low = 1
    for top in SIZES:
        names.append(
            context.t("identity.records", count=top)
            if low == top
            else context.t("identity.health.size_from", **{"from": n.count(low)}, to=n.count(top))
        )
        low = top + 1
    names.append(context.t("identity.health.size_above", **{"from": n.count(SIZES[-1])}))
    chart = hbar_chart(
        [
            NamedBar(name=name, value=float(count), colour="c2" if place == len(SIZES) else "c1")
            for place, (name, count) in enumerate(zip(names, found.sizes, strict=True))
        ],
        written=lambda value: n.count(round(value)),
        sentence=context.t(
            "identity.health.sizes_said",
            count=n.count(found.large[0].records if found.large else 0),
        ),
    )
    return chart_card(context, context.t("identity.health.sizes"), chart, span="span-5 tablet-12")


def _drift(context: PageContext, found: Health) -> h.Markup:
    n = context.n
    title = context.t("identity.health.drift")
    if len(found.days) < 2:
        return card(
            h.p({"class": "small muted"}, context.t("identity.health.drift_few")), title=title
        )
    now = found.days[-1].matched_share or 0.0
    chart = line_chart(
        context,
        labels=[n.date_short(day.day) for day in found.days],
        long_labels=[n.day(day.day) for day in found.days],
        lines=[
            Line(
                name=context.t("identity.health.matched"),
                values=[day.matched_share for day in found.days],
            )
        ],
        written=lambda value: n.share(value, digits=1),
        sentence=context.t("identity.health.drift_said", share=n.share(now, digits=1)),
    )
    return chart_card(context, title, chart)


def _weeks(context: PageContext, found: Health) -> h.Markup:
    n = context.n
    sums = {
        name: sum(getattr(week, name) for week in found.weeks)
        for name in ("merged", "split", "said_same", "said_different", "undone")
    }
    chart = bar_chart(
        labels=[n.date_short(week.day) for week in found.weeks],
        long_labels=[n.day(week.day) for week in found.weeks],
        series=[
            Bars(
                name=context.t("identity.health.merged"),
                values=[float(week.merged + week.said_same) for week in found.weeks],
            ),
            Bars(
                name=context.t("identity.health.split"),
                values=[float(week.split + week.said_different) for week in found.weeks],
            ),
            Bars(
                name=context.t("identity.health.undone"),
                values=[float(week.undone) for week in found.weeks],
            ),
        ],
        written=lambda value: n.count(round(value)),
        sentence=context.t(
            "identity.health.weeks_said",
            merged=n.count(sums["merged"] + sums["said_same"]),
            split=n.count(sums["split"] + sums["said_different"]),
            undone=n.count(sums["undone"]),
        ),
    )
    return chart_card(context, context.t("identity.health.weeks"), chart)


def _shared(context: PageContext, found: Health) -> h.Markup:
    title = context.t("identity.health.shared")
    if not found.shared:
        return card(
            h.p({"class": "small muted"}, context.t("identity.health.no_shared")), title=title
        )
    n = context.n
    return _table(
        context,
        "shared",
        ("kind", "class", "values", "records"),
        [
            (
                _upper(kind_words(context, each.kind)),
                _class_chip(context, each.value_class),
                n.count(each.values),
                n.count(each.records),
            )
            for each in found.shared
        ],
        note=context.t("identity.health.shared_note"),
    )


def _table(
    context: PageContext,
    word: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[h.Child]],
    *,
    note: str = "",
) -> h.Markup:
    """A card with a table; numbers stand in the columns of `_NUMERIC`, buttons under ``block``."""
    title = context.t(f"identity.health.{word}")
    return card(
        h.p({"class": "small muted card-lead"}, note) if note else None,
        table(
            context,
            [
                Column(
                    label=context.t(f"identity.health.{name}"),
                    numeric=name in _NUMERIC,
                    hidden=name == "block",
                )
                for name in columns
            ],
            rows,
            caption=title,
        ),
        title=title,
        flush=True,
    )


def _upper(words: str) -> str:
    return words[:1].upper() + words[1:]


def _class_chip(context: PageContext, value_class: str) -> h.Markup:
    return chip(
        context.t(f"identity.class.{value_class}"),
        tone=_TONES[value_class],  # type: ignore[arg-type]
    )


def _examples(context: PageContext, found: Health) -> h.Markup | None:
    if not found.examples:
        return None
    n = context.n

    def row(each: SharedShown) -> tuple[h.Child, ...]:
        return (
            h.bdi(each.value),
            _upper(kind_words(context, each.kind)),
            _class_chip(context, each.value_class),
            n.count(each.records),
            n.count(each.persons),
            None
            if each.value_class == "blocked"
            else post_button(
                context,
                h.fragment(
                    context.t("identity.health.block"),
                    h.span({"class": "sr"}, f": {each.value}"),
                ),
                action="/identity/values/block",
                values={"ref": each.ref},
                kind="quiet",
                icon_name="ban",
            ),
        )

    return _table(
        context,
        "examples",
        ("value", "kind", "class", "records", "persons", "block"),
        map(row, found.examples[:_MOST_EXAMPLES]),
    )


def _overfull(context: PageContext, found: Health) -> h.Markup | None:
    """Sources that seem to give a number to somebody new: why their records are mixtures."""
    if not found.overfull:
        return None
    n = context.n
    return _table(
        context,
        "overfull",
        ("source", "kind", "records", "most"),
        [
            (
                h.a(
                    {"href": f"/sources/{quote(each.source, safe='')}"},
                    found.labels.get(each.source, each.source),
                ),
                _upper(kind_words(context, each.kind)),
                n.count(each.records),
                n.count(each.most),
            )
            for each in found.overfull
        ],
        note=context.t("identity.health.overfull_note"),
    )


def _believe(context: PageContext, found: Health) -> h.Markup:
    n = context.n

    def row(band: Band) -> h.Markup:
        label = context.t(
            "identity.health.band",
            low=n.share(band.low, digits=0),
            high=n.share(band.high, digits=0),
        )
        if not band.is_enough:
            said: h.Child = h.span(
                {"class": "muted"},
                context.t(
                    "identity.health.not_enough",
                    asked=n.count(band.asked),
                    needed=n.count(FEWEST_VERDICTS),
                ),
            )
        else:
            said = meter(
                band.confirmed / band.asked,
                context.t(
                    "identity.health.confirmed",
                    confirmed=n.count(band.confirmed),
                    asked=n.count(band.asked),
                ),
            )
        return h.li(h.div({"class": "small"}, label), h.div({"class": "small"}, said))

    return card(
        h.p({"class": "small muted"}, context.t("identity.health.believe_note")),
        h.ul({"class": "band-list"}, map(row, reversed(found.bands))),
        title=context.t("identity.health.believe"),
    )


def _large(context: PageContext, found: Health) -> h.Markup | None:
    if not found.large:
        return None
    above = [each for each in found.large if each.records > LARGE]
    return card(
        h.ul(
            {"class": "band-list"},
            (
                h.li(
                    {"class": "row apart"},
                    h.a(
                        {"href": f"/customers/{quote(each.profile_id)}/identity"},
                        h.bdi(each.name or context.t("identity.nameless")),
                    ),
                    h.span(
                        {"class": "small"},
                        chip(
                            context.t("identity.records", count=each.records),
                            tone="bad" if each.records > LARGE else "neutral",
                        ),
                    ),
                )
                for each in found.large
            ),
        ),
        title=context.t("identity.health.large"),
        foot=context.t("identity.health.large_note", count=context.n.count(LARGE))
        if above
        else None,
    )


def _blocked(context: PageContext, found: Health) -> h.Markup:
    return card(
        h.ul(
            {"class": "band-list"},
            (
                h.li(
                    {"class": "row apart"},
                    h.span(
                        h.bdi(each.value),
                        h.div(
                            {"class": "note"},
                            f"{each.author}, {context.n.date(each.at)}",
                        ),
                    ),
                    post_button(
                        context,
                        h.fragment(
                            context.t("identity.health.unblock"),
                            h.span({"class": "sr"}, f": {each.value}"),
                        ),
                        action="/identity/values/unblock",
                        values={"ref": each.ref},
                        kind="quiet",
                        icon_name="undo-2",
                    ),
                )
                for each in found.blocked
            ),
        )
        if found.blocked
        else h.p({"class": "small muted"}, context.t("identity.health.blocked_none")),
        title=context.t("identity.health.blocked"),
    )
