"""Uploading a file: choose it, see how it was understood, correct that, import."""

from __future__ import annotations

import re

from rapport.collect.column_names import plain_name
from rapport.collect.connectors import KINDS
from rapport.web import html as h
from rapport.web.pages.sources.one import field_words
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field
from rapport.web.parts.frame import page
from rapport.web.parts.states import flash, flash_list
from rapport.web.parts.tables import Column, table
from rapport.web.words import catalogue
from rapport.workflows.import_files import Imported
from rapport.workflows.upload import ENDINGS, GUESS, Confirmed, FileColumn, UploadPreview

#: Constants that a person may state for all rows, where the kind of file has such a field.
_CONSTANTS = ("currency", "question", "country", "place")
#: What a question is about.
_NAMED = re.compile(r"`(\w+)`")


def upload_page(context: PageContext, *, kind: str = GUESS, error: str | None = None) -> h.Markup:
    """The form for a file."""
    return page(
        context,
        context.t("sources.upload_page.title"),
        h.div(
            {"class": "grid"},
            card(
                form(
                    context,
                    field(
                        context.t("sources.upload_page.file"),
                        "file",
                        type="file",
                        required=True,
                        hint=context.t("sources.upload_page.file_hint"),
                        error=error,
                        attributes={"accept": ",".join(ENDINGS)},
                    ),
                    select_field(
                        context.t("sources.upload_page.kind"),
                        "kind",
                        [(GUESS, context.t("sources.kind.guess")), *_kinds(context)],
                        value=kind,
                    ),
                    h.div(
                        {"class": "form-actions"},
                        button(context.t("sources.upload_page.next"), kind="primary"),
                        button(context.t("sources.one.back"), href="/sources"),
                    ),
                    action="/sources/new/upload",
                    attributes={"enctype": "multipart/form-data"},
                ),
                span="span-6",
            ),
        ),
        subtitle=context.t("sources.upload_page.subtitle"),
    )


def _kinds(context: PageContext) -> list[tuple[str, str]]:
    """Kinds of files in the order of their names, as a person looks for one."""
    named = [(each, context.t(f"sources.kind.{each}")) for each in KINDS]
    return sorted(named, key=lambda kind: kind[1].casefold())


def confirm_page(
    context: PageContext,
    preview: UploadPreview,
    given: Confirmed | None = None,
    *,
    error: str | None = None,
    checked: Imported | None = None,
) -> h.Markup:
    """How the file was understood; what was ``given`` before stands in place of the guess."""
    if not preview.recognised:
        return _unknown_page(context, preview, error)
    n = context.n
    return page(
        context,
        context.t("sources.confirm.title"),
        flash_list(flash(error, tone="bad")) if error else None,
        _checked(context, checked) if checked else None,
        _read_as(context, preview),
        form(
            context,
            h.div(
                {"class": "grid"},
                h.div({"class": "stack span-8"}, _columns(context, preview, given)),
                h.div(
                    {"class": "stack span-4"},
                    _questions(context, preview, given),
                    _settings(context, preview, given),
                ),
            ),
            action=f"/sources/new/upload/{preview.token}",
        ),
        subtitle=context.t(
            "sources.confirm.subtitle",
            file=preview.file,
            kind=context.t(f"sources.kind.{preview.kind}"),
            share=n.share(preview.confidence, digits=0),
        ),
    )


def _unknown_page(context: PageContext, preview: UploadPreview, error: str | None) -> h.Markup:
    """A file of no kind that its columns show: what it holds is asked before anything else."""
    said = context.t("sources.confirm.unknown", file=preview.file)
    return page(
        context,
        context.t("sources.confirm.choose"),
        flash_list(flash(error or said, tone="bad" if error else "caution")),
        _read_as(context, preview),
        card(
            table(
                context,
                [
                    Column(label=context.t("sources.column.their_column")),
                    Column(label=context.t("sources.column.examples"), clip=True),
                ],
                [
                    (column.name, h.span({"class": "small muted"}, " · ".join(column.examples)))
                    for column in preview.columns
                ],
                caption=context.t("sources.confirm.columns"),
            ),
            title=context.t("sources.confirm.columns"),
            note=n_columns(context, preview),
            flush=True,
        ),
        form(
            context,
            button(context.t("sources.confirm.forget"), kind="quiet", name="do", value="forget"),
            action=f"/sources/new/upload/{preview.token}",
            attributes={"style": "margin-top:16px"},
        ),
        subtitle=preview.file,
    )


