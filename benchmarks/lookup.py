"""How fast a person is found among many records, and what a pair costs to compare.

    python benchmarks/lookup.py [--records 1000000] [--asked 2000]

Makes dirty records of six silos (as `identity.py` does), builds the index that matching keeps,
writes it, opens it as a second process would, and asks for people by what one of their records
says. Then Splink compares single pairs with settings of its tutorial, which is what it offers for a
caller who waits; the ratio is of comparing one pair.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import splink.comparison_library as cl
from identity import dirty_records
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

from rapport.unify.matching.comparison import STATED
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.live import build_index, open_index, write_index
from rapport.unify.matching.model import default_model
from rapport.unify.matching.score import Against
from rapport.unify.matching.standardise import read_row, standardise
from rapport.unify.matching.value_profiles import profile_values, with_rarity


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=2_000)
    given = parser.parse_args()
    made = dirty_records(given.records)
    stated = made.select([name for name in made.column_names if name in STATED])
    persons = made["person_id"].to_numpy()
    order = np.argsort(persons, kind="stable")
    starts = np.searchsorted(persons[order], np.arange(int(persons.max()) + 2))

    def people(atoms: Sequence[int]) -> Mapping[str, Sequence[int]]:
        return {
            str(one): order[starts[one] : starts[one + 1]].tolist()
            for one in {int(persons[atom]) for atom in atoms}
        }

    model = default_model()
    began = time.perf_counter()
    standardised, _ = profile_values(standardise(stated, COMPARISONS), stated["source"])
    standardised = with_rarity(standardised, records_per_person=1 + model.same_per_record)
    read = time.perf_counter()
    index = build_index(standardised, np.arange(given.records), model, COMPARISONS)
    built = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        write_index(index, Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
        index = open_index(Path(folder), COMPARISONS)
        draw = random.Random(3)  # noqa: S311
        asked = [draw.randrange(given.records) for _ in range(given.asked)]
        waits, people_waits, others, right = [], [], 0, 0
        for record, row in zip(asked, stated.take(asked).to_pylist(), strict=True):
            start = time.perf_counter()
            found = index.find(row)
            waits.append(time.perf_counter() - start)
            start = time.perf_counter()
            index.find_people(row, people)
            people_waits.append(time.perf_counter() - start)
            best = next((c for c in found if c.atom != record), None)
            if best is not None and best.score.probability >= 0.95:
                others += 1
                right += persons[best.atom] == persons[record]
    p50, p95, p99 = _shares(waits)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{given.records:,} records: read in {read - began:.0f} s, index in {built - read:.0f} s, "
        f"{size / 1e6:,.0f} MB of files, {peak:,.0f} MB of memory at most\n"
        f"asked {given.asked:,} times: p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms; "
        f"another record of the person is the best answer, 95 % sure or more, in {others:,}, "
        f"of which {right / max(others, 1):.1%} are right"
    )
    p50, p95, p99 = _shares(people_waits)
    print(f"people by all their records: p50 {p50:.2f} ms, p95 {p95:.2f} ms, p99 {p99:.2f} ms")
    ours = _pair_of_ours(stated.slice(0, 2).to_pylist(), given.records)
    theirs = _pair_of_splink()
    print(
        f"one pair: {ours * 1e6:.0f} µs; Splink {theirs * 1e3:.1f} ms; ratio {theirs / ours:,.0f}"
    )


def _shares(waits: list[float]) -> tuple[float, float, float]:
    """Milliseconds that half, 95 % and 99 % stay within."""
    p50, p95, p99 = (1e3 * sorted(waits)[int(len(waits) * share)] for share in (0.5, 0.95, 0.99))
    return p50, p95, p99


def _pair_of_ours(rows: list[dict[str, str | None]], records: int) -> float:
    model = default_model()
    one, two = (read_row(row, COMPARISONS) for row in rows)
    start = time.perf_counter()
    for _ in range(2_000):
        Against(two, model, COMPARISONS, n_records=records).pair(one)
    return (time.perf_counter() - start) / 2_000


def _pair_of_splink() -> float:
    """Splink's own way to compare two records, with the comparisons of its tutorial."""
    people = [
        {
            "unique_id": 1,
            "first_name": "Ann",
            "surname": "Lee",
            "dob": "1980-03-12",
            "city": "Leeds",
        },
        {
            "unique_id": 2,
            "first_name": "Anne",
            "surname": "Lee",
            "dob": "1980-03-12",
            "city": "York",
        },
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.NameComparison("first_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city"),
        ],
        blocking_rules_to_generate_predictions=[block_on("surname")],
    )
    linker = Linker(DuckDBAPI().register(pa.Table.from_pylist(people)), settings)
    linker.inference.score_pair(*people)
    start = time.perf_counter()
    for _ in range(20):
        linker.inference.score_pair(*people).as_record_list()
    return (time.perf_counter() - start) / 20


if __name__ == "__main__":
    main()
