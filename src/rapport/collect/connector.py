"""What a connector states: the fields of its kind of file, and how rows become touchpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct

from rapport.vocabulary.touchpoint import Touchpoint

if TYPE_CHECKING:
    from rapport.collect.mapping import FileFormat, Mapping
    from rapport.collect.plain import PlainColumns
    from rapport.collect.rows import Row
    from rapport.collect.survey_definition import SurveyDefinition
    from rapport.collect.tables import BadRow


#: The first cells of each column of a table.
Columns = dict[str, list[Any]]


class Record(Struct, frozen=True):
    """One record of a file that is no table, such as a message of a mailbox.

    Attributes
    ----------
    at : int
        Its place in the file: the line it begins on, or its number, from 1.
    fields : dict
        Our field names → values as `Row`'s getters read them (texts, numbers, dates, lists).
    raw : callable
        Gives the bytes of a whole file of this kind that holds this record alone, so that a
        refused one can be downloaded, corrected and read again. Only called when refused.
    """

    at: int
    fields: dict[str, Any]
    raw: Callable[[], bytes]


class FileAsIs(Struct, frozen=True, kw_only=True):
    """A file that its connector reads by itself, to its end, without holding all of it.

    Attributes
    ----------
    name : str
        Without its folder and ".gz".
    content : binary file
        Unpacked; it may not be seekable.
    written : FileFormat
        Encoding, zone and marks, as the mapping states them.
    constants : dict
        Of the mapping.
    surveys : tuple of SurveyDefinition
        What is known of surveys whose answers name neither scales nor words.
    """

    name: str
    content: BinaryIO
    written: FileFormat
    constants: dict[str, str]
    surveys: tuple[SurveyDefinition, ...] = ()


def _no_more(_columns: Columns, _fields: dict[str, str]) -> dict[str, str]:
    return {}


ReadPlain = Callable[["PlainColumns", Sequence[int]], "list[Touchpoint | None] | None"]


def _every_row_alone(_mapping: Mapping) -> str | None:
    return None


def _no_mistakes(_mapping: Mapping) -> list[str]:
    return []


def _never(_head: bytes, _name: str) -> bool:
    return False


class Connector(Struct, frozen=True, kw_only=True):
    """One kind of file.

    Fields that it does not know are kept as properties of the touchpoint.
    """

    kind: str
    label: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    #: The rows of one group → touchpoints; raises `RowError` for what is no use.
    read: Callable[[Sequence[Row]], Iterable[Touchpoint]]
    #: As `read`, of many groups at once, for those about which nothing is unusual: the columns, and
    #: where each group begins; None for a group, or for all, leaves it to `read`.
    read_plain: ReadPlain | None = None
    #: Fields that may be stated in place of a required one.
    instead: dict[str, tuple[str, ...]] = {}
    #: Column names that mean a field in files of this kind, besides those that always do.
    synonyms: dict[str, tuple[str, ...]] = {}
    #: Words in a file's name that speak for this kind where its columns leave a choice.
    file_words: tuple[str, ...] = ()
    #: Fields whose columns speak against this kind: a list of companies has no first names.
    not_with: tuple[str, ...] = ()
    #: Further fields of a table, from its first cells and the columns that have a meaning already:
    #: a form asks what it likes. They are kept under the names given here.
    more_fields: Callable[[Columns, dict[str, str]], dict[str, str]] = _no_more
    #: The field whose equal values make one group; None: every row is a group.
    group_by: Callable[[Mapping], str | None] = _every_row_alone
    #: What else is wrong with a mapping.
    mapping_mistakes: Callable[[Mapping], list[str]] = _no_mistakes
    #: For files that are no tables: their records by our field names, each readable or refused
    #: alone. Raises `InvalidMapping` where the file as a whole is no such file.
    records: Callable[[FileAsIs], Iterator[Record | BadRow]] | None = None
    #: Whether a file is of this kind, by its first 64 KiB and its name.
    recognises: Callable[[bytes, str], bool] = _never
    #: Constants that a person is asked for when a file is uploaded, such as who of a chat we are.
    asks: tuple[str, ...] = ()
    #: Endings of its files' names, in small letters, besides those of tables.
    suffixes: tuple[str, ...] = ()

    def knows(self, field: str) -> bool:
        """Whether the field has a meaning of its own here."""
        return field in self.required or field in self.optional
