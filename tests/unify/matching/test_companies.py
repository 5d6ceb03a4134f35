"""Records of companies: told from people's, matched among themselves, found by who asks."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from rapport.demo.dirty_companies import dirty_companies
from rapport.unify.matching.comparison import RecordKind
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.live import build_index
from rapport.unify.matching.match import Matched, match
from rapport.unify.matching.measures import agreement
from rapport.unify.matching.model import default_model
from rapport.unify.matching.standardise import kind_of_record, read_row, standardise
from rapport.workflows.identity_sets import UNKNOWN, LabelledSet, as_companies

PEETERS = {
    "company": "Bakkerij Peeters BVBA", "email": "info@bakkerijpeeters.be", "phone": "092334455",
    "street": "Kerkstraat 12", "postal_code": "9000", "city": "Gent", "country": "BE",
    "business_id": "BE 0403.170.701",
}  # fmt: skip
RECORDS = [
    {**PEETERS, "source": "crm"},
    {**PEETERS, "source": "till", "company": None, "email": None,
     "name": "BOULANGERIE PEETERS SRL"},
    {**PEETERS, "source": "finance", "company": "Peeters Catering", "business_id": None,
     "email": "catering@peeters.be", "phone": None},
    {"source": "crm", "company": "Bakkerij Peeters", "city": "Hasselt", "postal_code": "3500",
     "street": "Markt 3", "phone": "011221100", "country": "BE"},
    {**PEETERS, "source": "crm", "name": "An Peeters"},
    {"source": "web", "name": "An Peeters", "email": "info@bakkerijpeeters.be"},
]  # fmt: skip


def _matched(records: list[dict[str, str | None]]) -> Matched:
    names = sorted({name for record in records for name in record})
    table = pa.table({name: [record.get(name) for record in records] for name in names})
    return match(table, model=default_model())


@pytest.fixture(scope="module")
def world() -> LabelledSet:
    return as_companies(dirty_companies(3_000, seed=5))


def test_a_company_is_known_under_either_language_of_its_trade():
    labels = _matched(RECORDS).labels.tolist()
    assert labels[0] == labels[1]


def test_a_sister_at_the_same_address_and_a_namesake_elsewhere_are_others():
    labels = _matched(RECORDS).labels.tolist()
    assert labels[2] not in labels[:2]
    assert labels[3] not in labels[:3]


def test_nobody_is_the_company_that_they_work_for():
    labels = _matched(RECORDS).labels.tolist()
    assert {labels[4], labels[5]}.isdisjoint(labels[:4])


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        ({"company": "Peeters"}, "company"),
        ({"company": "Peeters", "birthday": "1970-03-01"}, "person"),
        ({"company": "Peeters", "name": "Jan Maes"}, "person"),
        ({"company": "Peeters", "first_name": "Jan", "last_name": "Peeters bvba"}, "person"),
        ({"last_name": "Peeters bvba"}, "company"),
        ({"name": "Flexiline", "business_id": "BE0403170701"}, "company"),
        ({"name": "Jan Maes", "company": "Flexiline", "business_id": "BE0403170701"}, "person"),
        ({"name": "Peeters bvba", "kind": "person"}, "person"),
        ({"email": "info@peeters.be", "kind": "company"}, "company"),
        ({"name": "Jan Maes", "kind": "supplier"}, "person"),
        ({}, "person"),
    ],
)
def test_whose_a_record_is(record, kind):
    assert kind_of_record(record) == kind


def test_one_record_is_of_the_kind_that_it_has_among_many(world):
    read = standardise(world.stated, COMPARISONS)
    among_many = [row["record_kind"] for row in read.rows()]
    assert among_many == [kind_of_record(row) for row in world.stated.to_pylist()]
    assert set(among_many) == set(RecordKind)


def test_a_company_that_calls_is_found_among_companies_with_the_weight_of_a_batch(world):
    matched = match(world.stated, model=default_model())
    atoms = np.arange(world.records)
    index = build_index(matched.standardised, atoms, matched.model, COMPARISONS)
    rows = world.stated.to_pylist()
    kinds = np.array([kind_of_record(row) for row in rows])
    pairs = matched.pairs.filter(matched.pairs["joined"]).to_pylist()
    companies = [pair for pair in pairs if kinds[pair["a"]] == RecordKind.COMPANY][:60]
    assert len(companies) == 60
    batch = list(matched.standardised.rows())
    seen = 0
    for pair in companies:
        if (
            read_row(rows[pair["b"]], COMPARISONS)["company_email"]
            != (batch[pair["b"]]["company_email"])
        ):
            continue  # a placeholder, which only a batch knows for one
        found = {c.atom: c.score.bits for c in index.find(rows[pair["b"]], limit=50)}
        assert all(kinds[atom] == RecordKind.COMPANY for atom in found)
        if pair["a"] in found:
            seen += 1
            assert found[pair["a"]] == pytest.approx(pair["bits"], abs=0.05)
    assert seen > 40


def test_what_is_kept_of_a_record_says_nothing_in_the_matters_of_the_other_kind(world):
    read = standardise(world.stated, COMPARISONS)
    kind = np.array([kind_of_record(row) for row in world.stated.to_pylist()])
    for reading in read.readings:
        if reading.comparison.of is not None:
            assert (reading.codes[kind != reading.comparison.of] == -1).all()


@pytest.mark.slow
def test_businesses_are_put_together_and_their_sisters_are_not(world):
    matched = match(world.stated)
    of_company = np.array(
        [kind_of_record(row) == RecordKind.COMPANY for row in world.stated.to_pylist()]
    )
    judged = of_company & (world.truth != UNKNOWN)
    found = agreement(matched.labels[judged], world.truth[judged])
    assert found.pairwise.precision >= 0.98
    assert found.pairwise.recall >= 0.8
