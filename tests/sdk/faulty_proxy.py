"""A proxy that does to requests what networks do: loses answers, resets, delays, sends twice."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from rapport.api.collector import CORS_HEADERS

#: Longer than any SDK waits after its first failure by itself.
RETRY_AFTER_SECONDS = 2
#: Headers that speak of one connection only (RFC 9110, 7.6.1), and the length, which we state.
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length"}
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Fault(StrEnum):
    """What may happen to one request."""

    NONE = "none"
    ANSWER_LOST = "taken by the server, then the connection ends without an answer"
    RESET_BEFORE = "reset before the server saw it"
    RESET_AFTER = "taken by the server, then reset"
    TOO_MANY = "429 with Retry-After"
    UNAVAILABLE = "503"
    SENT_TWICE = "given to the server twice"


FAULTS = tuple(fault for fault in Fault if fault is not Fault.NONE)
#: Each fault, and room for the retry that it causes.
EVERY_FAULT = tuple(step for fault in FAULTS for step in (fault, Fault.NONE))
#: Faults after which the client hears nothing, and whether by a reset.
_HANGS_UP = {Fault.ANSWER_LOST: False, Fault.RESET_BEFORE: True, Fault.RESET_AFTER: True}


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """One request that carried events, and what the client learned of it."""

    path: str
    headers: dict[str, str]
    body: bytes
    fault: Fault
    acknowledged: bool  # the client was sent a success
    ended_at: float  # seconds, of a clock that only goes forward

    @property
    def content(self) -> dict[str, Any]:
        """The body as JSON."""
        packed = self.body[:2] == b"\x1f\x8b"
        content: dict[str, Any] = json.loads(gzip.decompress(self.body) if packed else self.body)
        return content

    @property
    def message_ids(self) -> list[str]:
        """Ids of the events it carried."""
        events = self.content.get("batch", [self.content])
        return [event["messageId"] for event in events]


class FaultyProxy:
    """Passes requests on to ``upstream``; posts meet the planned faults, one each, in order.

    What is read of a proxy (`exchanges`, `met`) holds once its clients have ended.
    """

    def __init__(self, upstream: str, faults: Iterable[Fault] = ()) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.exchanges: list[Exchange] = []
        self.down = False  # every connection is reset, as by a server that restarts
        self.refused_while_down = 0
        self._planned = iter(tuple(faults))
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def met(self) -> Counter[Fault]:
        """How often each fault happened."""
        return Counter(e.fault for e in self.exchanges if e.fault is not Fault.NONE)

    @property
    def acknowledged(self) -> set[str]:
        """Ids of the events of which a client was told that they are kept."""
        return {i for e in self.exchanges if e.acknowledged for i in e.message_ids}

    def waited_after(self, fault: Fault) -> float:
        """Seconds until the first of the events that met ``fault`` came again."""
        at = next(n for n, exchange in enumerate(self.exchanges) if exchange.fault is fault)
        met = self.exchanges[at]
        again = next(e for e in self.exchanges[at + 1 :] if {*e.message_ids} & {*met.message_ids})
        return again.ended_at - met.ended_at

    def told_more_after(self, fault: Fault) -> bool:
        """Whether the client had more to tell after it met ``fault`` first."""
        at = next(n for n, exchange in enumerate(self.exchanges) if exchange.fault is fault)
        known = {i for exchange in self.exchanges[: at + 1] for i in exchange.message_ids}
        return any({*exchange.message_ids} - known for exchange in self.exchanges[at + 1 :])

    def replay(self) -> list[int]:
        """Send every post again, byte for byte; returns the statuses of the answers."""
        return [self.ask("POST", e.path, e.headers, e.body)[0] for e in tuple(self.exchanges)]

    def next_fault(self) -> Fault:
        """What the next post meets."""
        with self._lock:
            return next(self._planned, Fault.NONE)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the server's own answer."""
        connection = http.client.HTTPConnection(self.upstream, timeout=20)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            said = {k: v for k, v in answer.getheaders() if k.lower() not in _OF_ONE_CONNECTION}
            return answer.status, said, answer.read()
        finally:
            connection.close()

    @contextmanager
    def running(self) -> Iterator[FaultyProxy]:
        """The proxy, listening until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(timeout=10)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # browsers keep connections open for as long as they live

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the play; anything else is an error of the test."""


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._pass_on()

        def do_OPTIONS(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            if self._down():
                return
            headers = self._headers()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fault = proxy.next_fault()
            answer = _REFUSALS.get(fault)
            if answer is None and fault is not Fault.RESET_BEFORE:
                for _ in range(2 if fault is Fault.SENT_TWICE else 1):
                    answer = proxy.ask("POST", self.path, headers, body)
            # Before the answer: whoever asks us once the client has ended sees all of it.
            proxy.exchanges.append(
                Exchange(
                    path=self.path,
                    headers=headers,
                    body=body,
                    fault=fault,
                    acknowledged=fault not in _HANGS_UP and answer is not None and answer[0] == 200,
                    ended_at=time.monotonic(),
                )
            )
            if answer is None or fault in _HANGS_UP:
                self._hang_up(reset=_HANGS_UP[fault])
            else:
                self._answer(*answer)

        def _pass_on(self) -> None:
            if not self._down():
                self._answer(*proxy.ask(self.command, self.path, self._headers(), b""))

        def _down(self) -> bool:
            if proxy.down:
                proxy.refused_while_down += 1
                self._hang_up(reset=True)
            return proxy.down

        def _headers(self) -> dict[str, str]:
            # Host stays the proxy's, as a proxy in front of Rapport has to leave it.
            return {k: v for k, v in self.headers.items() if k.lower() not in _OF_ONE_CONNECTION}

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _hang_up(self, *, reset: bool) -> None:
            self.close_connection = True
            if reset:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            # By its number: Python's socket stays open for as long as its files do.
            os.close(self.connection.detach())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: the test says what it saw."""

    return Handler


def _refusal(status: int, code: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """An answer in the form of the collector's own."""
    body = json.dumps({"code": code, "message": "Send it again"}).encode()
    said = {"content-type": "application/json", **CORS_HEADERS}
    return status, {**said, **{k.replace("_", "-"): v for k, v in headers.items()}}, body


_REFUSALS = {
    Fault.TOO_MANY: _refusal(
        429,
        "overloaded",
        Retry_After=str(RETRY_AFTER_SECONDS),
        X_RateLimit_Reset=str(RETRY_AFTER_SECONDS),
    ),
    Fault.UNAVAILABLE: _refusal(503, "unavailable"),
}
