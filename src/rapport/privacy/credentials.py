"""Passwords and tokens: what is stored never gives back what was typed."""

from __future__ import annotations

import secrets
from hashlib import sha256
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from rapport.errors import InvalidInput

MIN_PASSWORD_LENGTH = 10
_hasher = PasswordHasher()
#: Each check takes 64 MB; a crowd at the door must not take them all at once.
_at_once = BoundedSemaphore(4)
# Checked when no account has the address, so that the answer takes as long as when one has.
_NOBODY = _hasher.hash(secrets.token_urlsafe(16))


def hash_password(password: str) -> str:
    """Argon2id hash of a password.

    Raises
    ------
    InvalidInput
        If it is shorter than ten characters.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidInput(f"A password needs at least {MIN_PASSWORD_LENGTH} characters")
    return _hasher.hash(password)


def password_fits(password: str, stored_hash: str | None) -> bool:
    """Whether the password is the one that was hashed; None stands for no account."""
    try:
        with _at_once:
            return _hasher.verify(stored_hash or _NOBODY, password) and stored_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def new_token() -> str:
    """A secret of 256 bits, shown once."""
    return secrets.token_urlsafe(32)


def token_digest(token: str) -> str:
    """What is stored of a token: enough to recognise it, too little to use it."""
    return sha256(token.encode()).hexdigest()
