"""Looking somebody up gives the weights that a batch gives, in memory or mapped from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rapport.engines.columns import ColumnEngine
from rapport.errors import StoreMismatch
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.live import (
    MOST_RECORDS,
    LiveIndex,
    build_index,
    new_folder,
    open_index,
    write_index,
)
from rapport.unify.matching.match import score_pairs
from rapport.unify.matching.standardise import Standardised, standardise
from rapport.unify.matching.train import blank_model
from rapport.unify.matching.value_profiles import profile_values, with_rarity

MODEL = blank_model(COMPARISONS)
ATOMS = np.array([101, 102, 103, 104, 105])
PEOPLE = pa.table(
    {
        "name": ["Kovács Ágnes", "Agnes Kovacs", "Jan de Vries", "Els de Vries", None],
        "birthday": ["1980-03-12", None, "1971-11-02", "1973-01-30", None],
        "email": [None, "agnes@kovacs.example", "jan@vries.example", None, "els@vries.example"],
        "phone": ["+36301234567", "+36301234567", None, None, None],
        "postal_code": ["1132", "1132", "3011 AB", "3011AB", None],
        "country": ["HU", "HU", "NL", "NL", "NL"],
    }
)


def _ready(stated: pa.Table) -> Standardised:
    standardised, _ = profile_values(standardise(stated, COMPARISONS))
    return with_rarity(standardised, records_per_person=2.0)


def _save(index: LiveIndex, folder: Path) -> None:
    with new_folder(folder) as making:
        write_index(index, making)


@pytest.fixture(scope="module")
def index() -> LiveIndex:
    return build_index(_ready(PEOPLE), ATOMS, MODEL, COMPARISONS)


def test_a_caller_is_found_by_name_and_one_thing_more(index: LiveIndex) -> None:
    found = index.find({"name": "Ágnes KOVÁCS", "postal_code": "1132", "country": "HU"})
    assert {candidate.atom for candidate in found} == {101, 102}
    assert [step[0] for step in found[0].score.fields][:1] == ["name"]


def test_likelier_records_come_first_and_unlikely_ones_not_at_all(index: LiveIndex) -> None:
    found = index.find({"name": "de Vries Jan", "birthday": "1971-11-02", "country": "NL"})
    assert found[0].atom == 103
    assert 104 not in {candidate.atom for candidate in found}  # his wife: same name and postcode


def _as_one(*together: int) -> Callable[[Sequence[int]], Mapping[str, Sequence[int]]]:
    """Records ``together`` are one person; each other record is one of its own."""

    def people(atoms: Sequence[int]) -> Mapping[str, Sequence[int]]:
        return {
            "one" if atom in together else str(atom): together if atom in together else [atom]
            for atom in atoms
        }

    return people


def test_what_several_records_of_one_person_know_adds_up(index: LiveIndex) -> None:
    asked = {"name": "Kovács Ágnes", "birthday": "1980-03-12", "email": "agnes@kovacs.example"}
    apart = {one.profile_id: one for one in index.find_people(asked, _as_one())}
    [together] = index.find_people(asked, _as_one(101, 102))
    assert set(apart) == {"101", "102"}
    assert together.score.bits > max(one.score.bits for one in apart.values())
    assert {step[0] for step in together.score.fields} >= {"name", "birth"}


def test_a_person_of_one_record_weighs_what_the_record_does(index: LiveIndex) -> None:
    asked = {"name": "de Vries Jan", "birthday": "1971-11-02", "country": "NL"}
    [record] = index.find(asked)
    [person] = index.find_people(asked, _as_one())
    assert person.profile_id == str(record.atom)
    assert person.score.bits == pytest.approx(record.score.bits)


def test_people_unheard_of_meanwhile_are_nobody(index: LiveIndex) -> None:
    asked = {"name": "de Vries Jan", "birthday": "1971-11-02", "country": "NL"}
    assert index.find_people(asked, lambda _: {"gone": [7, 999]}) == []
    assert index.find_people(asked, lambda _: {}) == []


@pytest.mark.parametrize("nothing", [{}, {"name": ""}, {"name": "😀"}, {"phone": "x" * 10_000}])
def test_whoever_says_nothing_is_nobody(index: LiveIndex, nothing: dict[str, str]) -> None:
    assert index.find(nothing) == []


def test_a_pair_weighs_the_same_as_in_a_batch() -> None:
    standardised = _ready(PEOPLE)
    index = build_index(standardised, ATOMS, MODEL, COMPARISONS)
    a, b = np.triu_indices(len(ATOMS), 1)
    with ColumnEngine() as engine:
        bits, _ = score_pairs(standardised, a, b, COMPARISONS, MODEL, engine)
    batch = dict(zip(zip(a.tolist(), b.tolist(), strict=True), bits.tolist(), strict=True))
    compared = 0
    for at, row in enumerate(PEOPLE.to_pylist()):
        for candidate in index.find(row):
            other = ATOMS.tolist().index(candidate.atom)
            if other != at:
                pair = (min(at, other), max(at, other))
                assert candidate.score.bits == pytest.approx(batch[pair], abs=1e-3)
                compared += 1
    assert compared >= 2


def test_an_index_in_files_answers_as_the_one_in_memory(index: LiveIndex, tmp_path: Path) -> None:
    _save(index, tmp_path / "index")
    mapped = open_index(tmp_path / "index", COMPARISONS)
    for row in PEOPLE.to_pylist():
        assert mapped.find(row) == index.find(row)
    assert len(mapped) == len(index) == 5


def test_an_index_of_other_comparisons_is_not_opened(index: LiveIndex, tmp_path: Path) -> None:
    _save(index, tmp_path / "index")
    with pytest.raises(StoreMismatch, match="another version"):
        open_index(tmp_path / "index", COMPARISONS[:-1])
    with pytest.raises(StoreMismatch, match="holds no index"):
        open_index(tmp_path / "nowhere", COMPARISONS)


def test_a_name_that_hundreds_bear_finds_nobody_by_itself() -> None:
    many = pa.table({"name": ["Jan Jansen"] * (MOST_RECORDS + 1)})
    index = build_index(_ready(many), np.arange(len(many)), MODEL, COMPARISONS)
    assert index.find({"name": "Jan Jansen"}) == []


def test_no_records_are_an_index_too(tmp_path: Path) -> None:
    index = build_index(_ready(PEOPLE.slice(0, 0)), ATOMS[:0], MODEL, COMPARISONS)
    _save(index, tmp_path / "index")
    assert open_index(tmp_path / "index", COMPARISONS).find({"name": "Jan de Vries"}) == []
