"""The company's own choices: name, time zone, reporting currency, exchange rates."""

from __future__ import annotations

from decimal import Decimal

from rapport.web import html as h
from rapport.web.pages.admin.sections import admin_page
from rapport.web.parts.buttons import button
from rapport.web.parts.cards import card
from rapport.web.parts.context import PageContext
from rapport.web.parts.forms import field, form
from rapport.web.parts.tables import Column, table
from rapport.workflows.settings import CompanySettings


def company_page(context: PageContext, settings: CompanySettings) -> h.Markup:
    """The whole page."""
    fixed = settings.currency_is_fixed
    return admin_page(
        context,
        "company",
        h.div(
            {"class": "grid"},
            card(
                form(
                    context,
                    field(
                        context.t("admin.company.name"),
                        "company_name",
                        value=settings.company_name,
                        required=True,
                        attributes={"maxlength": 120},
                    ),
                    field(
                        context.t("admin.company.zone"),
                        "time_zone",
                        value=settings.time_zone,
                        required=True,
                        hint=context.t("admin.company.zone_hint"),
                    ),
                    field(
                        context.t("admin.company.currency"),
                        "reporting_currency",
                        value=settings.reporting_currency or "",
                        hint=context.t(
                            "admin.company.currency_fixed"
                            if fixed
                            else "admin.company.currency_hint"
                        ),
                        attributes={"maxlength": 3, "readonly": fixed},
                    ),
                    h.div(button(context.t("admin.save"), kind="primary")),
                    action="/admin/company",
                ),
                title=context.t("admin.company.title"),
                span="span-6",
            ),
            _rates(context, settings),
        ),
    )


def _rates(context: PageContext, settings: CompanySettings) -> h.Markup:
    title = context.t("admin.company.rates")
    if not settings.rates:
        return card(
            h.p({"class": "muted"}, context.t("admin.company.rates_none")),
            title=title,
            span="span-6",
        )
    n = context.n
    base = settings.reporting_currency or ""
    return card(
        table(
            context,
            [
                Column(label=context.t("admin.company.rate_currency")),
                Column(label=context.t("admin.company.rate"), numeric=True),
                Column(label=context.t("admin.company.rate_from"), numeric=True),
                Column(label=context.t("admin.company.rate_known"), numeric=True),
            ],
            [
                (
                    rate.currency,
                    f"{n.decimal(Decimal(rate.rate), digits=_digits(rate.rate))} {base}",
                    n.date(rate.valid_from),
                    n.count(rate.known),
                )
                for rate in settings.rates
            ],
            caption=title,
        ),
        title=title,
        flush=True,
        span="span-6",
    )


def _digits(rate: str) -> int:
    """A rate is shown whole: rounding it would show another one."""
    exponent = Decimal(rate).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
