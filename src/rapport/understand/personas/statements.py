"""What a group of customers is like beside everybody, and what it is not.

A trait is true or false of a customer, or not known of them. A statement compares its share in the
group with its share of everybody, among those of whom it is known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from rapport.privacy.disclosure import SMALLEST_GROUP, is_too_small
from rapport.understand.personas.facts import LABELS, Kind, Known
from rapport.understand.personas.scaling import ANSWER, raw_values
from rapport.understand.significance import Side, benjamini_hochberg, proportions_differ

Bools = NDArray[np.bool_]

#: How a statement reads: more often than everybody, less often, or just as often.
Verdict = Literal["more", "less", "same"]
#: A share this many times everybody's, or this fraction of it, is worth saying.
WORTH = 1.25
#: Adjusted p-values below it are findings.
LEVEL = 0.05
#: Fewer of whom a trait is known say nothing of a group.
FEWEST = 30
#: Rarer in the group and in all is no trait of anybody's.
_RARE = 0.05
#: Fewer messages are no series, and a share of fewer no habit.
_FEWEST_SENT = 3
_NUMBERED = re.compile(r"(?:[\s_.-]*\d+)+$")
#: The part of a scale from which on an answer agrees: the upper two boxes of 5 and of 7.
_AGREES = 0.75


#: Of one offer among many nobody assumes anything: that it was taken as by all is no news.
_ONE_OFFER = frozenset({"campaign", "coupon_code"})


class When(Struct, frozen=True, kw_only=True):
    """A number is a trait where it is at ``least`` or at ``most`` so much; else in the top fifth.

    `known_by` is the count that has to be at least 3: a share of two messages is no habit.
    """

    fact: str
    least: float | None = None
    most: float | None = None
    known_by: str | None = None


#: Traits made of numbers; words are at ``personas.trait.<name>``.
RULES: dict[str, When] = {
    "web": When(fact="web_share", least=0.5),
    "store": When(fact="store_share", least=0.5),
    "service": When(fact="service_share", least=0.2),
    "weekend": When(fact="weekend_share", least=0.5),
    "morning": When(fact="morning_share", least=0.5),
    "evening": When(fact="evening_share", least=0.5),
    "active": When(fact="occasions"),
    "frequent": When(fact="order_count"),
    "large_orders": When(fact="average_order"),
    "many_lines": When(fact="lines_per_order"),
    "reduced": When(fact="reduced_share", least=0.25, known_by="priced_lines"),
    "returns": When(fact="refund_share", least=0.2, known_by="order_count"),
    "opens": When(fact="opened_share", least=0.5, known_by="messages"),
    "clicks": When(fact="clicked_share", least=0.1, known_by="messages"),
    "glad": When(fact="mood", least=0.2),
    "cross": When(fact="mood", most=-0.2),
}
_KIND_OF: dict[str, Kind] = {
    **dict.fromkeys(("web", "store", "service", "weekend", "morning", "evening", "active"),
                    "behavioural"),
    **dict.fromkeys(("frequent", "large_orders", "many_lines", "reduced", "returns"),
                    "transactional"),
    **dict.fromkeys(("opens", "clicks", "glad", "cross"), "psychographic"),
}  # fmt: skip


class Trait(Struct, frozen=True, kw_only=True, order=True):
    """What may be true of a customer.

    `name` is one of `RULES`, of `LABELS`, "agrees", "campaign", "series", "coupon" or
    "coupon_code"; `value` is the label's value, the question as it was asked, the campaign that was
    opened, the series of campaigns of which half or more were, or the coupon's code.
    """

    kind: Kind
    name: str
    value: str = ""


class Statement(Struct, frozen=True, kw_only=True):
    """A trait in a group beside everybody.

    Attributes
    ----------
    customers : int
        Of the group, of whom it is true; `known` of whom it is known at all.
    share, everybody : float, 0 … 1
        Among those of whom it is known.
    lift, low, high : float
        Share over everybody's share, with its 95 % interval.
    p_adjusted : float
        By Benjamini and Hochberg over all statements that were looked at together.
    """

    trait: Trait
    verdict: Verdict
    customers: int
    known: int
    share: float
    everybody: float
    lift: float
    low: float
    high: float
    p_adjusted: float


class Traits(Struct, frozen=True, kw_only=True):
    """Traits of n customers: `true` and `known` have shape (n, n_traits)."""

    names: tuple[Trait, ...]
    true: Bools
    known: Bools


def traits_of(known: Known) -> Traits:
    """Every trait that anybody may have."""
    names: list[Trait] = []
    true: list[Bools] = []
    there: list[Bools] = []

    def add(trait: Trait, holds: Bools, of_whom: Bools) -> None:
        names.append(trait)
        true.append(holds & of_whom)
        there.append(of_whom)

    for label, kind in LABELS.items():
        values = np.array([each or "" for each in known.labels[label]])
        for value in sorted(set(values.tolist()) - {""}):
            add(Trait(kind=kind, name=label, value=value), values == value, values != "")
    for name, rule in RULES.items():
        raw = known.numbers[rule.fact]
        of_whom = np.isfinite(raw)
        if rule.known_by is not None:
            of_whom &= known.numbers[rule.known_by] >= 3
        if not of_whom.any():
            continue
        if rule.most is not None:
            holds = raw <= rule.most
        elif rule.least is not None:
            holds = raw >= rule.least
        else:
            # Above the fifth's edge: with many at the edge the fifth is smaller, never larger.
            holds = raw > np.quantile(raw[of_whom], 0.8)
        add(Trait(kind=_KIND_OF[name], name=name), holds, of_whom)
    for question in known.questions:
        raw = raw_values(known, ANSWER + question)
        add(
            Trait(kind="psychographic", name="agrees", value=question),
            raw >= _AGREES,
            np.isfinite(raw),
        )
    for place, offer in enumerate(known.offers):
        opened = known.taken[:, place]
        trait = Trait(kind="psychographic", name="campaign", value=offer)
        add(trait, opened == 1, np.isfinite(opened))
    for series, places in _series(known.offers).items():
        sent = np.isfinite(known.taken[:, places])
        opened = np.nansum(known.taken[:, places], axis=1) * 2 >= sent.sum(axis=1)
        trait = Trait(kind="psychographic", name="series", value=series)
        add(trait, opened, sent.sum(axis=1) >= _FEWEST_SENT)
    for place, code in enumerate(known.coupons):
        redeemed = known.redeemed[:, place]
        name = "coupon_code" if code else "coupon"
        trait = Trait(kind="transactional", name=name, value=code)
        add(trait, redeemed == 1, np.isfinite(redeemed))
    shape = (len(known), len(names))
    return Traits(
        names=tuple(names),
        true=np.stack(true, axis=1) if names else np.zeros(shape, bool),
        known=np.stack(there, axis=1) if names else np.zeros(shape, bool),
    )


def _series(offers: Sequence[str]) -> dict[str, list[int]]:
    """Offers of one kind, as far as their names say: the same but for a number or date at the end.

    >>> _series(["gift-guide", "news-2026-01", "news-2026-02", "news 2025", "sale-2025", "tents9"])
    {'news': [1, 2, 3]}
    """
    found: dict[str, list[int]] = {}
    for place, name in enumerate(offers):
        found.setdefault(_NUMBERED.sub("", name), []).append(place)
    return {name: own for name, own in found.items() if name and len(own) >= _FEWEST_SENT}


def describe(traits: Traits, groups: Mapping[str, Bools]) -> dict[str, tuple[Statement, ...]]:
    """What can be said of each group, the farthest from everybody first.

    Parameters
    ----------
    traits : Traits
        Of everybody; n customers.
    groups : mapping of str to bool array, shape (n,)
        Who belongs to each; a customer may belong to several.

    Returns
    -------
    dict of str to tuple of Statement
        Only findings, and what was looked at and is just as in everybody. Counts of fewer than
        `SMALLEST_GROUP` people, but none at all, are left out: they would tell of persons.
    """
    true, there = traits.true.astype(np.float64), traits.known.astype(np.float64)
    all_true, all_known = true.sum(axis=0), there.sum(axis=0)
    looked: list[tuple[str, int, float, float]] = []
    p_values: list[float] = []
    for key, members in groups.items():
        inside = members.astype(np.float64)
        counts, knowns = inside @ true, inside @ there
        for place in range(len(traits.names)):
            count, known_in = counts[place], knowns[place]
            if known_in < FEWEST or all_known[place] - known_in < SMALLEST_GROUP:
                continue
            shares = (count / known_in, all_true[place] / all_known[place])
            if max(shares) < _RARE or not 0 < shares[1] < 1:
                continue
            outside = int(all_known[place] - known_in)
            p_values.append(
                proportions_differ(
                    Side(value=(all_true[place] - count) / outside, n=outside),
                    Side(value=shares[0], n=int(known_in)),
                )
            )
            looked.append((key, place, float(count), float(known_in)))
    found: dict[str, list[Statement]] = {key: [] for key in groups}
    for (key, place, count, known_in), p in zip(looked, benjamini_hochberg(p_values), strict=True):
        if is_too_small(round(count)) or is_too_small(round(known_in - count)):
            continue
        statement = _statement(
            traits.names[place], count, known_in, float(all_true[place]),
            float(all_known[place]), p,
        )  # fmt: skip
        if statement is not None:
            found[key].append(statement)
    return {
        key: tuple(sorted(each, key=lambda s: (-abs(_distance(s)), s.trait)))
        for key, each in found.items()
    }


def _distance(statement: Statement) -> float:
    """How far from everybody, surely: the end of the interval that is nearer to 1, as a log."""
    nearer = statement.low if statement.lift > 1 else statement.high
    if nearer <= 0 or (statement.lift > 1) != (nearer > 1):
        return 0.0
    # Doubling what 2 % do says less of a group than doubling what 30 % do.
    return math.log(nearer) * math.sqrt(max(statement.share, statement.everybody))


def _statement(
    trait: Trait, count: float, known: float, all_true: float, all_known: float, p: float
) -> Statement | None:
    share, everybody = count / known, all_true / all_known
    lift, low, high = lift_of(count, known, all_true, all_known)
    verdict: Verdict
    if p < LEVEL and lift >= WORTH and low > 1:
        verdict = "more"
    elif p < LEVEL and lift <= 1 / WORTH and high < 1:
        verdict = "less"
    elif low >= 1 / WORTH and high <= WORTH and trait.name not in _ONE_OFFER:
        verdict = "same"
    else:
        return None  # too few to say either
    return Statement(
        trait=trait, verdict=verdict, customers=round(count), known=round(known), share=share,
        everybody=everybody, lift=lift, low=low, high=high, p_adjusted=p,
    )  # fmt: skip


def lift_of(
    count: float, known: float, all_true: float, all_known: float
) -> tuple[float, float, float]:
    """Share in a group over the share of everybody, the group included, with a 95 % interval.

    The logarithm of the lift is about normal; its variance follows from those of the group's
    share and of the others' by the delta method, for the group is a part of everybody. Half a
    customer is added on each side, so that a share of none has an interval too (Walter (1975),
    The Distribution of Levin's Measure of Attributable Risk, Biometrika 62).

    Returns
    -------
    lift, low, high : float
    """
    others, others_known = all_true - count, all_known - known
    p = (count + 0.5) / (known + 1)
    q = (others + 0.5) / (others_known + 1)
    weight = known / all_known
    whole = weight * p + (1 - weight) * q
    by_group, by_others = 1 / p - weight / whole, -(1 - weight) / whole
    variance = by_group**2 * p * (1 - p) / (known + 1) + by_others**2 * q * (1 - q) / (
        others_known + 1
    )
    half = 1.959964 * math.sqrt(variance)
    middle = p / whole
    lift = (count / known) / (all_true / all_known)
    return lift, middle * math.exp(-half), middle * math.exp(half)


def is_(statements: Sequence[Statement], kind: Kind | None = None) -> tuple[Statement, ...]:
    """What a group is: what holds of it more often than of everybody."""
    return tuple(
        each for each in statements
        if each.verdict == "more" and (kind is None or each.trait.kind == kind)
    )  # fmt: skip


def suggested_name(statements: Sequence[Statement]) -> tuple[Trait, ...]:
    """The two traits that say most of a group, of two kinds where there are."""
    strongest = is_(statements)
    if not strongest:
        return ()
    first = strongest[0]
    others = [each for each in strongest[1:] if each.trait.kind != first.trait.kind]
    return tuple(each.trait for each in (first, *(others or strongest[1:])[:1]))
