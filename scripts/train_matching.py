"""Make `default_model.json`: the weights that matching starts from, without any labels.

    python scripts/train_matching.py FOLDER

FOLDER holds the data sets that may be trained on (see their names below). Their truth is not read.
Levels that no set shows keep the weights they start with.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa

from rapport.demo.dirty_companies import dirty_companies
from rapport.engines.columns import ColumnEngine
from rapport.unify.matching import match
from rapport.unify.matching.blocking import block
from rapport.unify.matching.comparison import Comparison, RecordKind
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.model import Model, Weight, level_keys
from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.train import blank_model, relative_to
from rapport.unify.matching.value_profiles import profile_values, with_rarity
from rapport.workflows.identity_sets import as_companies, read_known_set

#: Invented businesses, of another seed than those that certify measures on.
COMPANIES = "companies"
SETS = ("febrl1", "febrl2", "febrl3", "fake_1000", "senzing", "synth_10k", COMPANIES)
#: Sets in which people live together and companies have one owner; the others know nothing of it.
WITH_HOUSEHOLDS = frozenset({"senzing", "synth_10k", COMPANIES})
#: Part of the household class that stays as it was, in each round.
ANCHORS = (0.6, 0.5)

#: How names and birthdays of two members of a household compare, before anything is learnt.
NAME = {
    "other_generation": 0.01, "husband_and_wife": 0.005,
    "same_words": 0.015, "more_words": 0.01, "given_slip": 0.015, "slips": 0.02, "nickname": 0.005,
    "initial": 0.03, "initial_and_slip": 0.01, "alike": 0.03, "same_single_word": 0.01,
    "one_word": 0.1, "same_family": 0.45, "same_given": 0.01, "shared_word": 0.1, "else": 0.2,
}  # fmt: skip
BIRTH = {"else": 0.8, "same_birth": 0.01, "same_year": 0.08, "two_parts": 0.05}
MAILBOX_NAME = {
    "not_comparable": 0.01, "full_name": 0.02, "short_name": 0.06, "slip": 0.05, "one_word": 0.35,
    "else": 0.5,
}  # fmt: skip
#: How two companies of one owner compare: a name with another trade, a mailbox of their own, often
#: one house, one switchboard, one domain.
GROUP = {
    "company_name": {
        "same_name": 0.03, "slip": 0.005, "other_trade": 0.4, "same_core": 0.15, "more_words": 0.04,
        "one_word": 0.18, "acronym": 0.005, "alike": 0.01, "shared_word": 0.04, "else": 0.14,
    },
    "company_email": {
        "same_mailbox": 0.02, "same_mailbox_household": 0.01, "same_mailbox_generic": 0.005,
        "same_domain": 0.07, "same_domain_household": 0.15, "same_domain_generic": 0.01,
        "one_at_provider": 0.3, "two_at_providers": 0.03, "else": 0.4,
    },
    "company_phone": {
        "same_phone": 0.12, "same_phone_household": 0.2, "same_phone_generic": 0.03,
        "same_tail": 0.01, "one_digit": 0.02, "else": 0.62,
    },
    "company_address": {
        "same_address": 0.18, "same_address_household": 0.22, "same_address_generic": 0.06,
        "address_slip": 0.05, "same_postcode": 0.15, "same_city": 0.05, "else": 0.28,
    },
}  # fmt: skip
#: And of one: many have another name over the door than in the register.
ONE_COMPANY_NAME = {
    "same_name": 0.55, "slip": 0.05, "other_trade": 0.02, "same_core": 0.08, "more_words": 0.05,
    "one_word": 0.08, "acronym": 0.01, "alike": 0.04, "shared_word": 0.03, "not_comparable": 0.001,
    "else": 0.08,
}  # fmt: skip
#: Few companies have a sister, and most people live with somebody: a tenth as many, say.
SISTERS = {"two_companies": 0.1}


def household(comparison: Comparison, weights: dict[str, Weight]) -> dict[str, float]:
    """What two members of a household agree on."""
    keys = level_keys(comparison)
    if comparison.household == "relative":
        found = {key: weights[key].m * SISTERS.get(key, 1.0) for key in keys}
    elif comparison.name in GROUP:
        found = {key: GROUP[comparison.name].get(key, 0.001) for key in keys}
    elif comparison.name == "address":  # they live where one person would
        found = {key: weights[key].m for key in keys}
    elif comparison.name == "name":
        found = {key: NAME.get(key, 0.01) for key in keys}
    elif comparison.name == "birth":
        found = {key: BIRTH.get(key, 0.012) for key in keys}
    elif comparison.name == "mailbox_name":
        found = {key: MAILBOX_NAME.get(key, 0.05) for key in keys}
    elif comparison.name in {"gender", "company_form"}:
        found = dict.fromkeys(keys, 0.5)
    elif comparison.name in {"email", "phone", "device", "iban"}:
        found = {key: _shared(at, key) for at, key in enumerate(keys)}
    else:
        found = {key: 0.93 if key == "else" else 0.01 for key in keys}
    total = sum(found.values())
    return {key: value / total for key, value in found.items()}


def _shared(at: int, key: str) -> float:
    if key == "else":
        return 0.5
    if key.endswith("household"):
        return 0.35
    return 0.03 if key.endswith("generic") else 0.02 if at == 0 else 0.04


def start() -> Model:
    """Ranks of levels, and what a household is."""
    blank = blank_model(COMPARISONS)
    weights = {}
    for comparison in COMPARISONS:
        own = dict(blank.weights[comparison.name])
        shared = household(comparison, own)
        one = ONE_COMPANY_NAME if comparison.name == "company_name" else {}
        weights[comparison.name] = {
            key: Weight(m=one.get(key, weight.m), household=shared[key], u=weight.u)
            for key, weight in own.items()
        }
    return msgspec.structs.replace(blank, weights=weights)


def table(model: Model, comparison: Comparison) -> np.ndarray:
    weights = [model.weights[comparison.name][key] for key in level_keys(comparison)]
    return np.array([[getattr(w, of) for w in weights] for of in ("m", "household", "u")])


def _stated(name: str, folder: Path) -> pa.Table:
    if name == COMPANIES:
        return as_companies(dirty_companies(12_000, seed=1)).stated
    return read_known_set(name, folder).stated


def pooled(folder: Path, base: Model, anchor: float) -> Model:
    """One round: each set trained from ``base``, the sets weighed by the root of their pairs."""
    sums = {c.name: 5.0 * table(base, c) for c in COMPARISONS}  # the start counts as 25 pairs
    weights = {c.name: np.full(3, 5.0) for c in COMPARISONS}
    for name in SETS:
        stated = _stated(name, folder)
        standardised = standardise(stated, COMPARISONS)
        sources = stated["source"] if "source" in stated.column_names else None
        standardised, _ = profile_values(standardised, sources)
        standardised = with_rarity(standardised, records_per_person=2.0)
        with ColumnEngine() as engine:
            trained = match.train(
                standardised,
                block(standardised),
                COMPARISONS,
                engine,
                start=base,
                rng=np.random.default_rng(0),
                household_anchor=anchor,
            )
        for comparison in COMPARISONS:
            weight = np.minimum(np.sqrt(trained.pairs[comparison.name]), 200.0)
            if name not in WITH_HOUSEHOLDS:
                weight[1] = 0.0
            if name == COMPANIES and comparison.of is RecordKind.PERSON:
                weight[:] = 0.0  # people are learnt from records of customers, not of contacts
            sums[comparison.name] += table(trained.model, comparison) * weight[:, None]
            weights[comparison.name] += weight
    found = {}
    for comparison in COMPARISONS:
        m, shared, u = sums[comparison.name] / weights[comparison.name][:, None]
        if comparison.household == "relative":
            shared = relative_to(m, table(base, comparison))
        found[comparison.name] = {
            key: Weight(
                m=max(float(m[at]), 1e-6),
                household=max(float(shared[at]), 1e-6),
                u=max(float(u[at]), 1e-8),
            )
            for at, key in enumerate(level_keys(comparison))
        }
    return msgspec.structs.replace(base, weights=found)


def main() -> None:
    model = start()
    for anchor in ANCHORS:
        model = pooled(Path(sys.argv[1]), model, anchor)
    model = msgspec.structs.replace(
        model,
        version="rapport-1",
        same_per_record=2.0,
        household_per_record=1.0,
        merge=0.95,
        review=0.2,
    )
    Path(match.__file__).with_name("default_model.json").write_bytes(model.to_json())


if __name__ == "__main__":
    main()
