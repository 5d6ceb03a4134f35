"""How many rows of a CSV file a second become touchpoints, and how much memory that takes.

    python benchmarks/imports.py [--rows 1000000] [--journal]

Writes a till's export (receipts of one to five lines, seven in ten of known customers) and reads
it as `rapport import orders` does, twice: into touchpoints, and (with ``--journal``) durably into
the journal of a fresh company. Seconds are processor time of this process, user and system. The
floor, measured in the same run, is Arrow reading the same file into columns of text, once.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.csv as arrow_csv

from rapport.collect.guess import guess_mapping
from rapport.collect.mapped_files import read_touchpoints
from rapport.settings import Settings
from rapport.workflows.company import open_company
from rapport.workflows.import_files import import_file

_HEADER = "receipt;date;card;email;sku;product;quantity;unit_price;line_total;currency;store\n"
_PRICES = (4.5, 9.95, 12, 24.9, 49, 99, 149.5)


def write_till(path: Path, rows: int) -> int:
    """A till's export of at least so many lines; returns how many."""
    dice = random.Random(1)  # noqa: S311  # no secret
    written = receipt = 0
    with path.open("w") as file:
        file.write(_HEADER)
        while written < rows:
            receipt += 1
            person = dice.randrange(rows // 12 + 1)
            known = dice.random() < 0.7
            head = (
                f"R{receipt:08d};2025-{1 + receipt % 12:02d}-{1 + receipt % 28:02d} "
                f"{8 + receipt % 12:02d}:{receipt % 60:02d};"
                f"{f'LC{person:06d}' if known else ''};"
                f"{f'klant{person}@example.org' if known and person % 2 else ''}"
            )
            for _ in range(dice.choice((1, 1, 2, 2, 3, 4, 5))):
                sku, quantity, price = (
                    dice.randrange(3000),
                    dice.randrange(1, 4),
                    dice.choice(_PRICES),
                )
                file.write(
                    f"{head};SKU{sku:05d};Product {sku};{quantity};{price};"
                    f"{round(quantity * price, 2)};EUR;Gent {receipt % 9}\n"
                )
                written += 1
    return written


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--journal", action="store_true", help="import durably, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "till.csv"
        rows = write_till(path, given.rows)
        begin = time.process_time()
        with arrow_csv.open_csv(
            path,
            read_options=arrow_csv.ReadOptions(use_threads=False),
            parse_options=arrow_csv.ParseOptions(delimiter=";"),
        ) as batches:
            for _ in batches:
                pass
        floor = time.process_time() - begin
        mapping = guess_mapping(path, kind="orders").mapping
        begin, touchpoints = time.process_time(), 0
        for batch in read_touchpoints(path, mapping, datetime.now(UTC)):
            touchpoints += len(batch.touchpoints)
        took = time.process_time() - begin
        print(f"{rows:,} rows ({path.stat().st_size / 1e6:,.0f} MB), {touchpoints:,} touchpoints")
        print(f"into touchpoints: {rows / took:,.0f} rows/s of one core")
        print(f"ratio to Arrow alone ({rows / floor:,.0f} rows/s): {floor / took:.3f}")
        print(f"peak memory: {_peak_mb():,.0f} MB")
        if given.journal:
            with open_company(Settings(data=str(Path(folder) / "data"))) as company:
                begin = time.process_time()
                done = import_file(company, path, mapping)
                took = time.process_time() - begin
            print(f"durably in the journal: {rows / took:,.0f} rows/s, {done.accepted:,} kept")
            print(f"peak memory: {_peak_mb():,.0f} MB")


if __name__ == "__main__":
    sys.exit(main())
