# ruff: noqa: E501  (sentences of an invented shop; breaking them would hide them)
"""Every part and chart on three pages, with figures as a shop has them.

Served by the browser tests; to look at it: ``python -m tests.web.gallery``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from litestar import Litestar, MediaType, Response, get
from litestar.params import FromPath, FromQuery
from litestar.types import ControllerRouterHandler

from rapport.web import html as h
from rapport.web.assets import COMPRESSION, assets
from rapport.web.charts.bars import Bars, bar_chart
from rapport.web.charts.cohort import Cohort, cohort_grid
from rapport.web.charts.deciles import decile_bars
from rapport.web.charts.figure import chart_card, chart_figure
from rapport.web.charts.hbars import NamedBar, hbar_chart
from rapport.web.charts.line import Forecast, Line, line_chart
from rapport.web.charts.reasons import Reason, reason_bars
from rapport.web.charts.share_bar import Part, share_bar
from rapport.web.charts.sparkline import sparkline
from rapport.web.parts.buttons import button, icon_button, post_button
from rapport.web.parts.cards import callout, card
from rapport.web.parts.chips import chip, chips, stale_badge
from rapport.web.parts.choices import Choice, pills, segmented
from rapport.web.parts.context import NavEntry, NavGroup, PageContext, Theme, User
from rapport.web.parts.facts import Consent, Fact, consent_list, fact_list, why
from rapport.web.parts.forms import checkbox, field, form, options, select_field, text_area
from rapport.web.parts.frame import CONTENT_SECURITY_POLICY, bare_page, page
from rapport.web.parts.jobs import JobProgress, job_row
from rapport.web.parts.kpis import Kpi, delta_of, kpi_strip
from rapport.web.parts.states import empty_state, error_state, flash
from rapport.web.parts.suggestions import Suggestion, suggestions
from rapport.web.parts.tables import Column, meter, pagination, sort_by, table
from rapport.web.parts.timeline import Event, timeline

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TODAY = NOW.date()
REVENUE = [
    1.425,
    1.47,
    1.52,
    1.585,
    1.635,
    1.69,
    1.755,
    1.775,
    1.785,
    1.755,
    1.725,
    1.705,
    1.655,
    1.72,
    1.805,
    1.91,
    1.94,
    1.95,
    1.96,
    1.95,
    1.935,
    1.89,
    1.862,
    1.814,
]
WON = [
    2850,
    2980,
    3010,
    3480,
    3790,
    4180,
    4120,
    3960,
    3780,
    3600,
    3560,
    3490,
    3400,
    3300,
    3390,
    3820,
    3880,
    4080,
    4260,
    3930,
    3840,
    3920,
    3387,
    3543,
]
LOST = [
    1810,
    1760,
    1830,
    1870,
    1800,
    1930,
    1990,
    2090,
    2210,
    2190,
    2170,
    2010,
    2050,
    1980,
    1990,
    1930,
    1890,
    1890,
    2040,
    1800,
    1690,
    1650,
    1720,
    1750,
]


PLACES = {
    "understand": [
        ("dashboard", "/", "layout-dashboard"),
        ("customers", "/customers", "users"),
        ("segments", "/segments", "blend"),
    ],
    "act": [("inbox", "/inbox", "inbox")],
    "manage": [("sources", "/sources", "database"), ("admin", "/admin", "shield-check")],
}


def months(first: date, count: int) -> list[date]:
    """The first days of `count` months from `first`."""
    start = first.year * 12 + first.month - 1
    return [date((start + i) // 12, (start + i) % 12 + 1, 1) for i in range(count)]


def context(language: str, theme: Theme, path: str) -> PageContext:
    """Sofie of marketing, in the given language."""

    plain = PageContext(language=language)
    nav = tuple(
        NavGroup(
            label=plain.t(f"frame.nav.{group}"),
            entries=tuple(
                NavEntry(
                    label=plain.t(f"frame.nav.{name}"),
                    href=href,
                    icon=icon,
                    count=7 if name == "inbox" else None,
                )
                for name, href, icon in places
            ),
        )
        for group, places in PLACES.items()
    )
    return PageContext(
        language=language,
        theme=theme,
        user=User(name="Sofie Maes", role="Marketing · Belgium"),
        path=path,
        csrf_token="a-token",
        nav=nav,
    )


def dashboard(ctx: PageContext) -> h.Markup:
    """As a marketing lead sees the company."""
    n = ctx.n
    past, ahead = months(date(2024, 12, 1), 24), months(date(2026, 12, 1), 6)
    all_months = [*past, *ahead]
    kpis = kpi_strip(
        ctx,
        [
            Kpi(
                label="Active customers",
                figure=n.count(84312),
                delta=delta_of(0.021, n.share(0.021)),
                against="vs Oct",
                trend=[1, 2, 4, 6, 7, 8, 10, 11, 14, 15, 18, 18.5],
                href="/customers",
            ),
            Kpi(
                label="New customers",
                figure=n.count(3543),
                delta=delta_of(0.046, n.share(0.046)),
                against="vs Oct",
                target=n.count(3600),
                trend=[5, 3, 1, 3, 11, 12, 15, 18, 13, 11, 12, 3, 6],
            ),
            Kpi(
                label="Retention, 12 months",
                figure=n.share(0.812),
                delta=delta_of(-0.012, n.points(-0.012)),
                against="vs Oct",
                target=n.share(0.83),
                trend=[1, 3, 3, 6, 4, 3, 4, 5, 7, 5, 14, 11, 7],
                why=why(ctx, "Share of customers of a year ago who bought again since."),
            ),
            Kpi(
                label="NPS",
                figure=n.decimal(38.4),
                delta=delta_of(-0.015, n.points(-0.015)),
                against="vs Oct",
                target=n.count(42),
                trend=[6, 6, 7, 1, 11, 11, 10, 2, 7, 12, 10, 5],
            ),
            Kpi(
                label="Revenue, November",
                figure=n.money_compact(1_810_000),
                delta=delta_of(-0.026, n.share(0.026)),
                stale=stale_badge(ctx, NOW - timedelta(hours=26), NOW),
                target=n.money_compact(1_950_000),
                trend=[4, 1, 5, 9, 13, 14, 14.5, 15, 15, 14, 13, 11, 8],
            ),
            Kpi(
                label="Cost per complaint",
                figure=n.price(4.1),
                delta=delta_of(0.034, n.share(0.034), better="lower"),
                against="vs Oct",
                trend=[1, 3, 4, 5, 7, 4, 4.5, 7, 6, 9, 13],
            ),
        ],
    )
    callouts = h.div(
        {"class": "grid", "style": "margin:16px 0"},
        callout(
            "NPS fell 3.4 points in two months",
            "Delivery explains 71% of the drop; 312 comments mention “late parcel”.",
            tone="bad",
            span="span-4",
        ),
        callout(
            "“New this quarter” buys again 9 days sooner",
            "Since the welcome flow went live on 3 October (experiment: +4.1%, 95% sure).",
            tone="good",
            span="span-4",
        ),
        callout(
            "Shop till feed is 26 hours late",
            "Numbers for Ghent and Liège exclude yesterday’s receipts.",
            tone="caution",
            span="span-4",
        ),
    )
    revenue = line_chart(
        ctx,
        labels=[n.month(month) for month in all_months],
        long_labels=[n.month_long(month) for month in all_months],
        lines=[Line(name="Actual", values=[value * 1e6 for value in REVENUE])],
        forecast=Forecast(
            values=[1.793e6, 1.771e6, 1.75e6, 1.73e6, 1.708e6, 1.687e6],
            low=[1.74e6, 1.705e6, 1.67e6, 1.635e6, 1.6e6, 1.565e6],
            high=[1.846e6, 1.85e6, 1.842e6, 1.832e6, 1.822e6, 1.812e6],
        ),
        written=n.money_compact,
        sentence="Revenue rose to 1.96 million in June 2026 and fell to 1.81 million in November.",
    )
    nps = hbar_chart(
        [
            NamedBar(name=name, value=value, colour="cneg" if value < 20 else "c1", note=note)
            for name, value, note in (
                ("Store", 52, None),
                ("E-mail", 44, None),
                ("Web shop", 41, None),
                ("App", 37, None),
                ("Contact centre", 19, None),
                ("Delivery", -8, "n 214"),
            )
        ],
        written=n.signed,
        sentence="Stores score best, delivery worst.",
    )
    won = bar_chart(
        labels=[n.month(month) for month in past],
        long_labels=[n.month_long(month) for month in past],
        series=[
            Bars(name="New", values=WON, colour="cpos"),
            Bars(name="Lost", values=[-value for value in LOST], colour="cneg"),
        ],
        line=Bars(name="Net", values=[a - b for a, b in zip(WON, LOST, strict=True)]),
        arrange="diverging",
        written=lambda value: n.count(int(value)),
        sentence="More customers were won than lost in every month.",
    )
    firsts = months(date(2026, 5, 1), 6)
    shares = [
        [0.53, 0.45, 0.39, 0.31, 0.30, 0.25],
        [0.52, 0.47, 0.42, 0.32, 0.28],
        [0.55, 0.47, 0.40, 0.33],
        [0.58, 0.49, 0.40],
        [0.55, 0.51],
        [0.59],
    ]
    cohorts = cohort_grid(
        ctx,
        [
            Cohort(name=n.month(first), size=3100 + 40 * index, shares=row)
            for index, (first, row) in enumerate(zip(firsts, shares, strict=True))
        ],
        columns=[f"+{later}" for later in range(1, 7)],
        sentence="About half buy again in the next month, a quarter after six.",
    )
    rows = [
        (
            "Champions",
            6140,
            612_400,
            1496,
            0.962,
            61,
            0.03,
            "good",
            [1, 2, 2, 3, 4, 4, 6, 8, 9, 12, 11, 14],
        ),
        (
            "Loyal families",
            14_820,
            498_300,
            612,
            0.914,
            48,
            0.07,
            "good",
            [1, 3, 2, 3, 2, 4, 6, 7, 9, 13, 12, 10],
        ),
        (
            "Online only",
            21_430,
            342_100,
            318,
            0.802,
            39,
            0.14,
            "good",
            [3, 1, 1.5, 2, 2, 3, 7, 6, 9, 8, 11, 12],
        ),
        (
            "New this quarter",
            9960,
            187_900,
            143,
            0.688,
            42,
            0.21,
            "caution",
            [9, 9, 9, 12, 11, 6, 5, 1, 2, 3, 1, 1],
        ),
        (
            "Discount seekers",
            17_205,
            141_600,
            121,
            0.731,
            27,
            0.19,
            "caution",
            [12, 13, 11, 11, 10, 7, 6, 5, 5, 2, 2, 1],
        ),
        (
            "Slipping away",
            8377,
            96_200,
            236,
            0.412,
            11,
            0.58,
            "bad",
            [9, 9, 5, 6, 6, 4, 6, 5, 1, 3, 1, 3],
        ),
        ("Win-back", 6380, 38_500, 88, 0.305, 4, 0.66, "bad", [9, 9, 8, 6, 2, 5, 6, 6, 5, 2, 2, 1]),
    ]
    segments = card(
        table(
            ctx,
            [
                Column(label="Segment", key="name"),
                Column(label="Customers", key="customers", numeric=True),
                Column(label="Revenue / month", key="revenue", numeric=True),
                Column(label="Value", key="value", numeric=True),
                Column(label="Retention", key="retention", numeric=True),
                Column(label="NPS", key="nps", numeric=True),
                Column(label="Leaving risk", key="risk", numeric=True),
                Column(label="12 months", numeric=True),
            ],
            [
                (
                    h.a({"href": "/segments/x"}, name),
                    n.count(customers),
                    n.money(revenue_),
                    n.money(value),
                    meter(retention, n.share(retention)),
                    n.signed(score),
                    chip(n.share(risk, digits=0), tone=tone),
                    sparkline(trend, colour="cgrey"),
                )
                for name, customers, revenue_, value, retention, score, risk, tone, trend in rows
            ],
            caption="Segments by revenue",
            sort=sort_by("/", "revenue", descending=True),
        ),
        pagination(ctx, number=1, first=1, last=7, total=12, turn="/?page={}".format),
        title="Segments",
        note="7 of 12, by share of revenue",
        tools=h.a({"href": "/segments"}, "All segments →"),
        flush=True,
    )
    return page(
        ctx,
        "Company dashboard",
        kpis,
        callouts,
        h.div(
            {"class": "grid"},
            chart_card(
                ctx, "Revenue and forecast", revenue, csv_href="/revenue.csv", span="span-8"
            ),
            chart_card(
                ctx,
                "NPS by channel",
                nps,
                note="last 90 days",
                foot="Company 38 · target 42. Delivery is 30 points below the mean and carries 11% of the answers.",
                span="span-4",
            ),
            chart_card(ctx, "Customers won and lost", won, csv_href="/won.csv", span="span-8"),
            chart_card(
                ctx,
                "Who comes back",
                cohorts,
                note="% buying again, by first month",
                csv_href="/cohorts.csv",
                span="span-4",
            ),
            h.div({"class": "span-12"}, segments),
        ),
        subtitle="All shops and web shop · compared with October · updated 8 minutes ago",
        tools=h.fragment(
            segmented(
                "Period",
                [
                    Choice(text="Week", href="?by=week"),
                    Choice(text="Month", href="?by=month", chosen=True),
                    Choice(text="Quarter", href="?by=quarter"),
                ],
            ),
            button("Dec 2024 – Nov 2026", icon_name="calendar", href="?period"),
            button("Share", icon_name="share-2", href="?share"),
        ),
    )


def customer(ctx: PageContext) -> h.Markup:
    """As a shop assistant sees one customer."""

    def at(day: int, hour: int, minute: int, month: int = 11) -> datetime:
        return datetime(2026, month, day, hour, minute, tzinfo=UTC)

    n = ctx.n
    events = [
        Event(
            occurred_at=at(21, 8, 12),
            icon="mail",
            title="Opened “Your November picks”",
            detail="Clicked 2 products, no purchase",
            note="Campaign N-26-11",
        ),
        Event(
            occurred_at=at(18, 15, 40),
            icon="phone",
            title="Called the contact centre, 7 min",
            quote="Third time I explain this. The parcel was left in the rain again and nobody calls me back.",
            note="Agent: Tom · topic: delivery",
            mood=-0.72,
        ),
        Event(
            occurred_at=at(15, 10, 3),
            icon="ticket",
            title="Complaint 5521 opened",
            href="/tickets/5521",
            detail="Parcel damaged, order 88213. Waiting for courier for 6 days.",
            note="Open · Logistics",
            mood=-0.41,
        ),
        Event(
            occurred_at=at(14, 19, 15),
            icon="clipboard-check",
            title="Answered NPS survey: 6",
            quote="Love the shop, but delivery has become a lottery.",
            note="After delivery",
            mood=-0.28,
        ),
        Event(
            occurred_at=at(12, 7, 55),
            icon="package",
            title=f"Order 88213, {n.price(64.2)}",
            detail="4 items · home delivery · used voucher GOLD10",
            note="Web shop",
            mood=0.04,
        ),
        Event(
            occurred_at=at(30, 14, 22, 10),
            icon="store",
            title=f"Bought in Leuven, {n.price(112.75)}",
            detail="Helped by Sarah; asked for size 128",
            note="Till 3",
            mood=0.55,
        ),
        Event(
            occurred_at=datetime(2025, 10, 24, 8, 1, tzinfo=UTC),
            icon="star",
            title="Reviewed “Rain boots”: 5 stars",
            quote="Daughter refuses to take them off! <script>alert(1)</script>",
            note="Web shop",
            mood=0.81,
        ),
    ]
    facts = [
        Fact(label="Customer since", value=n.date(date(2021, 3, 9))),
        Fact(
            label="Lives in",
            value="Leuven, BE · Dutch",
            source="Loyalty programme, 20 January 2025",
        ),
        Fact(label="E-mail", value="eszter.vandenberghe.kovacs@example.com"),
        Fact(label="Phone", value="+32 470 55 01 23", extra=chip("2 versions", tone="caution")),
        Fact(label="Value so far", value=[h.b(n.money(1284)), " · 31 orders"]),
        Fact(
            label="Last order",
            value=f"{n.day_month(date(2026, 11, 12))} · {n.ago(at(12, 7, 55), NOW)}",
        ),
        Fact(label="Loyalty card", value="LC 7781 2290"),
        Fact(
            label="Mood, 9 months",
            value=sparkline(
                [8, 7.5, 9, 7, 7.6, 5, 3.4, 1, 2], colour="cneg", label="Mood fell since July"
            ),
        ),
    ]
    consents = [
        Consent(
            label="E-mail marketing",
            given=True,
            detail=f"web shop, {n.date_short(date(2021, 3, 9))}",
        ),
        Consent(label="SMS", given=False, detail=f"withdrawn {n.date_short(date(2026, 6, 4))}"),
        Consent(label="Profiling", given=True, detail=f"app, {n.date_short(date(2023, 2, 1))}"),
        Consent(label="Call recording", given=True, detail="per call"),
    ]
    predictions = card(
        h.div(
            {"class": "prediction"},
            "Leaves within 90 days",
            chip("high", tone="bad"),
            h.b(n.share(0.64, digits=0)),
        ),
        reason_bars(
            ctx,
            [
                Reason(text="2 late deliveries in 30 days", contribution=0.9),
                Reason(text="App visits down 58%", contribution=0.62),
                Reason(text="Open complaint, 6 days", contribution=0.44),
                Reason(text="Gold member, 5 years", contribution=-0.35),
            ],
        ),
        h.hr(),
        h.div(
            {"class": "prediction"},
            "Buys again within 30 days",
            chip("medium", tone="caution"),
            h.b(n.share(0.38, digits=0)),
        ),
        reason_bars(
            ctx,
            [
                Reason(text="Usually orders every 21 days", contribution=0.5),
                Reason(text="Basket abandoned twice", contribution=-0.42),
            ],
        ),
        h.hr(),
        h.div({"class": "prediction"}, "Value next 12 months", h.b(n.money(296))),
        title="Predictions",
        note="and what drives them",
    )
    kinds = [
        ("All", None),
        ("Calls", "phone"),
        ("Orders", "package"),
        ("Surveys", "clipboard-check"),
        ("Web", "mouse-pointer-click"),
    ]
    return page(
        ctx,
        "Eszter Vandenberghe",
        h.div(
            {"class": "three"},
            h.div(
                {"class": "stack"},
                card(fact_list(ctx, facts)),
                card(consent_list(ctx, consents), title="Consent"),
            ),
            card(
                h.div(
                    {"style": "display:flex;justify-content:flex-end"},
                    pills(
                        "Kinds",
                        [
                            Choice(text=text, href=f"?kind={text}", icon=name, chosen=text == "All")
                            for text, name in kinds
                        ],
                    ),
                ),
                timeline(ctx, events, today=TODAY),
                title="Timeline",
                note="8 events, 8 channels",
            ),
            h.div(
                {"class": "stack"},
                card(
                    h.p({"class": "small muted"}, "Next best action"),
                    h.h2("Call back today about order 88213"),
                    h.p(
                        {"class": "small"},
                        f"Apologise, waive {n.price(4.95)} delivery, offer pick-up in Leuven.",
                    ),
                    h.p(
                        {"class": "note"},
                        f"+{n.money(118)} expected value · policy OK: 1 of 3 contacts this week",
                    ),
                    h.div(
                        {"class": "row", "style": "margin-top:10px"},
                        button("I will call", icon_name="check", kind="primary"),
                        button("Not now"),
                    ),
                    wanted=True,
                ),
                predictions,
                card(
                    form(
                        ctx,
                        options(
                            "Phone",
                            "phone",
                            [
                                ("1", "+32 470 55 01 23", "CRM · 2 Oct 2026"),
                                ("2", "+32 470 55 01 32", "Web shop · 11 Jun 2024"),
                            ],
                            value="1",
                        ),
                        options(
                            "Postcode",
                            "postcode",
                            [
                                ("3000", "3000", "Loyalty · 20 Jan 2025"),
                                ("3001", "3001", "CRM · 2 Oct 2026"),
                            ],
                            value="3000",
                        ),
                        button("Keep chosen values"),
                        action="/x",
                    ),
                    title=["Sources disagree ", chip("2", tone="caution")],
                ),
            ),
        ),
        lead=h.span({"class": "avatar", "aria-hidden": True}, "EV"),
        subtitle=chips(
            chip("Loyal families"),
            chip("App user"),
            chip("Gold"),
            chip("64% leaving risk", tone="bad"),
        ),
        tools=h.fragment(
            button("Call", icon_name="phone", type="button"),
            button("Write", icon_name="mail", type="button"),
            button("New ticket", icon_name="ticket", type="button"),
        ),
    )


def pieces(ctx: PageContext) -> h.Markup:
    """Forms, states and the smaller charts."""
    n = ctx.n
    quarter = months(date(2026, 6, 1), 6)
    grouped = bar_chart(
        labels=[n.month(month) for month in quarter],
        series=[
            Bars(name="Web shop", values=[410, 430, 390, 460, 470, 455]),
            Bars(name="Stores", values=[620, 600, None, 640, 655, 690]),
        ],
        written=lambda value: n.money(value * 1000),
        sentence="Stores sell more than the web shop in every month.",
        height=180,
    )
    several = line_chart(
        ctx,
        labels=[n.month(month) for month in quarter],
        lines=[
            Line(name="Belgium", values=[38, 40, 41, None, 44, 43]),
            Line(name="France", values=[30, 31, 29, 28, 33, 34]),
            Line(name="Hungary", values=[45, 44, 46, 47, 46, 48]),
        ],
        written=lambda value: n.decimal(value, digits=0),
        sentence="Hungary leads, France follows.",
        height=180,
    )
    shares = share_bar(
        ctx,
        [
            Part(name="Stores", value=54),
            Part(name="Web shop", value=31),
            Part(name="App", value=11),
            Part(name="Phone", value=4),
        ],
        sentence="Stores bring more than half of revenue.",
    )
    model = decile_bars(
        ctx,
        predicted=[0.02, 0.05, 0.07, 0.1, 0.14, 0.19, 0.25, 0.33, 0.45, 0.66],
        observed=[0.01, 0.05, 0.08, 0.09, 0.15, 0.2, 0.23, 0.35, 0.43, 0.69],
        written=lambda value: n.share(value, digits=0),
        sentence="What was predicted happened in every tenth of the customers.",
    )
    fields = form(
        ctx,
        field(
            "Name", "name", value="Spring <picks>", required=True, hint="Shown to colleagues only."
        ),
        field(
            "E-mail",
            "email",
            type="email",
            value="sofie@",
            error="Write the whole address, such as sofie@example.be.",
        ),
        select_field("Language", "lang", [("nl", "Nederlands"), ("fr", "Français")], value="fr"),
        text_area("Message", "message", value="Dear Eszter,\n\nThank you."),
        checkbox(
            "Leave out customers with an open complaint", "skip", checked=True, hint="312 customers"
        ),
        h.div(
            {"class": "form-actions"},
            button("Save", kind="primary"),
            button("Cancel", href="/pieces"),
            button("Delete", kind="danger", icon_name="trash"),
            icon_button("More", "ellipsis"),
        ),
        action="/pieces",
    )
    jobs = [
        JobProgress(
            job_id="1",
            title="Import of orders.csv",
            state="running",
            step="Reading",
            done=41_200,
            total=84_312,
            left=timedelta(minutes=3),
            cancel_action="/jobs/1/cancel",
        ),
        JobProgress(
            job_id="2", title="Resolve people", state="waiting", step="Waiting for the import"
        ),
        JobProgress(
            job_id="3",
            title="Train leaving risk",
            state="done",
            detail="AUC 0.81 on 12,400 customers",
        ),
        JobProgress(
            job_id="4",
            title="Send “November picks”",
            state="failed",
            detail="The mail server refused the password; 0 of 8,120 sent. Check it in Admin.",
        ),
    ]
    found = suggestions(
        ctx,
        "esz",
        [
            (
                "people",
                [
                    Suggestion(
                        title="Eszter Vandenberghe",
                        detail="eszter.vdb@example.com · +32 470 55 01 23",
                        href="/customers/1",
                    ),
                    Suggestion(
                        title="Eszter Kovács",
                        detail="kovacs.e@example.hu · +36 30 555 0184",
                        href="/customers/2",
                    ),
                ],
            ),
            (
                "orders",
                [
                    Suggestion(
                        title="Order 88213",
                        detail="Eszter Vandenberghe",
                        href="/orders/1",
                        icon="package",
                    )
                ],
            ),
        ],
    )
    return page(
        ctx,
        "Pieces",
        flash(
            "2 customers were merged.",
            action=post_button(ctx, "Undo", action="/undo", values={"merge": "7"}, kind="quiet"),
        ),
        h.div(
            {"class": "grid", "style": "margin-top:16px"},
            chart_card(ctx, "Sales by channel", grouped, span="span-6 tablet-6"),
            chart_card(ctx, "NPS by country", several, span="span-6 tablet-6"),
            chart_card(ctx, "Share of revenue", shares, span="span-6 tablet-6"),
            card(
                chart_figure(ctx, model),
                title="Is the model right?",
                tools=model.legend,
                span="span-6 tablet-6",
            ),
            card(fields, title="A form", span="span-4 tablet-6"),
            h.div(
                {"class": "span-4 tablet-6 stack"},
                card((job_row(ctx, job) for job in jobs), title="Work"),
                card(
                    h.div(
                        {
                            "class": "suggestions",
                            "style": "position:static;margin:-8px;box-shadow:none",
                        },
                        found,
                    ),
                    title="Suggestions",
                ),
            ),
            h.div(
                {"class": "span-4 stack"},
                card(
                    empty_state(
                        "No segments yet",
                        "Segments group customers by what they do. Connect a source first.",
                        button("Connect a source", href="/sources", kind="primary"),
                        icon_name="blend",
                    )
                ),
                card(
                    error_state(
                        ctx,
                        "Revenue could not be counted",
                        "The other cards are complete. Try again in a minute.",
                        reference="R-7F31",
                        retry="/pieces",
                    )
                ),
                flash("The till feed is late.", tone="caution"),
                flash("Nothing was sent.", tone="bad"),
                card(
                    "Retention ",
                    why(
                        ctx,
                        "Share of last year’s customers who bought again.",
                        word="what is this?",
                    ),
                    title="A reason",
                ),
            ),
        ),
    )


def sign_in(ctx: PageContext) -> h.Markup:
    """The page before all others."""
    return bare_page(
        ctx,
        "Sign in",
        form(
            ctx,
            field("E-mail", "email", type="email", autocomplete="username", required=True),
            field(
                "Password",
                "password",
                type="password",
                autocomplete="current-password",
                required=True,
            ),
            button("Sign in", kind="primary"),
            action="/sign-in",
        ),
    )


PAGES = {"dashboard": dashboard, "customer": customer, "pieces": pieces, "sign-in": sign_in}


@get("/gallery/{name:str}", sync_to_thread=False)
def gallery(
    name: FromPath[str], language: FromQuery[str] = "en", theme: FromQuery[Theme] = "system"
) -> Response[str]:
    """One page of the gallery."""
    path = "/" if name == "dashboard" else "/customers/1"
    return Response(
        PAGES[name](context(language, theme, path)),
        media_type=MediaType.HTML,
        headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )


@get("/search", sync_to_thread=False)
def search(q: FromQuery[str] = "") -> Response[str]:
    """Finds Eszter, whatever is typed."""
    people = [
        Suggestion(title="Eszter Kovács", detail="kovacs.e@example.hu", href="/gallery/customer")
    ]
    found = suggestions(PageContext(), q, [("people", people if q != "nobody" else [])])
    return Response(found, media_type=MediaType.HTML)


def app(*more: ControllerRouterHandler) -> Litestar:
    """The gallery as an application, compressing its pages as the product does."""
    return Litestar(
        [assets, gallery, search, *more],
        openapi_config=None,
        compression_config=COMPRESSION,
    )


if __name__ == "__main__":
    import asyncio

    from granian.server.embed import Server

    asyncio.run(Server(app(), port=8011, interface="asgi").serve())
