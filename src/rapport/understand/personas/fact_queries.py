"""The queries for what is known of each customer of the last year, one row for each fact."""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from rapport.engines.lake import Query, Step
from rapport.understand import relations
from rapport.understand.plan import local_second_sql, zone_parameters
from rapport.vocabulary import touchpoint as kinds

YEAR = timedelta(days=365)
#: What customers begin themselves; what we send and what silos state is nothing they did.
ACTS = (
    kinds.ORDER_COMPLETED, kinds.STORE_VISITED, kinds.PAGE_VIEWED, kinds.SCREEN_VIEWED,
    kinds.TICKET_OPENED, kinds.CALL_ENDED, kinds.CALL_MISSED, kinds.CHAT_ENDED,
    kinds.EMAIL_RECEIVED, kinds.MESSAGE_RECEIVED, kinds.REVIEW_POSTED, kinds.CONFIGURATION_SAVED,
    kinds.MESSAGE_CLICKED, kinds.SOCIAL_MENTIONED,
)  # fmt: skip
_SERVICE = (
    kinds.TICKET_OPENED, kinds.CALL_ENDED, kinds.CALL_MISSED, kinds.CHAT_ENDED,
    kinds.EMAIL_RECEIVED, kinds.MESSAGE_RECEIVED,
)  # fmt: skip
#: An invoice is not where customer and company met.
_BACK_OFFICE = ("finance", "crm", "internal", "market")
#: A line sold at so much of its product's usual price, or less, was bought at a reduced one.
_REDUCED_BELOW = 0.95


#: Questions on how one visit went, or on how much is bought where; they are no value or attitude.
_SATISFACTION = ("nps", "csat", "ces", "share_of_wallet")


def _rest(number: str, by: int) -> str:
    """What is left of a whole number: engines write the sign for it differently."""
    return f"({number} - {by} * floor({number} / {by}.0))"


def _one_of(prefix: str, count: int) -> str:
    return ", ".join(f"${prefix}_{number}" for number in range(count))


def occasion_steps(zone: Mapping[str, Any]) -> tuple[Step, ...]:
    """One row per customer, channel and local hour in which they did something.

    Twenty pages in one evening are one occasion, as one call is. A file that states only days has
    every moment at midnight: that is no hour, and not counted as one.
    """
    second = local_second_sql(zone, "a.occurred_at")
    return (
        Step(
            "acts",
            relations.current(
                ("atom_id", "occurred_at", "channel", "type"),
                f"t.type IN ({_one_of('act', len(ACTS))}) "
                f"AND t.channel NOT IN ({_one_of('office', len(_BACK_OFFICE))}) "
                "AND t.atom_id IS NOT NULL AND t.occurred_at >= $since AND t.occurred_at < $end",
                as_known_then=False,
            ),
        ),
        Step(
            "timed_acts",
            f"SELECT m.profile_id, a.channel, a.type, CAST(floor({second}) AS BIGINT) AS moment "
            "FROM acts AS a JOIN membership AS m ON m.atom_id = a.atom_id",
        ),
        Step(
            "hours",
            "SELECT profile_id, channel, CAST(floor(moment / 3600.0) AS BIGINT) AS hour_number, "
            f"max(CASE WHEN type IN ({_one_of('service', len(_SERVICE))}) THEN 1 ELSE 0 END) "
            f"AS service FROM timed_acts WHERE {_rest('moment', 86_400)} <> 0 "
            "GROUP BY profile_id, channel, CAST(floor(moment / 3600.0) AS BIGINT)",
        ),
        Step(
            # Day 0 of Unix time was a Thursday; Monday is 0.
            "occasions",
            "SELECT profile_id, channel, service, "
            f"CAST({_rest('hour_number', 24)} AS INT) AS hour, "
            f"CASE WHEN {_rest('(floor(hour_number / 24.0) + 3)', 7)} >= 5 "
            "THEN 1 ELSE 0 END AS weekend FROM hours",
        ),
    )