def _checked(context: PageContext, checked: Imported) -> h.Markup:
    n = context.n
    if checked.questions:
        said = context.t("sources.confirm.checked_survey", questions=n.count(checked.questions))
        return h.div({"class": "flash-list"}, flash(said, tone="good"))
    said = context.t(
        "sources.confirm.checked",
        accepted=n.count(checked.accepted or checked.rates),
        rows=n.count(checked.rows),
        refused=n.count(checked.refused),
    )
    reasons = [
        f"{context.t(f'sources.reason.{reason.reason}')}: {n.count(reason.count)}"
        for reason in checked.reasons
    ]
    return h.div(
        {"class": "flash-list"},
        flash(
            said + (f" ({', '.join(reasons)})" if reasons else ""),
            tone="caution" if checked.refused else "good",
        ),
    )


def _questions(
    context: PageContext, preview: UploadPreview, given: Confirmed | None
) -> h.Markup | None:
    """What a person must say yet; what the form has an answer to is asked no more."""
    answered = set()
    if given is not None:
        answered = {*given.columns.values(), *(k for k, v in given.constants.items() if v.strip())}
        answered |= {"amount"} if answered & {"line_amount", "unit_price"} else set()
    missing = [
        context.t("sources.confirm.missing", field=field_words(context, name))
        for name in preview.missing
        if name not in answered
    ]
    others = [
        _in_words(context, question)
        for question in preview.questions
        if answered.isdisjoint(_NAMED.findall(question))
    ]
    asked = list(dict.fromkeys([*missing, *others]))
    if not asked:
        return None
    return callout(
        context.t("sources.confirm.questions"),
        h.ul({"class": "stack tight"}, (h.li(question) for question in asked)),
        tone="caution",
        icon_name="circle-question-mark",
    )


def _in_words(context: PageContext, question: str) -> str:
    """A question about something that the form asks for, in the words of the form."""
    for name in _NAMED.findall(question):
        if f"sources.ask.{name}" in catalogue():
            return _ask(context, name)
    return question


def _ask(context: PageContext, name: str) -> str:
    # Braces of their own would be taken for places of values.
    return context.t(f"sources.ask.{name}", example="{date}_{time}_{phone}_{agent}")


def _read_as(context: PageContext, preview: UploadPreview) -> h.Markup:
    """What the file was taken for, and another kind for it."""
    label = context.t("sources.upload_page.kind")
    return form(
        context,
        h.select(
            {
                "class": "input",
                "name": "kind",
                "aria-label": label,
                "style": "flex:0 1 420px",
                "required": True,
            },
            None
            if preview.recognised
            else h.option({"value": "", "selected": True}, context.t("sources.confirm.choose")),
            (
                h.option({"value": key, "selected": key == preview.kind}, text)
                for key, text in _kinds(context)
            ),
        ),
        button(context.t("sources.confirm.read_as"), name="do", value="kind"),
        action=f"/sources/new/upload/{preview.token}",
        attributes={"class": "row", "style": "margin-bottom:16px"},
    )


def _columns(context: PageContext, preview: UploadPreview, given: Confirmed | None) -> h.Markup:
    if preview.own_fields:
        return _own_fields(context, preview)
    options = [("", context.t("sources.confirm.as_is"))]
    options += [
        (
            name,
            field_words(context, name)
            + (f" ({context.t('sources.confirm.needed')})" if name in preview.required else ""),
        )
        for name in preview.fields
    ]
    rows = []
    for number, column in enumerate(preview.columns):
        means = column.field or ""
        if given is not None:
            means = given.columns.get(column.name, "")
        rows.append(
            (
                h.fragment(
                    column.name,
                    h.input({"type": "hidden", "name": f"column_{number}", "value": column.name}),
                ),
                h.span({"class": "small muted"}, " · ".join(column.examples)),
                h.select(
                    {
                        "class": "input",
                        "name": f"means_{number}",
                        "aria-label": f"{column.name}: {context.t('sources.confirm.means')}",
                    },
                    (
                        h.option({"value": key, "selected": key == means}, text)
                        for key, text in [*options, *_own_meanings(context, preview, column, means)]
                    ),
                ),
            )
        )
    return card(
        table(
            context,
            [
                Column(label=context.t("sources.column.their_column")),
                Column(label=context.t("sources.column.examples"), clip=True),
                Column(label=context.t("sources.confirm.means")),
            ],
            rows,
            caption=context.t("sources.confirm.columns"),
        ),
        title=context.t("sources.confirm.columns"),
        note=n_columns(context, preview),
        flush=True,
    )


