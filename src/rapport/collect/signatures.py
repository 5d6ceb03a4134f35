"""Signatures of webhooks: who sent a body, and that nobody changed it or sends it again late.

Facts follow the specification of Standard Webhooks and the public manuals of Typeform, Formbricks
(which signs as Standard Webhooks) and GitHub, whose form Meta and many others share.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from msgspec import Struct

from rapport.errors import NotSignedIn
from rapport.settings import Secret

TOLERANCE_SECONDS = 300
#: How a sender signs → what it is called in pages and messages.
STYLES: dict[str, str] = {
    "standard": "Standard Webhooks",
    "formbricks": "Formbricks",
    "typeform": "Typeform",
    "hmac": "HMAC-SHA256 (GitHub, Meta, …)",
}
HMAC_HEADER = "x-hub-signature-256"
_SECRET_PREFIX = "whsec_"  # noqa: S105  # the mark before a secret, not one


class Signing(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one source's webhooks are signed.

    `secret` is a reference to the secret, ``env:NAME`` or ``file:PATH``, never the secret itself.
    `header` is read in the style ``hmac`` where it is not GitHub's own.
    """

    style: str
    secret: str
    header: str = HMAC_HEADER


def check_signature(
    signing: Signing, secret: Secret, headers: Mapping[str, str], body: bytes, now: datetime
) -> None:
    """Return if ``body`` was signed with ``secret``; comparisons take the same time for any guess.

    Parameters
    ----------
    headers : mapping of str to str
        By names in small letters.
    now : datetime
        Time of receipt, aware.

    Raises
    ------
    NotSignedIn
        With the reason ``missing_signature``, ``wrong_signature`` or ``old_signature``.
    """
    if signing.style in ("standard", "formbricks"):
        _check_standard(secret, headers, body, now)
    elif signing.style == "typeform":
        made = b64encode(_digest(secret.reveal().encode(), body)).decode()
        _check_one(headers, "typeform-signature", [f"sha256={made}"])
    else:
        digest = _digest(secret.reveal().encode(), body)
        plain = [digest.hex(), b64encode(digest).decode()]
        _check_one(headers, signing.header.lower(), [*plain, *(f"sha256={p}" for p in plain)])


def _digest(key: bytes, content: bytes) -> bytes:
    return hmac.new(key, content, sha256).digest()


def _same(given: str, made: str) -> bool:
    # As bytes: for text beyond ASCII the comparison raises instead of saying no.
    return hmac.compare_digest(given.encode("utf-8", "replace"), made.encode())


def _check_one(headers: Mapping[str, str], header: str, made: list[str]) -> None:
    given = headers.get(header, "").strip()
    if not given:
        raise NotSignedIn(f"The header {header} is missing", reason="missing_signature")
    # No early end: each possible form is compared.
    if sum([_same(given, one) for one in made]) == 0:
        raise _wrong()


def _wrong() -> NotSignedIn:
    return NotSignedIn(
        "The signature does not fit the body; compare the secret at the sender with the source's",
        reason="wrong_signature",
    )


def _check_standard(secret: Secret, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    def header(name: str) -> str:
        # Svix, where the standard comes from, has its own names for the same.
        return headers.get(f"webhook-{name}", "") or headers.get(f"svix-{name}", "")

    message_id, stamp, given = header("id"), header("timestamp"), header("signature")
    if not (message_id and stamp and given):
        raise NotSignedIn(
            "The headers webhook-id, webhook-timestamp and webhook-signature are needed",
            reason="missing_signature",
        )
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 15):
        raise NotSignedIn("webhook-timestamp is no number of seconds", reason="wrong_signature")
    signed = f"{message_id}.{stamp}.".encode("utf-8", "replace") + body
    made = b64encode(_digest(_standard_key(secret), signed)).decode()
    matching = [
        _same(signature, made)
        for version, _, signature in (one.partition(",") for one in given.split())
        if version == "v1"
    ]
    if sum(matching) == 0:
        raise _wrong()
    if abs(now.timestamp() - int(stamp)) > TOLERANCE_SECONDS:
        raise NotSignedIn(
            f"The signature is more than {TOLERANCE_SECONDS // 60} minutes from now; "
            "check the sender's clock, or have it sent again",
            reason="old_signature",
        )


def _standard_key(secret: Secret) -> bytes:
    """The bytes of a secret, which is Base64 after ``whsec_``."""
    text = secret.reveal().strip()
    plain = text.removeprefix(_SECRET_PREFIX)
    try:
        return b64decode(plain, validate=True)
    except (BadBase64, ValueError):
        return text.encode()  # a secret that somebody chose, as some senders allow
