"""Pictures of a site's pages that an analyst uploads, for maps to be drawn upon.

One for each page and width of window, as a file in the data folder. A picture is checked by its
first bytes and served only to those signed in, as an image and nothing else.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct
from sqlalchemy import insert

from rapport.errors import InvalidInput, NotFound, PayloadTooLarge
from rapport.understand.site.browsing import WIDTHS, Width
from rapport.vocabulary.ledger_tables import audit
from rapport.workflows.company import Company

LARGEST = 10_000_000  # bytes
#: Pixels of a side: a page of 100 screens is one nobody scrolls.
LONGEST_SIDE = 30_000
_FOLDER = "site-pictures"
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
#: JPEG markers of a frame's header: those with its size.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

MediaType = Literal["image/png", "image/jpeg"]


class SitePicture(Struct, frozen=True, kw_only=True):
    """A picture as it is kept; `version` changes with its content."""

    source: str
    path: str
    window: Width
    media_type: MediaType
    width: int
    height: int
    version: str


def keep_picture(
    company: Company, source: str, path: str, window: Width, content: bytes, *, author: str
) -> SitePicture:
    """Keep a picture in place of the one before.

    Raises
    ------
    PayloadTooLarge
        Above 10 MB.
    InvalidInput
        If it is neither PNG nor JPEG, or has no sensible size.
    """
    if window not in WIDTHS:
        raise InvalidInput(f"A window is of {', '.join(WIDTHS)} width, not {window!r}")
    if len(content) > LARGEST:
        raise PayloadTooLarge(f"A picture has {LARGEST // 1_000_000} MB at most; save it smaller")
    media_type, width, height = _measured(content)
    kept = SitePicture(
        source=source, path=path, window=window, media_type=media_type, width=width,
        height=height, version=blake2b(content, digest_size=8).hexdigest(),
    )  # fmt: skip
    place = _place(company, source, path, window)
    place.parent.mkdir(parents=True, exist_ok=True)
    # The picture first: a crash in between leaves one that nothing tells of.
    place.with_suffix(f".{kept.version}").write_bytes(content)
    known = find_picture(company, source, path, window)
    writing = place.with_suffix(".writing")
    writing.write_bytes(msgspec.json.encode(kept))
    writing.replace(place)
    if known is not None and known.version != kept.version:
        place.with_suffix(f".{known.version}").unlink(missing_ok=True)
    _note(company, "site_picture_kept", kept, author)
    return kept


def find_picture(company: Company, source: str, path: str, window: Width) -> SitePicture | None:
    """The picture of a page in windows of one width, where there is one."""
    place = _place(company, source, path, window)
    return msgspec.json.decode(place.read_bytes(), type=SitePicture) if place.exists() else None


def picture_bytes(company: Company, picture: SitePicture) -> bytes:
    """The picture itself."""
    place = _place(company, picture.source, picture.path, picture.window)
    try:
        return place.with_suffix(f".{picture.version}").read_bytes()
    except FileNotFoundError as error:
        raise NotFound("This picture was replaced a moment ago; load the page again") from error


def forget_picture(company: Company, source: str, path: str, window: Width, *, author: str) -> None:
    """Delete the picture of a page."""
    known = find_picture(company, source, path, window)
    if known is None:
        raise NotFound("This page has no picture of that width")
    place = _place(company, source, path, window)
    place.unlink(missing_ok=True)
    place.with_suffix(f".{known.version}").unlink(missing_ok=True)
    _note(company, "site_picture_deleted", known, author)


def _note(company: Company, action: str, picture: SitePicture, author: str) -> None:
    details = {"path": picture.path, "window": picture.window, "version": picture.version}
    with company.ledger.write() as connection:
        connection.execute(
            insert(audit).values(
                at=company.clock(), actor=author, action=action, subject=picture.source,
                details=details,
            )
        )  # fmt: skip


def _place(company: Company, source: str, path: str, window: Width) -> Path:
    # A digest: paths have slashes, and letters that file systems do not.
    key = blake2b(msgspec.json.encode([source, path, window]), digest_size=16).hexdigest()
    return company.settings.folder / _FOLDER / f"{key}.json"


def _measured(content: bytes) -> tuple[MediaType, int, int]:
    size: tuple[int, int] | None = None
    media_type: MediaType = "image/png"
    if content.startswith(_PNG) and content[12:16] == b"IHDR" and len(content) > 33:
        size = struct.unpack(">II", content[16:24])
    elif content.startswith(_JPEG):
        media_type, size = "image/jpeg", _jpeg_size(content)
    if size is None:
        raise InvalidInput("The file is no picture that can be read; save it as PNG or JPEG")
    width, height = size
    if not 1 <= min(size) <= max(size) <= LONGEST_SIDE:
        raise InvalidInput(
            f"The picture is {width} by {height} pixels; a side has 1 to {LONGEST_SIDE}"
        )
    return media_type, width, height


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return None
