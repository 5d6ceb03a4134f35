"""The form that writes a rule: groups and conditions, counted as they change."""

from __future__ import annotations

from collections.abc import Sequence

from rapport.understand.geography.outlines import region_name
from rapport.understand.rfm import RFM_SEGMENTS
from rapport.understand.segments.rule import COLUMNS, Leaf, Rule, check
from rapport.web import html as h
from rapport.web.pages.segments.draft import (
    JOINS,
    NO_VALUE,
    DraftCondition,
    DraftGroup,
    DraftPart,
    draft_of,
    offered,
)
from rapport.web.pages.segments.happening_draft import DraftHappening, happening_of
from rapport.web.pages.segments.happening_form import (
    filter_lists,
    happening_fields,
    happening_words,
    kinds,
)
from rapport.web.pages.segments.near_form import (
    NEAR,
    DraftNear,
    near_fields,
    near_list,
    near_words,
)
from rapport.web.parts.buttons import button
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.htmx import send
from rapport.web.parts.icons import icon
from rapport.web.parts.measures import channel_name, country_name, segment_name
from rapport.workflows.company import Company
from rapport.workflows.segment_definitions import all_segments
from rapport.workflows.segment_history import OverlapView
from rapport.workflows.segments import Counted, text_choices
from rapport.workflows.shops import located_shops

_DRAFT = "/segments/draft"
_CHOICES = "segments-choices-"


def builder(
    context: PageContext,
    company: Company,
    draft: DraftGroup,
    *,
    name: str,
    key: str,
    counted: Counted | None,
    overlap: OverlapView | None = None,
    error: str | None = None,
) -> h.Markup:
    """The whole form; `counted` is None while the rule has mistakes."""
    t = context.t
    redraw = send(_DRAFT, target="#builder", select="#builder", trigger="change", newest=True)
    recount = send(
        "/segments/count",
        target="#segment-count",
        trigger="input changed delay:300ms from:#rule",
        newest=True,
    )
    parts = _parts(draft)
    columns = {
        part.column
        for part in parts
        if isinstance(part, DraftCondition) and COLUMNS[part.column] == "text"
    }
    did = [part for part in parts if isinstance(part, DraftHappening)]
    return h.div(
        {"id": "builder"},
        form(
            context,
            h.input({"type": "hidden", "name": "key", "value": key}),
            field(
                t("segments.name"),
                "name",
                value=name,
                error=error,
                hint=t("segments.name_hint"),
                attributes={"maxlength": 80},
            ),
            h.div({"id": "rule"}, _group(context, company, draft, "0", redraw)),
            _datalists(company, context, sorted(columns)),
            filter_lists(context, company, did),
            near_list(located_shops(company))
            if any(isinstance(part, DraftNear) for part in parts)
            else None,
            count_line(context, counted),
            overlap_line(context, overlap),
            h.div(
                {"class": "form-actions"},
                button(t("segments.save"), kind="primary", name="do", value="save"),
                button(
                    t("segments.look"),
                    name="do",
                    value="look",
                    attributes={"formaction": _DRAFT},
                ),
            ),
            action="/segments",
            attributes=recount,
        ),
    )


def count_line(context: PageContext, counted: Counted | None) -> h.Markup:
    """How many belong, said aloud as it changes."""
    if counted is None:
        text: h.Child = context.t("segments.not_countable")
    else:
        share = counted.members / counted.customers if counted.customers else 0.0
        text = context.rich(
            "segments.counted",
            members=h.b(context.n.count(counted.members)),
            customers=context.n.count(counted.customers),
            share=context.n.share(share),
        )
    return h.p({"id": "segment-count", "role": "status"}, text)


def overlap_line(context: PageContext, overlap: OverlapView | None) -> h.Markup:
    """Which other segments have most of the same people; it follows the rule after the count."""
    line = {
        "id": "segment-overlap",
        "class": "small muted",
        # Slower to find than the count, which is not to wait for it.
        **send(
            "/segments/overlap",
            target="this",
            trigger="input changed delay:900ms from:#rule",
            newest=True,
        ),
    }
    if overlap is None or not overlap.others:
        return h.p(line)
    named = [
        context.t(
            "segments.overlap_part",
            name=segment_name(context, line.segment),
            share=context.n.share(line.share),
        )
        for line in overlap.others[:3]
    ]
    return h.p(line, context.t("segments.overlap_line", parts=", ".join(named)))


def _parts(draft: DraftGroup) -> list[DraftCondition | DraftHappening | DraftNear]:
    found: list[DraftCondition | DraftHappening | DraftNear] = []
    for part in draft.parts:
        found += _parts(part) if isinstance(part, DraftGroup) else [part]
    return found


