"""A visit that fails says what the source did, without a word of what it answered."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from rapport.collect.pulls.child import Answer, Visit
from rapport.collect.pulls.plan import RestPull

pytestmark = pytest.mark.slow  # a process and dlt


@pytest.mark.parametrize("body", [b"<html><body>Ann, sign in</body></html>", b"", b'{"orders": ['])
def test_an_answer_that_is_no_json_is_not_called_unreachable(tmp_path: Path, body: bytes) -> None:
    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        pull = RestPull(
            manifest="woocommerce",
            stream="orders",
            settings={
                "shop_url": f"http://127.0.0.1:{server.server_port}",
                "consumer_key": "k",
                "consumer_secret": "s",
            },
        )
        ran = subprocess.run(
            [sys.executable, "-m", "rapport.collect.pulls.child"],
            input=msgspec.json.encode(Visit(pull=pull, folder=str(tmp_path))),
            capture_output=True,
            check=True,
            timeout=120,
        )
        server.shutdown()
    failed = msgspec.json.decode(ran.stdout, type=Answer).failed
    assert failed is not None
    assert (failed.code, failed.again) == ("not_json", False)
    assert "HTML" in failed.message
    assert "Ann" not in failed.message
