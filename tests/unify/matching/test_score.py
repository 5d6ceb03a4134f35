import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from rapport.engines.columns import ColumnEngine
from rapport.errors import StoreMismatch
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.match import score_pairs
from rapport.unify.matching.model import (
    Model,
    Weight,
    bits_of,
    check_model,
    company_model,
    default_model,
    level_keys,
    read_model,
)
from rapport.unify.matching.score import Against
from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.train import blank_model
from rapport.unify.matching.value_profiles import profile_values, with_rarity
from tests.unify.matching.invented import people, stated
from tests.unify.matching.simple_comparisons import BIRTH, SIMPLE


def prepared(table, comparisons):
    standardised, _ = profile_values(standardise(table, comparisons))
    return with_rarity(standardised)


@pytest.mark.parametrize(
    ("comparisons", "model"),
    [
        (SIMPLE, blank_model(SIMPLE)),
        (COMPARISONS, default_model()),
        (COMPARISONS, replace(default_model(), slope=0.7, shift=-1.3)),
    ],
    ids=["simple", "shipped", "recalibrated"],
)
def test_one_pair_in_python_has_the_bits_that_it_has_in_a_batch(comparisons, model):
    table, _ = people(15)
    standardised = prepared(table, comparisons)
    n = standardised.n_records
    a, b = np.triu_indices(n, 1)
    with ColumnEngine() as engine:
        batch, _ = score_pairs(standardised, a, b, comparisons, model, engine)
    rows = list(standardised.rows())
    alone = [
        Against(rows[y], model, comparisons, n_records=n).pair(rows[x]).bits
        for x, y in zip(a.tolist(), b.tolist(), strict=True)
    ]
    np.testing.assert_allclose(batch, alone, atol=1e-3)


def test_bits_are_the_formula_s():
    model = Model(
        version="x",
        same_per_record=1.0,
        household_per_record=1e-9,
        merge=0.8,
        review=0.2,
        weights={
            "birth": {
                "same": Weight(m=0.9, household=1e-4, u=0.01),
                "two_parts": Weight(m=0.08, household=0.1, u=0.02),
                "else": Weight(m=0.02, household=0.8, u=0.97),
            }
        },
    )
    a, b = ({"birth": __import__("datetime").date(1970, 3, day)} for day in (1, 2))
    found = Against(b, model, (BIRTH,), n_records=101).pair(a)
    # log2(0.08 / 0.02) = 2 bits, and a prior of 1 in 100.
    assert found.fields == (("birth", "two_parts", pytest.approx(2.0)),)
    assert found.bits == pytest.approx(2.0 + np.log2(0.01 / 0.99), abs=1e-3)


def test_fields_of_which_one_record_says_nothing_weigh_nothing():
    table = stated(name=["Jan Maes", "Jan Maes"], birthday=["1970-03-01", None])
    rows = list(prepared(table, SIMPLE).rows())
    found = Against(rows[1], blank_model(SIMPLE), SIMPLE, n_records=2).pair(rows[0])
    assert [name for name, _, _ in found.fields] == ["name"]


def test_a_household_s_value_stands_on_a_level_of_its_own():
    table = stated(name=["Jan Maes", "Els Maes", "Jan Maes"], email=["fam1@mail.be"] * 3)
    rows = list(prepared(table, SIMPLE).rows())
    found = Against(rows[2], blank_model(SIMPLE), SIMPLE, n_records=3).pair(rows[0])
    assert ("email", "same_household") in [field[:2] for field in found.fields]


def test_agreeing_on_a_rare_name_proves_more():
    names = ["Jan Maes"] * 40 + ["Jan Maes", "Zoltan Rara", "Zoltan Rara"]
    rows = list(prepared(stated(name=names), SIMPLE).rows())
    model = blank_model(SIMPLE)
    common = Against(rows[1], model, SIMPLE, n_records=43).pair(rows[0]).bits
    rare = Against(rows[-2], model, SIMPLE, n_records=43).pair(rows[-1]).bits
    assert rare > common + 2


def test_a_model_survives_its_json():
    model = blank_model(SIMPLE)
    assert read_model(model.to_json()) == model


@pytest.mark.parametrize("text", [b"{}", b"no json", b'{"format": 9}'])
def test_a_file_that_is_no_model_is_refused(text):
    with pytest.raises(StoreMismatch, match="Train a new one"):
        read_model(text)


def test_a_model_must_know_exactly_the_levels_that_there_are():
    model = blank_model(SIMPLE)
    weights = {name: dict(levels) for name, levels in model.weights.items()}
    weights["birth"]["same_decade"] = weights["birth"].pop("two_parts")
    changed = Model(
        version="old",
        same_per_record=1.0,
        household_per_record=1.0,
        merge=0.8,
        review=0.2,
        weights=weights,
    )
    with pytest.raises(StoreMismatch, match=r"birth\.two_parts.*birth\.same_decade"):
        check_model(changed, SIMPLE)


def test_the_shipped_model_fits_the_shipped_comparisons():
    check_model(default_model(), COMPARISONS)
    assert default_model().merge_bits == pytest.approx(bits_of(default_model().merge))
    for comparison in COMPARISONS:
        levels = default_model().weights[comparison.name]
        for column in ("m", "household", "u"):
            total = sum(getattr(levels[key], column) for key in level_keys(comparison))
            assert total == pytest.approx(1.0, abs=1e-3)


def test_weights_learnt_before_a_level_without_weight_was_there_still_hold():
    shipped = default_model()
    kept = msgspec.to_builtins(shipped)
    del kept["weights"]["national_id"]["not_comparable"]
    kept["weights"]["birth"]["same_birth"]["m"] = 0.25
    found = company_model(kept)
    check_model(found, COMPARISONS)
    assert found.weights["birth"]["same_birth"].m == 0.25
    assert found.weights["national_id"] == shipped.weights["national_id"]
