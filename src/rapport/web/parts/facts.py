"""What is known about a customer, with where it comes from; and what they consented to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from rapport.web import html as h
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One attribute."""

    label: str
    value: h.Child
    source: h.Child = None
    """Where and when it was learnt; shown behind a small question mark."""
    extra: h.Child = None
    """Beside the value, such as a chip "2 versions"."""


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose, and whether the customer allows it now."""

    label: str
    given: bool
    detail: str
    """Since when and where: "web shop, 9 Mar 2021", "withdrawn 4 Jun 2026"."""


def fact_list(context: PageContext, facts: Iterable[Fact], *, side: bool = True) -> h.Markup:
    """Facts under each other in a side card (`side`), or in columns; always columns on tablets."""
    return h.dl(
        {"class": "facts side" if side else "facts wide"},
        (
            h.div(
                {"class": "fact"},
                h.dt(
                    fact.label,
                    why(context, fact.source, label=context.t("parts.source", fact=fact.label))
                    if fact.source is not None
                    else None,
                ),
                h.dd(fact.value, " " if fact.extra is not None else None, fact.extra),
            )
            for fact in facts
        ),
    )


def consent_list(context: PageContext, consents: Iterable[Consent]) -> h.Markup:
    """Each purpose with a tick or a cross, and a word for those who see neither."""
    return h.ul(
        {"class": "consents"},
        (
            h.li(
                {"class": ["consent", consent.given and "given"]},
                h.span(
                    {"class": "consent-icon"},
                    icon(
                        "check" if consent.given else "x",
                        label=context.t(
                            "parts.consent.given" if consent.given else "parts.consent.not_given"
                        ),
                    ),
                ),
                h.span(
                    {"class": "stack", "style": "gap:0"},
                    consent.label,
                    h.span({"class": "note"}, consent.detail),
                ),
            )
            for consent in consents
        ),
    )


def why(
    context: PageContext,
    *body: h.Child,
    label: str | None = None,
    word: str | None = None,
    left: bool = False,
) -> h.Markup:
    """A definition or a reason, one press away and without a script.

    Parameters
    ----------
    context : PageContext
    body : children
    label : str, optional
        What a screen reader says of the question mark; default "What is this?".
    word : str, optional
        A visible word in place of the question mark.
    left : bool
        True near the right edge, so that it opens to the left.
    """
    return h.details(
        {"class": ["why", left and "left"], "data-menu": True},
        h.summary({"class": "worded"}, word)
        if word
        else h.summary(
            icon("circle-question-mark", size=14, label=label or context.t("parts.why"))
        ),
        h.div({"class": "why-body"}, body),
    )
