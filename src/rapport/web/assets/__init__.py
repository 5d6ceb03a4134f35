"""The files a page loads, each at an address that carries the digest of its content.

Because the address changes with the content, browsers may keep a file for ever. Everything is
read, stamped and compressed once per process.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files

import msgspec
from litestar import Response, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import Headers
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

# Litestar adds the character set to text.
MEDIA_TYPES = {
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
    "woff2": "font/woff2",
}
NAMES = ("htmx.js", "inter.woff2", "logo.svg", "rapport-map.js", "rapport-ui.js", "rapport.css")
# Found by pages of every address, so that no reverse proxy needs to know them.
PREFIX = "/assets/"
# For the application: pages are compressed as they are sent, files here once and for ever.
# Litestar would compress them a second time, which no browser can read.
COMPRESSION = CompressionConfig(backend="gzip", exclude=[f"^{PREFIX}", "^/rapport(-map)?.js$"])
FOR_EVER = "public, max-age=31536000, immutable"


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """One file, ready to be sent."""

    path: str
    media_type: str
    content: bytes
    gzipped: bytes | None
    """None where compression gains nothing (fonts are compressed already)."""


@cache
def asset(name: str) -> Asset:
    """The file `name`, one of `NAMES`.

    Raises
    ------
    FileNotFoundError
        If a build left the font out, with the command that makes it.
    """
    content = _read(name)
    if name == "rapport.css":
        content = content.replace(b"inter.woff2", asset_url("inter.woff2").encode())
    stem, _, kind = name.rpartition(".")
    gzipped = None if kind == "woff2" else gzip.compress(content, mtime=0)
    return Asset(
        path=f"{PREFIX}{stem}.{hashlib.sha256(content).hexdigest()[:12]}.{kind}",
        media_type=MEDIA_TYPES[kind],
        content=content,
        gzipped=gzipped,
    )


def _read(name: str) -> bytes:
    if name == "htmx.js":
        # The package is a Django app; its file is read without importing Django.
        return (files("js_lib_htmx") / "static" / "htmx" / "htmx.min.js").read_bytes()
    file = files("rapport.web.assets") / name
    if name == "inter.woff2" and not file.is_file():
        raise FileNotFoundError(
            "The font inter.woff2 has not been cut; run: pip install --no-deps "
            "--no-build-isolation -e . (needs fonttools, brotli and fontpkg-inter)."
        )
    return file.read_bytes()


def asset_url(name: str) -> str:
    """Address of the file `name` with the digest of its content."""
    return asset(name).path


@cache
def _by_path() -> dict[str, Asset]:
    return {asset(name).path: asset(name) for name in NAMES}


def answer(path: str, accept_encoding: str) -> Response[bytes] | None:
    """The answer to a request for `path`, or None where no asset has that address."""
    found = _by_path().get(path)
    if found is None:
        return None
    headers = {"Cache-Control": FOR_EVER, "X-Content-Type-Options": "nosniff"}
    content = found.content
    if found.gzipped is not None:
        headers["Vary"] = "Accept-Encoding"
        if "gzip" in accept_encoding:
            headers["Content-Encoding"] = "gzip"
            content = found.gzipped
    return Response(content, media_type=found.media_type, headers=headers)


@get(
    PREFIX + "{file_name:str}",
    sync_to_thread=False,
    include_in_schema=False,
    name="assets",
    opt={"permission": "public"},
)
def assets(file_name: FromPath[str], headers: Headers) -> Response[bytes]:
    """Serve one file of the pages; register this in the application's route handlers."""
    found = answer(PREFIX + file_name, headers.get("accept-encoding", ""))
    if found is None:
        raise NotFoundException("No file has this address; reload the page that named it.")
    return found
