"""What is known of each customer of the last year: numbers, labels and answers, of four kinds.

Nothing is invented: a share of nothing, an unanswered question and an unknown age are missing (NaN
or null), never 0. Customers without a single act of their own in the year are not described.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.engines.lake import Lake
from rapport.privacy.disclosure import SMALLEST_GROUP
from rapport.understand.personas.fact_queries import (
    answers_query,
    coupons_query,
    facts_query,
    offers_query,
)

Floats = NDArray[np.float64]
Kind = Literal["demographic", "behavioural", "transactional", "psychographic"]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]

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
    coupons : tuple of str
        Codes that five customers or more redeemed in the year, after "", which is any coupon; a
        code of one's own would name its customer. Empty where nobody redeemed one.
    redeemed : float array, shape (n, n_coupons)
        1 where the customer did, 0 where they ordered without; NaN where they did not order.
    """

    profile_ids: tuple[str, ...]
    numbers: Mapping[str, Floats]
    labels: Mapping[str, tuple[str | None, ...]]
    questions: tuple[str, ...]
    answers: Floats
    offers: tuple[str, ...]
    taken: Floats
    coupons: tuple[str, ...]
    redeemed: Floats

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
        coupons=known.coupons,
        redeemed=known.redeemed[rows],
    )


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
    told = lake.ask(coupons_query(now), tables=tables)
    coupons, redeemed = _redeemed(told, rows["profile_id"], ordered=column["orders"] > 0)
    return Known(
        profile_ids=tuple(rows["profile_id"].to_pylist()),
        numbers=numbers,
        labels=labels,
        questions=questions,
        answers=answers,
        offers=offers,
        taken=taken,
        coupons=coupons,
        redeemed=redeemed,
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


class _Order(Struct):
    """What is read of an order's properties; other fields are skipped."""

    coupon: Any = None


def _redeemed(
    told: pa.Table, profiles: pa.ChunkedArray, *, ordered: NDArray[np.bool_]
) -> tuple[tuple[str, ...], Floats]:
    """Who redeemed any coupon, and who each of those that enough did."""
    read = msgspec.json.Decoder(_Order).decode
    people: dict[str, set[str]] = {}
    for profile_id, properties in zip(
        told["profile_id"].to_pylist(), told["properties"].to_pylist(), strict=True
    ):
        code = read(properties).coupon
        if isinstance(code, str) and code.strip():
            people.setdefault(code.strip().upper(), set()).add(profile_id)
    if not people:
        return (), np.zeros((len(profiles), 0))
    of_each = {"": set().union(*people.values())}
    of_each |= {code: who for code, who in sorted(people.items()) if len(who) >= SMALLEST_GROUP}
    ids = profiles.combine_chunks()
    held = [
        pc.is_in(ids, value_set=pa.array(sorted(who), pa.string())).to_numpy(zero_copy_only=False)
        for who in of_each.values()
    ]
    redeemed = np.stack(held, axis=1).astype(np.float64)
    redeemed[~ordered] = np.nan
    return tuple(of_each), redeemed
