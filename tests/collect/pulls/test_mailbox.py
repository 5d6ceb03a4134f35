"""A mailbox on a real IMAP server is read whole, then what is new, and nothing is changed there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rapport.collect.pulls.imap import fetch_imap
from rapport.collect.pulls.plan import ImapPull
from rapport.errors import InvalidInput
from tests.collect.pulls.servers import dovecot

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[int, Path, Path]]:
    # A socket's path may have 107 characters, fewer than those of pytest's folders.
    with (
        tempfile.TemporaryDirectory(prefix="dovecot-") as name,
        dovecot(Path(name)) as (port, mails),
    ):
        yield port, mails, Path(name) / "certificate.pem"


def _mail(mails: Path, number: int) -> bytes:
    said = (
        f"From: Ilse <ilse{number}@pelda.example>\r\nSubject: =?utf-8?Q?Tent_=C5=91?=\r\n"
        f"Message-ID: <{number}@pelda.example>\r\n\r\nWaar is mijn tent {number}?\r\n"
    ).encode()
    # Dovecot numbers mails by their names, which begin with the moment of delivery.
    (mails / "new" / f"{1_790_000_000 + number}.M{number}P1.host").write_bytes(said)
    return said


@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_a_real_mailbox_is_read_once(
    tls: Any,
    server: tuple[int, Path, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    port, mails, certificate = server
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    for old in [*(mails / "new").iterdir(), *(mails / "cur").iterdir()]:
        old.unlink()
    pull = ImapPull(host="localhost", port=port, user="service", password="pass-word", tls=tls)
    said = [_mail(mails, number) for number in (1, 2, 3)]
    first = fetch_imap(pull, tmp_path, None)
    assert [Path(path).read_bytes() for path in first.files] == said
    assert fetch_imap(pull, tmp_path / "again", first.state).files == ()
    said.append(_mail(mails, 4))
    (newer,) = fetch_imap(pull, tmp_path / "later", first.state).files
    assert Path(newer).read_bytes() == said[-1]
    flags = [path.name.partition(":2,")[2] for path in (mails / "cur").iterdir()]
    assert not any("S" in each for each in flags), "read, but still unread there"


def test_a_server_with_another_s_certificate_and_a_wrong_password_are_refused(
    server: tuple[int, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, _, certificate = server
    pull = ImapPull(host="localhost", port=port, user="service", password="x", tls="starttls")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with pytest.raises(InvalidInput, match="refuses the user name or the password"):
        fetch_imap(pull, tmp_path, None)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
        fetch_imap(pull, tmp_path, None)
