"""What matching reaches on sets whose persons are known, with one model and one line for all."""

import pyarrow.parquet as pq
import pytest

from rapport.unify.matching.match import match
from rapport.unify.matching.measures import agreement
from tests.real_data import real_data

_SILOS = {
    "source": "source", "full_name": "name", "first": "first_name", "last": "last_name",
    "dob": "birthday", "email": "email", "phone": "phone", "street": "street",
    "house_no": "house_number", "postcode": "postal_code", "city": "city", "country": "country",
    "loyalty_id": "loyalty_card", "iban_hash": "iban", "device_id": "device_id",
}  # fmt: skip


@pytest.mark.slow
def test_customers_of_six_silos_are_put_together_and_families_are_not():
    read = pq.read_table(real_data("identity/synth_10k.parquet"))
    stated = read.select(list(_SILOS)).rename_columns(list(_SILOS.values()))
    found = match(stated)
    right = agreement(found.labels, read["person_id"].to_numpy())
    assert right.pairwise.precision > 0.955
    assert right.pairwise.recall > 0.74
    assert right.bcubed.f1 > 0.88
    assert right.largest_cluster <= 20
    # What is called 95 % sure is right in 95 %, though no truth was seen.
    a, b = found.pairs["a"].to_numpy(), found.pairs["b"].to_numpy()
    probability = found.pairs["probability"].to_numpy()
    person = read["person_id"].to_numpy()
    sure = (probability >= 0.93) & (probability <= 0.97)
    assert (person[a] == person[b])[sure].mean() == pytest.approx(0.95, abs=0.025)
