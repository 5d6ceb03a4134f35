"""A folder of a mailbox, read by IMAP (RFC 9051): each message once, nothing changed there."""

from __future__ import annotations

import imaplib
import re
import ssl
from pathlib import Path
from typing import Any

from rapport.collect.pulls.fetched import Fetched
from rapport.collect.pulls.plan import ImapPull
from rapport.errors import InvalidInput

_TIMEOUT_SECONDS = 60
_UID = re.compile(rb"UID (\d+)")
#: Messages asked for at once.
_AT_ONCE = 50


def fetch_imap(pull: ImapPull, folder: Path, state: Any) -> Fetched:
    """Messages that came since the last visit, one `.eml` each.

    The visit's mark is the folder's UIDVALIDITY with the highest UID seen; where the server has
    numbered its messages anew all are read again, and those that are known are kept once.

    Raises
    ------
    InvalidInput
        If the server refuses the user or has no such folder.
    """
    out = folder / "out"
    out.mkdir(parents=True, exist_ok=True)
    with _connected(pull) as mailbox:
        try:
            mailbox.login(pull.user, pull.password)
        except imaplib.IMAP4.error as error:
            raise InvalidInput(f"{pull.host} refuses the user name or the password") from error
        quoted = '"' + pull.folder.replace("\\", "\\\\").replace('"', '\\"') + '"'
        status, _ = mailbox.select(quoted, readonly=True)
        if status != "OK":
            raise InvalidInput(f"{pull.host} has no folder {pull.folder!r}")
        validity = int((mailbox.response("UIDVALIDITY")[1] or [b"0"])[0] or 0)
        known = state or {}
        after = known.get("uid", 0) if known.get("validity") == validity else 0
        _, found = mailbox.uid("SEARCH", f"UID {after + 1}:*")
        # "n:*" always names the last message, also where its number is lower than n.
        uids = sorted(uid for uid in map(int, (found[0] or b"").split()) if uid > after)
        for begin in range(0, len(uids[: pull.most]), _AT_ONCE):
            part = uids[begin : min(begin + _AT_ONCE, pull.most)]
            _, answers = mailbox.uid("FETCH", ",".join(map(str, part)), "(UID BODY.PEEK[])")
            for answer in answers:
                if isinstance(answer, tuple) and (match := _UID.search(answer[0])):
                    target = out / f"{validity}-{int(match[1]):010}.eml"
                    target.with_suffix(".partial").write_bytes(answer[1])
                    target.with_suffix(".partial").rename(target)
    reached = max([after, *uids[: pull.most]])
    files = tuple(map(str, sorted(out.glob("*.eml"))))
    return Fetched(
        files=files,
        records=min(len(uids), pull.most),
        state={"validity": validity, "uid": reached},
    )


def _connected(pull: ImapPull) -> imaplib.IMAP4:
    context = ssl.create_default_context()
    if pull.tls == "implicit":
        return imaplib.IMAP4_SSL(
            pull.host, pull.port, ssl_context=context, timeout=_TIMEOUT_SECONDS
        )
    mailbox = imaplib.IMAP4(pull.host, pull.port, timeout=_TIMEOUT_SECONDS)
    if pull.tls == "starttls":
        mailbox.starttls(context)
    return mailbox
