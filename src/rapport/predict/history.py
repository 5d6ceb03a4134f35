"""Purchase histories **as known at a date**: the only door through which models see orders.

The counting rules (those of the buy-till-you-die literature, and ours for returns):

- A *purchase* is a calendar day on which the customer placed at least one order with an amount of
  zero (paid by voucher) or more; several orders on one day are one purchase, their amounts added.
- A return (negative amount) neither makes nor unmakes a purchase. It lowers the customer's money:
  every value is multiplied by the share of the spending that was kept, at least 0.
- Time runs from the day of the first purchase to the last day observed, which is the day that
  holds the last moment before ``as_of``.
- Only orders with ``occurred_at < as_of`` count; *as known then* also needs
  ``received_at <= as_of``, so an order that reached us later changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rapport.errors import InvalidInput

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
Known = Literal["then", "now"]

ORDER_COLUMNS = ("profile_id", "occurred_at", "received_at", "amount")
DAY_US = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class InvalidHistory(InvalidInput):
    """Orders or purchase histories that cannot be read as such."""

    code = "invalid_history"


@dataclass(frozen=True, kw_only=True, eq=False)
class Orders:
    """Orders ready to be counted: one row per order, in no particular order.

    Attributes
    ----------
    profile_ids : string array, shape (n_profiles,)
        Distinct profiles; ``profile`` indexes it.
    profile : int array, shape (n_orders,)
    day : int array, shape (n_orders,)
        Days since 1970-01-01 of the calendar in ``time_zone``.
    occurred_us, received_us : int array, shape (n_orders,), in microseconds since 1970, UTC
    amount : float array, shape (n_orders,), in reporting currency
        Below zero for returns.
    time_zone : str
        Whose midnight ends a day.
    """

    profile_ids: pa.Array
    profile: IntArray
    day: IntArray
    occurred_us: IntArray
    received_us: IntArray
    amount: FloatArray
    time_zone: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What one profile's scores rest on.

    Attributes
    ----------
    purchase_count, customer_age_days, days_since_last_purchase : int
    mean_repeat_value : float or None, in reporting currency
        None without a second purchase.
    """

    purchase_count: int
    customer_age_days: int
    days_since_last_purchase: int
    mean_repeat_value: float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class DistinctHistories:
    """Customers who look the same to a purchase model, counted once: what makes a million quick.

    Attributes
    ----------
    purchase_count, customer_age_days, days_since_last_purchase : int array, shape (n_distinct,)
    n_profiles : int array, shape (n_distinct,)
        How many profiles share the row.
    row_of : int array, shape (n_profiles,)
        Index of each profile's row.
    """

    purchase_count: IntArray
    customer_age_days: IntArray
    days_since_last_purchase: IntArray
    n_profiles: IntArray
    row_of: IntArray


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseHistory:
    """What every profile had bought when ``as_of`` came, one row per profile with a purchase.

    Attributes
    ----------
    profile_ids : string array, shape (n_profiles,)
        Sorted.
    purchase_count : int array, shape (n_profiles,), at least 1
        Days with a purchase.
    customer_age_days : int array, shape (n_profiles,)
        Days from the first purchase to the last day observed.
    days_since_last_purchase : int array, shape (n_profiles,)
        Days from the last purchase to the last day observed; never above the age.
    mean_repeat_value : float array, shape (n_profiles,), in reporting currency
        Mean value of a purchase after the first, net of returns; NaN without a repeat.
    mean_value : float array, shape (n_profiles,), in reporting currency
        Mean value of all purchases, net of returns.
    as_of : datetime, UTC
    span_days : int
        Days from the first purchase of anyone to the last day observed, both counted.
    only_returns : string array
        Profiles known by returns only: they have no purchase to start from, so no row here.
    """

    profile_ids: pa.Array
    purchase_count: IntArray
    customer_age_days: IntArray
    days_since_last_purchase: IntArray
    mean_repeat_value: FloatArray
    mean_value: FloatArray
    as_of: datetime
    span_days: int
    only_returns: pa.Array

    def __post_init__(self) -> None:
        wrong = (
            (self.purchase_count < 1)
            | (self.days_since_last_purchase < 0)
            | (self.days_since_last_purchase > self.customer_age_days)
            | (
                (self.purchase_count == 1)
                & (self.days_since_last_purchase < self.customer_age_days)
            )
        )
        if wrong.any():
            raise InvalidHistory(
                f"{int(wrong.sum())} of {wrong.size} purchase histories contradict themselves: "
                "purchases are at least 1, the last one lies between the first and the last day "
                "observed, and a single purchase is both first and last."
            )

    @property
    def n_profiles(self) -> int:
        return int(self.purchase_count.size)

    @property
    def n_repeat_buyers(self) -> int:
        """Profiles with at least two purchases."""
        return int((self.purchase_count > 1).sum())

    @property
    def span_weeks(self) -> float:
        return self.span_days / 7

    def facts(self, row: int) -> Facts:
        """What is known of the profile at ``row``."""
        repeated = self.purchase_count[row] > 1
        return Facts(
            purchase_count=int(self.purchase_count[row]),
            customer_age_days=int(self.customer_age_days[row]),
            days_since_last_purchase=int(self.days_since_last_purchase[row]),
            mean_repeat_value=float(self.mean_repeat_value[row]) if repeated else None,
        )

    @cached_property
    def distinct(self) -> DistinctHistories:
        """Profiles with the same count, age and last day grouped; made once, used by all models."""
        if not self.n_profiles:
            none = np.empty(0, np.int64)
            return DistinctHistories(
                purchase_count=none,
                customer_age_days=none,
                days_since_last_purchase=none,
                n_profiles=none,
                row_of=none,
            )
        # One integer per history: sorting those is several times quicker than sorting rows.
        days = int(self.customer_age_days.max()) + 1
        key = (
            self.purchase_count * days + self.customer_age_days
        ) * days + self.days_since_last_purchase
        keys, row_of, n_profiles = np.unique(key, return_inverse=True, return_counts=True)
        rest, since = np.divmod(keys, days)
        count, age = np.divmod(rest, days)
        return DistinctHistories(
            purchase_count=count,
            customer_age_days=age,
            days_since_last_purchase=since,
            n_profiles=n_profiles.astype(np.int64),
            row_of=row_of.astype(np.int64),
        )


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970 of a moment that states its time zone.

    Raises
    ------
    InvalidHistory
        If it has no time zone: "midnight" of nowhere would shift the split by hours.
    """
    if moment.tzinfo is None:
        raise InvalidHistory(
            f"{moment.isoformat()} has no time zone; give a UTC time such as "
            "datetime(2026, 1, 1, tzinfo=UTC)."
        )
    return (moment - EPOCH) // timedelta(microseconds=1)


def last_day_observed(as_of: datetime, time_zone: str) -> int:
    """Day number (since 1970, calendar of ``time_zone``) of the last moment before ``as_of``."""
    microseconds(as_of)  # refuses a moment without time zone
    last = (as_of - timedelta(microseconds=1)).astimezone(ZoneInfo(time_zone))
    return (last.date() - EPOCH.date()).days


def read_orders(table: pa.Table, *, time_zone: str = "UTC") -> Orders:
    """Read a table of orders into arrays.

    Parameters
    ----------
    table : pyarrow.Table
        Columns ``profile_id`` (string), ``occurred_at`` and ``received_at`` (timestamp, UTC) and
        ``amount`` (decimal or float in reporting currency; returns below zero). Others are ignored.
    time_zone : str
        Whose midnight ends a day when purchases are counted.

    Raises
    ------
    InvalidHistory
        If a column is missing, is of another type, or holds nulls.
    """
    missing = [name for name in ORDER_COLUMNS if name not in table.column_names]
    if missing:
        raise InvalidHistory(
            f"Orders need the columns {', '.join(ORDER_COLUMNS)}; "
            f"missing: {', '.join(missing)}; the table has: {', '.join(table.column_names)}."
        )
    for name in ORDER_COLUMNS:
        if nulls := table[name].null_count:
            raise InvalidHistory(
                f"{nulls} of {table.num_rows} orders have no {name}; leave them out or fill it."
            )
    for name in ("occurred_at", "received_at"):
        kind = table.schema.field(name).type
        if not pa.types.is_timestamp(kind) or kind.tz is None:
            raise InvalidHistory(
                f"Column {name} is {kind}; it must be a timestamp with a time zone, "
                "such as timestamp('us', 'UTC')."
            )
    amount = np.asarray(pc.cast(table["amount"], pa.float64()).to_numpy(), np.float64)
    if not np.isfinite(amount).all():
        raise InvalidHistory(
            f"{int((~np.isfinite(amount)).sum())} of {amount.size} orders have an amount that is "
            "not a number; leave them out or correct it."
        )
    ids = table["profile_id"].combine_chunks()
    if isinstance(ids, pa.ChunkedArray):  # an empty or a single-chunk column, by pyarrow version
        ids = pa.concat_arrays(ids.chunks) if ids.num_chunks else pa.array([], ids.type)
    encoded = ids if pa.types.is_dictionary(ids.type) else ids.dictionary_encode()
    occurred_us = _microseconds(table["occurred_at"])
    return Orders(
        profile_ids=pc.cast(encoded.dictionary, pa.string()),
        profile=encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64),
        day=occurred_us // DAY_US
        if time_zone == "UTC"
        else _local_day(table["occurred_at"], time_zone),
        occurred_us=occurred_us,
        received_us=_microseconds(table["received_at"]),
        amount=amount,
        time_zone=time_zone,
    )


def _microseconds(column: pa.ChunkedArray) -> IntArray:
    moments = pc.cast(column, pa.timestamp("us", "UTC"), safe=False)
    return np.asarray(pc.cast(moments, pa.int64()).to_numpy(), np.int64)


def _local_day(column: pa.ChunkedArray, time_zone: str) -> IntArray:
    local = pc.local_timestamp(pc.cast(column, pa.timestamp("us", time_zone), safe=False))
    return np.asarray(pc.cast(local, pa.int64()).to_numpy(), np.int64) // DAY_US


def purchase_history(orders: Orders, as_of: datetime, *, known: Known = "then") -> PurchaseHistory:
    """Summarise the purchases before ``as_of``, by the rules at the top of this file.

    Parameters
    ----------
    orders : Orders
        From :func:`read_orders`.
    as_of : datetime with time zone
        The moment we stand at.
    known : {"then", "now"}
        ``then`` ignores orders received after ``as_of``; ``now`` counts every order that occurred
        before it, as a report about the past does.
    """
    seen = _known_before(orders, as_of, known)
    profile, day = orders.profile[seen], orders.day[seen]
    amount = orders.amount[seen]
    n = len(orders.profile_ids)
    last_day = last_day_observed(as_of, orders.time_zone)

    who, when, value = _purchase_days(profile, day, amount)
    count = np.bincount(who, minlength=n)
    bought = np.flatnonzero(count)
    first_row = np.cumsum(count[bought]) - count[bought]
    last_row = first_row + count[bought] - 1

    spent = np.bincount(who, value, minlength=n)
    returned = np.bincount(profile, np.minimum(amount, 0.0), minlength=n)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept_share = np.where(spent > 0, np.maximum(0.0, 1 + returned / spent), 0.0)[bought]
        mean_repeat = (spent[bought] - value[first_row]) / (count[bought] - 1) * kept_share
    # What is left after taking the first value away can be a rounding error below zero.
    mean_repeat = np.maximum(mean_repeat, 0.0)

    names = orders.profile_ids
    order = pc.sort_indices(names.take(pa.array(bought))).to_numpy()
    bought, first_row, last_row = bought[order], first_row[order], last_row[order]
    return PurchaseHistory(
        profile_ids=names.take(pa.array(bought)),
        purchase_count=count[bought].astype(np.int64),
        customer_age_days=last_day - when[first_row],
        days_since_last_purchase=last_day - when[last_row],
        mean_repeat_value=mean_repeat[order],
        mean_value=(spent[bought] / count[bought]) * kept_share[order],
        as_of=as_of,
        span_days=int(last_day - when.min()) + 1 if when.size else 0,
        only_returns=names.take(pa.array(np.flatnonzero((returned < 0) & (count == 0)))),
    )


def purchases_during(
    orders: Orders, history: PurchaseHistory, until: datetime, *, known_at: datetime
) -> tuple[IntArray, FloatArray]:
    """Purchases and money of each profile of ``history`` from its ``as_of`` to ``until``.

    Parameters
    ----------
    orders : Orders
    history : PurchaseHistory
        Whose profiles to follow.
    until : datetime with time zone
        End of the period, itself left out.
    known_at : datetime with time zone
        Orders received later are left out.

    Returns
    -------
    purchase_count : int array, shape (n_profiles,)
        Days with a purchase.
    value : float array, shape (n_profiles,), in reporting currency
        Spending less returns of the period, at least 0.
    """
    start, end = microseconds(history.as_of), microseconds(until)
    seen = (
        (orders.occurred_us >= start)
        & (orders.occurred_us < end)
        & (orders.received_us <= microseconds(known_at))
    )
    n = len(orders.profile_ids)
    profile, amount = orders.profile[seen], orders.amount[seen]
    who, _, value = _purchase_days(profile, orders.day[seen], amount)
    count = np.bincount(who, minlength=n)
    net = np.bincount(who, value, minlength=n) + np.bincount(
        profile, np.minimum(amount, 0.0), minlength=n
    )
    at = pc.index_in(history.profile_ids, value_set=orders.profile_ids).to_numpy()
    return count[at].astype(np.int64), np.maximum(net[at], 0.0)


def late_share(orders: Orders, as_of: datetime) -> float:
    """Share of the orders before ``as_of`` that we received after it, 0 when there are none."""
    before = orders.occurred_us < microseconds(as_of)
    n = int(before.sum())
    late = int((before & (orders.received_us > microseconds(as_of))).sum())
    return late / n if n else 0.0


def known_at(orders: Orders, as_of: datetime, known: Known) -> Orders:
    """The orders that occurred before ``as_of`` and, for ``then``, had reached us by then."""
    seen = _known_before(orders, as_of, known)
    return Orders(
        profile_ids=orders.profile_ids,
        profile=orders.profile[seen],
        day=orders.day[seen],
        occurred_us=orders.occurred_us[seen],
        received_us=orders.received_us[seen],
        amount=orders.amount[seen],
        time_zone=orders.time_zone,
    )


def _known_before(orders: Orders, as_of: datetime, known: Known) -> NDArray[np.bool_]:
    moment = microseconds(as_of)
    seen = orders.occurred_us < moment
    return seen & (orders.received_us <= moment) if known == "then" else seen


def _purchase_days(
    profile: IntArray, day: IntArray, amount: FloatArray
) -> tuple[IntArray, IntArray, FloatArray]:
    """Profile, day and summed amount of each day with a purchase, sorted by profile and day."""
    ordered = amount >= 0
    profile, day, amount = profile[ordered], day[ordered], amount[ordered]
    if not profile.size:
        return profile, day, amount
    first = int(day.min())
    days = int(day.max()) - first + 1
    key = profile * days + (day - first)
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    who, when = np.divmod(key[starts], days)
    return who, when + first, np.add.reduceat(amount[order], starts)
