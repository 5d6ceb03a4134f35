"""The model's card: what it says, from what, and how well it did on time it had not seen."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency

from rapport.predict.evaluation import MEAN_OF_ALL, SAME_RATE, BackTest, Losses
from rapport.predict.score import ModelCard
from rapport.web import html as h
from rapport.web.charts.deciles import decile_bars
from rapport.web.charts.figure import chart_card
from rapport.web.parts.cards import callout, card
from rapport.web.parts.chips import chip
from rapport.web.parts.context import PageContext
from rapport.web.parts.facts import Fact, fact_list
from rapport.web.parts.frame import page
from rapport.web.parts.states import empty_state
from rapport.web.parts.tables import Column, table
from rapport.web.visit import context_of, html_response
from rapport.workflows.company import Company
from rapport.workflows.models import ModelVersion, Refusal, model_versions

#: Names that have words at ``predictions.by.<name>``; models share one name with readers.
_RULES = (SAME_RATE, MEAN_OF_ALL)
#: Flags that have words of their own; the rest is said in one sentence.
_FLAGS = frozenset(
    {
        "value_not_shown",
        "back_test_saw_late_orders",
        "back_test_shorter_than_horizon",
        "value_depends_on_count",
        "mean_value_not_finite",
        "parameter_at_limit",
        "parameter_loose",
        "simple_rule_wins_orders",
        "simple_rule_wins_value",
    }
)


@get(
    "/predictions",
    sync_to_thread=True,
    opt={"permission": "dashboard.read"},
    include_in_schema=False,
)
def predictions_page(
    request: Request[Any, Any, Any], company: NamedDependency[Company]
) -> Response[Any]:
    """The newest version, and those before."""
    context = context_of(request)
    t = context.t
    versions = model_versions(company)
    newest = versions[0] if versions else None
    if newest is None:
        body: h.Child = card(
            empty_state(
                t("predictions.empty"), t("predictions.empty_detail"), icon_name="trending-up"
            )
        )
    elif newest.card is not None:
        body = _card(context, newest.card)
    else:
        body = _refusal(context, newest.refusal, newest)
    history = _history(context, versions) if versions else None
    subtitle = None
    if newest is not None:
        subtitle = t(
            "predictions.subtitle",
            fitted=context.n.date_time(newest.fitted_at),
            until=context.n.date(newest.data_until),
        )
    return html_response(
        page(
            context,
            t("predictions.title"),
            h.div({"class": "stack"}, body, history),
            subtitle=subtitle,
        )
    )


def _refusal(context: PageContext, refusal: Refusal | None, version: ModelVersion) -> h.Markup:
    t, n = context.t, context.n
    if refusal is None or refusal.needs_repeat_buyers is None or refusal.needs_weeks is None:
        detail = t("predictions.refused_detail", day=n.date(version.fitted_at))
    else:
        detail = t(
            "predictions.refused_numbers",
            buyers=n.count(int(refusal.repeat_buyers or 0)),
            needs_buyers=n.count(int(refusal.needs_repeat_buyers)),
            weeks=n.count(int(refusal.weeks or 0)),
            needs_weeks=n.count(int(refusal.needs_weeks)),
        )
    return callout(t("predictions.refused"), detail, tone="caution", icon_name="info")


def _card(context: PageContext, made: ModelCard) -> h.Markup:
    test = made.back_tests[0]
    return h.div(
        {"class": "grid"},
        _says(context, made, test),
        _accuracy(context, test),
        _calibration(context, test),
        _facts(context, made, test),
        _flags(context, made),
    )


def _says(context: PageContext, made: ModelCard, test: BackTest) -> h.Markup:
    """The verdict first, in plain words, whoever wins."""
    t, n = context.t, context.n
    winner = test.winners["orders_rmse_loss"]
    if winner == test.model:
        rule = min(test.scores[1:], key=lambda each: each.orders_rmse_loss)
        better = 1 - test.own.orders_rmse_loss / rule.orders_rmse_loss
        verdict = callout(
            t("predictions.wins", share=n.share(better, digits=0)),
            t("predictions.wins_detail", rule=_by(context, rule.name)),
            tone="good",
            span="span-12",
        )
    else:
        verdict = callout(
            t("predictions.loses", rule=_by(context, winner)),
            t("predictions.loses_detail"),
            tone="caution",
            icon_name="triangle-alert",
            span="span-12",
        )
    total = t(
        "predictions.total",
        said=n.count(round(test.own.total_orders)),
        seen=n.count(test.total_orders),
        customers=n.count(test.n_profiles),
        start=n.date(test.cutoff),
        end=n.date(test.until),
    )
    says = card(
        h.p(
            t(
                "predictions.says",
                customers=n.count(made.n_profiles),
                weeks=n.decimal(made.horizon_weeks, digits=0),
            )
        ),
        h.p(total),
        title=t("predictions.what"),
        span="span-12",
    )
    return h.fragment(verdict, says)


def _by(context: PageContext, name: str) -> str:
    return context.t(f"predictions.by.{name}") if name in _RULES else context.t("predictions.model")


def _accuracy(context: PageContext, test: BackTest) -> h.Markup:
    """Errors beside those of the rules of thumb; the smallest of each column is marked."""
    t, n = context.t, context.n

    def best(loss: str, score: Losses, text: str) -> h.Child:
        if test.winners.get(loss) != score.name:
            return text
        return h.b(text, h.span({"class": "sr"}, " ", t("predictions.best")), " ✓")

    columns = [
        Column(label=t("predictions.forecast_by")),
        Column(label=t("predictions.orders_mae"), numeric=True),
        Column(label=t("predictions.orders_rmse"), numeric=True),
        Column(label=t("predictions.value_mae"), numeric=True),
        Column(label=t("predictions.brier"), numeric=True),
        Column(label=t("predictions.orders_total"), numeric=True),
    ]
    rows: list[list[h.Child]] = [
        [
            _by(context, score.name),
            best("orders_mae_loss", score, n.decimal(score.orders_mae_loss, digits=2)),
            best("orders_rmse_loss", score, n.decimal(score.orders_rmse_loss, digits=2)),
            "–"
            if score.value_mae_loss is None
            else best("value_mae_loss", score, n.price(score.value_mae_loss)),
            best("active_brier_loss", score, n.decimal(score.active_brier_loss, digits=3)),
            n.count(round(score.total_orders)),
        ]
        for score in test.scores
    ]
    return card(
        table(context, columns, rows, caption=t("predictions.accuracy")),
        title=t("predictions.accuracy"),
        note=t("predictions.accuracy_note"),
        foot=t("predictions.accuracy_foot", seen=n.count(test.total_orders)),
        flush=True,
        span="span-12",
    )


def _calibration(context: PageContext, test: BackTest) -> h.Markup:
    t, n = context.t, context.n
    said = [row.predicted_share for row in test.calibration]
    seen = [row.observed_share for row in test.calibration]
    chart = decile_bars(
        context,
        predicted=said,
        observed=seen,
        written=n.share,
        labels=[n.count(row.decile) for row in test.calibration],
        sentence=t(
            "predictions.calibration_sentence",
            low_said=n.share(said[0], digits=0),
            low_seen=n.share(seen[0], digits=0),
            high_said=n.share(said[-1], digits=0),
            high_seen=n.share(seen[-1], digits=0),
        ),
        height=180,
    )
    return chart_card(
        context,
        t("predictions.calibration"),
        chart,
        note=t("predictions.calibration_note"),
        span="span-7",
    )


def _facts(context: PageContext, made: ModelCard, test: BackTest) -> h.Markup:
    t, n = context.t, context.n
    facts = [
        (t("predictions.fact.customers"), n.count(made.n_profiles)),
        (t("predictions.fact.repeat_buyers"), n.count(made.n_repeat_buyers)),
        (t("predictions.fact.span"), n.decimal(made.span_weeks, digits=0)),
        (t("predictions.fact.held_out"), n.decimal(test.horizon_weeks, digits=0)),
        (t("predictions.fact.covered"), n.share(test.likely_orders_covered_share)),
        (t("predictions.fact.model"), _model_name(made.model)),
        (t("predictions.fact.version"), made.version),
    ]
    return card(
        fact_list(context, [Fact(label=label, value=value) for label, value in facts]),
        title=t("predictions.facts"),
        span="span-5",
    )


def _model_name(name: str) -> str:
    """As the papers write it."""
    return {"bg_nbd": "BG/NBD", "pareto_nbd": "Pareto/NBD"}.get(name, name)


def _flags(context: PageContext, made: ModelCard) -> h.Markup | None:
    codes = dict.fromkeys(flag.partition(":")[0] for flag in made.flags)
    if not codes:
        return None
    return card(
        h.ul(
            {"style": "padding-left:18px;list-style:disc"},
            (
                h.li(
                    context.t(f"predictions.flag.{code}")
                    if code in _FLAGS
                    else context.t("predictions.other_flag", code=code)
                )
                for code in codes
            ),
        ),
        title=context.t("predictions.beware"),
        span="span-12",
    )


def _history(context: PageContext, versions: tuple[ModelVersion, ...]) -> h.Markup:
    t, n = context.t, context.n
    columns = [
        Column(label=t("predictions.trained")),
        Column(label=t("predictions.status")),
        Column(label=t("predictions.fact.model")),
        Column(label=t("predictions.fact.customers"), numeric=True),
        Column(label=t("predictions.orders_rmse"), numeric=True),
    ]
    tones = {"live": "good", "retired": "neutral", "refused": "caution"}

    def row(version: ModelVersion) -> list[h.Child]:
        made = version.card
        return [
            n.date_time(version.fitted_at),
            chip(t(f"predictions.state.{version.status}"), tone=tones[version.status]),  # type: ignore[arg-type]
            "–" if made is None else _model_name(made.model),
            "–" if made is None else n.count(made.n_profiles),
            "–" if made is None else n.decimal(made.back_tests[0].own.orders_rmse_loss, digits=2),
        ]

    return card(
        table(context, columns, map(row, versions), caption=t("predictions.history")),
        title=t("predictions.history"),
        flush=True,
    )


routes = (predictions_page,)
