"""The customers' table: one row per profile, what questions and segments ask about a person.

Read `STEPS` first: the list of named SELECTs that make one query over touchpoints, the membership
and three tables of the ledger's.
"""
# ruff: noqa: S608 - no value ever enters the text, only names of ours

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from rapport.engines.lake import Lake, Query, Step
from rapport.understand import relations
from rapport.understand.geography.whereabouts import WHEREABOUTS, whereabouts
from rapport.understand.rfm import score_sql, segment_sql
from rapport.vocabulary.lake_tables import CUSTOMERS
from rapport.vocabulary.shop import Shop

_TIME = pa.timestamp("us", tz="UTC")

#: What the ledger knows of each profile.
PROFILES = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("country", pa.string()),
        pa.field("language", pa.string()),
        pa.field("city", pa.string()),
        pa.field("postal_code", pa.string()),
        pa.field("birthday", pa.string()),  # ISO date
        pa.field("gender", pa.string()),  # m, f, x
    ]
)
_OF_GROUPS = ("profile_id", "country", "language", "city", "postal_code")
#: What the query reads of them: no more of a person than a group of people shares.
GROUPS = pa.schema(
    [
        *(PROFILES.field(name) for name in _OF_GROUPS),
        pa.field("postcode_area", pa.string()),
        *WHEREABOUTS,
        pa.field("age_band", pa.string()),
        pa.field("gender", pa.string()),
    ]
)
#: Ages at which a band ends, as Eurostat groups adults; the last is open.
_BANDS = ((18, "0-17"), (25, "18-24"), (35, "25-34"), (45, "35-44"), (55, "45-54"), (65, "55-64"))
_OLDEST = 120
#: The newest score of each name; `name` is a column of `CUSTOMERS`.
SCORES = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("value", pa.float64()),
    ]
)
#: The latest word on each purpose.
CONSENTS = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("purpose", pa.string(), nullable=False),
        pa.field("granted", pa.bool_(), nullable=False),
    ]
)

#: The discovered group of each customer who is in one.
PERSONAS = pa.schema(
    [
        pa.field("profile_id", pa.string(), nullable=False),
        pa.field("persona", pa.string(), nullable=False),
    ]
)

MOOD_DAYS, TICKET_DAYS = 180, 90
_MOST = "99999999999999.9999"


def _within_reach(sum_: str) -> str:
    """A sum of money, at most what a column of money holds; null stays null."""
    return (
        f"CASE WHEN {sum_} > {_MOST} THEN {_MOST} "
        f"WHEN {sum_} < -{_MOST} THEN -{_MOST} ELSE {sum_} END"
    )


def _answers(name: str, condition: str, value: str) -> Step:
    """The newest answer of each profile to one question."""
    return Step(
        name,
        f"SELECT profile_id, {value} AS value FROM (SELECT a.*, row_number() OVER ("
        "PARTITION BY profile_id ORDER BY occurred_at DESC NULLS LAST, position DESC NULLS LAST"
        f") AS newness FROM named_answers AS a WHERE {condition} AND profile_id IS NOT NULL"
        ") AS aged WHERE newness = 1",
    )


