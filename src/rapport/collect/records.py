"""Files of every kind as chunks: tables by their format, the others by their own connector."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from rapport.collect.connector import FileAsIs, Record
from rapport.collect.connectors import connector_of
from rapport.collect.mapping import Mapping
from rapport.collect.survey_definition import SurveyDefinition
from rapport.collect.tables import DAMAGED, BadRow, Chunk, open_file, read_chunks
from rapport.errors import InvalidMapping

#: How much of a file's beginning a connector sees to recognise it.
RECOGNISED_BY = 65_536
#: Records of one chunk; they may be large, such as e-mails.
_CHUNK_RECORDS = 1_000


def file_chunks(
    file: BinaryIO,
    name: str,
    mapping: Mapping,
    rows: int | None = None,
    surveys: tuple[SurveyDefinition, ...] = (),
) -> Iterator[Chunk]:
    """The rows or records of a file.

    Raises
    ------
    InvalidMapping
        If the file as a whole is not of its kind or format.
    """
    records = connector_of(mapping.kind).records
    if records is None:
        yield from read_chunks(file, mapping.file, rows)
        return
    whole = FileAsIs(
        name=name.removesuffix(".gz"),
        content=file,
        written=mapping.file,
        constants=mapping.constants,
        surveys=surveys,
    )
    try:
        yield from _chunks(records(whole), rows or _CHUNK_RECORDS)
    except DAMAGED as error:
        raise InvalidMapping(
            f"{name} is damaged; copy it again from where it comes from"
        ) from error


def _chunks(found: Iterable[Record | BadRow], size: int) -> Iterator[Chunk]:
    iterator = iter(found)
    while part := list(islice(iterator, size)):
        good = [record for record in part if isinstance(record, Record)]
        names = dict.fromkeys(name for record in good for name in record.fields)
        yield Chunk(
            columns={name: [record.fields.get(name) for record in good] for name in names},
            lines=[record.at for record in good],
            raw=_raw_of(good),
            bad=[record for record in part if isinstance(record, BadRow)],
        )


def _raw_of(records: Sequence[Record]) -> Any:
    return lambda index: records[index].raw()


#: Reasons that a file saved anew may mend.
_OF_ITS_TEXT = ("invalid_encoding", "contains_nul")


def first_cells(
    path: Path, chunks_of: Callable[[BinaryIO], Iterator[Chunk]]
) -> dict[str, list[Any]]:
    """The cells of a file's first chunk by column; empty where it holds no row.

    Raises
    ------
    InvalidMapping
        If the file cannot be read, or not one of its first rows can.
    """
    with open_file(path) as file:
        chunk = next(iter(chunks_of(file)), None)
    if chunk is not None and not chunk.lines and chunk.bad:
        first = chunk.bad[0]
        raise InvalidMapping(
            f"{path.name} holds no row that can be read; line {first.line}: {first.refusal.detail}"
            + (". Save it again as UTF-8 text" if first.refusal.reason in _OF_ITS_TEXT else "")
        )
    if chunk is None or not chunk.lines:
        return {}
    return {name: list(chunk.columns[name]) for name in chunk.columns}
