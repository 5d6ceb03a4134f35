"""A hypothesis held against the data: groups made alike, the difference, the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import Struct
from numpy.typing import NDArray

from rapport.privacy.disclosure import is_too_small
from rapport.understand.hypotheses.comparison import (
    FEWEST,
    FEWEST_OF_EACH,
    Adjusted,
    Apart,
    adjusted,
    apart,
    newcombe,
    overlap,
    unmeasured,
    welch,
)
from rapport.understand.hypotheses.definition import (
    SHARES,
    Holds,
    Hypothesis,
    Waited,
    is_given_by_lot,
    lasting_columns,
    usual_matter,
)
from rapport.understand.hypotheses.verdict import (
    Reason,
    Said,
    customers_for_means,
    customers_for_shares,
    interval,
    judge,
)

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

#: A level of a text that fewer customers have is pooled with the others; more levels too.
_FEWEST_OF_LEVEL, _MOST_LEVELS = 20, 12
#: Customers of the smaller side that each adjusted column needs.
_PER_COLUMN = 5
#: Of a rule's invitation: how many follow it, where nobody said.
UPTAKE = 0.2


class Alike(Struct, frozen=True, kw_only=True):
    """One thing that was known before, and how far the groups lie apart in it.

    Attributes
    ----------
    name : str
        "orders", "spent", "since_last", "since_first", "tickets", "quarter", or a column of
        `LASTING`.
    before, after : float
        Standard deviations between the groups, as they are and made alike; of the values of a
        text the largest. Over 0.1 is counted as apart.
    adjusted : bool
        False: too few customers to adjust for it too.
    """

    name: str
    before: float
    after: float
    adjusted: bool


class Experiment(Struct, frozen=True, kw_only=True):
    """What would prove it: half of the customers by lot.

    Attributes
    ----------
    kind : {"spare", "invite"}
        One half is spared the wait, or is invited to do it; the other half is left as it is.
    reach : float
        Share of customers on whom the halves differ at all: those who would have waited, or who
        follow the invitation (`UPTAKE`).
    expected : float
        The difference between the halves: the one found, times ``reach``.
    per_arm : int or None
        Customers in each half; None where there is no difference to show.
    per_week : float or None
        Customers who come into question in a week; None for a rule, where all do at once.
    available : int
    weeks : float or None
        Until the answer, the following included; None where there are too few customers.
    """

    kind: str
    reach: float
    expected: float
    per_arm: int | None
    per_week: float | None
    available: int
    weeks: float | None


class Result(Struct, frozen=True, kw_only=True):
    """What the data say of a hypothesis.

    Attributes
    ----------
    exposed, others : int or None
        Customers in the comparison; None: so few that it would tell of persons.
    left_out : int
        Whose group is not known: their wait never ended.
    unknown : int
        Whose outcome is not known: they did not answer, or write.
    raw : Apart or None
        The means as they are; None with too few.
    made_alike : Adjusted or None
    low, high : float or None
        The 95 % interval of the adjusted difference.
    said : Said
        The verdict, on the interval of this look's level.
    matters : float
    e_value, e_value_limit : float or None
        How strong an unknown cause had to be: for the difference, and for its interval's end.
    experiment : Experiment or None
        None where nobody can be given it by lot.
    """

    exposed: int | None
    others: int | None
    left_out: int
    unknown: int
    raw: Apart | None
    made_alike: Adjusted | None
    low: float | None
    high: float | None
    alpha: float
    said: Said
    matters: float
    alike: tuple[Alike, ...]
    e_value: float | None
    e_value_limit: float | None
    experiment: Experiment | None


def check_against(hypothesis: Hypothesis, people: pa.Table, *, alpha: float) -> Result:
    """What the data say.

    Parameters
    ----------
    people : pyarrow.Table
        From `subjects.followed`.
    alpha : float
        The level of this look, from `verdict.level`.
    """
    sure = people.filter(pc.is_valid(people["exposed"]))
    known = sure.filter(pc.is_valid(sure["outcome"]))
    exposed = known["exposed"].to_numpy().astype(bool)
    y = known["outcome"].to_numpy().astype(float)
    counts = int(exposed.sum()), int((~exposed).sum())
    measure = hypothesis.outcome.measure
    is_share = measure in SHARES
    raw = made = limits = None
    alike: tuple[Alike, ...] = ()
    matters = hypothesis.matters or 0.0
    reason: Reason | None = "few"
    if min(counts) >= FEWEST:
        yes = y > 0
        raw = newcombe(yes[exposed], yes[~exposed]) if is_share else welch(y[exposed], y[~exposed])
        matters = hypothesis.matters or usual_matter(measure, raw.others)
        names, columns = _before(hypothesis, known)
        alike, x = _made_alike(names, columns, exposed)
        whose = np.unique(known["profile_id"].to_numpy(), return_inverse=True)[1]
        made = adjusted(x, exposed, y, whose)
        limits = interval(made, 0.05)
        reason = _hindrance(made, y, exposed, is_share=is_share)
    if made is None or reason is not None:
        said = Said(verdict="cannot_tell", reason=reason or "few", low=0.0, high=0.0)
        if made is not None:
            low, high = interval(made, alpha)
            said = Said(verdict="cannot_tell", reason=said.reason, low=low, high=high)
    else:
        said = judge(made, more=hypothesis.more, matters=matters, alpha=alpha)
    near = None
    if limits is not None:
        near = 0.0 if limits[0] <= 0 <= limits[1] else min(limits, key=abs)
    return Result(
        exposed=None if is_too_small(counts[0]) else counts[0],
        others=None if is_too_small(counts[1]) else counts[1],
        left_out=people.num_rows - sure.num_rows,
        unknown=sure.num_rows - known.num_rows,
        raw=raw,
        made_alike=made,
        low=limits[0] if limits else None,
        high=limits[1] if limits else None,
        alpha=alpha,
        said=said,
        matters=matters,
        alike=alike,
        e_value=unmeasured(made, is_share=is_share) if made else None,
        e_value_limit=None if made is None else unmeasured(made, is_share=is_share, limit=near),
        experiment=_experiment(hypothesis, known, made, matters, is_share=is_share),
    )


def _hindrance(
    made: Adjusted, y: FloatArray, exposed: BoolArray, *, is_share: bool
) -> Reason | None:
    """Why nothing can be said in spite of enough customers; None: something can."""
    # Of two customers that might be on either side each weighs a half.
    if min(made.effective) < FEWEST or made.common < FEWEST / 2:
        return "unlike"
    if is_share:
        yes = y > 0
        cells = [int((yes[side] == value).sum()) for side in (exposed, ~exposed) for value in
                 (True, False)]  # fmt: skip
        if min(cells) < FEWEST_OF_EACH:
            return "rare"
    elif not made.standard_error:
        return "rare"
    return None


# ── what was known before ──────────────────────────────────────────────────────────────────────


def _before(hypothesis: Hypothesis, known: pa.Table) -> tuple[list[str], list[FloatArray]]:
    """Names and columns of what was known before, the most telling first; each (n, j)."""
    start = known["start_at"].to_numpy().astype("datetime64[s]").astype(float)
    orders = known["orders_before"].to_numpy().astype(float)
    spent = np.log1p(np.maximum(known["spent_before"].to_numpy().astype(float), 0))
    found: list[tuple[str, FloatArray]] = [
        ("orders", _curved(np.log1p(orders))),
        ("since_last", _days(known["last_order_before"], start)),
        ("spent", _curved(spent)),
        ("since_first", _days(known["first_order_before"], start)),
    ]
    if not isinstance(hypothesis.exposure, Holds):
        # Customers are looked at in different seasons.
        quarters = known["start_at"].to_numpy().astype("datetime64[M]").astype(int) // 3
        found.append(("quarter", _levels([str(quarter) for quarter in quarters.tolist()])))
    own = lasting_columns(hypothesis)
    tickets = np.log1p(known["tickets_before"].to_numpy().astype(float))
    found.append(("tickets", tickets[:, None]))
    found.extend(
        (name, _levels(known[name].to_pylist()))
        for name in ("country", "language", "acquisition_channel", "age_band", "gender")
        if name not in own and not (name == "language" and "country" in own)
    )
    kept = [(name, columns[:, columns.std(axis=0) > 0]) for name, columns in found]
    kept = [(name, columns) for name, columns in kept if columns.shape[1]]
    return [name for name, _ in kept], [columns for _, columns in kept]


def _curved(values: FloatArray) -> FloatArray:
    """A number and its square, so that the groups become alike in spread too."""
    centred = values - values.mean()
    return np.column_stack([centred, centred**2])


def _days(moments: pa.ChunkedArray, start: FloatArray) -> FloatArray:
    """Days before the start, on a logarithmic scale; and whether there was none."""
    then = pc.cast(moments, pa.timestamp("s", tz="UTC")).cast(pa.int64())
    missing = pc.is_null(then).to_numpy().astype(float)
    ago = np.maximum(start - pc.fill_null(then, 0).to_numpy().astype(float), 0) / 86_400
    days = np.where(missing > 0, 0.0, np.log1p(ago))
    seen = missing == 0
    middle = float(days[seen].mean()) if seen.any() else 0.0
    centred = np.where(seen, days - middle, 0.0)
    return np.column_stack([centred, centred**2, missing])


def _levels(values: Sequence[str | None]) -> FloatArray:
    """A column of ones and zeros for each common value but the commonest."""
    names, numbers = np.unique([value or "" for value in values], return_inverse=True)
    sizes = np.bincount(numbers)
    common = [int(n) for n in np.argsort(-sizes, kind="stable") if sizes[n] >= _FEWEST_OF_LEVEL][
        :_MOST_LEVELS
    ]
    if len(common) == len(names):
        common = common[1:]
    return np.column_stack([np.zeros(len(values)), *((numbers == n) for n in common)]).astype(float)


def _made_alike(
    names: Sequence[str], columns: Sequence[FloatArray], exposed: BoolArray
) -> tuple[tuple[Alike, ...], FloatArray]:
    """What is adjusted for, as many as the customers allow, and how alike that makes them."""
    most = int(min(exposed.sum(), (~exposed).sum())) // _PER_COLUMN
    taken, used = [], 0
    for each in columns:
        fits = used + each.shape[1] <= most
        taken.append(fits)
        used += each.shape[1] if fits else 0
    chosen = [each for each, fits in zip(columns, taken, strict=True) if fits]
    x = np.column_stack(chosen) if chosen else np.zeros((len(exposed), 0))
    scale = x.std(axis=0)
    x = (x - x.mean(axis=0)) / np.where(scale > 0, scale, 1.0)
    weights = overlap(x, exposed)
    found = []
    for name, each, fits in zip(names, columns, taken, strict=True):
        before, after = apart(each, exposed), apart(each, exposed, weights)
        # The value itself stands first; its square and whether it is missing are only adjusted.
        most_apart = int(np.abs(before).argmax())
        found.append(
            Alike(
                name=name,
                before=float(before[most_apart]),
                after=float(after[most_apart]),
                adjusted=fits,
            )
        )
    return tuple(found), x


# ── the experiment ─────────────────────────────────────────────────────────────────────────────


def _experiment(
    hypothesis: Hypothesis,
    known: pa.Table,
    made: Adjusted | None,
    matters: float,
    *,
    is_share: bool,
) -> Experiment | None:
    if made is None or not is_given_by_lot(hypothesis):
        return None
    exposed = known["exposed"].to_numpy().astype(bool)
    sign = 1.0 if hypothesis.more else -1.0
    # What was found where it is as was said; else what would matter.
    effect = made.difference if sign * made.difference >= matters else sign * matters
    waits = isinstance(hypothesis.exposure, Waited)
    reach = float(exposed.mean()) if waits else UPTAKE
    usual = made.others if not waits else made.others + reach * effect
    changed = usual - reach * effect if waits else usual + reach * effect
    per_arm = (
        customers_for_shares(usual, changed)
        if is_share
        else customers_for_means(reach * effect, made.spread)
    )
    per_week = None
    weeks = hypothesis.follow_days / 7 if per_arm and 2 * per_arm <= known.num_rows else None
    if waits:
        starts = known["start_at"].to_numpy()
        span = max(timedelta(days=7), (starts.max() - starts.min()).astype("timedelta64[s]").item())
        per_week = known.num_rows / (span / timedelta(days=7))
        weeks = 2 * per_arm / per_week + hypothesis.follow_days / 7 if per_arm else None
    return Experiment(
        kind="spare" if waits else "invite",
        reach=reach,
        expected=reach * effect,
        per_arm=per_arm,
        per_week=per_week,
        available=known.num_rows,
        weeks=weeks,
    )