STEPS: tuple[Step, ...] = (
    *relations.corrections(as_known_then=False),
    # By atom first: there are fewer of them than touchpoints to look up in the membership.
    Step(
        "seen_atoms",
        "SELECT atom_id, min(occurred_at) AS first_seen, "
        f"max(CASE WHEN {relations.DONE} THEN occurred_at END) AS last_seen "
        "FROM touchpoints AS t WHERE atom_id IS NOT NULL AND occurred_at < $end GROUP BY atom_id",
    ),
    Step(
        "seen",
        "SELECT m.profile_id, min(s.first_seen) AS first_seen, max(s.last_seen) AS last_seen "
        "FROM seen_atoms AS s JOIN membership AS m ON m.atom_id = s.atom_id GROUP BY m.profile_id",
    ),
    Step(
        "people",
        "SELECT DISTINCT profile_id FROM membership UNION SELECT profile_id FROM profiles",
    ),
    *relations.sales(as_known_then=False, since=""),
    *relations.named_sales(),
    Step(
        "bought",
        "SELECT profile_id, "
        "min(CASE WHEN is_order = 1 THEN occurred_at END) AS first_order_at, "
        "max(CASE WHEN is_order = 1 THEN occurred_at END) AS last_order_at, "
        "CAST(sum(is_order) AS INT) AS order_count, "
        # Whoever sends absurd orders may spoil their own row, not the table of all.
        f"{_within_reach('coalesce(sum(amount_base), 0)')} AS revenue, "
        f"{_within_reach('sum(CASE WHEN is_order = 1 THEN amount_base END)')} AS ordered_amount, "
        "count(CASE WHEN is_order = 1 THEN amount_base END) AS converted_orders "
        "FROM named_sales WHERE profile_id IS NOT NULL GROUP BY profile_id",
    ),
    Step(
        "scored_buyers",
        "SELECT profile_id, "
        f"{score_sql('last_order_at')} AS recency_score, "
        f"{score_sql('order_count')} AS frequency_score, "
        f"{score_sql('revenue')} AS monetary_score "
        "FROM bought WHERE order_count > 0",
    ),
    Step(
        "came",
        "SELECT profile_id, acquisition_channel FROM (SELECT m.profile_id, t.acquisition_channel, "
        "row_number() OVER (PARTITION BY m.profile_id "
        "ORDER BY t.occurred_at ASC NULLS LAST, t.position ASC NULLS LAST) AS place "
        "FROM touchpoints AS t JOIN membership AS m ON m.atom_id = t.atom_id "
        "WHERE t.acquisition_channel IS NOT NULL AND t.occurred_at < $end) AS placed "
        "WHERE place = 1",
    ),
    Step(
        "answers",
        relations.current(
            (
                "atom_id",
                "occurred_at",
                "position",
                "question",
                "score",
                "scale_min",
                "scale_max",
            ),
            "t.type = $survey_answered AND t.score IS NOT NULL AND t.scale_max > t.scale_min "
            "AND t.occurred_at < $end",
            as_known_then=False,
        ),
    ),
    Step(
        "named_answers",
        "SELECT r.*, m.profile_id FROM answers AS r JOIN membership AS m ON m.atom_id = r.atom_id",
    ),
    _answers("last_nps", "question = 'nps' AND scale_min = 0 AND scale_max = 10", "score"),
    _answers(
        "last_csat",
        "question = 'csat'",
        "1 + 4 * (score - scale_min) / (scale_max - scale_min)",
    ),
    Step(
        "recent",
        relations.current(
            ("atom_id", "occurred_at", "type", "sentiment"),
            "t.occurred_at >= $mood_since AND t.occurred_at < $end "
            "AND (t.sentiment IS NOT NULL OR t.type = $ticket_opened)",
            as_known_then=False,
        ),
    ),
    Step(
        "voiced",
        # A sum of decimals is the same in every order of rows; of floats it is not.
        "SELECT m.profile_id, "
        "CAST(sum(CAST(r.sentiment AS DECIMAL(18, 6))) AS DOUBLE) / count(r.sentiment) AS mood, "
        "CAST(count(CASE WHEN r.type = $ticket_opened AND r.occurred_at >= $tickets_since "
        "THEN 1 END) AS INT) AS tickets_90_days "
        "FROM recent AS r JOIN membership AS m ON m.atom_id = r.atom_id GROUP BY m.profile_id",
    ),
    Step(
        "predicted",
        "SELECT profile_id, "
        "max(CASE WHEN name = 'probability_alive' THEN value END) AS probability_alive, "
        "max(CASE WHEN name = 'expected_orders' THEN value END) AS expected_orders, "
        "max(CASE WHEN name = 'expected_value' THEN value END) AS expected_value "
        "FROM given_scores GROUP BY profile_id",
    ),
    Step(
        "allowed",
        # Contradicting rows would be a mistake of the caller's: then nobody may write.
        "SELECT profile_id, min(CASE WHEN granted THEN 1 ELSE 0 END) = 1 AS email_marketing "
        "FROM consents WHERE purpose = 'email_marketing' GROUP BY profile_id",
    ),
    Step(
        "customers_now",
        "SELECT p.profile_id, f.country, f.language, f.city, f.postal_code, f.postcode_area, "
        f"{', '.join(f'f.{name}' for name in WHEREABOUTS.names)}, "
        "f.age_band, f.gender, a.acquisition_channel, "
        "s.first_seen, s.last_seen, b.first_order_at, b.last_order_at, "
        "CAST(floor((epoch(CAST($end AS TIMESTAMPTZ)) - epoch(b.last_order_at)) / 86400.0) AS INT) "
        "AS days_since_last_order, "
        "coalesce(b.order_count, 0) AS order_count, coalesce(b.revenue, 0) AS revenue, "
        "b.ordered_amount, b.converted_orders, "
        "r.recency_score, r.frequency_score, r.monetary_score, "
        f"{segment_sql('r.recency_score', 'r.frequency_score')} AS rfm_segment, "
        "n.value AS last_nps, c.value AS last_csat, v.mood, "
        "coalesce(v.tickets_90_days, 0) AS tickets_90_days, "
        "m.probability_alive, m.expected_orders, m.expected_value, w.email_marketing, "
        "g.persona FROM people AS p "
        "LEFT JOIN profiles AS f ON f.profile_id = p.profile_id "
        "LEFT JOIN came AS a ON a.profile_id = p.profile_id "
        "LEFT JOIN seen AS s ON s.profile_id = p.profile_id "
        "LEFT JOIN bought AS b ON b.profile_id = p.profile_id "
        "LEFT JOIN scored_buyers AS r ON r.profile_id = p.profile_id "
        "LEFT JOIN last_nps AS n ON n.profile_id = p.profile_id "
        "LEFT JOIN last_csat AS c ON c.profile_id = p.profile_id "
        "LEFT JOIN voiced AS v ON v.profile_id = p.profile_id "
        "LEFT JOIN predicted AS m ON m.profile_id = p.profile_id "
        "LEFT JOIN allowed AS w ON w.profile_id = p.profile_id "
        "LEFT JOIN personas AS g ON g.profile_id = p.profile_id",
    ),
    Step(
        "answer",
        "SELECT * FROM customers_now ORDER BY profile_id ASC NULLS LAST",
    ),
)


