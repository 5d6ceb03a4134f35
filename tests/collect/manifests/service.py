"""A web service that answers as a recording says, and complains of what it was not told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from msgspec import Struct


class Answered(Struct, kw_only=True):
    """One request that must come, and its answer.

    `query` and `headers` are what must be among those of the request; `body` of the request is
    compared as JSON. ``{base}`` in an answer stands for the service's own address.
    """

    path: str
    method: str = "GET"
    query: dict[str, str] = {}
    without: tuple[str, ...] = ()  # names of parameters that must not be there
    headers: dict[str, str] = {}
    body: Any = None
    form: dict[str, str] | None = None  # in place of JSON, such as where a token is asked for
    status: int = 200
    answer_headers: dict[str, str] = {}
    answer: Any = None


class Recorded:
    """The service: its address, and what went wrong."""

    def __init__(self, exchanges: list[Answered], base: str) -> None:
        self.exchanges = exchanges
        self.base = base
        self.at = 0
        self.wrong: list[str] = []

    def answer(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """The answer to the next request, whatever it is; what differs is noted."""
        if self.at >= len(self.exchanges):
            self.wrong.append(f"a request too many: {method} {target}")
            return 500, {}, b"{}"
        expected = self.exchanges[self.at]
        self.at += 1
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, True).items()}
        if (method, parts.path) != (expected.method, expected.path):
            self.wrong.append(f"{method} {parts.path} in place of {expected.path}")
        for name, value in expected.query.items():
            if query.get(name) != value:
                self.wrong.append(f"{expected.path}: {name}={query.get(name)!r}, not {value!r}")
        for name in expected.without:
            if name in query:
                self.wrong.append(f"{expected.path}: {name} should not be asked")
        low = {name.lower(): value for name, value in headers.items()}
        for name, value in expected.headers.items():
            if low.get(name.lower()) != value:
                self.wrong.append(f"{expected.path}: header {name} is {low.get(name.lower())!r}")
        if expected.body is not None and json.loads(body or b"null") != expected.body:
            self.wrong.append(f"{expected.path}: another body")
        if expected.form is not None and dict(parse_qsl(body.decode())) != expected.form:
            self.wrong.append(f"{expected.path}: another form")
        said = json.dumps(expected.answer, ensure_ascii=False).replace("{base}", self.base)
        answer_headers = {
            name: value.replace("{base}", self.base)
            for name, value in expected.answer_headers.items()
        }
        return expected.status, answer_headers, said.encode()


@contextmanager
def recorded_service(exchanges: list[Answered]) -> Iterator[Recorded]:
    """Serve the recording on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            status, headers, said = service.answer(
                self.command, self.path, dict(self.headers), self.rfile.read(length)
            )
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = _any  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Recorded(exchanges, f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
