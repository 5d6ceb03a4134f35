import numpy as np
import pyarrow as pa
import pytest

from rapport.errors import StoreMismatch
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.match import match
from rapport.unify.matching.measures import agreement
from rapport.unify.matching.model import default_model
from rapport.unify.matching.train import blank_model
from tests.unify.matching.invented import people, stated
from tests.unify.matching.simple_comparisons import SIMPLE

pytestmark = pytest.mark.slow  # thousands of records are matched whole


def test_families_are_told_apart_and_persons_put_together():
    table, truth = people(150)
    found = match(table)
    right = agreement(found.labels, np.array(truth))
    assert right.pairwise.precision > 0.98
    assert right.pairwise.recall > 0.85


def test_the_order_of_records_does_not_matter():
    table, _ = people(60)
    order = np.random.default_rng(4).permutation(table.num_rows)
    one = match(table, model=match(table).model)
    other = match(table.take(pa.array(order)), model=one.model)
    back = np.empty_like(order)
    back[order] = other.labels
    same = [one.labels[i] == one.labels[j] for i in range(80) for j in range(80)]
    again = [back[i] == back[j] for i in range(80) for j in range(80)]
    assert same == again


def test_ten_thousand_records_that_share_a_placeholder_are_not_one_person():
    n = 10_000
    letters = "bcdfghjklmnprstvwz"
    names = [
        f"{letters[i % 18]}a{letters[i // 18 % 18]}e "
        f"{letters[i // 7 % 18]}o{letters[i // 324 % 18]}u"
        for i in range(n)
    ]
    table = stated(name=names, email=["null@example.com"] * n)
    found = match(table)
    _, sizes = np.unique(found.labels, return_counts=True)
    alike = max(names.count(name) for name in set(names[:200]))
    assert sizes.max() <= max(alike, 3)
    assert set(found.profiles.table["holder"].to_pylist()) == {"junk"}


def test_people_s_decisions_outrank_what_records_say():
    table = stated(
        name=["Jan Maes", "Jan Maes", "Bela Nagy"],
        email=["jan.maes@mail.be", "jan.maes@mail.be", "b.nagy@mail.hu"],
        birthday=["1970-03-01", "1970-03-01", "1950-01-02"],
    )
    free = match(table)
    assert free.labels.tolist() == [0, 0, 2]
    decided = match(table, cannot=[(0, 1)], must=[(1, 2)])
    assert decided.labels.tolist() == [0, 1, 1]


def test_nothing_that_a_father_and_his_son_share_makes_them_one():
    shared = {
        "email": ["nagy@mail.hu"] * 3,
        "phone": ["+36301234567"] * 3,
        "birthday": ["1970-03-01"] * 3,
        "street": ["Fő utca 12"] * 3,
        "postal_code": ["9000"] * 3,
        "loyalty_card": ["4711"] * 3,
    }
    table = stated(name=["id. Nagy Béla", "ifj. Nagy Béla", "Nagy Béla"], **shared)
    found = match(table, model=default_model())
    assert found.labels[0] != found.labels[1]
    bits = {(row["a"], row["b"]): row["bits"] for row in found.pairs.to_pylist()}
    assert bits.get((0, 1), -99.0) < -10


def test_pairs_tell_their_band_and_whether_they_were_joined():
    found = match(people(80)[0])
    rows = found.pairs.to_pylist()
    assert {row["band"] for row in rows} >= {"merge", "household"}
    for row in rows:
        if row["band"] == "merge":
            assert row["probability"] >= found.model.merge - 1e-3
        assert row["joined"] == (found.labels[row["a"]] == found.labels[row["b"]])


def test_every_step_is_timed_and_every_kind_of_key_counted():
    found = match(people(30)[0])
    assert list(found.seconds) == [
        "standardise", "profile values", "block", "train", "score", "link",
    ]  # fmt: skip
    assert found.n_pairs <= sum(kind.pairs for kind in found.kinds)


@pytest.mark.parametrize(
    "table",
    [
        stated(name=[]),
        stated(name=["Jan Maes"]),
        stated(name=[None, None], email=[None, ""]),
        stated(name=["🦊🦊", "王", "-", "x" * 10_000], email=["@", "a@", "🦊@🦊.be", "b" * 10_000]),
    ],
    ids=["none", "one", "empty", "odd"],
)
def test_odd_records_are_each_somebody(table):
    assert match(table).labels.tolist() == list(range(table.num_rows))


def test_a_source_that_reuses_customer_numbers_merges_nobody():
    n = 60
    names = [f"{a}{b}o {b}{a}ix" for a in "bcdfgh" for b in "jklmnprstv"]
    table = stated(
        source=["till"] * n,
        name=names,
        customer_number=[str(i % 5) for i in range(n)],
        birthday=[f"19{40 + i % 50}-0{1 + i % 9}-{10 + i % 17}" for i in range(n)],
    )
    assert len(set(match(table).labels.tolist())) == n


def test_a_model_of_other_levels_is_refused():
    with pytest.raises(StoreMismatch, match="does not fit"):
        match(stated(name=["Jan"]), model=blank_model(SIMPLE), comparisons=COMPARISONS)
