"""A web shop on another origin than Rapport, whose pages carry the tracker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rapport.web.tracker import snippet

STYLE = """
body { margin: 0; font: 16px sans-serif; }
header { position: sticky; top: 0; height: 40px; background: #eee; }
.card { width: 200px; height: 100px; cursor: pointer; background: #ddd; margin: 10px; }
.tall { height: 3000px; }
"""

#: Path → (title, body). The script of the single-page part routes by `history`.
PAGES: dict[str, tuple[str, str]] = {
    "/": (
        "Home",
        """<header><button id="menu" onclick="this.textContent += '!'">Menu</button></header>
        <main><div class="card">first</div><div class="card" data-rapport="offer">offer</div>
        <button class="broken">Does nothing</button>
        <p id="story">Plain words to read.</p>
        <a href="/product?sku=S1&utm_source=winter&utm_campaign=boots&mail=an%40shop.example"
        >Boots</a>
        <div class="tall"></div><button id="below">Far below</button></main>""",
    ),
    "/product": ("Boots", "<main><button id='buy'>Buy</button></main>"),
    "/form": (
        "Your details",
        """<form onsubmit="return false"><label>E-mail <input name="id" type="email"></label>
        <input name="password" type="password"><textarea name="note"></textarea>
        <select name="size"><option>secret-size-44</option></select>
        <div contenteditable="true" style="height:40px">secret-draft</div>
        <button>Send</button></form>""",
    ),
    "/app": (
        "App",
        """<nav><button id="go">Go</button></nav><main id="view"></main><script src="/app.js">
        </script>""",
    ),
}
APP = """
document.getElementById("go").onclick = () => {
  history.pushState({}, "", "/app/boots?page=2#reviews");
  setTimeout(() => {
    document.title = "Boots in the app";
    document.getElementById("view").textContent = "Boots";
  }, 50);
};
"""


@contextmanager
def tracked_site(
    rapport: str, key: str, *, attributes: str = "", policy: bool = False, stub: bool = True
) -> Iterator[str]:
    """Serves `PAGES`; the address of the site.

    Parameters
    ----------
    rapport, key : str
        Where events go, and with which write key.
    attributes : str
        More attributes of the script, such as ``data-consent="given"``.
    policy : bool
        Send a Content-Security-Policy that lets scripts and requests go to Rapport only.
    stub : bool
        Whether the part of the snippet that keeps early calls is there: it is an inline script.
    """
    tag = snippet(rapport, key).replace("<script async", f"<script async {attributes}")
    if not stub:
        tag = tag.partition("</script>")[2]

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/app.js":
                self._send(APP, "text/javascript")
                return
            title, body = PAGES["/app" if path.startswith("/app/") else path]
            self._send(
                f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title>"
                f"<link rel=icon href=data:,><style>{STYLE}</style>{tag}{body}",
                "text/html",
            )

        def _send(self, text: str, kind: str) -> None:
            content = text.encode()
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            if policy:
                self.send_header(
                    "Content-Security-Policy",
                    f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
                    f"script-src 'self' {rapport}; connect-src {rapport}",
                )
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
