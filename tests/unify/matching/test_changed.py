"""Matching what changed decides as matching everything would, and looks at little for it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rapport.unify.matching.changed import Changed, match_changed
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.known_values import (
    KnownValues,
    learn_values,
    read_values,
    with_known_values,
    write_values,
)
from rapport.unify.matching.live import LiveIndex, build_index
from rapport.unify.matching.match import Matched, match
from rapport.unify.matching.measures import agreement
from rapport.unify.matching.model import default_model
from rapport.unify.matching.standardise import standardise
from rapport.unify.matching.stored_records import Judgements, RecordsToMatch, Related
from rapport.unify.matching.value_profiles import JUNK
from tests.unify.matching.invented import people, stated

pytestmark = pytest.mark.slow  # companies of hundreds of records are matched

IntArray = NDArray[np.int64]
MODEL = default_model()
NOBODY = Judgements(must=(), cannot=(), doubted=())


class Kept:
    """A company in memory: what a ledger, an index and its values keep between runs."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.atoms = np.arange(table.num_rows, dtype=np.int64) * 3 + 7
        self.words = NOBODY
        found = self.whole()
        self.index = build_index(found.standardised, self.atoms, MODEL, COMPARISONS)
        self.values = values_of(found)
        chosen = found.pairs["bits"].to_numpy() >= MODEL.review_bits
        self.pairs = {
            (int(self.atoms[a]), int(self.atoms[b])): bool(joined)
            for a, b, joined, keep in zip(
                found.pairs["a"].to_numpy(),
                found.pairs["b"].to_numpy(),
                found.pairs["joined"].to_pylist(),
                chosen,
                strict=True,
            )
            if keep
        }

    def whole(self) -> Matched:
        words = self.words.of(self.atoms)
        return match(self.table, model=MODEL, must=words.must, cannot=words.cannot)

    def say(self, table: pa.Table, atoms: IntArray | None = None) -> Changed:
        """Records are told, new ones or (with their atoms) anew."""
        if atoms is None:
            atoms = np.arange(table.num_rows, dtype=np.int64) * 3 + int(self.atoms.max()) + 3
            self.table = pa.concat_tables([self.table, table], promote_options="default")
            self.atoms = np.r_[self.atoms, atoms]
        else:
            rows = self.table.to_pylist()
            for atom, row in zip(atoms.tolist(), table.to_pylist(), strict=True):
                rows[self.atoms.tolist().index(atom)] |= row
            self.table = pa.Table.from_pylist(rows, schema=self.table.schema)
            table = self.table.take(pa.array(np.searchsorted(self.atoms, atoms)))
        found = match_changed(
            self.index,
            self.values,
            RecordsToMatch(atoms=atoms, stated=table),
            related=self.related,
            judged=self.words.of,
        )
        scope = set(found.atoms.tolist())
        self.pairs = {pair: joined for pair, joined in self.pairs.items() if pair[0] not in scope}
        for a, b in zip(found.a, found.b, strict=True):
            x, y = sorted((int(found.atoms[a]), int(found.atoms[b])))
            self.pairs[x, y] = bool(found.labels[a] == found.labels[b])
        self.index = self.index.with_newer(found.newer)
        self.values = found.values
        return found

    def related(self, atoms: Collection[int]) -> Related:
        pairs = np.array(sorted(self.pairs), dtype=np.int64).reshape(-1, 2)
        told = np.array(self.words.must, dtype=np.int64).reshape(-1, 2)
        component = self._components(np.concatenate([pairs, told]))
        wanted = np.isin(component, component[np.searchsorted(self.atoms, list(atoms))])
        within = np.isin(pairs[:, 0], self.atoms[wanted])
        return Related(atoms=self.atoms[wanted], a=pairs[within, 0], b=pairs[within, 1])

    def _components(self, pairs: IntArray) -> IntArray:
        places = np.searchsorted(self.atoms, pairs)
        graph = coo_array(
            (np.ones(len(places)), (places[:, 0], places[:, 1])), shape=(len(self.atoms),) * 2
        )
        found: IntArray = connected_components(graph, directed=False)[1]
        return found

    def persons(self) -> IntArray:
        joined = [*(pair for pair, is_one in self.pairs.items() if is_one), *self.words.must]
        return self._components(np.array(joined, dtype=np.int64).reshape(-1, 2))

    def index_of(self, *atoms: int) -> list[int]:
        persons = self.persons()
        return [int(persons[np.searchsorted(self.atoms, atom)]) for atom in atoms]


def values_of(found: Matched) -> KnownValues:
    per_person = 1 + MODEL.same_per_record
    return learn_values(found.standardised, found.profiles, records_per_person=per_person)


def test_in_parts_the_same_people_are_found_as_at_once() -> None:
    table, truth = people(260, seed=5)
    order = np.random.default_rng(2).permutation(table.num_rows)
    table, truth = table.take(pa.array(order)), list(np.array(truth)[order])
    most = 9 * table.num_rows // 10
    company = Kept(table.slice(0, most))
    for start in range(most, table.num_rows, 30):
        company.say(table.slice(start, 30))
    at_once = company.whole()
    same = agreement(company.persons(), at_once.labels)
    assert same.pairwise.precision > 0.99
    assert same.pairwise.recall > 0.99
    right = agreement(company.persons(), np.array(truth))
    assert right.pairwise.precision > 0.98


