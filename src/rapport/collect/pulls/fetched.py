"""What a visit to a source brought home."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Fetched(Struct, frozen=True, kw_only=True):
    """Files that wait to be imported, and where the next visit begins.

    Attributes
    ----------
    files : tuple of str
        Absolute paths, those of earlier visits that were not imported included.
    columns : tuple of str
        Names that the records have; empty where files speak for themselves.
    state : object
        Handed to the next visit, once these files are imported.
    """

    files: tuple[str, ...]
    records: int
    columns: tuple[str, ...] = ()
    state: Any = None


class Failed(Struct, frozen=True, kw_only=True):
    """Why a visit brought nothing: a code, and a sentence without anybody's data."""

    code: str
    message: str
    again: bool = True  # whether trying later may help