def _group(
    context: PageContext,
    company: Company,
    draft: DraftGroup,
    at: str,
    redraw: dict[str, h.Attribute],
) -> h.Markup:
    t = context.t
    whole = at == "0"
    return h.fieldset(
        {"class": "card stack tight", "style": "margin:0"},
        h.legend({"class": "sr"}, t("segments.group")),
        h.div(
            {"class": "row"},
            _select(
                t("segments.join.label"),
                f"n.{at}.join",
                [(join, t(f"segments.join.{join}")) for join in JOINS],
                draft.join,
                redraw,
            ),
            None if whole else _moves(context, at),
        ),
        h.div(
            {"class": "stack tight"},
            (
                _part(context, company, part, f"{at}-{number}", redraw)
                for number, part in enumerate(draft.parts)
            ),
        ),
        None
        if draft.error is None
        else h.p(
            {"class": "field-error"}, icon("circle-alert", size=14), t("segments.mistake.empty")
        ),
        h.div(
            {"class": "row"},
            _press(t("segments.add"), f"add:{at}", "plus"),
            _press(t("segments.add_group"), f"group:{at}", "list-plus"),
        ),
    )


def _part(
    context: PageContext,
    company: Company,
    part: DraftPart,
    at: str,
    redraw: dict[str, h.Attribute],
) -> h.Markup:
    if isinstance(part, DraftGroup):
        return _group(context, company, part, at, redraw)
    if isinstance(part, DraftHappening):
        first = _what(context, part.column, at, redraw)
        return happening_fields(context, company, part, at, first, _moves(context, at), redraw)
    if isinstance(part, DraftNear):
        first = _what(context, NEAR, at, redraw)
        return near_fields(context, part, at, first, _moves(context, at))
    return _condition(context, part, at, redraw)


def _what(context: PageContext, column: str, at: str, redraw: dict[str, h.Attribute]) -> h.Markup:
    """What a condition looks at: what customers did, or what is known of them."""
    t = context.t
    columns = sorted(
        ((name, t(f"segments.field.{name}")) for name in COLUMNS), key=lambda pair: pair[1].lower()
    )

    def options(pairs: Sequence[tuple[str, str]]) -> list[h.Markup]:
        return [h.option({"value": key, "selected": key == column}, text) for key, text in pairs]

    return h.select(
        {
            **redraw,
            "class": "input",
            "style": "flex:1 1 150px;max-width:280px;width:auto",
            "name": f"n.{at}.column",
            "id": f"n.{at}.column",
            "aria-label": t("segments.column"),
        },
        h.element("optgroup")({"label": t("segments.did.title")}, options(kinds(context))),
        h.element("optgroup")(
            {"label": t("segments.did.known")},
            options([(NEAR, t("segments.near.title")), *columns]),
        ),
    )


def _condition(
    context: PageContext, draft: DraftCondition, at: str, redraw: dict[str, h.Attribute]
) -> h.Markup:
    t = context.t
    operators = [
        (name, operator_name(context, draft.column, name))
        for name in offered(draft.column, draft.operator)
    ]
    error_id = f"error-{at}" if draft.error else None
    return h.div(
        {"class": "stack tight", "style": "gap:4px"},
        h.div(
            {"class": "row"},
            _what(context, draft.column, at, redraw),
            _select(t("segments.operator"), f"n.{at}.operator", operators, draft.operator, redraw),
            _value(context, draft, at, "value", error_id),
            h.fragment(h.span(t("segments.and")), _value(context, draft, at, "value2", error_id))
            if draft.operator == "between"
            else None,
            h.span(t("segments.unit.time")) if draft.operator == "within_last_days" else None,
            _moves(context, at),
        ),
        h.p(
            {"class": "field-error", "id": error_id},
            icon("circle-alert", size=14),
            t(f"segments.mistake.{draft.error}"),
        )
        if draft.error
        else None,
    )


def _value(
    context: PageContext, draft: DraftCondition, at: str, which: str, error_id: str | None
) -> h.Child:
    if draft.operator in NO_VALUE:
        return None
    t = context.t
    kind = COLUMNS[draft.column]
    name = f"n.{at}.{which}"
    value = draft.value if which == "value" else draft.value2
    label = t("segments.value")
    if kind == "flag":
        words = [("true", t("segments.yes")), ("false", t("segments.no"))]
        return _select(label, name, words, value or "true", {})
    if draft.column == "rfm_segment" and draft.operator in ("eq", "ne"):
        words = [(key, t(f"measures.segment.{key}")) for key in RFM_SEGMENTS]
        return _select(label, name, words, value, {})
    day = kind == "time" and draft.operator != "within_last_days" and len(value) <= 10
    return h.input(
        {
            "class": "input",
            "style": "flex:1 1 110px;max-width:220px;width:auto",
            "type": "date" if day else "text",
            "inputmode": "decimal" if kind in ("number", "money") else None,
            "name": name,
            "id": name,
            "value": value,
            "aria-label": label,
            "aria-invalid": "true" if draft.error else None,
            "aria-describedby": error_id,
            "list": f"{_CHOICES}{draft.column}" if kind == "text" else None,
            "placeholder": t("segments.several") if draft.operator == "in" else None,
        }
    )


