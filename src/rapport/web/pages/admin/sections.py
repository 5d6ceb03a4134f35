"""What every part of the administration shares: its heading and the way to the others."""

from __future__ import annotations

from rapport.web import html as h
from rapport.web.parts.choices import Choice, segmented
from rapport.web.parts.context import PageContext
from rapport.web.parts.frame import page

SECTIONS = ("users", "policy", "alerts", "company", "figures", "outbox")


def admin_page(
    context: PageContext, section: str, *body: h.Child, subtitle: str | None = None
) -> h.Markup:
    """A page of the administration."""
    return page(
        context,
        context.t("admin.title"),
        h.div(
            {"style": "margin-bottom:16px;overflow-x:auto"},
            segmented(
                context.t("admin.sections"),
                [
                    Choice(
                        text=context.t(f"admin.section.{each}"),
                        href=f"/admin/{each}",
                        chosen=each == section,
                    )
                    for each in SECTIONS
                ],
            ),
        ),
        *body,
        subtitle=subtitle,
    )
