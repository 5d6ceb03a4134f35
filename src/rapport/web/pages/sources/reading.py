"""Changing how a source is read, with a look at what that would save first."""

from __future__ import annotations

from rapport.web import html as h
from rapport.web.pages.sources.one import address
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form, select_field, text_area
from rapport.web.parts.frame import page
from rapport.web.parts.states import flash, flash_list
from rapport.workflows.connect import fields_of
from rapport.workflows.mapping_change import MappingForm, MappingPreview
from rapport.workflows.sources import SourceLine


def mapping_page(
    context: PageContext,
    line: SourceLine,
    said: MappingForm,
    *,
    error: str | None = None,
    preview: MappingPreview | None = None,
) -> h.Markup:
    """The form, with what a preview found."""
    needed, known = fields_of(line.kind)
    return page(
        context,
        context.t("fetch.mapping.title", source=line.label),
        flash_list(flash(error, tone="bad")) if error else None,
        flash_list(_previewed(context, preview)) if preview else None,
        form(
            context,
            h.div(
                {"class": "grid"},
                card(
                    text_area(
                        context.t("fetch.columns"),
                        "columns",
                        value=said.columns,
                        rows=14,
                        hint=context.t(
                            "fetch.columns_hint",
                            needed=", ".join(needed) or "–",
                            known=", ".join(known),
                        ),
                        attributes={"spellcheck": "false"},
                    ),
                    span="span-8 tablet-7",
                ),
                card(
                    h.div(
                        {"class": "stack"},
                        text_area(
                            context.t("fetch.mapping.constants"),
                            "constants",
                            value=said.constants,
                            rows=3,
                            hint=context.t("fetch.mapping.lines"),
                            attributes={"spellcheck": "false"},
                        ),
                        select_field(
                            context.t("sources.confirm.decimal"),
                            "decimal",
                            [(".", "12.50"), (",", "12,50")],
                            value=said.decimal,
                        ),
                        field(
                            context.t("sources.confirm.date_format"),
                            "date_format",
                            value=said.date_format,
                            hint=context.t("sources.confirm.date_hint"),
                        ),
                        field(
                            context.t("sources.confirm.time_zone"),
                            "time_zone",
                            value=said.time_zone,
                            hint=context.t("sources.confirm.time_zone_hint"),
                        ),
                        h.div(
                            {"class": "form-actions"},
                            button(
                                context.t("fetch.mapping.preview"),
                                kind="plain" if preview else "primary",
                                name="do",
                                value="preview",
                            ),
                            button(
                                context.t("fetch.mapping.save"),
                                kind="primary" if preview else "plain",
                                name="do",
                                value="save",
                            ),
                            button(context.t("fetch.back"), href=address(line.name)),
                        ),
                    ),
                    span="span-4 tablet-5",
                ),
            ),
            action=f"{address(line.name)}/mapping",
        ),
        subtitle=context.t("fetch.mapping.subtitle"),
    )


def _previewed(context: PageContext, preview: MappingPreview) -> h.Markup:
    n = context.n
    said = context.t(
        "fetch.mapping.would", rows=n.count(preview.rows), accepted=n.count(preview.accepted)
    )
    if preview.reasons:
        reasons = ", ".join(
            f"{context.t(f'sources.reason.{reason}')}: {n.count(count)}"
            for reason, count in preview.reasons.items()
        )
        said += " " + context.t("fetch.mapping.still", reasons=reasons)
    return flash(said, tone="good" if preview.accepted else "caution")
