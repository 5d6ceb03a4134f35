"""What is known of each customer of the last year: numbers, labels and answers, of four kinds.

Nothing is invented: a share of nothing, an unanswered question and an unknown age are missing (NaN
or null), never 0. Customers without a single act of their own in the year are not described.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.understand.plan import local_second_sql, zone_parameters
from rapport.vocabulary import touchpoint as kinds

Floats = NDArray[np.float64]
Kind = Literal["demographic", "behavioural", "transactional", "psychographic"]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]

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
#: Middles of the age bands of `understand.customers`.
_AGES = {
    "0-17": 14.0, "18-24": 21.0, "25-34": 30.0, "35-44": 40.0, "45-54": 50.0, "55-64": 60.0,
    "65+": 72.0,
}  # fmt: skip


class Fact(Struct, frozen=True, kw_only=True):
    """A number known of customers.

    Attributes
    ----------
    share_of : str or None
        The count that a share is of; a share of few is pulled towards everybody's when customers
        are grouped.
    groups : bool
        Customers may be grouped by it. What says nearly the same as another fact (what is not
        bought in the shop is bought online) only describes them.
    """

    name: str
    kind: Kind
    share_of: str | None = None
    groups: bool = True


#: What is told of groups, and most of it what they are found by. Country, language and gender
#: describe groups and do not make them: a split into two genders is stable and tells nobody
#: anything (Wedel & Kamakura (2000), Market Segmentation, chapter 2, on bases and descriptors).
FACTS: tuple[Fact, ...] = (
    Fact(name="age", kind="demographic"),
    Fact(name="occasions", kind="behavioural", groups=False),
    Fact(name="web_share", kind="behavioural", share_of="occasions"),
    Fact(name="store_share", kind="behavioural", share_of="occasions", groups=False),
    Fact(name="service_share", kind="behavioural", share_of="occasions"),
    Fact(name="weekend_share", kind="behavioural", share_of="occasions"),
    Fact(name="morning_share", kind="behavioural", share_of="occasions", groups=False),
    Fact(name="evening_share", kind="behavioural", share_of="occasions"),
    Fact(name="order_count", kind="transactional"),
    Fact(name="average_order", kind="transactional"),
    Fact(name="lines_per_order", kind="transactional", groups=False),
    Fact(name="reduced_share", kind="transactional", share_of="priced_lines"),
    Fact(name="refund_share", kind="transactional", share_of="order_count"),
    Fact(name="opened_share", kind="psychographic", share_of="messages"),
    Fact(name="clicked_share", kind="psychographic", share_of="messages", groups=False),
    Fact(name="mood", kind="psychographic", groups=False),
)
#: What customers are told apart by and not grouped by, each with its kind.
LABELS: dict[str, Kind] = {
    "country": "demographic",
    "language": "demographic",
    "age_band": "demographic",
    "gender": "demographic",
    "acquisition_channel": "behavioural",
    "category": "transactional",
    "voice": "psychographic",
}


class Known(Struct, frozen=True, kw_only=True):
    """What is known of each of n customers.

    Attributes
    ----------
    profile_ids : tuple of str
        Sorted.
    numbers : mapping of str to float array, shape (n,)
        By name of a fact, or of the count that a share is of; NaN where it is not known.
    labels : mapping of str to tuple
        By name of `LABELS`; None where it is not known. ``category``: where most of the money
        went; ``voice``: promoter, passive or detractor, by the newest answer.
    questions : tuple of str
        As asked, but for those of satisfaction, which are moods of a moment.
    answers : float array, shape (n, n_questions)
        The newest answer to each, 0 … 1 of its scale; NaN where there is none.
    offers : tuple of str
        Campaigns that were sent in the year.
    taken : float array, shape (n, n_offers)
        1 where the customer opened one, 0 where not; NaN where it was not sent to them.
    """

    profile_ids: tuple[str, ...]
    numbers: Mapping[str, Floats]
    labels: Mapping[str, tuple[str | None, ...]]
    questions: tuple[str, ...]
    answers: Floats
    offers: tuple[str, ...]
    taken: Floats

    def __len__(self) -> int:
        return len(self.profile_ids)


def only(known: Known, rows: NDArray[np.bool_]) -> Known:
    """What is known of some of the customers; ``rows`` has shape (n,)."""

    def kept(values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(each for each, wanted in zip(values, rows.tolist(), strict=True) if wanted)

    return Known(
        profile_ids=kept(known.profile_ids),
        numbers={name: values[rows] for name, values in known.numbers.items()},
        labels={name: kept(values) for name, values in known.labels.items()},
        questions=known.questions,
        answers=known.answers[rows],
        offers=known.offers,
        taken=known.taken[rows],
    )


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


def read_facts(
    lake: Lake,
    now: datetime,
    *,
    time_zone: str,
    tables: Mapping[str, pa.Table] | None = None,
) -> Known:
    """What is known of each customer who did something in the year before ``now``.

    Parameters
    ----------
    now : datetime
        What happened later is not looked at.
    time_zone : str
        The company's: hours and weekends are those of its wall clock.
    tables : mapping of str to pyarrow.Table, optional
        Tables that stand in for the lake's own.
    """
    rows = lake.ask(facts_query(now, time_zone), tables=tables)
    column = {name: _floats(rows[name]) for name in rows.column_names if name not in _TEXTS}
    numbers = {
        "age": _floats(_ages(rows["age_band"])),
        "occasions": column["occasions"],
        **{
            f"{name}_share": _ratio(column[name], column["occasions"])
            for name in ("web", "store", "service", "weekend", "morning", "evening")
        },
        "order_count": column["orders"],
        "average_order": _ratio(column["amount"], column["amounts"]),
        "lines_per_order": _ratio(column["line_count"], column["orders"]),
        "priced_lines": column["priced_lines"],
        "reduced_share": _ratio(column["reduced"], column["priced_lines"]),
        "refund_share": np.minimum(_ratio(column["refunds"], column["orders"]), 1.0),
        "messages": column["messages"],
        "opened_share": _ratio(column["opened"], column["messages"]),
        "clicked_share": _ratio(column["clicked"], column["messages"]),
        "mood": column["mood"],
    }
    labels = {name: tuple(rows[name].to_pylist()) for name in LABELS if name != "voice"}
    nps = column["last_nps"]
    voice = np.select([nps >= 9, nps >= 7, nps >= 0], ["promoter", "passive", "detractor"], "")
    labels["voice"] = tuple(each or None for each in voice.tolist())
    questions, answers = _wide(lake.ask(answers_query(now), tables=tables), rows["profile_id"])
    offers, taken = _wide(lake.ask(offers_query(now), tables=tables), rows["profile_id"])
    return Known(
        profile_ids=tuple(rows["profile_id"].to_pylist()),
        numbers=numbers,
        labels=labels,
        questions=questions,
        answers=answers,
        offers=offers,
        taken=taken,
    )


_TEXTS = frozenset({"profile_id", *LABELS})


def _floats(values: Any) -> Floats:
    found: Floats = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return found


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Part of a whole; of nothing, and of what is not known, NaN."""
    found: Floats = np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
    return found


def _ages(bands: pa.ChunkedArray) -> pa.Array:
    place = pc.index_in(bands, value_set=pa.array(list(_AGES)))
    return pc.take(pa.array(list(_AGES.values())), place)


def _wide(said: pa.Table, profiles: pa.ChunkedArray) -> tuple[tuple[str, ...], Floats]:
    """One column per name, from rows of customer, name and value."""
    row = pc.index_in(said["profile_id"], value_set=profiles.combine_chunks())
    kept = said.append_column("row", row).filter(pc.is_valid(row))
    names = tuple(sorted(pc.unique(kept["name"]).to_pylist()))
    values = np.full((len(profiles), len(names)), np.nan)
    place = pc.index_in(kept["name"], value_set=pa.array(names, pa.string()))
    values[kept["row"].to_numpy(), place.to_numpy()] = _floats(kept["value"])
    return names, values
