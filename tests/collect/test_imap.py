"""A mailbox is read by IMAP: what is new, once, without marking anything as read."""

from __future__ import annotations

import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rapport.collect.pulls.imap import fetch_imap
from rapport.collect.pulls.plan import ImapPull
from rapport.errors import InvalidInput

_UIDS = re.compile(r"UID (SEARCH UID (\d+):\*|FETCH ([\d,]+) \(UID BODY\.PEEK\[\]\))")


class Mailbox:
    """A folder on a server that knows what RFC 9051 lets our client ask."""

    def __init__(self) -> None:
        self.messages: dict[int, bytes] = {}
        self.validity = 7
        self.asked: list[str] = []

    def answer(self, tag: str, command: str) -> Iterator[bytes]:
        self.asked.append(command.split(" ", maxsplit=1)[0])
        if command == "CAPABILITY":
            yield b"* CAPABILITY IMAP4rev1\r\n"
        elif command.startswith("LOGIN"):
            if command != 'LOGIN service "pass word"':
                yield f"{tag} NO wrong\r\n".encode()
                return
        elif command.startswith("EXAMINE"):
            if command != 'EXAMINE "INBOX/Klantendienst"':
                yield f"{tag} NO no such folder\r\n".encode()
                return
            yield f"* {len(self.messages)} EXISTS\r\n".encode()
            yield f"* OK [UIDVALIDITY {self.validity}] ok\r\n".encode()
        elif found := _UIDS.fullmatch(command):
            if found[2]:
                last = max(self.messages, default=0)
                hits = [uid for uid in self.messages if uid >= int(found[2]) or uid == last]
                yield f"* SEARCH {' '.join(map(str, hits))}\r\n".encode()
            else:
                for uid in map(int, found[3].split(",")):
                    body = self.messages[uid]
                    yield f"* 1 FETCH (UID {uid} BODY[] {{{len(body)}}}\r\n".encode()
                    yield body + b")\r\n"
        elif command == "LOGOUT":
            yield b"* BYE\r\n"
        else:
            yield f"{tag} BAD {command}\r\n".encode()
            return
        yield f"{tag} OK done\r\n".encode()


@contextmanager
def _served(mailbox: Mailbox) -> Iterator[int]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"* OK ready\r\n")
            while line := self.rfile.readline():
                tag, _, command = line.decode().strip().partition(" ")
                for part in mailbox.answer(tag, command):
                    self.wfile.write(part)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _pull(port: int, **changed: object) -> ImapPull:
    said = {
        "host": "127.0.0.1", "port": port, "user": "service", "password": "pass word",
        "tls": "none", "folder": "INBOX/Klantendienst", **changed,
    }  # fmt: skip
    return ImapPull(**said)  # type: ignore[arg-type]


def _message(number: int) -> bytes:
    return f"From: a{number}@example.org\r\nSubject: Vraag {number}\r\n\r\nHallo\r\n".encode()


def test_each_message_is_brought_once_and_left_as_it_was(tmp_path: Path) -> None:
    mailbox = Mailbox()
    mailbox.messages = {3: _message(3), 9: _message(9)}
    with _served(mailbox) as port:
        first = fetch_imap(_pull(port), tmp_path, None)
        assert [Path(f).read_bytes() for f in first.files] == [_message(3), _message(9)]
        for path in first.files:
            Path(path).unlink()
        nothing = fetch_imap(_pull(port), tmp_path, first.state)
        assert (nothing.records, nothing.files, nothing.state) == (0, (), first.state)
        mailbox.messages[12] = _message(12)
        later = fetch_imap(_pull(port), tmp_path, nothing.state)
        assert [Path(f).name for f in later.files] == ["7-0000000012.eml"]
    assert "SELECT" not in mailbox.asked  # which would mark messages as seen


def test_a_server_that_numbers_anew_is_read_from_the_start(tmp_path: Path) -> None:
    mailbox = Mailbox()
    mailbox.messages = {1: _message(1)}
    with _served(mailbox) as port:
        first = fetch_imap(_pull(port), tmp_path, {"validity": 6, "uid": 500})
    assert (first.records, first.state) == (1, {"validity": 7, "uid": 1})


def test_a_long_backlog_is_brought_in_parts(tmp_path: Path) -> None:
    mailbox = Mailbox()
    mailbox.messages = {uid: _message(uid) for uid in range(1, 131)}
    state = None
    with _served(mailbox) as port:
        for expected in (120, 10, 0):
            fetched = fetch_imap(_pull(port, most=120), tmp_path, state)
            assert fetched.records == expected
            state = fetched.state
    assert len(list(tmp_path.glob("out/*.eml"))) == 130


@pytest.mark.parametrize(
    ("changed", "said"),
    [({"password": "wrong"}, "user name or the password"), ({"folder": "Nee"}, "no folder")],
)
def test_what_the_server_refuses_is_said(
    tmp_path: Path, changed: dict[str, str], said: str
) -> None:
    with _served(Mailbox()) as port, pytest.raises(InvalidInput, match=said):
        fetch_imap(_pull(port, **changed), tmp_path, None)
