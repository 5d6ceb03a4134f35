"""What the members of a segment write: the words that set them apart, and typical texts."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.understand.personas.stored import Portrait
from rapport.understand.personas.verbatims import Verbatim
from rapport.understand.personas.words import Word
from rapport.web import html as h
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.tables import Column, table
from rapport.web.places import language_name


def voice_cards(
    context: PageContext, portrait: Portrait, texts: Sequence[Verbatim] | None
) -> list[h.Child]:
    """Words with lift and count; texts only where the reader may see customers."""
    t = context.t
    if not portrait.words:
        nothing = h.p({"class": "small muted"}, t("personas.nothing"))
        return [card(nothing, title=t("personas.said.words"), span="span-12")]
    cards: list[h.Child] = [_words(context, portrait.words)]
    if texts is not None:
        cards.append(_texts(context, texts))
    return cards


def _words(context: PageContext, words: Sequence[Word]) -> h.Markup:
    t, n = context.t, context.n
    columns = [
        Column(label=t("personas.said.word")),
        Column(label=t("personas.said.share"), numeric=True),
        Column(label=t("personas.said.everybody"), numeric=True),
        Column(label=t("personas.said.lift"), numeric=True),
        Column(label=t("personas.said.customers"), numeric=True),
    ]
    rows: list[list[h.Child]] = [
        [
            h.fragment(
                h.bdi({"lang": each.language}, each.word),
                " ",
                h.small({"class": "muted"}, language_name(context.language, each.language)),
            ),
            n.share(each.share, digits=0),
            n.share(each.everybody, digits=0),
            t(
                "personas.times",
                lift=n.decimal(each.lift, digits=1),
                low=n.decimal(each.low, digits=1),
                high=n.decimal(each.high, digits=1),
            ),
            t("personas.of_known", count=n.count(each.customers), known=n.count(each.known)),
        ]
        for each in words
    ]
    return card(
        table(context, columns, rows, caption=t("personas.said.words")),
        title=t("personas.said.words"),
        note=t("personas.said.words_note"),
        span="span-12",
        flush=True,
    )


def _texts(context: PageContext, texts: Sequence[Verbatim]) -> h.Markup:
    t, n = context.t, context.n
    if not texts:
        said: h.Child = h.p({"class": "small muted"}, t("personas.said.no_texts"))
    else:
        said = h.div(
            {"class": "stack"},
            (
                h.figure(
                    {"style": "margin:0"},
                    h.blockquote(
                        {"lang": each.language, "dir": "auto", "style": "margin:0"}, each.text
                    ),
                    h.figcaption(
                        {"class": "small muted"},
                        t(f"personas.said.type.{each.type.lower().replace(' ', '_')}"),
                        f" · {n.date(n.local(each.occurred_at).date())} · ",
                        h.span({"lang": each.language}, ", ".join(each.words)),
                    ),
                )
                for each in texts
            ),
        )
    return card(
        said,
        title=t("personas.said.texts"),
        note=t("personas.said.texts_note"),
        span="span-12",
    )
