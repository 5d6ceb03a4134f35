"""Customers whose true rates we know, drawn as Pareto/NBD or BG/NBD say they behave."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rapport.predict.history import PurchaseHistory
from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.models.pareto_nbd import ParetoNbdParams

START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """Purchase days of simulated customers over ``n_days``, sorted by customer and day."""

    customer: NDArray[np.int64]
    day: NDArray[np.int64]
    amount: NDArray[np.float64]
    n_customers: int
    n_days: int

    def orders(self) -> pa.Table:
        """The table a workflow would read; every order is received within the minute."""
        day_us = 86_400_000_000
        start = int(START.timestamp() * 1e6)
        occurred = start + self.day * day_us + day_us // 2
        ids = np.char.add("p", np.char.zfill(self.customer.astype(str), 8))
        return pa.table(
            {
                "profile_id": pa.array(ids.tolist(), pa.string()),
                "occurred_at": pa.array(occurred, pa.timestamp("us", "UTC")),
                "received_at": pa.array(occurred + 60_000_000, pa.timestamp("us", "UTC")),
                "amount": self.amount,
            }
        )

    def end(self) -> datetime:
        return START + timedelta(days=self.n_days)

    def history(self) -> PurchaseHistory:
        """The same summary as `purchase_history` makes, without going through a table."""
        count = np.bincount(self.customer, minlength=self.n_customers)
        first = np.cumsum(count) - count
        last = self.n_days - 1
        spent = np.bincount(self.customer, self.amount, minlength=self.n_customers)
        repeats = np.maximum(count - 1, 1)
        repeat_value = np.where(count > 1, (spent - self.amount[first]) / repeats, np.nan)
        return PurchaseHistory(
            profile_ids=pa.array(np.arange(self.n_customers)).cast(pa.string()),
            purchase_count=count,
            customer_age_days=last - self.day[first],
            days_since_last_purchase=last - self.day[first + count - 1],
            mean_repeat_value=repeat_value,
            mean_value=spent / count,
            as_of=self.end(),
            span_days=last - int(self.day.min()) + 1,
            only_returns=pa.array([], pa.string()),
        )


def simulate(
    params: BgNbdParams | ParetoNbdParams,
    *,
    n_customers: int,
    n_days: int,
    seed: int,
    arrivals_share: float = 0.5,
) -> Simulated:
    """Draw customers who arrive evenly over the first ``arrivals_share`` of the days."""
    draw = np.random.default_rng(seed)
    arrival = draw.uniform(0, arrivals_share * n_days, n_customers)
    rate = draw.gamma(params.r, 1 / params.alpha, n_customers) / 7
    match params:
        case BgNbdParams():
            dropout = draw.beta(params.a, params.b, n_customers)
            leaves_after = np.full(n_customers, np.inf)
        case ParetoNbdParams():
            dropout = np.zeros(n_customers)
            leaving = draw.gamma(params.s, 1 / params.beta, n_customers) / 7
            leaves_after = draw.exponential(1, n_customers) / np.maximum(leaving, 1e-300)

    customer, moment = [np.arange(n_customers)], [arrival]
    busy, now = np.arange(n_customers), arrival.copy()
    while busy.size:
        now = now + draw.exponential(1, busy.size) / np.maximum(rate[busy], 1e-300)
        buys = (now < n_days) & (now - arrival[busy] < leaves_after[busy])
        busy, now = busy[buys], now[buys]
        customer.append(busy)
        moment.append(now)
        stays = draw.random(busy.size) >= dropout[busy]
        busy, now = busy[stays], now[stays]

    # Two purchases on one day are one, as in the histories.
    days = n_days + 1
    key = np.unique(np.concatenate(customer) * days + np.concatenate(moment).astype(np.int64))
    who, day = np.divmod(key, days)
    value_level = draw.gamma(4.0, 1.0, n_customers)
    amount = draw.gamma(6.0, 1.0, key.size) * 18 / value_level[who]
    return Simulated(customer=who, day=day, amount=amount, n_customers=n_customers, n_days=n_days)