def _select(
    label: str,
    name: str,
    options: Sequence[tuple[str, str]],
    value: str,
    attributes: dict[str, h.Attribute],
) -> h.Markup:
    return h.select(
        {
            **attributes,
            "class": "input",
            "style": "flex:1 1 150px;max-width:280px;width:auto",
            "name": name,
            "id": name,
            "aria-label": label,
        },
        (h.option({"value": key, "selected": key == value}, text) for key, text in options),
    )


def _press(text: str, do: str, icon_name: str) -> h.Markup:
    return button(
        text,
        icon_name=icon_name,
        kind="quiet",
        name="do",
        value=do,
        attributes={
            "formaction": _DRAFT,
            **send(_DRAFT, target="#builder", select="#builder", newest=True),
        },
    )


def _moves(context: PageContext, at: str) -> h.Markup:
    t = context.t
    return h.span(
        {"class": "row", "style": "gap:0;flex-wrap:nowrap"},
        (
            h.button(
                {
                    **send(_DRAFT, target="#builder", select="#builder", newest=True),
                    "class": "button quiet square",
                    "type": "submit",
                    "name": "do",
                    "value": f"{action}:{at}",
                    "formaction": _DRAFT,
                    "aria-label": t(f"segments.{action}"),
                    "title": t(f"segments.{action}"),
                },
                icon(icon_name),
            )
            for action, icon_name in (("up", "arrow-up"), ("down", "arrow-down"), ("remove", "x"))
        ),
    )


def _datalists(company: Company, context: PageContext, columns: Sequence[str]) -> list[h.Markup]:
    """What may be typed into the text fields: the values that occur."""
    named = {
        each.key: segment_name(context, each)
        for each in (all_segments(company) if "persona" in columns else ())
    }
    return [
        h.element("datalist")(
            {"id": f"{_CHOICES}{column}"},
            (
                h.option({"value": value}, _choice(context, named, value, customers))
                for value, customers in text_choices(company, column)
            ),
        )
        for column in columns
    ]


def _choice(context: PageContext, named: dict[str, str], value: str, customers: int) -> str:
    count = context.n.count(customers)
    return f"{named[value]} ({count})" if value in named else count


# ── a rule in words ────────────────────────────────────────────────────────────────────────────


def operator_name(context: PageContext, column: str, operator: str) -> str:
    """An operator in words; those of times are said differently."""
    if COLUMNS[column] == "time" and operator in ("lt", "le", "gt", "ge"):
        return context.t(f"segments.operator_time.{operator}")
    return context.t(f"segments.operators.{operator}")


def in_words(context: PageContext, rule: Rule, time_zone: str) -> h.Markup:
    """The rule for people: nested lists of conditions."""
    check(rule)
    return h.div({"class": "rule"}, _said(context, draft_of(rule, time_zone)))


def leaf_in_words(context: PageContext, leaf: Leaf, time_zone: str) -> h.Markup:
    """One condition for people."""
    return _said(context, draft_of(leaf, time_zone).parts[0])


def _said(context: PageContext, draft: DraftPart) -> h.Markup:
    # The draft has what readers see: days, not moments.
    if isinstance(draft, DraftHappening):
        happening = happening_of(draft)
        return h.span("–" if happening is None else happening_words(context, happening))
    if isinstance(draft, DraftNear):
        return h.span(near_words(context, draft))
    if isinstance(draft, DraftGroup):
        if not draft.parts:
            return h.p(context.t("segments.everybody"))
        if len(draft.parts) == 1 and draft.join != "none":
            return _said(context, draft.parts[0])
        return h.div(
            h.p({"class": "small muted"}, context.t(f"segments.join.{draft.join}")),
            h.ul(
                {"style": "padding-left:18px;list-style:disc"},
                (h.li(_said(context, part)) for part in draft.parts),
            ),
        )
    name = context.t(f"segments.field.{draft.column}")
    operator = operator_name(context, draft.column, draft.operator)
    return h.span(f"{name} {operator} ", h.b(_shown(context, draft)))


def _shown(context: PageContext, draft: DraftCondition) -> str:
    t = context.t
    if draft.operator in NO_VALUE:
        return ""
    kind = COLUMNS[draft.column]
    if kind == "flag":
        return t("segments.yes") if draft.value == "true" else t("segments.no")
    if draft.operator == "within_last_days":
        return f"{draft.value} {t('segments.unit.time')}"
    values = [draft.value, *([draft.value2] if draft.operator == "between" else [])]
    if draft.operator == "in":
        values = draft.value.split("; ")
    if draft.column == "rfm_segment":
        values = [t(f"measures.segment.{v}") if v in RFM_SEGMENTS else v for v in values]
    elif draft.column == "region":
        values = [region_name(v) for v in values]
    elif draft.column == "country":
        values = [country_name(context, v) for v in values]
    elif draft.column == "acquisition_channel":
        values = [channel_name(context, v) for v in values]
    joint = f" {t('segments.and')} " if draft.operator == "between" else ", "
    return joint.join(values)
