"""Identity against known truth. Precision is what we promise; recall is what rules can reach."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import combinations

import polars
import pytest

from rapport.engines.ledger import Ledger
from rapport.unify.sighting import Sighting, sighting_of
from rapport.vocabulary.identifier import Identifier, atom_id
from rapport.vocabulary.touchpoint import Touchpoint
from tests.real_data import real_data
from tests.unify.sightings import NOON, memberships, resolve


def record_seen(
    source: str, record: Identifier, others: list[Identifier], traits: dict[str, str]
) -> Sighting:
    sighting = sighting_of(
        Touchpoint(
            touchpoint_id="1", source=source, channel="crm", type="Record Seen",
            occurred_at=NOON, received_at=NOON, record=record, identifiers=tuple(others),
            traits=traits,
        ),
        1,
    )  # fmt: skip
    assert sighting is not None
    return sighting


def wrong_and_found(placed: Mapping[int, str], truth: Mapping[int, str]) -> tuple[int, int, int]:
    """Pairs joined wrongly, pairs joined, and pairs to join."""
    profiles: Counter[str] = Counter()
    both: Counter[tuple[str, str]] = Counter()
    persons: Counter[str] = Counter()
    for record, person in truth.items():
        profiles[placed[record]] += 1
        persons[person] += 1
        both[placed[record], person] += 1

    def pairs(counts: Counter) -> int:  # type: ignore[type-arg]
        return sum(n * (n - 1) // 2 for n in counts.values())

    return pairs(profiles) - pairs(both), pairs(profiles), pairs(persons)


def read_csv(name: str) -> list[dict[str, str]]:
    with real_data(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def us_date(text: str) -> str | None:
    for form in ("%m/%d/%Y", "%m/%d/%y", "%b %d %Y"):
        try:
            return datetime.strptime(text, form).date().isoformat()  # noqa: DTZ007
        except ValueError:
            continue
    return None


def test_hand_made_hard_cases_have_no_wrong_merge(
    ledger: Ledger, record_property: Callable[[str, object], None]
) -> None:
    clusters = {
        row["RECORD_ID"]: row["CLUSTER_ID"]
        for row in read_csv("identity/senzing_truth.csv")
        if row["DATA_SOURCE"] == "CUSTOMERS"
    }
    kinds = {
        "SSN_NUMBER": "ssn",
        "PASSPORT_NUMBER": "passport",
        "DRIVERS_LICENSE_NUMBER": "licence",
        "NATIONAL_ID_NUMBER": "national_id",
    }
    sightings, truth = [], {}
    for row in read_csv("identity/senzing_customers.csv"):
        record = Identifier(kind="crm_contact", value=row["RECORD_ID"], namespace="crm")
        traits = {
            "first_name": " ".join((row["PRIMARY_NAME_FIRST"], row["PRIMARY_NAME_MIDDLE"])).strip(),
            "last_name": row["PRIMARY_NAME_LAST"],
            "name": row["PRIMARY_NAME_FULL"] or row["NATIVE_NAME_FULL"] or row["PRIMARY_NAME_ORG"],
            "birthday": us_date(row["DATE_OF_BIRTH"]) or "",
            "email": row["EMAIL_ADDRESS"],
            "phone": row["PHONE_NUMBER"],
            "country": "US",
        }
        others = [
            Identifier(kind=kind, value=row[column], namespace="state")
            for column, kind in kinds.items()
            if row[column]
        ]
        sightings.append(record_seen("crm", record, others, {k: v for k, v in traits.items() if v}))
        truth[atom_id(record)] = clusters[row["RECORD_ID"]]
    resolve(ledger, *sightings)
    wrong, joined, to_join = wrong_and_found(memberships(ledger), truth)
    record_property("recall", joined / to_join)
    assert wrong == 0
    assert joined / to_join >= 0.3


@pytest.mark.slow
def test_many_silos_in_four_languages_are_joined_with_high_precision(
    ledger: Ledger, record_property: Callable[[str, object], None]
) -> None:
    data = polars.read_parquet(real_data("identity/synth_10k.parquet"))
    sightings, truth = [], {}
    for row in data.iter_rows(named=True):
        # Rows are records of their silo, one key each, as no silo tells its duplicates apart.
        record = Identifier(
            kind="crm_contact", value=str(row["rid"]), namespace=f"{row['source']}-{row['rid']}"
        )
        others = []
        if row["device_id"]:
            others.append(Identifier(kind="device_id", value=row["device_id"]))
        traits = {
            "first_name": row["first"],
            "last_name": row["last"],
            "name": row["full_name"],
            "birthday": row["dob"],
            "email": row["email"],
            "phone": row["phone"],
            "loyalty_card": row["loyalty_id"],
            "country": row["country"],
        }
        sightings.append(
            record_seen(row["source"], record, others, {k: v for k, v in traits.items() if v})
        )
        truth[atom_id(record)] = str(row["person_id"])
    for start in range(0, len(sightings), 2_000):
        resolve(ledger, *sightings[start : start + 2_000])
    placed = memberships(ledger)
    wrong, joined, to_join = wrong_and_found(placed, truth)
    precision, recall = 1 - wrong / joined, (joined - wrong) / to_join
    largest = max(Counter(placed.values()).values())
    record_property("precision", precision)
    record_property("recall", recall)
    assert precision >= 0.99
    assert recall >= 0.25
    assert largest <= 40


def test_the_pair_counts_of_this_test_are_right() -> None:
    placed = {1: "p", 2: "p", 3: "p", 4: "q"}
    truth = {1: "a", 2: "a", 3: "b", 4: "b"}
    wrong = sum(placed[x] == placed[y] and truth[x] != truth[y] for x, y in combinations(placed, 2))
    assert wrong_and_found(placed, truth) == (wrong, 3, 2)
