"""What agreeing and differing are worth: one set of weights for every executor, kept as JSON.

Two records are one person's, or two persons' of one household, or strangers'. Each level of each
comparison is more or less usual in each of the three. A plain Fellegi–Sunter model knows two, and
takes a father and his son, who share a surname, an address and a telephone, for one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec
from msgspec import Struct

from rapport.errors import StoreMismatch
from rapport.unify.matching.comparison import ELSE, Comparison, Holder
from rapport.unify.matching.value_profiles import PROFILED

#: Read by this code; a file of another format is refused.
FORMAT = 1
#: Levels on which two records hold the same identifying value come once per holder of the value.
GRADES = (Holder.PERSONAL, Holder.HOUSEHOLD, Holder.GENERIC)
#: Levels that say "these two cannot be compared": no evidence, whatever their shares among pairs.
NEUTRAL = frozenset({"not_comparable", "other_source"})
#: Levels on which there are two persons, whatever they share: no other likeness outweighs them.
TWO_PERSONS = frozenset({"other_generation", "husband_and_wife", "company_and_person"})
#: Bits of such a level.
NEVER_BITS = -60.0
#: Nothing else is proof: no level weighs more bits than this, either way, before rarity.
MOST_BITS = 14.0


class Weight(Struct, frozen=True, kw_only=True):
    """How usual a level is, among pairs whose both records say something.

    Attributes
    ----------
    m : float
        Among two records of one person.
    household : float
        Among two persons of one household.
    u : float
        Among strangers.
    """

    m: float
    household: float
    u: float


class Model(Struct, frozen=True, kw_only=True):
    """Weights, how usual the three cases are, and where the lines run.

    Attributes
    ----------
    version : str
        Names these weights in what is stored.
    same_per_record, household_per_record : float
        Other records of the same person, and records of others of the household, that a record
        has on average. With the number of records they are the prior.
    merge, review : float
        Probabilities: from ``merge`` on two records are joined, from ``review`` on a person is
        asked. ``merge`` follows from what a wrong merge costs compared to a missed one: c : 1 gives
        c / (1 + c). The model that ships has .95: a wrong merge shows one customer another's
        history, and costs as much as nineteen missed ones, which a person can still make.
    slope : float
        Bits are multiplied by it, so that what is called 95 % sure is right in 95 %: fields go
        wrong together more often than the model supposes.
    shift : float
        Bits that are then added: what people said of pairs may move all of them
        (`recalibrated`).
    weights : mapping of comparison to mapping of level to Weight
    """

    version: str
    same_per_record: float
    household_per_record: float
    merge: float
    review: float
    weights: Mapping[str, Mapping[str, Weight]]
    slope: float = 1.0
    shift: float = 0.0
    format: int = FORMAT

    @property
    def merge_bits(self) -> float:
        return bits_of(self.merge)

    @property
    def review_bits(self) -> float:
        return bits_of(self.review)

    def priors(self, n_records: int) -> tuple[float, float]:
        """Bits by which any two of so many records are one person's rather than strangers', and
        rather than of one household."""
        others = max(n_records - 1, 1)
        same = min(self.same_per_record / others, 0.4)
        household = min(self.household_per_record / others, 0.4)
        return math.log2(same / (1 - same - household)), math.log2(same / household)

    def to_json(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def bits_of(probability: float) -> float:
    """Odds of a probability, in bits.

    Examples
    --------
    >>> bits_of(0.8)
    2.0
    """
    return math.log2(probability / (1 - probability))


def probability_of(bits: float) -> float:
    """The probability that these odds mean.

    Examples
    --------
    >>> probability_of(2.0)
    0.8
    """
    return 1 / (1 + 2.0**-bits) if bits > -1000 else 0.0


def level_keys(comparison: Comparison) -> tuple[str, ...]:
    """Every level that a pair may stand on, graded by holder where it shares a value."""
    keys: list[str] = []
    for level in comparison.levels:
        if level.rarity in PROFILED:
            keys += [graded(level.key, grade) for grade in GRADES]
        else:
            keys.append(level.key)
    return (*keys, ELSE)


def graded(key: str, holder: Holder) -> str:
    """The level of sharing a value of such a holder: a person's own keeps the level's name."""
    return key if holder is Holder.PERSONAL else f"{key}_{holder.value}"


def read_model(text: bytes) -> Model:
    """A model from its JSON.

    Raises
    ------
    StoreMismatch
        If it is of another format.
    """
    try:
        model = msgspec.json.decode(text, type=Model)
    except msgspec.MsgspecError as error:
        raise StoreMismatch(f"The matching model cannot be read: {error}. Train a new one.") from (
            error
        )
    if model.format != FORMAT:
        raise StoreMismatch(
            f"The matching model has format {model.format}; this version reads {FORMAT}. "
            "Train a new one."
        )
    return model


def check_model(model: Model, comparisons: Sequence[Comparison]) -> None:
    """See that the model weighs exactly the levels that these comparisons have.

    Raises
    ------
    StoreMismatch
        If a comparison or level has no weights, or weights have no level any more.
    """
    expected = {c.name: set(level_keys(c)) for c in comparisons}
    missing = sorted(
        f"{name}.{key}"
        for name, keys in expected.items()
        for key in keys - set(model.weights.get(name, {}))
    )
    unknown = sorted(
        f"{name}.{key}"
        for name, weights in model.weights.items()
        for key in (set(weights) - expected[name] if name in expected else ())
    )
    if missing or unknown:
        raise StoreMismatch(
            f"The matching model {model.version!r} does not fit the comparisons: "
            f"without weights: {', '.join(missing) or 'none'}; "
            f"weights of levels that do not exist: {', '.join(unknown) or 'none'}. "
            "Train a new model."
        )


@lru_cache(maxsize=1)
def default_model() -> Model:
    """The model that ships, trained without labels on data that we may ship."""
    path = resources.files("rapport.unify.matching").joinpath("default_model.json")
    return read_model(path.read_bytes())


def company_model(kept: Any) -> Model:
    """The weights that were learnt, or those that ship.

    Parameters
    ----------
    kept : object or None
        The choice ``identity_model``.
    """
    if kept is None:
        return default_model()
    return _with_newer_matters(msgspec.convert(kept, Model))


def _with_newer_matters(model: Model) -> Model:
    """Weights that were learnt before a matter, or a level without weight, was there still hold.

    Until they are learnt anew, those that ship stand for what is new.
    """
    weights = {
        name: {
            **{key: weight for key, weight in shipped.items() if key in NEUTRAL},
            **model.weights.get(name, shipped),
        }
        for name, shipped in default_model().weights.items()
    }
    return msgspec.structs.replace(model, weights=weights)


def with_merge_line(model: Model, merge: float | None) -> Model:
    """The model with the company's own merge line, which stays above what a person is asked."""
    if merge is None:
        return model
    return msgspec.structs.replace(model, merge=max(merge, model.review))