def test_newcomers_find_each_other_and_whoever_was_there() -> None:
    table, _ = people(60)
    company = Kept(table)
    found = company.say(
        stated(
            first_name=["Oskar", "Oskar", "Oskar"],
            last_name=["Wagemakers", "Wagemakers", "Wagemakers"],
            birthday=["1961-05-17", None, "1961-05-17"],
            email=[None, "o.wagemakers@mail.be", "o.wagemakers@mail.be"],
            postal_code=["9000", "9000", "9000"],
        )
    )
    one, two, three = company.atoms[-3:].tolist()
    assert len(set(company.index_of(one, two, three))) == 1
    assert set(found.atoms.tolist()) < set(company.atoms.tolist())  # and looked at few for it
    assert len(found.atoms) < 30
    late = company.say(
        stated(name=["Oskar Wagemakers"], email=["o.wagemakers@mail.be"], birthday=["1961-05-17"])
    )
    assert company.index_of(int(late.newer.atoms[-1])) == company.index_of(one)
    asked = {"name": "Wagemakers Oskar", "birthday": "1961-05-17"}
    assert company.index.find(asked)[0].atom in company.atoms[-4:]


def test_who_says_another_name_leaves_the_person_he_was() -> None:
    table, _ = people(60)
    company = Kept(table)
    company.say(
        stated(
            name=["Oskar Wagemakers", "Oskar Wagemakers"],
            birthday=["1961-05-17"] * 2,
            phone=["0470123456"] * 2,
        )
    )
    one, two = company.atoms[-2:].tolist()
    assert len(set(company.index_of(one, two))) == 1
    company.say(
        stated(name=["Mieke Hendrickx"], birthday=["1987-11-30"], phone=["0499887766"]),
        np.array([two]),
    )
    assert len(set(company.index_of(one, two))) == 2
    assert company.index.find({"name": "Mieke Hendrickx", "birthday": "1987-11-30"})[0].atom == two
    old = company.index.find({"name": "Oskar Wagemakers", "birthday": "1961-05-17"})
    assert two not in {candidate.atom for candidate in old}


def test_a_mailbox_is_the_family_s_as_soon_as_a_second_name_uses_it() -> None:
    table, _ = people(60)
    company = Kept(table)
    company.say(
        stated(
            name=["Oskar Wagemakers", "Oskar Wagemakers"],
            email=["wagemakers@mail.be"] * 2,
            birthday=["1961-05-17", None],
        )
    )
    found = company.say(
        stated(name=["Renske Wagemakers"], email=["wagemakers@mail.be"], birthday=["1963-02-01"])
    )
    one, two, other = company.atoms[-3:].tolist()
    assert {one, two} <= set(found.atoms.tolist())  # what the mailbox proves of them is less now
    assert company.index_of(other) != company.index_of(one)
    at_once = values_of(company.whole()).holders["email"]
    kept = company.values.holders["email"].of(at_once.hashes)
    assert kept.tolist() == at_once.holder.tolist()


def test_a_placeholder_of_one_day_joins_nobody() -> None:
    table, _ = people(60)
    company = Kept(table)
    letters = "bdfgklmnprstvz"
    names: list[str | None] = [
        f"{x.upper()}a{y}o {z.upper()}e{x}u{y}"
        for x in letters for y in letters for z in letters
    ]  # fmt: skip
    for day in range(2):
        some = names[day * 700 : day * 700 + 700]
        company.say(stated(name=some, email=["niemand@kassa.be"] * len(some)))
    sizes = np.unique(company.persons(), return_counts=True)[1]
    assert sizes.max() < 12
    assert JUNK in company.values.holders["email"].holder


def test_what_people_decided_holds_in_parts_too() -> None:
    table, _ = people(40)
    company = Kept(table)
    twice = stated(
        name=["Oskar Wagemakers"] * 2, email=["o@wage.be"] * 2, birthday=["1961-05-17"] * 2
    )
    company.say(twice.slice(0, 1))
    other = int(company.atoms.max()) + 3
    company.words = Judgements(must=(), cannot=((int(company.atoms.max()), other),), doubted=())
    company.say(twice.slice(1, 1))
    assert len(set(company.index_of(other - 3, other))) == 2
    company.words = Judgements(must=((int(company.atoms[0]), other),), cannot=(), doubted=())
    company.say(stated(name=["Oskar Wagemakers"]), np.array([other]))
    assert company.index_of(other) == company.index_of(int(company.atoms[0]))


def test_what_is_known_of_values_says_of_the_same_records_what_the_whole_run_said(
    tmp_path: Path,
) -> None:
    table, _ = people(120)
    found = match(table, model=MODEL)
    write_values(values_of(found), tmp_path)
    again = with_known_values(standardise(table, COMPARISONS), read_values(tmp_path))
    for one, other in zip(found.standardised.readings, again.readings, strict=True):
        says = one.codes >= 0
        assert (says == (other.codes >= 0)).all()
        if not says.any():
            continue
        x, y = (r.values.take(pa.array(r.codes[says])) for r in (one, other))
        assert x.column_names == y.column_names
        for name in x.column_names:
            if name.endswith("_share"):
                np.testing.assert_allclose(x[name].to_numpy(), y[name].to_numpy(), rtol=1e-5)
            else:
                assert x[name].to_pylist() == y[name].to_pylist()


def test_an_index_numbers_its_records_through_both_segments() -> None:
    company = Kept(people(30)[0])
    company.say(stated(name=["Oskar Wagemakers"], birthday=["1961-05-17"]))
    index: LiveIndex = company.index
    assert len(index) == len(company.atoms)
    places = index.places(company.atoms)
    assert index.atoms_of(places).tolist() == company.atoms.tolist()
    assert index.places([int(company.atoms.max()) + 1]).tolist() == [-1]
    read = index.standardised(places[::-1])
    words = read.column("name_words")
    first = words[1].to_pylist()[words[0][0]]
    assert first == ["oskar", "wagemakers"]
