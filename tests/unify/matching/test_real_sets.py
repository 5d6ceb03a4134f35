"""What matching reaches on sets whose persons are known, with one line for all."""

import pytest

from rapport.unify.matching.match import FEWEST_TO_LEARN, match
from rapport.unify.matching.measures import agreement, clusters_across
from rapport.workflows.identity_sets import LabelledSet, read_known_set
from tests.real_data import real_data

pytestmark = pytest.mark.slow


def known(name: str, file: str) -> LabelledSet:
    return read_known_set(name, real_data(f"identity/{file}").parent)


def test_customers_of_six_silos_are_put_together_and_families_are_not():
    records = known("synth_10k", "synth_10k.parquet")
    found = match(records.stated)
    right = agreement(found.labels, records.truth)
    assert right.pairwise.precision >= 0.98
    assert right.pairwise.recall > 0.53
    assert right.bcubed.f1 > 0.78  # Splink as published: .69
    assert right.largest_cluster <= 20
    assert clusters_across(found.labels, records.households) <= 8
    # What is called 95 % sure is right in 95 %, though no truth was seen.
    a, b = found.pairs["a"].to_numpy(), found.pairs["b"].to_numpy()
    probability = found.pairs["probability"].to_numpy()
    sure = (probability >= 0.93) & (probability <= 0.97)
    assert 0.93 <= (records.truth[a] == records.truth[b])[sure].mean() <= 0.97


@pytest.mark.parametrize(
    ("name", "file", "least"),
    [
        ("febrl1", "dataset1.csv", 0.995),
        ("febrl2", "dataset2.csv", 0.995),
        ("febrl3", "dataset3.csv", 0.995),
        ("febrl3-without-id", "dataset3.csv", 0.99),
        ("fake_1000", "fake_1000.csv", 0.87),  # Splink as published: .54
    ],
)
def test_persons_of_public_sets_are_found(name: str, file: str, least: float):
    records = known(name, file)
    right = agreement(match(records.stated).labels, records.truth)
    assert right.pairwise.f1 >= least
    assert right.pairwise.precision >= 0.995


def test_no_two_persons_of_the_hard_cases_are_joined():
    records = known("senzing", "senzing_customers.csv")
    assert records.records >= FEWEST_TO_LEARN
    found = match(records.stated)
    right = agreement(found.labels, records.truth)
    assert right.pairwise.precision == 1.0
    assert right.pairwise.recall > 0.6