def _own_meanings(
    context: PageContext, preview: UploadPreview, column: FileColumn, means: str
) -> list[tuple[str, str]]:
    """What only this column can mean: on a form of mystery shopping, a criterion of its own."""
    own = []
    if "criterion_score" in preview.fields:
        words = f"{context.t('sources.field.criterion')}: {column.name}"
        own = [(f"criterion_{plain_name(column.name)}", words)]
    if means and means not in (*preview.fields, *(name for name, _ in own)):
        own.append((means, field_words(context, means)))
    return own


def _own_fields(context: PageContext, preview: UploadPreview) -> h.Markup:
    """What such a file always says; there is nothing to choose."""
    return card(
        table(
            context,
            [
                Column(label=context.t("sources.confirm.means")),
                Column(label=context.t("sources.column.examples"), clip=True),
            ],
            [
                (
                    field_words(context, column.name),
                    h.span({"class": "small muted"}, " · ".join(column.examples)),
                )
                for column in preview.columns
                if column.examples
            ],
            caption=context.t("sources.confirm.columns"),
        ),
        title=context.t("sources.confirm.columns"),
        flush=True,
    )


def n_columns(context: PageContext, preview: UploadPreview) -> str:
    """How many columns the file has."""
    return context.n.count(len(preview.columns))


def _settings(context: PageContext, preview: UploadPreview, given: Confirmed | None) -> h.Markup:
    constants = dict(preview.constants) if given is None else dict(given.constants)
    offered = preview.asks if preview.own_fields else (*_CONSTANTS, *preview.asks)
    stated = [name for name in offered if name in (*preview.fields, *preview.asks, *constants)]
    hidden = [name for name in constants if name not in stated]
    words = {
        "currency": context.t("sources.confirm.currency"),
        "question": context.t("sources.confirm.question"),
        "country": context.t("sources.confirm.country"),
        "place": context.t("sources.confirm.place"),
    }
    return card(
        h.div(
            {"class": "stack"},
            field(
                context.t("sources.confirm.source"),
                "source",
                value=preview.source if given is None else given.source,
                required=True,
                hint=context.t("sources.connect_page.name_hint"),
            ),
            field(
                context.t("sources.connect_page.label"),
                "label",
                value=preview.label if given is None else given.label,
            ),
            field(
                context.t("sources.confirm.time_zone"),
                "time_zone",
                value=preview.time_zone if given is None else given.time_zone,
                hint=context.t("sources.confirm.time_zone_hint"),
            ),
            select_field(
                context.t("sources.confirm.decimal"),
                "decimal",
                [(".", "12.50"), (",", "12,50")],
                value=preview.decimal if given is None else given.decimal,
            ),
            field(
                context.t("sources.confirm.date_format"),
                "date_format",
                value=preview.date_format if given is None else given.date_format,
                hint=context.t("sources.confirm.date_hint"),
            ),
            h.h3(context.t("sources.confirm.constants")) if stated else None,
            (
                field(
                    words.get(name) or field_words(context, name),
                    f"constant_{name}",
                    value=constants.get(name, ""),
                    hint=_ask(context, name)
                    if name in preview.asks
                    else context.t("sources.confirm.constant_hint"),
                )
                for name in stated
            ),
            (
                h.input({"type": "hidden", "name": f"constant_{name}", "value": constants[name]})
                for name in hidden
            ),
            h.div(
                {"class": "form-actions"},
                button(
                    context.t("sources.confirm.import"), kind="primary", name="do", value="import"
                ),
                button(context.t("sources.confirm.check"), name="do", value="check"),
                button(
                    context.t("sources.confirm.forget"),
                    kind="quiet",
                    name="do",
                    value="forget",
                    attributes={"formnovalidate": True},
                ),
            ),
        )
    )