_NUMBERS = (
    Step(
        "habits",
        "SELECT profile_id, count(*) AS occasions, "
        "count(CASE WHEN channel IN ('web', 'app') THEN 1 END) AS web, "
        "count(CASE WHEN channel = 'store' THEN 1 END) AS store, "
        "count(CASE WHEN service = 1 THEN 1 END) AS service, "
        "count(CASE WHEN weekend = 1 THEN 1 END) AS weekend, "
        "count(CASE WHEN hour < 12 THEN 1 END) AS morning, "
        "count(CASE WHEN hour >= 18 THEN 1 END) AS evening "
        "FROM occasions GROUP BY profile_id",
    ),
    *relations.sales(as_known_then=False, since="since"),
    *relations.named_sales(),
    Step(
        "bought",
        "SELECT profile_id, count(CASE WHEN is_order = 1 THEN 1 END) AS orders, "
        "count(CASE WHEN is_order = 0 THEN 1 END) AS refunds, "
        "CAST(sum(CASE WHEN is_order = 1 THEN amount_base END) AS DOUBLE) AS amount, "
        "count(CASE WHEN is_order = 1 THEN amount_base END) AS amounts "
        "FROM named_sales WHERE profile_id IS NOT NULL GROUP BY profile_id",
    ),
    Step(
        "lines",
        "SELECT n.profile_id, n.position, i.sku, i.currency, i.unit_price, i.category, "
        "i.amount_base FROM named_sales AS n JOIN order_items AS i ON i.position = n.position "
        "WHERE n.is_order = 1",
    ),
    Step(
        "prices",
        "SELECT sku, currency, unit_price, count(*) AS sold FROM lines "
        "WHERE unit_price > 0 GROUP BY sku, currency, unit_price",
    ),
    Step(
        # What most lines were sold at, anonymous ones too; of two as common, the higher.
        "usual",
        "SELECT sku, currency, unit_price AS usual_price FROM (SELECT p.*, row_number() OVER ("
        "PARTITION BY sku, currency ORDER BY sold DESC NULLS LAST, unit_price DESC NULLS LAST"
        ") AS place FROM prices AS p) AS placed WHERE place = 1",
    ),
    Step(
        "priced",
        "SELECT l.profile_id, count(*) AS line_count, "
        "count(CASE WHEN l.unit_price > 0 THEN u.usual_price END) AS priced_lines, "
        "count(CASE WHEN l.unit_price > 0 AND l.unit_price < $reduced_below * u.usual_price "
        "THEN 1 END) AS reduced FROM lines AS l LEFT JOIN usual AS u "
        "ON u.sku = l.sku AND u.currency = l.currency "
        "WHERE l.profile_id IS NOT NULL GROUP BY l.profile_id",
    ),
    Step(
        "spent",
        "SELECT profile_id, category, row_number() OVER (PARTITION BY profile_id "
        "ORDER BY sum(amount_base) DESC NULLS LAST, category ASC NULLS LAST) AS place "
        "FROM lines WHERE profile_id IS NOT NULL AND category IS NOT NULL "
        "AND amount_base > 0 GROUP BY profile_id, category",
    ),
    *relations.BY_NAME["messages"].steps(False),
    Step(
        "written_to",
        "SELECT profile_id, count(*) AS messages, "
        "count(CASE WHEN opened = 1 THEN 1 END) AS opened, "
        "count(CASE WHEN clicked = 1 THEN 1 END) AS clicked "
        "FROM named_messages WHERE profile_id IS NOT NULL GROUP BY profile_id",
    ),
    Step(
        "texts",
        relations.current(
            ("atom_id", "sentiment"),
            "t.sentiment IS NOT NULL AND t.atom_id IS NOT NULL "
            "AND t.occurred_at >= $since AND t.occurred_at < $end",
            as_known_then=False,
        ),
    ),
    Step(
        "moods",
        # A sum of decimals is the same in every order of rows; of floats it is not.
        "SELECT m.profile_id, CAST(sum(CAST(x.sentiment AS DECIMAL(18, 6))) AS DOUBLE) "
        "/ count(*) AS mood FROM texts AS x JOIN membership AS m ON m.atom_id = x.atom_id "
        "GROUP BY m.profile_id",
    ),
    Step(
        "answer",
        "SELECT h.profile_id, c.country, c.language, c.age_band, c.gender, c.acquisition_channel, "
        "s.category, c.last_nps, h.occasions, h.web, h.store, h.service, h.weekend, h.morning, "
        "h.evening, coalesce(b.orders, 0) AS orders, b.refunds, b.amount, b.amounts, "
        "p.line_count, p.priced_lines, p.reduced, w.messages, w.opened, w.clicked, d.mood "
        "FROM habits AS h LEFT JOIN customers AS c ON c.profile_id = h.profile_id "
        "LEFT JOIN bought AS b ON b.profile_id = h.profile_id "
        "LEFT JOIN priced AS p ON p.profile_id = h.profile_id "
        "LEFT JOIN spent AS s ON s.profile_id = h.profile_id AND s.place = 1 "
        "LEFT JOIN written_to AS w ON w.profile_id = h.profile_id "
        "LEFT JOIN moods AS d ON d.profile_id = h.profile_id "
        "ORDER BY h.profile_id ASC NULLS LAST",
    ),
)
_ANSWERS = (
    Step(
        "answers",
        relations.current(
            ("atom_id", "occurred_at", "position", "question", "score", "scale_min", "scale_max"),
            "t.type = $survey_answered AND t.score IS NOT NULL AND t.scale_max > t.scale_min "
            "AND t.question IS NOT NULL AND t.occurred_at < $end "
            f"AND t.question NOT IN ({_one_of('satisfaction', len(_SATISFACTION))})",
            as_known_then=False,
        ),
    ),
    Step(
        "named_answers",
        "SELECT m.profile_id, a.question, "
        "(a.score - a.scale_min) / (a.scale_max - a.scale_min) AS value, row_number() OVER ("
        "PARTITION BY m.profile_id, a.question "
        "ORDER BY a.occurred_at DESC NULLS LAST, a.position DESC NULLS LAST) AS newness "
        "FROM answers AS a JOIN membership AS m ON m.atom_id = a.atom_id",
    ),
    Step(
        "answer",
        "SELECT profile_id, question AS name, value FROM named_answers WHERE newness = 1 "
        "ORDER BY name ASC NULLS LAST, profile_id ASC NULLS LAST",
    ),
)


