"""Files that are read twice: first to understand how they are written, then their records."""

from __future__ import annotations

import shutil
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

#: Bytes that stay in memory before they go to a temporary file.
_IN_MEMORY = 8 * 1024 * 1024


def seekable(content: BinaryIO) -> BinaryIO:
    """The same bytes from here on, in a file that can go back to its start at 0."""
    if content.seekable() and content.tell() == 0:
        return content
    # Not a `with`: its reader closes it by letting go of it, at the file's end.
    copy = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115
    shutil.copyfileobj(content, copy, 1024 * 1024)
    copy.seek(0)
    return copy
