"""Zip archives from outside: only what is asked for, and never more than it may unpack to."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Collection
from typing import BinaryIO

from rapport.errors import InvalidMapping

_MOST_MEMBERS = 2_000
_LARGEST_MEMBER = 1_000_000_000
_LARGEST_IN_ALL = 3_000_000_000
#: Times a file's size that it may unpack to, and what any may unpack to. Tables of text pack to a
#: tenth, of zeros to a thousandth.
MOST_PACKED = 250
SMALL = 10_000_000

#: What reading a member may fail with.
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError)


def is_swollen(info: zipfile.ZipInfo) -> bool:
    """Whether a member would unpack to more than any text packs from."""
    return info.file_size > SMALL and info.file_size > MOST_PACKED * max(info.compress_size, 1)


def open_zip(content: BinaryIO, wanted: Collection[str]) -> tuple[zipfile.ZipFile, dict[str, str]]:
    """The archive, and its members by their names without folders, in small letters.

    Parameters
    ----------
    content : seekable binary file
    wanted : collection of str
        Names of members that will be read; others may be of any size, they stay packed.

    Raises
    ------
    InvalidMapping
        If it is no archive, is encrypted, or would unpack to more than a file of its kind can
        hold.
    """
    try:
        archive = zipfile.ZipFile(content)
        infos = archive.infolist()
    except (*BROKEN, ValueError) as error:
        raise InvalidMapping("The file is no zip archive, or is damaged; pack it again") from error
    if len(infos) > _MOST_MEMBERS:
        raise InvalidMapping(f"The archive has more than {_MOST_MEMBERS} files; pack fewer")
    members: dict[str, str] = {}
    size = 0
    for info in infos:
        name = info.filename.replace("\\", "/").rpartition("/")[2].casefold()
        if name not in wanted:
            continue
        size += info.file_size
        if info.file_size > _LARGEST_MEMBER or size > _LARGEST_IN_ALL or is_swollen(info):
            raise InvalidMapping(
                f"{name} in the archive would unpack to {info.file_size} bytes; a real export is "
                "smaller: cut it by days"
            )
        if info.flag_bits & 0x1:
            raise InvalidMapping(f"{name} in the archive is encrypted; pack it without a password")
        if name in members:
            raise InvalidMapping(f"The archive holds {name} twice; pack each export by itself")
        members[name] = info.filename
    return archive, members
