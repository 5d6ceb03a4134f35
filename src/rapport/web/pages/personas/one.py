"""What the members of one segment are like: statements, a typical day, what they are not."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.personas.day import PARTS, Day, Part
from rapport.understand.personas.facts import KINDS
from rapport.understand.personas.statements import Statement, is_
from rapport.understand.personas.stored import Portrait
from rapport.understand.personas.verbatims import Verbatim
from rapport.web import html as h
from rapport.web.charts.figure import chart_card
from rapport.web.charts.line import Line, line_chart
from rapport.web.pages.personas.voice import voice_cards
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.measures import channel_name
from rapport.web.parts.tables import Column, table
from rapport.web.parts.traits import trait_words


def portrait_body(
    context: PageContext,
    portrait: Portrait,
    time_zone: str,
    texts: Sequence[Verbatim] | None,
) -> list[h.Child]:
    """The cards of a portrait; ``texts`` are None for who may not see customers."""
    t = context.t
    less = [each for each in portrait.statements if each.verdict == "less"]
    same = [each for each in portrait.statements if each.verdict == "same"]
    return [
        *(_kind_card(context, portrait, kind) for kind in KINDS),
        *voice_cards(context, portrait, texts),
        *_day_cards(context, portrait, time_zone),
        card(
            _list(context, less),
            title=t("personas.less_title"),
            note=t("personas.less_note"),
            span="span-6",
        ),
        card(_list(context, same), title=t("personas.same_title"), span="span-6"),
        h.p({"class": "note span-12"}, t("personas.method", fewest=str(SMALLEST_GROUP))),
    ]


def _kind_card(context: PageContext, portrait: Portrait, kind: str) -> h.Markup:
    own = [each for each in is_(portrait.statements) if each.trait.kind == kind]
    return card(_list(context, own), title=context.t(f"personas.kind.{kind}"), span="span-6")


def _list(context: PageContext, statements: Sequence[Statement]) -> h.Markup:
    """Statements with their shares, lift and count."""
    t, n = context.t, context.n
    if not statements:
        return h.p({"class": "small muted"}, t("personas.nothing"))

    def times(statement: Statement, value: float) -> str:
        return n.decimal(value, digits=1 if statement.low >= 2 else 2)

    return h.ul(
        {"class": "stack tight", "style": "list-style:none;margin:0;padding:0"},
        (
            h.li(
                h.b(trait_words(context, each.trait)),
                h.div(
                    {"class": "small"},
                    t(
                        "personas.against",
                        share=n.share(each.share, digits=0),
                        everybody=n.share(each.everybody, digits=0),
                    ),
                    h.span(
                        {"class": "muted"},
                        " · ",
                        t(
                            "personas.times",
                            lift=times(each, each.lift),
                            low=times(each, each.low),
                            high=times(each, each.high),
                        ),
                        " · ",
                        t(
                            "personas.of_known",
                            count=n.count(each.customers),
                            known=n.count(each.known),
                        ),
                    ),
                ),
            )
            for each in statements
        ),
    )


# ── a typical day ──────────────────────────────────────────────────────────────────────────────


def _day_cards(context: PageContext, portrait: Portrait, time_zone: str) -> list[h.Child]:
    t = context.t
    if portrait.day is None or portrait.base is None:
        few = h.p({"class": "small muted"}, t("personas.day.few"))
        return [card(few, title=t("personas.day.title"), span="span-12")]
    return [
        _hours(context, portrait.day, portrait.base, False, time_zone),
        _hours(context, portrait.day, portrait.base, True, time_zone),
        _channels(context, portrait.day, portrait.base),
    ]


def _hours(context: PageContext, own: Day, base: Day, weekend: bool, time_zone: str) -> h.Markup:
    """The share of each hour in the occasions of weekdays, or of weekends."""
    t, n = context.t, context.n
    part = t("personas.day.weekend" if weekend else "personas.day.weekday")
    title = h.fragment(t("personas.day.title"), ": ", part)
    theirs, others = _of(own, weekend), _of(base, weekend)
    busiest, usual = _busiest(theirs), _busiest(others)
    if busiest is None or usual is None:
        few = h.p({"class": "small muted"}, t("personas.day.few"))
        return card(few, title=title, span="span-6")
    chart = line_chart(
        context,
        labels=[str(hour) if hour % 3 == 0 else "" for hour in range(24)],
        long_labels=[f"{hour}:00" for hour in range(24)],
        lines=[
            Line(name=t("personas.day.these"), values=theirs),
            Line(name=t("personas.day.everybody"), values=others, colour="cgrey"),
        ],
        written=n.share,
        tick_format=lambda value: n.share(value, digits=0),
        sentence=t("personas.day.sentence", part=part, hour=str(busiest), other=str(usual)),
        from_zero=True,
    )
    return chart_card(
        context, title, chart, note=t("personas.day.note", zone=time_zone), span="span-6"
    )


def _of(day: Day, weekend: bool) -> list[float | None]:
    return [each.share for each in day.hours if each.weekend == weekend]


def _busiest(shares: Sequence[float | None]) -> int | None:
    """The hour of the largest share; None where none is told."""
    told = [(share, -hour) for hour, share in enumerate(shares) if share]
    return -max(told)[1] if told else None


def _channels(context: PageContext, own: Day, base: Day) -> h.Markup:
    """Each channel's share of all occasions by part of the day, beside everybody's."""
    t, n = context.t, context.n
    columns = [
        Column(label=t("personas.day.channel")),
        *(Column(label=t(f"personas.day.part.{part}"), numeric=True) for part in PARTS),
    ]
    theirs = {(each.channel, each.part): each.share for each in own.channels}
    others = {(each.channel, each.part): each.share for each in base.channels}

    def told(share: float | None) -> str:
        return "–" if share is None else n.share(share)

    def cell(channel: str, part: Part) -> h.Markup:
        usual = told(others.get((channel, part), 0.0))
        return h.fragment(
            told(theirs.get((channel, part), 0.0)),
            h.small({"class": "muted"}, " ", t("personas.day.usual", share=usual)),
        )

    def weight(channel: str) -> float:
        return sum(others.get((channel, part)) or 0.0 for part in PARTS)

    rows: list[list[h.Child]] = [
        [channel_name(context, name), *(cell(name, part) for part in PARTS)]
        for name in sorted({channel for channel, _ in others}, key=weight, reverse=True)
    ]
    return card(
        table(context, columns, rows, caption=t("personas.day.channels")),
        title=t("personas.day.channels"),
        note=t("personas.day.channels_note"),
        foot=t(
            "personas.day.part_share",
            share=n.share(own.weekend_share, digits=0),
            other=n.share(base.weekend_share, digits=0),
        ),
        span="span-12",
        flush=True,
    )
