"""A mail server on this machine that answers as a test tells it to."""
# ruff: noqa: N802  # aiosmtpd names its hooks after the commands of SMTP

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope


class MailServer:
    """Keeps what it takes; `answers` gives what it says to each command instead of OK."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.recipients: list[str] = []
        self.answers: dict[str, str] = {}
        self.wait_seconds = 0.0
        self.hang_up_at_quit = False
        self.port = 0

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await asyncio.sleep(self.wait_seconds)
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get("RCPT", "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        answer = self.answers.get("DATA", "250 OK queued")
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            mail = message_from_bytes(content, policy=policy.default)
            assert isinstance(mail, EmailMessage)
            self.taken.append(mail)
            self.recipients.extend(envelope.rcpt_tos)
        return answer

    async def handle_QUIT(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        if self.hang_up_at_quit:
            assert server.transport is not None
            server.transport.close()
        return "221 Bye"


@contextmanager
def mail_server(*, utf8: bool = True) -> Iterator[MailServer]:
    """A running server."""
    handler = MailServer()
    handler.port = free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port, enable_SMTPUTF8=utf8)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
