"""Writing the export files: CSV in old encodings, JSON, gzip that is the same every time."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from rapport.demo.story import IntArray


def write_csv(
    path: Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    delimiter: str = ",",
    encoding: str = "utf-8",
    line_end: str = "\r\n",
) -> int:
    """Write the table; the number of rows, without the header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=line_end)
        writer.writerow(header)
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def write_json_lines(path: Path, rows: Iterable[Any]) -> int:
    """One JSON value a line, gzipped where the name says so; the number of lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [msgspec.json.encode(row) for row in rows]
    body = b"\n".join(lines) + (b"\n" if lines else b"")
    if path.suffix == ".gz":
        # Without a name and a time of writing, equal rows are equal bytes.
        body = gzip.compress(body, compresslevel=5, mtime=0)
    path.write_bytes(body)
    return len(lines)


def write_json(path: Path, value: Any) -> None:
    """One JSON value, indented."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def copy_mapping(folder: Path, name: str) -> None:
    """Copy ``mappings/<name>.mapping.toml`` beside its files; ``name`` like "tills/receipts_be"."""
    text = files("rapport.demo.mappings").joinpath(f"{name}.mapping.toml").read_text("utf-8")
    target = folder / f"{name}.mapping.toml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")


def amount_text(hundredths: int, decimal: str = ".") -> str:
    """12345 → "123.45"."""
    sign = "-" if hundredths < 0 else ""
    return f"{sign}{abs(hundredths) // 100}{decimal}{abs(hundredths) % 100:02d}"


def time_texts(seconds: IntArray, pattern: str) -> list[str]:
    """Seconds since 1970 as text; the pattern's letters YMDhms stand for the parts."""
    iso = np.datetime_as_string(seconds.astype("datetime64[s]")).tolist()
    if pattern == "Y-M-DTh:m:s":
        return list(iso)
    parts = (
        ("Y", slice(0, 4)),
        ("M", slice(5, 7)),
        ("D", slice(8, 10)),
        ("h", slice(11, 13)),
        ("m", slice(14, 16)),
        ("s", slice(17, 19)),
    )
    made = pattern
    for letter, _ in parts:
        made = made.replace(letter, "\0" + letter)
    pieces: list[tuple[str, slice | None]] = []
    where = dict(parts)
    for piece in made.split("\0"):
        if piece and piece[0] in where:
            pieces.append((piece[1:], where[piece[0]]))
        elif piece:
            pieces.append((piece, None))
    return ["".join((t[s] + text if s else text) for text, s in pieces) for t in iso]


def day_text(days_since_1970: int, pattern: str) -> str:
    """A date by a strftime pattern."""
    return (date(1970, 1, 1) + timedelta(days=days_since_1970)).strftime(pattern)
