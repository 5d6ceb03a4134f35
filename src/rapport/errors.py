"""Every error of Rapport, as one family.

RapportError                     shown to the user unless marked internal
├── PermanentError               trying again changes nothing
│   ├── InvalidInput             what was sent or given cannot be used
│   │   ├── InvalidSettings      the environment or an option is wrong
│   │   ├── InvalidMapping       a file's columns do not fit what was asked
│   │   ├── InvalidQuestion      a metric, dimension or period that does not exist
│   │   └── PayloadTooLarge      more than one request may hold
│   ├── NotFound                 it does not exist, or does not any more
│   ├── Conflict                 somebody else changed it first, or it exists already
│   ├── NotAllowed               the role may not do or see this
│   ├── NotSignedIn              no session or token, or one that has ended
│   ├── NotEnoughData            a number we decline to guess
│   ├── DeliveryRefused          a channel will never take this message
│   ├── MissingExtra             an optional dependency is not installed
│   └── StoreMismatch            a store was made by another version, or its engines disagree
├── TransientError               trying again later may work
│   ├── Overloaded               too much at once; the answer says when to come again
│   ├── TooSlow                  a request did not arrive whole in time
│   ├── StoreBusy                the store did not answer in time
│   └── DeliveryFailed           a channel did not take a message this time
└── InternalError                our mistake; the user sees a reference number
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import ClassVar


class RapportError(Exception):
    """Root of the family.

    Parameters
    ----------
    message : str
        What happened, with the value, and what to do next. Never a person's data.
    """

    code: ClassVar[str] = "error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    shown: ClassVar[bool] = True

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class PermanentError(RapportError):
    code = "permanent"
    http_status = 400
    exit_code = 2


class InvalidInput(PermanentError):
    code = "invalid_input"


class InvalidSettings(InvalidInput):
    code = "invalid_settings"


class InvalidMapping(InvalidInput):
    code = "invalid_mapping"


class InvalidQuestion(InvalidInput):
    code = "invalid_question"


class PayloadTooLarge(InvalidInput):
    code = "payload_too_large"
    http_status = 413


class NotFound(PermanentError):
    code = "not_found"
    http_status = 404


class Conflict(PermanentError):
    code = "conflict"
    http_status = 409


class NotAllowed(PermanentError):
    code = "not_allowed"
    http_status = 403


class NotSignedIn(PermanentError):
    code = "not_signed_in"
    http_status = 401


class NotEnoughData(PermanentError):
    code = "not_enough_data"
    http_status = 422


class MissingExtra(PermanentError):
    code = "missing_extra"
    http_status = 501

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs the optional part '{extra}': pip install 'rapport[{extra}]'",
            extra=extra,
        )


class DeliveryRefused(PermanentError):
    code = "delivery_refused"
    http_status = 502


class StoreMismatch(PermanentError):
    code = "store_mismatch"
    http_status = 500


class TransientError(RapportError):
    code = "transient"
    http_status = 503
    exit_code = 75  # EX_TEMPFAIL of sysexits.h: a scheduler may try again


class Overloaded(TransientError):
    code = "overloaded"
    http_status = 429

    def __init__(self, message: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(message, retry_after_seconds=retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class TooSlow(TransientError):
    code = "too_slow"
    http_status = 408


class StoreBusy(TransientError):
    code = "store_busy"


class DeliveryFailed(TransientError):
    code = "delivery_failed"


class InternalError(RapportError):
    code = "internal"
    shown = False


def where_it_failed(error: BaseException) -> str:
    """Types and places of an error and its causes, for a log.

    Their messages are left out: a driver's or a parser's may quote a person's values.
    """
    return "\n".join(
        f"{type(one).__name__} at\n{''.join(traceback.format_tb(one.__traceback__)).rstrip()}"
        for one in _with_causes(error)
    )


def _with_causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
