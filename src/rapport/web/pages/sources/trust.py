"""Which silo can be trusted for what: every field of every silo, from 0 to 100."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime

from rapport.understand.quality.shares import FEWEST, WEIGHTS
from rapport.vocabulary.profile import ATTRIBUTES
from rapport.web import html as h
from rapport.web.pages.sources.one import address, field_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.workflows.quality import FieldQuality, Quality, SourceQuality

_FIRST_STRONG = 6
#: Widths in px: of the fields' names, and the least of a silo's column. So narrow that some
#: twenty-five silos stand beside each other; their names stand upright.
_NAME, _SILO = 150, 34
#: From which score on each darker shade begins. Most silos are good at most things, so that equal
#: steps from 0 to 100 would paint all of them alike.
_SHADES = (60, 70, 80, 88, 94, 98)
#: Below which score a field is named in words, and how many of them at most.
_CAREFUL, _MOST_CAREFUL = 80, 6


def trust_page(context: PageContext, measured: Quality | None, now: datetime) -> h.Markup:
    """The whole page."""
    back = button(context.t("quality.back"), href="/sources", icon_name="arrow-left")
    if measured is None:
        return page(
            context,
            context.t("quality.title"),
            card(
                empty_state(
                    context.t("quality.none_yet"),
                    context.t("quality.none_detail"),
                    icon_name="gauge",
                )
            ),
            tools=back,
        )
    return page(
        context,
        context.t("quality.title"),
        h.div(
            {"class": "grid"},
            _careful(context, measured),
            _matrix(context, measured, of_person=True),
            _matrix(context, measured, of_person=False),
            how_card(context, span="span-12"),
        ),
        subtitle=context.t(
            "quality.subtitle",
            people=context.n.count(measured.people),
            ago=context.n.ago(measured.measured_at, now),
        ),
        tools=back,
    )


def _careful(context: PageContext, measured: Quality) -> h.Markup:
    """The worst fields in words, with the reason; the shades below show where all others stand."""
    low = (
        (each.score.value, silo, each)
        for silo in measured.sources
        for each in silo.fields
        if each.score is not None and each.score.value < _CAREFUL
    )
    worst = sorted(low, key=lambda found: (found[0], found[1].name, found[2].field))[:_MOST_CAREFUL]
    n = context.n
    title = context.t("quality.careful")
    if not worst:
        return card(
            h.p({"class": "muted"}, context.t("quality.careful_none")), title=title, span="span-12"
        )
    return card(
        table(
            context,
            [
                Column(label=context.t("quality.field")),
                Column(label=context.t("sources.column.source")),
                Column(label=context.t("quality.score"), numeric=True),
                Column(label=context.t("sources.column.reason")),
            ],
            [
                (
                    field_words(context, each.field),
                    h.a({"href": f"{address(silo.name)}#quality"}, silo.label),
                    n.decimal(score, digits=0),
                    _because(context, each),
                )
                for score, silo, each in worst
            ],
            caption=title,
        ),
        title=title,
        note=context.t("quality.careful_note"),
        flush=True,
        span="span-12",
    )


def _because(context: PageContext, found: FieldQuality) -> str:
    """The dimension that lowers the score most."""
    measured = found.score.of if found.score else ()
    shares = {name: share for name, share in found.shares().items() if share and name in measured}
    worst = min(shares, key=lambda name: weighed(shares[name].value, name))
    share = context.n.share(shares[worst].value, digits=0)
    return context.t(f"quality.because_{worst}", share=share)


def weighed(share: float, dimension: str) -> float:
    """What a dimension's share makes of a perfect score: its part of the geometric mean."""
    return float(share ** WEIGHTS[dimension])