def customers_query(now: datetime) -> Query:
    """The query that makes the customers' table as of a moment."""
    parameters = {
        **relations.TYPES,
        "end": now,
        "mood_since": now - timedelta(days=MOOD_DAYS),
        "tickets_since": now - timedelta(days=TICKET_DAYS),
    }
    return relations.bind(STEPS, parameters)


def build_customers(
    lake: Lake,
    now: datetime,
    *,
    profiles: pa.Table | None = None,
    scores: pa.Table | None = None,
    consents: pa.Table | None = None,
    shops: Sequence[Shop] = (),
    personas: pa.Table | None = None,
    tables: Mapping[str, pa.Table] | None = None,
) -> pa.Table:
    """One row per profile, for `lake.overwrite("customers", …)`.

    Parameters
    ----------
    now : datetime
        What is later does not count yet; ages are counted from here.
    profiles, scores, consents, personas : pyarrow.Table
        As `PROFILES`, `SCORES`, `CONSENTS` and `PERSONAS`: the ledger's part. None: nothing known.
    shops : sequence of Shop
        To which distances are measured.
    tables : mapping of str to pyarrow.Table, optional
        Tables that stand in for the lake's own.

    Returns
    -------
    pyarrow.Table
        With the schema `CUSTOMERS`, sorted by profile. Everybody with a membership or a profile is
        there, buyers or not; only buyers have RFM scores.
    """
    given = {
        "profiles": _groups(_as(profiles, PROFILES), now, shops),
        "given_scores": _as(scores, SCORES),
        "consents": _as(consents, CONSENTS),
        "personas": _as(personas, PERSONAS),
    }
    found = lake.ask(customers_query(now), tables={**(tables or {}), **given})
    columns = {field.name: found[field.name] for field in CUSTOMERS if field.name in _ASKED}
    columns["average_order_value"] = _average(found["ordered_amount"], found["converted_orders"])
    return pa.table([columns[field.name] for field in CUSTOMERS], names=CUSTOMERS.names).cast(
        CUSTOMERS
    )


_ASKED = frozenset(CUSTOMERS.names) - {"average_order_value"}


def _average(amounts: pa.ChunkedArray, counts: pa.ChunkedArray) -> pa.Array:
    """Money by whole numbers, to four decimals; engines round such divisions differently."""
    money = CUSTOMERS.field("average_order_value").type
    return pa.array(
        [
            None if not count else (amount / count).quantize(amount)
            for amount, count in zip(amounts.to_pylist(), counts.to_pylist(), strict=True)
        ],
        money,
    )


def _groups(profiles: pa.Table, now: datetime, shops: Sequence[Shop]) -> pa.Table:
    """Profiles with the groups that questions split by, in place of the birthday."""
    columns = [profiles[name] for name in _OF_GROUPS]
    codes = pc.utf8_upper(pc.replace_substring_regex(profiles["postal_code"], r"[^0-9A-Za-z]", ""))
    area = pc.binary_join_element_wise(
        profiles["country"], pc.utf8_slice_codeunits(codes, 0, 2), " "
    )
    area = pc.if_else(pc.greater_equal(pc.utf8_length(codes), 3), area, None)
    bands = _age_bands(profiles["birthday"], now)
    places = whereabouts(profiles, shops)
    columns += [area.cast(pa.string()), *places.columns, bands, profiles["gender"]]
    return pa.table(columns, schema=GROUPS)


def _age_bands(birthdays: pa.ChunkedArray, now: datetime) -> pa.ChunkedArray:
    """The band of each birthday's age; null where there is none, or no possible one."""
    whole = pc.match_substring_regex(birthdays, r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")
    day = pc.if_else(whole, birthdays, None)
    years = pc.subtract(now.year, pc.utf8_slice_codeunits(day, 0, 4).cast(pa.int32()))
    # Whoever has their birthday later in the year is a year younger.
    to_come = pc.greater(pc.utf8_slice_codeunits(day, 5, 10), now.strftime("%m-%d"))
    ages = pc.subtract(years, to_come.cast(pa.int32()))
    bands = pa.chunked_array([["65+"] * len(birthdays)], pa.string())
    for below, name in reversed(_BANDS):
        bands = pc.if_else(pc.less(ages, below), name, bands)
    possible = pc.and_(pc.greater_equal(ages, 0), pc.less_equal(ages, _OLDEST))
    return pc.if_else(possible, bands, None).cast(pa.string())


def _as(given: pa.Table | None, schema: pa.Schema) -> pa.Table:
    if given is None:
        return schema.empty_table()
    return given.select(schema.names).cast(schema)