_OFFERS = (
    *relations.BY_NAME["messages"].steps(False),
    Step(
        "answer",
        "SELECT profile_id, campaign AS name, CAST(max(opened) AS DOUBLE) AS value "
        "FROM named_messages WHERE profile_id IS NOT NULL AND campaign IS NOT NULL "
        "GROUP BY profile_id, campaign "
        "ORDER BY name ASC NULLS LAST, profile_id ASC NULLS LAST",
    ),
)


_COUPONS = (
    *relations.sales(as_known_then=False, since="since"),
    *relations.named_sales(),
    Step(
        "answer",
        # Which coupon it was stands in the free properties: read where they name one at all.
        "SELECT n.profile_id, t.properties FROM named_sales AS n "
        "JOIN touchpoints AS t ON t.position = n.position "
        "WHERE n.is_order = 1 AND n.profile_id IS NOT NULL AND t.properties LIKE $with_coupon "
        "ORDER BY n.profile_id ASC NULLS LAST, n.position ASC NULLS LAST",
    ),
)


def parameters_of(now: datetime, time_zone: str) -> dict[str, Any]:
    """What the queries here bind."""
    since = now - YEAR
    lists = {"act": ACTS, "office": _BACK_OFFICE, "service": _SERVICE}
    return {
        **relations.TYPES,
        **zone_parameters(since, now, time_zone),
        **{f"{name}_{n}": one for name, all_ in lists.items() for n, one in enumerate(all_)},
        **{f"satisfaction_{n}": name for n, name in enumerate(_SATISFACTION)},
        "since": since,
        "start": since,
        "end": now,
        "reduced_below": _REDUCED_BELOW,
        "with_coupon": '%"coupon":"%',
    }


def facts_query(now: datetime, time_zone: str) -> Query:
    """The query for numbers and labels: one row per customer who did something in the year."""
    asked = parameters_of(now, time_zone)
    steps = (*relations.corrections(as_known_then=False), *occasion_steps(asked), *_NUMBERS)
    return relations.bind(steps, asked)


def answers_query(now: datetime) -> Query:
    """The query for the newest answer of each customer to each question of values."""
    steps = (*relations.corrections(as_known_then=False), *_ANSWERS)
    return relations.bind(steps, parameters_of(now, "UTC"))


def offers_query(now: datetime) -> Query:
    """The query for who opened which campaign of the year."""
    steps = (*relations.corrections(as_known_then=False), *_OFFERS)
    return relations.bind(steps, parameters_of(now, "UTC"))


def coupons_query(now: datetime) -> Query:
    """The query for the properties of the year's orders that name a coupon (Segment's spec)."""
    steps = (*relations.corrections(as_known_then=False), *_COUPONS)
    return relations.bind(steps, parameters_of(now, "UTC"))
