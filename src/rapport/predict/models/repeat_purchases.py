"""The papers' view of a history: x, t_x and T, distinct rows only, each with its weight.

Frequency x = repeat purchases, recency t_x = age at the last purchase and T = age now, in weeks.
These words mean something else in RFM, so they stay inside this folder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln, polygamma

from rapport.predict.history import (
    DistinctHistories,
    FloatArray,
    IntArray,
    InvalidHistory,
    PurchaseHistory,
)
from rapport.predict.models.estimate import inner


@dataclass(frozen=True, kw_only=True, eq=False)
class RepeatPurchases:
    """Distinct (x, t_x, T) with their number of customers.

    Attributes
    ----------
    x : float array, shape (n_rows,)
        Repeat purchases.
    t_x, T : float array, shape (n_rows,), in weeks
        Ages at the last purchase and now.
    weight : float array, shape (n_rows,)
        Customers with this row.
    """

    x: FloatArray
    t_x: FloatArray
    T: FloatArray
    weight: FloatArray

    @property
    def count_of_x(self) -> FloatArray:
        """Customers with 0, 1, 2 … repeat purchases, shape (max x + 1,)."""
        return np.asarray(np.bincount(self.x.astype(np.int64), self.weight), np.float64)

    @property
    def rate(self) -> float:
        """Repeat purchases per week of all customers together; above 0 even without any."""
        return max(inner(self.weight, self.x), 1.0) / max(inner(self.weight, self.T), 1.0)

    def part(self, rows: slice) -> RepeatPurchases:
        """Some consecutive rows."""
        return RepeatPurchases(
            x=self.x[rows], t_x=self.t_x[rows], T=self.T[rows], weight=self.weight[rows]
        )

    def thinned(self, max_rows: int) -> RepeatPurchases:
        """Every k-th row with k times the weight; the few heavy rows without repeats all stay."""
        once = np.flatnonzero(self.x == 0)
        more = np.flatnonzero(self.x > 0)
        k = -(-more.size // max_rows)
        if k <= 1:
            return self
        kept = more[k // 2 :: k]
        rows = np.concatenate((once, kept))
        share = self.weight[more].sum() / self.weight[kept].sum()
        factor = np.concatenate((np.ones(once.size), np.full(kept.size, share)))
        return RepeatPurchases(
            x=self.x[rows], t_x=self.t_x[rows], T=self.T[rows], weight=self.weight[rows] * factor
        )


def repeat_purchases(history: PurchaseHistory) -> RepeatPurchases:
    """The distinct (x, t_x, T) of a history."""
    x, t_x, T = papers_view(history.distinct)
    return RepeatPurchases(x=x, t_x=t_x, T=T, weight=history.distinct.n_profiles.astype(np.float64))


def papers_view(
    history: PurchaseHistory | DistinctHistories,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Arrays x, t_x (weeks) and T (weeks) of a history."""
    age = history.customer_age_days
    return (
        (history.purchase_count - 1).astype(np.float64),
        (age - history.days_since_last_purchase) / 7,
        age / 7,
    )


def distinct_pairs(x: FloatArray, T: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Distinct (x, T), and for each row the index of its pair: the last purchase left aside."""
    ages, age_of = np.unique(T, return_inverse=True)
    key = x.astype(np.int64) * ages.size + age_of
    keys, pair_of = np.unique(key, return_inverse=True)
    count, age = np.divmod(keys, max(ages.size, 1))
    return count.astype(np.float64), ages[age], pair_of


def checked(
    frequency: FloatArray | IntArray, recency: FloatArray, T: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The three arrays as floats of one shape.

    Raises
    ------
    InvalidHistory
        If recency exceeds T, a number is negative, or nobody bought again yet recency is above 0.
    """
    x, t_x, age = np.broadcast_arrays(
        np.asarray(frequency, np.float64),
        np.asarray(recency, np.float64),
        np.asarray(T, np.float64),
    )
    wrong = ~((x >= 0) & (t_x >= 0) & (t_x <= age)) | ((x == 0) & (t_x > 0))
    if wrong.any():
        raise InvalidHistory(
            f"{int(wrong.sum())} of {wrong.size} rows have recency above T, a negative number, or "
            "a recency without a repeat purchase; check that all are in weeks since the first one."
        )
    return x, t_x, age


def gamma_mixture_terms(counts: FloatArray, shape: float) -> tuple[float, float, float]:
    """Sum over customers of log Γ(shape + x) − log Γ(shape), and its two derivatives in shape.

    Parameters
    ----------
    counts : float array, shape (max x + 1,)
        Customers by x; evaluating once per x instead of once per customer is what saves the time.
    shape : float
    """
    x = np.arange(counts.size)
    n = counts.sum()
    return (
        float(counts @ gammaln(shape + x) - n * gammaln(shape)),
        float(counts @ digamma(shape + x) - n * digamma(shape)),
        float(counts @ polygamma(1, shape + x) - n * polygamma(1, shape)),
    )
