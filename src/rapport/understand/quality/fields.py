"""Each field of each source: how often it is stated, in a usable way, and lately."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from rapport.understand.quality.drift import Observed
from rapport.understand.quality.sample import PERIODS
from rapport.understand.quality.shares import Share, share
from rapport.vocabulary.profile import ATTRIBUTES
from rapport.vocabulary.touchpoint import Touchpoint
from rapport.vocabulary.value_checks import (
    countries,
    currencies,
    is_moment,
    is_text,
    is_valid,
    languages,
)

#: A statement younger than this is current.
CURRENT = timedelta(days=365)
#: Fields with few values, of which the mix can be compared.
MIXED = frozenset(
    {
        "acquisition_channel", "channel", "country", "currency", "gender", "language",
        "loyalty_tier", "question", "score", "type",
    }
)  # fmt: skip
#: Identifiers that are attributes too.
_STATED_BY_KEY = ("email", "loyalty_card", "phone")
#: What every touchpoint has: there is no share of it, only a mix.
_ALWAYS = ("type", "channel")


def stated_attributes(touch: Touchpoint) -> dict[str, str]:
    """What a touchpoint states about the person; a value that it is known by is stated too."""
    said = {name: value for name, value in touch.traits.items() if value and name in ATTRIBUTES}
    for each in touch.identifiers:
        if each.kind in _STATED_BY_KEY:
            said.setdefault(each.kind, each.value)
    return said


class Placed(Struct, frozen=True, kw_only=True):
    """A touchpoint of the sample and the period it was drawn from."""

    touchpoint: Touchpoint
    period: int


class FieldShares(Struct, frozen=True, kw_only=True):
    """What was seen of one field of one source.

    Attributes
    ----------
    of_person : bool
        Whether it is an attribute of a person, else of what happened.
    """

    source: str
    field: str
    of_person: bool
    completeness: Share | None
    validity: Share | None
    currentness: Share | None


class Measured(Struct, frozen=True, kw_only=True):
    """What a sample of one source says."""

    fields: tuple[FieldShares, ...]
    observed: tuple[Observed, ...]


def _in_scale(touch: Touchpoint) -> bool:
    low, high, score = touch.scale_min, touch.scale_max, touch.score
    return score is not None and (low is None or low <= score) and (high is None or score <= high)


#: Fields of what happened, with their checks; they stand beside the attributes of the person.
_CHECKS: Mapping[str, Callable[[Touchpoint], bool]] = {
    "acquisition_channel": lambda t: is_text(t.acquisition_channel or ""),
    "amount": lambda t: t.amount is not None and t.amount.is_finite() and bool(t.currency),
    "campaign": lambda t: is_text(t.campaign or ""),
    "country": lambda t: t.country in countries(),
    "currency": lambda t: t.currency in currencies(),
    "language": lambda t: (t.language or "").partition("-")[0].casefold() in languages(),
    "order_id": lambda t: is_text(t.order_id or ""),
    "place": lambda t: is_text(t.place or ""),
    "question": lambda t: is_text(t.question or ""),
    "record": lambda t: t.record is not None,
    "score": _in_scale,
    "text": lambda t: any(c.isalnum() for c in t.text or ""),
}


def measure(
    source: str,
    sample: Sequence[Placed],
    counts: Sequence[int],
    *,
    until: datetime,
    is_junk: Callable[[str, str], bool],
) -> Measured:
    """The shares of every field that the source ever states, and what to compare over time.

    A field is asked of those types of touchpoints that state it at all: a page view without an
    order number lacks nothing.

    Parameters
    ----------
    source : str
    sample : sequence of Placed
        Of this source.
    counts : sequence of int, shape (n_periods,)
        How many touchpoints the source has in each period; those drawn stand for all.
    until : datetime
        Up to where the data go.
    is_junk : callable
        From attribute and value: whether the value is a known stand-in such as test@test.com.
    """
    seen = _Seen(until, is_junk)
    for each in sample:
        seen.add(each.touchpoint, each.period)
    drawn = [
        sum(n for (_, period), n in seen.records.items() if period == p)
        for p in range(len(PERIODS))
    ]
    weights = [c / n if n else 0.0 for c, n in zip(counts, drawn, strict=True)]
    fields, observed = [], []
    for of_person, field in sorted(seen.types):
        key = (of_person, field)
        if not of_person and seen.repeats(field):
            continue
        asked = [
            sum(seen.records[type_, p] for type_ in seen.types[key]) for p in range(len(PERIODS))
        ]
        filled, valid, current = (
            [found[of_person, field, p] for p in range(len(PERIODS))]
            for found in (seen.filled, seen.valid, seen.current)
        )
        fields.append(
            FieldShares(
                source=source,
                field=field,
                of_person=of_person,
                completeness=_weighted(filled, asked, weights),
                validity=_weighted(valid, filled, weights),
                currentness=_weighted(current, filled, weights),
            )
        )
        observed.append(_observed(source, field, asked, filled, seen.mixes.get(key)))
    observed += [
        _observed(source, field, drawn, drawn, seen.mixes[False, field]) for field in _ALWAYS
    ]
    return Measured(fields=tuple(fields), observed=tuple(observed))


def _weighted(part: Sequence[int], whole: Sequence[int], weights: Sequence[float]) -> Share | None:
    """The share in the whole source; periods of which fewer were drawn weigh more."""
    size = sum(w * n for w, n in zip(weights, whole, strict=True))
    spread = sum(w * w * n for w, n in zip(weights, whole, strict=True))
    if not size:
        return None
    # Kish's effective size: records of unequal weight are worth fewer.
    return share(
        sum(w * k for w, k in zip(weights, part, strict=True)), size, n=size * size / spread
    )


def _observed(
    source: str,
    field: str,
    asked: Sequence[int],
    filled: Sequence[int],
    mixes: Mapping[int, Counter[str]] | None,
) -> Observed:
    return Observed(
        source=source,
        field=field,
        records=(asked[1], asked[0]),
        filled=(filled[1], filled[0]),
        values=None if mixes is None else (mixes.get(1, Counter()), mixes.get(0, Counter())),
    )


class _Seen:
    """Counts over a sample."""

    def __init__(self, until: datetime, is_junk: Callable[[str, str], bool]) -> None:
        self.current_from = until - CURRENT
        self.is_junk = is_junk
        self.records: Counter[tuple[str, int]] = Counter()
        self.types: defaultdict[tuple[bool, str], set[str]] = defaultdict(set)
        self.filled: Counter[tuple[bool, str, int]] = Counter()
        self.valid: Counter[tuple[bool, str, int]] = Counter()
        self.current: Counter[tuple[bool, str, int]] = Counter()
        self.mixes: defaultdict[tuple[bool, str], defaultdict[int, Counter[str]]] = defaultdict(
            lambda: defaultdict(Counter)
        )

    def repeats(self, field: str) -> bool:
        """Whether a field only repeats what is said of the person, as a contact's country does."""
        return (True, field) in self.types and all(
            self.filled[True, field, p] == self.filled[False, field, p] for p in range(len(PERIODS))
        )

    def add(self, touch: Touchpoint, period: int) -> None:
        self.records[touch.type, period] += 1
        current = touch.occurred_at > self.current_from
        for of_person, field, value, good in self._stated(touch):
            key = (of_person, field, period)
            self.types[of_person, field].add(touch.type)
            self.filled[key] += 1
            self.valid[key] += good
            self.current[key] += current
            if field in MIXED:
                self.mixes[of_person, field][period][value] += 1
        for field in _ALWAYS:
            self.mixes[False, field][period][getattr(touch, field)] += 1

    def _stated(self, touch: Touchpoint) -> Iterator[tuple[bool, str, str, bool]]:
        country = touch.traits.get("country") or touch.country
        country = country if country in countries() else None
        for name, value in stated_attributes(touch).items():
            good = is_valid(
                name, value, country=country, at=touch.received_at
            ) and not self.is_junk(name, value)
            yield True, name, value, good
        for field, check in _CHECKS.items():
            value = getattr(touch, field)
            if value is not None and value != "":
                yield False, field, str(value), check(touch)
        yield False, "occurred_at", "", is_moment(touch.occurred_at, touch.received_at)
