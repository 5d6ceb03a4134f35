"""Who is compared: each customer with the group, what was known before, and what came after.

Two moments matter for a customer. What was known before ``start_at`` is what the groups are made
alike in. From ``index_at`` all are followed for the same number of days, and by then everybody's
group is certain (a landmark).

- A wait of more than 48 hours: ``start_at`` is the order, ``index_at`` 48 hours later for
  everybody, whether it had come by then or not. Where touchpoints name an order, the order's own
  delivery counts, not another's.
- A deed: both moments are that of the deed. Others are looked at at the moment of somebody who did
  it, drawn for each, if they had not done it by then: so both are seen in the same seasons, and who
  does it later is not left out for what nobody knew yet. One who does it after that stands on both
  sides, at two moments. Those count who had bought within the year before.
- A way of buying: both moments are the first purchase, made so or otherwise.
- A rule: both are one day for all, so long ago that the following days are over. Those count who
  had bought within the year before.

References
----------
Anderson, Cain & Gelber (1983), Analysis of Survival by Tumor Response, Journal of Clinical Oncology
1(11) (landmarks); Hernán & Robins (2016), Using Big Data to Emulate a Target Trial, American
Journal of Epidemiology 183(8); Zhou, Rahme, Abrahamowicz & Pilote (2005), Survival Bias Associated
with Time-to-Treatment Initiation, American Journal of Epidemiology 162(10) (moments of others).
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours and whole numbers

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import pyarrow as pa

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.understand.hypotheses.definition import (
    LASTING,
    Did,
    Holds,
    Hypothesis,
    Measure,
    Waited,
)
from rapport.understand.knowledge import Freshness, ask
from rapport.understand.segments.compiled import (
    compile_rule,
    distinct_whiches,
    key_of,
    moments_steps,
)
from rapport.understand.segments.happening import Happened, Which
from rapport.understand.segments.rule import Typed
from rapport.vocabulary.touchpoint import ORDER_COMPLETED, ORDER_REFUNDED, TICKET_OPENED

_ORDERS = Which(types=(ORDER_COMPLETED,))
_SALES = Which(types=(ORDER_COMPLETED, ORDER_REFUNDED))
_TICKETS = Which(types=(TICKET_OPENED,))
#: What began within so long ago counts, and customers who bought within so long before.
LOOK_BACK = timedelta(days=365)
#: What did not come within so long, or four times the wait in question, was not waited for.
_NEVER_CAME = timedelta(days=60)
_TICKET_DAYS = 90
_CARRIED = ("order_id", "amount_base", "score", "scale_min", "scale_max", "sentiment")
_ONE = "CASE WHEN m.{} = 1 AND {} THEN 1 END"

#: What `followed` gives: one row per customer and side. ``exposed`` is null for those whose wait
#: never ended, ``outcome`` where it is not known.
FOLLOWED = (
    "profile_id", "start_at", "index_at", "exposed", "outcome", "orders_before", "spent_before",
    "first_order_before", "last_order_before", "tickets_before", *LASTING,
)  # fmt: skip


def followed_query(hypothesis: Hypothesis, *, until: datetime) -> Query:
    """The query behind `followed`.

    Parameters
    ----------
    until : datetime
        What is later does not count: all followed days end before it.
    """
    exposure = hypothesis.exposure
    meant = [_ORDERS, _SALES, _TICKETS, hypothesis.outcome.which]
    if isinstance(exposure, Waited):
        meant += [exposure.begins, exposure.ends]
    elif isinstance(exposure, Did):
        meant.append(exposure.which)
    pseudo = [Happened(which=which) for which in meant]
    found, parameters = moments_steps(pseudo, at=until, prefix="hypothesis", columns=_CARRIED)
    mark = {key_of(which): f"mark_{n}" for n, which in enumerate(distinct_whiches(pseudo))}
    orders, sales, tickets, outcome, *own = (mark[key_of(which)] for which in meant)
    newest = until - timedelta(days=hypothesis.follow_days)
    if isinstance(exposure, Waited):
        steps, values = _waits(exposure, newest, until, *own)
    elif isinstance(exposure, Did):
        steps, values = _deeds(exposure, newest, orders, *own)
    else:
        steps, values = _one_day(exposure, newest)
    before = "m.occurred_at < s.start_at"
    lasting = ", ".join(f"c.{name}" for name in LASTING)
    return relations.bind(
        (
            *relations.corrections(as_known_then=False),
            *found,
            *steps,
            Step(
                "gone_before",
                "SELECT s.profile_id, s.side, "
                f"count({_ONE.format(orders, before)}) AS orders_before, "
                f"sum(CASE WHEN m.{sales} = 1 AND {before} THEN m.amount_base END) "
                "AS spent_before, "
                f"min(CASE WHEN m.{orders} = 1 AND {before} THEN m.occurred_at END) "
                "AS first_order_before, "
                f"max(CASE WHEN m.{orders} = 1 AND {before} THEN m.occurred_at END) "
                "AS last_order_before, "
                f"count({_ONE.format(tickets, before)}) AS tickets_before, "
                f"{_outcome(hypothesis.outcome.measure, outcome)} AS outcome "
                "FROM subjects AS s JOIN hypothesis_moments AS m ON m.profile_id = s.profile_id "
                "WHERE m.occurred_at <= s.index_at + "
                f"{_interval(timedelta(days=hypothesis.follow_days))} "
                "GROUP BY s.profile_id, s.side",
            ),
            Step(
                "answer",
                "SELECT s.profile_id, s.start_at, s.index_at, "
                "CASE WHEN s.side < 2 THEN s.side END AS exposed, "
                f"{_whole(hypothesis.outcome.measure)} AS outcome, "
                "coalesce(g.orders_before, 0) AS orders_before, "
                "CAST(coalesce(g.spent_before, 0) AS DOUBLE) AS spent_before, "
                "g.first_order_before, g.last_order_before, "
                f"coalesce(g.tickets_before, 0) AS tickets_before, {lasting} "
                "FROM subjects AS s LEFT JOIN gone_before AS g "
                "ON g.profile_id = s.profile_id AND g.side = s.side "
                "JOIN customers AS c ON c.profile_id = s.profile_id "
                + (
                    ""
                    if isinstance(exposure, Waited) or _is_buying(exposure)
                    else f"WHERE g.last_order_before >= s.start_at - {_interval(LOOK_BACK)} "
                )
                + "ORDER BY s.profile_id ASC NULLS LAST, s.side ASC NULLS LAST",
            ),
        ),
        {**relations.TYPES, **parameters, **values},
    )


def _is_buying(exposure: Waited | Did | Holds) -> bool:
    """Whether it is one of several ways of buying."""
    return (
        isinstance(exposure, Did)
        and exposure.times == 1
        and exposure.which.types == _ORDERS.types
        and exposure.which != _ORDERS
    )


def _interval(length: timedelta) -> str:
    return f"INTERVAL '{int(length.total_seconds()) // 3600}' HOUR"


def _waits(
    exposure: Waited, newest: datetime, until: datetime, begins: str, ends: str
) -> tuple[tuple[Step, ...], dict[str, Typed]]:
    span = _interval(exposure.span.length)
    given_up = max(_NEVER_CAME, 4 * exposure.span.length)
    newest = min(newest - exposure.span.length, until - given_up)
    long, short = (1, 0) if exposure.longer else (0, 1)
    following = (
        "ORDER BY occurred_at ASC NULLS LAST ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING"
    )
    return (
        (
            Step(
                # One row per moment and order, so that a row after it is later.
                "wait_times",
                f"SELECT profile_id, order_id, occurred_at, max({begins}) AS begins, "
                f"max({ends}) AS ends FROM hypothesis_moments WHERE {begins} = 1 OR {ends} = 1 "
                "GROUP BY profile_id, order_id, occurred_at",
            ),
            Step(
                "waits",
                "SELECT profile_id, order_id, occurred_at AS start_at, begins, "
                "min(CASE WHEN ends = 1 THEN occurred_at END) OVER ("
                f"PARTITION BY profile_id, order_id {following}) AS own_at, "
                # What names no order may be any's.
                "min(CASE WHEN ends = 1 AND order_id IS NULL THEN occurred_at END) OVER ("
                f"PARTITION BY profile_id {following}) AS any_at FROM wait_times",
            ),
            Step(
                "first_waits",
                # An engine's least of a moment and nothing is the moment.
                "SELECT w.profile_id, w.start_at, least(w.own_at, w.any_at) AS came_at, "
                "row_number() OVER (PARTITION BY w.profile_id "
                "ORDER BY w.start_at ASC NULLS LAST, w.order_id ASC NULLS LAST) AS nth "
                "FROM waits AS w "
                "WHERE w.begins = 1 AND w.start_at >= $oldest AND w.start_at < $newest",
            ),
            Step(
                "subjects",
                f"SELECT w.profile_id, w.start_at, w.start_at + {span} AS index_at, "
                "CASE WHEN w.came_at IS NULL "
                f"OR w.came_at > w.start_at + {_interval(given_up)} THEN 2 "
                f"WHEN w.came_at > w.start_at + {span} THEN {long} ELSE {short} END AS side "
                "FROM first_waits AS w WHERE w.nth = 1",
            ),
        ),
        {"oldest": newest - LOOK_BACK, "newest": newest},
    )


def _deeds(
    exposure: Did, newest: datetime, orders: str, deed: str
) -> tuple[tuple[Step, ...], dict[str, Typed]]:
    values: dict[str, Typed] = {"oldest": newest - LOOK_BACK, "newest": newest}
    within = "occurred_at >= $oldest AND occurred_at < $newest"
    if _is_buying(exposure):
        purchases = Step(
            "purchases",
            f"SELECT profile_id, occurred_at, max({deed}) AS side, row_number() OVER ("
            "PARTITION BY profile_id ORDER BY occurred_at ASC NULLS LAST) AS nth "
            f"FROM hypothesis_moments WHERE {orders} = 1 AND {within} "
            "GROUP BY profile_id, occurred_at",
        )
        first = Step(
            "subjects",
            "SELECT profile_id, occurred_at AS start_at, occurred_at AS index_at, side "
            "FROM purchases WHERE nth = 1",
        )
        return (purchases, first), values
    often = ""
    if exposure.times > 1:
        often = f" AND earlier >= occurred_at - {_interval(exposure.within.length)}"
    return (
        (
            Step(
                "deeds",
                f"SELECT profile_id, occurred_at, lag(occurred_at, {exposure.times - 1}) OVER ("
                "PARTITION BY profile_id ORDER BY occurred_at ASC NULLS LAST) AS earlier "
                f"FROM hypothesis_moments WHERE {deed} = 1",
            ),
            Step(
                "doers",
                "SELECT profile_id, moment, row_number() OVER ("
                "ORDER BY moment ASC NULLS LAST, profile_id ASC NULLS LAST) - 1 AS place, "
                "count(*) OVER () AS many FROM (SELECT profile_id, min(occurred_at) AS moment "
                f"FROM deeds WHERE {within}{often} GROUP BY profile_id) AS f",
            ),
            Step(
                # As good as a draw, and the same on every engine.
                "drawn",
                "SELECT c.profile_id, row_number() OVER ("
                "ORDER BY md5(c.profile_id) ASC NULLS LAST) - 1 AS place, "
                "count(*) OVER () AS many FROM customers AS c",
            ),
            Step(
                "subjects",
                "SELECT profile_id, moment AS start_at, moment AS index_at, 1 AS side FROM doers "
                "UNION ALL SELECT w.profile_id, d.moment AS start_at, d.moment AS index_at, "
                "0 AS side FROM drawn AS w "
                "JOIN doers AS d ON d.place = CAST(floor(w.place * d.many / w.many) AS BIGINT) "
                "LEFT JOIN doers AS o ON o.profile_id = w.profile_id "
                "WHERE o.moment IS NULL OR o.moment > d.moment",
            ),
        ),
        values,
    )


def _one_day(exposure: Holds, day: datetime) -> tuple[tuple[Step, ...], dict[str, Typed]]:
    compiled = compile_rule(exposure.rule, now=day, prefix="exposure")
    return (
        (
            Step(
                "subjects",
                "SELECT c.profile_id, CAST($day AS TIMESTAMPTZ) AS start_at, "
                "CAST($day AS TIMESTAMPTZ) AS index_at, "
                f"CASE WHEN {compiled.sql} THEN 1 ELSE 0 END AS side FROM customers AS c",
            ),
        ),
        {**compiled.parameters, "day": day},
    )


def _outcome(measure: Measure, mark: str) -> str:
    """What is counted of the moments after the index, as an aggregate."""
    meant = f"m.{mark} = 1 AND m.occurred_at > s.index_at"
    if measure == "amount":
        return f"sum(CASE WHEN {meant} THEN m.amount_base END)"
    if measure in ("score", "mood"):
        value = "m.sentiment"
        if measure == "score":
            meant += " AND m.scale_max > m.scale_min"
            value = "100 * (m.score - m.scale_min) / (m.scale_max - m.scale_min)"
        # A sum of decimals is the same in every order of rows; of floats it is not.
        value = f"CASE WHEN {meant} THEN CAST({value} AS DECIMAL(18, 6)) END"
        return f"CAST(sum({value}) AS DOUBLE) / count({value})"
    return f"count(CASE WHEN {meant} THEN 1 END)"


def _whole(measure: Measure) -> str:
    """The outcome of a customer; of those with no moment at all too."""
    if measure == "happens":
        value = "CASE WHEN coalesce(g.outcome, 0) > 0 THEN 1 ELSE 0 END"
    elif measure == "never":
        value = "CASE WHEN coalesce(g.outcome, 0) > 0 THEN 0 ELSE 1 END"
    else:
        value = "g.outcome" if measure in ("score", "mood") else "coalesce(g.outcome, 0)"
    return f"CAST({value} AS DOUBLE)"


def followed(
    lake: Lake,
    hypothesis: Hypothesis,
    *,
    until: datetime,
    known: Freshness | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """Everybody who is compared, with the columns `FOLLOWED`, by profile."""
    query = followed_query(hypothesis, until=until)
    return ask(lake, query, as_of=None, tables=tables or {}, known=known).select(list(FOLLOWED))
