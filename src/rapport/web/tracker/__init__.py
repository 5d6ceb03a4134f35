"""The tracker of web sites: `rapport.js`, squeezed and served to the pages of any site.

Beside it lies `rapport-map.js`, which draws where visitors clicked. Their addresses stay the same
for ever, since shops paste them into their pages. So browsers keep them for an hour only, and then
ask by the ETag whether they are still the newest.
"""

from __future__ import annotations

import gzip
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get

from rapport.web.assets import Asset, asset
from rapport.web.tracker.squeeze import squeeze

PATH = "/rapport.js"
#: Draws maps of clicks; no visitor's page loads it.
MAP_PATH = "/rapport-map.js"
#: What the gzip file may weigh, in bytes; a visitor's first page waits for nothing larger.
LARGEST = 2_600
KEPT = "public, max-age=3600, stale-while-revalidate=604800"


@cache
def tracker() -> Asset:
    """The script as it is sent."""
    source = (files("rapport.web.tracker") / "rapport.js").read_text("utf-8")
    content = squeeze(source).encode()
    return Asset(
        path=PATH,
        media_type="text/javascript",
        content=content,
        gzipped=gzip.compress(content, 9, mtime=0),
    )


def snippet(url: str, key: str) -> str:
    """What to paste into each page of a site; calls made before the script is there are kept.

    Parameters
    ----------
    url : str
        Where visitors' browsers reach Rapport, such as ``https://rapport.shop.example``.
    key : str
        The source's write key.
    """
    return (
        "<script>\n"
        "  rapport = window.rapport || {q: []};\n"
        '  for (const call of ["track", "identify", "consent", "reset"])\n'
        "    rapport[call] ||= (...values) => rapport.q.push([call, ...values]);\n"
        "</script>\n"
        f'<script async src="{url}{PATH}" data-key="{key}"></script>'
    )


@get(
    [PATH, MAP_PATH],
    sync_to_thread=False,
    include_in_schema=False,
    name="tracker",
    opt={"permission": "public"},
)
def tracker_script(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Serve the scripts; register this in the application's route handlers."""
    headers = request.headers
    script = tracker() if request.url.path == PATH else asset("rapport-map.js")
    tag = f'"{hashlib.sha256(script.content).hexdigest()[:16]}"'
    said = {
        "Cache-Control": KEPT,
        "ETag": tag,
        "Vary": "Accept-Encoding",
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if tag in headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=said)
    content = script.content
    if script.gzipped is not None and "gzip" in headers.get("accept-encoding", ""):
        said["Content-Encoding"] = "gzip"
        content = script.gzipped
    return Response(content, media_type=script.media_type, headers=said)
