"""What customers did, as fields of the builder and in words."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.understand.segments.happening import (
    LISTS,
    Followed,
    Happened,
    Happening,
    Recency,
    Span,
    Which,
)
from rapport.web import html as h
from rapport.web.pages.segments.happening_draft import (
    FILTERS,
    KINDS,
    UNITS,
    DraftFilter,
    DraftHappening,
    DraftWhich,
    operators,
)
from rapport.web.parts.context import PageContext
from rapport.web.parts.icons import icon
from rapport.web.parts.measures import channel_name, country_name
from rapport.workflows.company import Company
from rapport.workflows.segments import touchpoint_choices

CHOICES = "segments-did-"
#: Types that have words; the first ones are offered before any was recorded.
_WORDS = (
    "Page Viewed", "Product Viewed", "Product Added", "Cart Viewed", "Checkout Started",
    "Order Completed", "Order Refunded", "Order Cancelled", "Store Visited", "Ticket Opened",
    "Call Ended", "Chat Ended", "Email Received", "Review Posted", "Survey Answered",
    "Message Opened", "Message Clicked", "Unsubscribed", "Message Sent", "Ticket Resolved",
    "Shipment Delivered", "Payment Received", "Configuration Saved", "Products Searched",
)  # fmt: skip
_OFFERED = _WORDS[:18]


def kinds(context: PageContext) -> list[tuple[str, str]]:
    """What may be asked of what customers did, for the first field of a condition."""
    return [(kind, context.t(f"segments.did.kind.{kind[1:]}")) for kind in KINDS]


def type_name(context: PageContext, name: str) -> str:
    """A type of touchpoint in words, or as it was recorded where there are none."""
    if name not in _WORDS:
        return name
    return context.t(f"segments.did.type.{name.lower().replace(' ', '_')}")


# ── fields ─────────────────────────────────────────────────────────────────────────────────────


def happening_fields(
    context: PageContext,
    company: Company,
    draft: DraftHappening,
    at: str,
    first: h.Child,
    last: h.Child,
    redraw: dict[str, h.Attribute],
) -> h.Markup:
    """The fields of a condition: ``first`` chooses its kind, ``last`` moves and removes it."""
    t = context.t
    error_id = f"error-{at}" if draft.error else None
    # What is wrong with a filter says nothing of the numbers before it.
    number_id = None if draft.error in ("filter", "property", "number") else error_id
    types = _types(context, company)
    rows: list[h.Child] = [
        _row(
            first,
            _type(context, types, draft.which, f"n.{at}.types"),
            *_measure(context, draft, at, redraw, number_id),
            last,
        ),
        _filters(context, draft.which, at, "f", redraw),
    ]
    if draft.is_sequence:
        then = "then" if draft.column == "@followed" else "then_not"
        rows += [
            _row(
                h.span(t(f"segments.did.{then}")),
                _type(context, types, draft.then, f"n.{at}.then"),
                h.span(t("segments.did.within")),
                *_span(context, at, "span", "unit", draft.span, draft.unit, number_id),
            ),
            _filters(context, draft.then, at, "g", redraw),
            _row(
                h.span(t("segments.did.since")),
                *_span(
                    context, at, "since", "since_unit", draft.since, draft.since_unit, number_id
                ),
            ),
        ]
    if draft.error:
        rows.append(
            h.p(
                {"class": "field-error", "id": error_id},
                icon("circle-alert", size=14),
                t(f"segments.mistake.{draft.error}"),
            )
        )
    return h.div({"class": "stack tight", "style": "gap:4px"}, rows)


def _row(*parts: h.Child) -> h.Markup:
    return h.div({"class": "row"}, parts)


def _measure(
    context: PageContext,
    draft: DraftHappening,
    at: str,
    redraw: dict[str, h.Attribute],
    error_id: str | None,
) -> list[h.Child]:
    t = context.t
    if draft.is_sequence:
        return []
    if draft.is_recency:
        words = [(name, t(f"segments.did.when.{name}")) for name in operators(draft.column)]
        return [
            choose(t("segments.operator"), f"n.{at}.operator", words, draft.operator, redraw),
            *_span(context, at, "span", "unit", draft.span, draft.unit, error_id),
        ]
    words = [(name, t(f"segments.did.compare.{name}")) for name in operators(draft.column)]
    return [
        choose(
            t("segments.operator"), f"n.{at}.operator", words, draft.operator, redraw, width=130
        ),
        _input(t("segments.value"), f"n.{at}.value", draft.value, error_id, "decimal", width=80),
        h.span("×") if draft.column == "@count" else None,
        h.span(t("segments.did.within_last")),
        *_span(context, at, "span", "unit", draft.span, draft.unit, error_id),
    ]


def _span(
    context: PageContext, at: str, number: str, unit: str, value: str, chosen: str,
    error_id: str | None,
) -> list[h.Child]:  # fmt: skip
    t = context.t
    words = [(name, t(f"segments.did.unit.{name}")) for name in UNITS]
    return [
        _input(
            t("segments.did.length"),
            f"n.{at}.{number}",
            value,
            error_id,
            "numeric",
            width=78,
            placeholder=t("segments.did.ever"),
        ),
        choose(t("segments.did.unit_label"), f"n.{at}.{unit}", words, chosen, {}, width=110),
    ]


def _types(context: PageContext, company: Company) -> list[tuple[str, str]]:
    found = [name for name, _ in touchpoint_choices(company, "types")]
    names = dict.fromkeys([*found, *_OFFERED])
    return sorted(((name, type_name(context, name)) for name in names), key=lambda pair: pair[1])


def _type(
    context: PageContext, types: Sequence[tuple[str, str]], draft: DraftWhich, name: str
) -> h.Markup:
    t = context.t
    options = [("", t("segments.did.anything")), *types]
    if draft.types not in dict(options):  # several, as a program may have stored them
        several = ", ".join(type_name(context, each.strip()) for each in draft.types.split(";"))
        options.append((draft.types, several))
    return choose(t("segments.did.what"), name, options, draft.types, {}, width=220)


def _filters(
    context: PageContext,
    draft: DraftWhich,
    at: str,
    letter: str,
    redraw: dict[str, h.Attribute],
) -> h.Markup:
    t = context.t
    options = [("", t("segments.did.no_filter"))]
    options += [(kind, t(f"segments.did.filter.{kind}")) for kind in FILTERS]
    rows = []
    for number, each in enumerate([*draft.filters, DraftFilter()]):
        name = f"n.{at}.{letter}{number}"
        rows.append(
            h.span(
                {"class": "row", "style": "gap:6px"},
                choose(t("segments.did.filter_label"), f"{name}.kind", options, each.kind, redraw),
                _input(
                    t("segments.value"),
                    f"{name}.value",
                    each.value,
                    None,
                    None,
                    width=200,
                    listed=f"{CHOICES}{each.kind}" if each.kind in LISTS else None,
                    placeholder=t(f"segments.did.{_example(each.kind)}"),
                )
                if each.kind
                else None,
            )
        )
    return h.div({"class": "row", "style": "padding-left:16px"}, rows)


def _example(kind: str) -> str:
    if kind == "property":
        return "example_property"
    return "example_list" if kind in LISTS else "example"


def filter_lists(
    context: PageContext, company: Company, drafts: Sequence[DraftHappening]
) -> list[h.Markup]:
    """What may be typed into filters: the values that occur."""
    names = {
        each.kind
        for draft in drafts
        for each in (*draft.which.filters, *draft.then.filters)
        if each.kind in LISTS
    }
    return [
        h.element("datalist")(
            {"id": f"{CHOICES}{name}"},
            (
                h.option({"value": value}, context.n.count(number))
                for value, number in touchpoint_choices(company, name)
            ),
        )
        for name in sorted(names)
    ]


def choose(
    label: str,
    name: str,
    options: Sequence[tuple[str, str]],
    value: str,
    attributes: dict[str, h.Attribute],
    *,
    width: int = 280,
) -> h.Markup:
    """A field with choices."""
    return h.select(
        {
            **attributes,
            "class": "input",
            "style": f"flex:1 1 {min(width, 150)}px;max-width:{width}px;width:auto",
            "name": name,
            "id": name,
            "aria-label": label,
        },
        (h.option({"value": key, "selected": key == value}, text) for key, text in options),
    )


def _input(
    label: str,
    name: str,
    value: str,
    error_id: str | None,
    mode: str | None,
    *,
    width: int,
    listed: str | None = None,
    placeholder: str | None = None,
) -> h.Markup:
    return h.input(
        {
            "class": "input",
            "style": f"flex:1 1 {min(width, 110)}px;max-width:{width}px;width:auto",
            "type": "text",
            "inputmode": mode,
            "name": name,
            "id": name,
            "value": value,
            "aria-label": label,
            "aria-invalid": "true" if error_id else None,
            "aria-describedby": error_id,
            "list": listed,
            "placeholder": placeholder,
        }
    )


# ── in words ───────────────────────────────────────────────────────────────────────────────────


def happening_words(context: PageContext, happening: Happening) -> str:
    """A condition in a sentence."""
    said = _said(context, happening)
    return said[:1].upper() + said[1:]


def _said(context: PageContext, happening: Happening) -> str:
    t = context.t
    what = which_words(context, happening.which)
    if isinstance(happening, Followed):
        since = ""
        if happening.since is not None:
            since = t("segments.did.said_since", span=span_words(context, happening.since))
        return t(
            "segments.did.said_followed" if happening.holds else "segments.did.said_waited",
            what=what,
            then=which_words(context, happening.then),
            span=span_words(context, happening.within),
            since=since,
        )
    if isinstance(happening, Recency):
        return t(
            f"segments.did.said_{happening.place}_{happening.operator}",
            what=what,
            span=span_words(context, happening.span),
        )
    return _how_much(context, happening, what)


def _how_much(context: PageContext, happening: Happened, what: str) -> str:
    t = context.t
    window = ""
    if happening.within is not None:
        window = t("segments.did.said_window", span=span_words(context, happening.within))
    value = str(happening.value)
    return t(
        f"segments.did.said_{happening.measure}",
        what=what,
        compare=t(f"segments.did.compare.{happening.operator}"),
        value=value,
        window=window,
    )


def span_words(context: PageContext, span: Span) -> str:
    """A length of time, such as "90 days"."""
    return context.t(f"segments.did.span.{span.unit}", number=context.n.count(span.number))


def which_words(context: PageContext, which: Which) -> str:
    """Which touchpoints, with their filters in brackets."""
    t = context.t
    joint = t("segments.did.or")
    what = t("segments.did.anything")
    if which.types:
        what = joint.join(type_name(context, name) for name in which.types)
    said = []
    for kind in FILTERS:
        if kind == "property":
            said += [f"{each.name} = {joint.join(each.values)}" for each in which.properties]
            continue
        value = getattr(which, kind)
        if value is None or value == ():
            continue
        written = value
        if kind in LISTS:
            named = {"channels": channel_name, "countries": country_name}.get(kind)
            written = joint.join(named(context, each) if named else each for each in value)
        said.append(f"{t(f'segments.did.filter.{kind}')} {written}")
    return f"{what} ({', '.join(said)})" if said else what
