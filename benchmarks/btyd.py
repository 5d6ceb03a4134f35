"""Seconds to fit and score a million simulated customers with the buy-till-you-die models.

    python -m benchmarks.btyd            # a million customers
    python -m benchmarks.btyd 100000

Goals on one core: BG/NBD fit 1.5 s, Pareto/NBD fit 5 s, scoring 0.5 s. The floor of a fit, measured
in the same run, is what anyone pays who evaluates the likelihood customer by customer: four
logarithms of an array of that length for each of 50 evaluations of an optimiser.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from tests.predict.simulated_customers import simulate

from rapport.predict.models import bg_nbd, gamma_gamma, pareto_nbd
from rapport.predict.models.bg_nbd import BgNbdParams
from rapport.predict.models.pareto_nbd import ParetoNbdParams

Result = TypeVar("Result")


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def floor_seconds(n: int) -> float:
    values, result = np.linspace(1.0, 100.0, n), np.empty(n)
    np.log(values, out=result)
    return timed(lambda: [np.log(values, out=result) for _ in range(200)])[1]


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    floor = floor_seconds(n)
    print(f"{n:,} customers over two years; floor of a fit {floor:.2f} CPU s")
    print(f"{'':42}{'CPU s':>8}{'goal':>6}{'x floor':>9}")

    def line(what: str, seconds: float, goal: float | None = None, note: object = "") -> None:
        shown = "" if goal is None else f"{goal:.1f}"
        print(f"{what:42}{seconds:8.2f}{shown:>6}{seconds / floor:9.2f}  {note}")

    worlds = (
        (bg_nbd, BgNbdParams(r=0.5, alpha=8.0, a=0.8, b=2.5), 1.5),
        (pareto_nbd, ParetoNbdParams(r=0.55, alpha=10.6, s=0.6, beta=11.7), 5.0),
    )
    for model, params, goal in worlds:
        history = simulate(params, n_customers=n, n_days=730, seed=1).history()
        distinct, seconds = timed(lambda h=history: h.distinct)
        line(f"{model.name}: group to {distinct.n_profiles.size:,} distinct", seconds)
        fitted, seconds = timed(lambda m=model, h=history: m.fit(h))
        line(f"{model.name}: fit", seconds, goal, fitted.params)
        _, seconds = timed(lambda m=model, h=history, f=fitted: m.predict(h, 52.0, f))
        line(f"{model.name}: score 52 weeks", seconds, 0.5)
    value, seconds = timed(lambda: gamma_gamma.fit(history))
    line("gamma_gamma: fit", seconds, None, value.params)
    _, seconds = timed(lambda: gamma_gamma.predict(history, 52.0, value))
    line("gamma_gamma: score", seconds, 0.5)


if __name__ == "__main__":
    main()