def _matrix(context: PageContext, measured: Quality, *, of_person: bool) -> h.Markup | None:
    """Fields down, silos across."""
    found = {
        source.name: {each.field: each for each in source.fields if each.of_person is of_person}
        for source in measured.sources
    }
    silos = [source for source in measured.sources if found[source.name]]
    if not silos:
        return None
    known = {field for fields in found.values() for field in fields}
    order = [*ATTRIBUTES] if of_person else []
    fields = sorted(known, key=lambda f: (order.index(f) if f in order else 99, f))
    columns = [
        h.th({"scope": "col"}, context.t("quality.field")),
        *(
            h.th(
                {"scope": "col", "class": "upright"},
                h.a({"href": f"{address(silo.name)}#quality", "title": silo.label}, silo.label),
            )
            for silo in silos
        ),
    ]
    title = context.t("quality.person" if of_person else "quality.event")
    return card(
        h.div(
            {
                "class": "table-scroll",
                "tabindex": 0,
                "role": "region",
                "aria-label": title,
                # What is only for screen readers is placed absolutely and must scroll along.
                "style": "position:relative",
            },
            h.table(
                {
                    "class": "cohort silos",
                    "style": f"table-layout:fixed;min-width:{_NAME + _SILO * len(silos)}px",
                },
                h.colgroup(h.col({"style": f"width:{_NAME}px"}), (h.col() for _ in silos)),
                h.thead(h.tr(columns)),
                h.tbody(_row(context, field, silos, found) for field in fields),
            ),
        ),
        title=title,
        note=context.t("quality.matrix_note"),
        span="span-12",
    )


def _row(
    context: PageContext,
    field: str,
    silos: Sequence[SourceQuality],
    found: dict[str, dict[str, FieldQuality]],
) -> h.Markup:
    scores = [
        each.score.value
        for silo in silos
        if (each := found[silo.name].get(field)) is not None and each.score is not None
    ]
    # Of one silo nothing can be said to be the best.
    best = max(scores) if len(scores) > 1 else None
    return h.tr(
        h.th({"scope": "row"}, field_words(context, field)),
        (_cell(context, field, silo, found[silo.name].get(field), best) for silo in silos),
    )


def _cell(
    context: PageContext,
    field: str,
    silo: SourceQuality,
    seen: FieldQuality | None,
    best: float | None,
) -> h.Markup:
    n = context.n
    if seen is None:
        return h.td()
    href = f"{address(silo.name)}#quality"
    if seen.score is None:
        records = seen.validity.n if seen.validity else 0
        title = context.t("quality.few", count=n.count(min(records, FEWEST - 1)))
        return h.td(h.a({"href": href, "class": "muted", "title": title, "aria-label": title}, "–"))
    value = seen.score.value
    said = context.t(
        "quality.cell",
        field=field_words(context, field),
        source=silo.label,
        score=n.decimal(value, digits=0),
        low=n.decimal(seen.score.low, digits=0),
        high=n.decimal(seen.score.high, digits=0),
    )
    shown: h.Child = n.decimal(value, digits=0)
    if value == best:
        shown = h.b(shown, h.span({"class": "sr"}, f" ({context.t('quality.best')})"))
    step = step_of(value)
    return h.td(
        {"class": ["heat", f"heat-{step}", step >= _FIRST_STRONG and "strong"], "data-tip": said},
        h.a({"href": href, "style": "color:inherit"}, shown),
    )


def step_of(score: float) -> int:
    """Which of the seven shades a score has."""
    return 1 + bisect_right(_SHADES, score)


def how_card(context: PageContext, *, span: str | None = None) -> h.Markup:
    """The dimensions, what each means and weighs, and how they become one score."""
    return card(
        table(
            context,
            [
                Column(label=context.t("quality.score")),
                Column(label=context.t("quality.weight"), numeric=True),
                Column(label=context.t("quality.means")),
            ],
            [
                (
                    context.t(f"quality.dimension.{name}"),
                    context.n.count(weight),
                    h.span({"class": "small"}, context.t(f"quality.meaning.{name}")),
                )
                for name, weight in WEIGHTS.items()
            ],
            caption=context.t("quality.how"),
        ),
        title=context.t("quality.how"),
        foot=context.t("quality.formula"),
        flush=True,
        span=span,
    )
