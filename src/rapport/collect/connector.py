"""What a connector states: the fields of its kind of file, and how rows become touchpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from rapport.vocabulary.touchpoint import Touchpoint

if TYPE_CHECKING:
    from rapport.collect.mapping import Mapping
    from rapport.collect.rows import Row


def _every_row_alone(_mapping: Mapping) -> str | None:
    return None


def _no_mistakes(_mapping: Mapping) -> list[str]:
    return []


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
    #: Column names that mean a field in files of this kind, besides those that always do.
    synonyms: dict[str, tuple[str, ...]] = {}
    #: The field whose equal values make one group; None: every row is a group.
    group_by: Callable[[Mapping], str | None] = _every_row_alone
    #: What else is wrong with a mapping.
    mapping_mistakes: Callable[[Mapping], list[str]] = _no_mistakes

    def knows(self, field: str) -> bool:
        """Whether the field has a meaning of its own here."""
        return field in self.required or field in self.optional
