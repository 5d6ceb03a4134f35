"""Hypotheses: read from a sentence, kept, looked at, and the customers on both sides."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import Body, FromPath, FromQuery
from msgspec import Struct

from rapport.understand.hypotheses.definition import Hypothesis
from rapport.understand.hypotheses.reading import Reading, read_sentence
from rapport.vocabulary.access import User
from rapport.workflows.company import Company
from rapport.workflows.hypotheses import (
    ComparedPage,
    Look,
    NamedHypothesis,
    Side,
    compared_customers,
    find_hypothesis,
    list_hypotheses,
    look,
    withdraw_hypothesis,
    write_hypothesis,
)

_READ = {"permission": "dashboard.read"}
_PEOPLE = {"permission": "customers.read"}
_WRITE = {"permission": "segments.write"}


class HypothesisDraft(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A hypothesis to be kept."""

    statement: str
    definition: Hypothesis


@get("/api/v1/hypotheses", sync_to_thread=True, opt=_READ, tags=["hypotheses"])
def list_all_hypotheses(company: NamedDependency[Company]) -> tuple[NamedHypothesis, ...]:
    """Every hypothesis with its looks, the newest first."""
    return list_hypotheses(company)


@get("/api/v1/hypotheses/reading", sync_to_thread=False, opt=_READ, tags=["hypotheses"])
def read_words(
    sentence: FromQuery[str], language: FromQuery[Literal["en", "nl", "fr", "hu"]] = "en"
) -> Reading:
    """What a sentence says; null where it does not say it in words that we know."""
    return read_sentence(sentence, language)


@post("/api/v1/hypotheses", sync_to_thread=True, opt=_WRITE, tags=["hypotheses"])
def make_hypothesis(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    data: Annotated[HypothesisDraft, Body()],
) -> NamedHypothesis:
    """Keep a hypothesis; nobody has looked yet."""
    user: User = request.user
    made = write_hypothesis(
        company, statement=data.statement, definition=data.definition, author=user.email
    )
    return find_hypothesis(company, made)


@get("/api/v1/hypotheses/{hypothesis_id:int}", sync_to_thread=True, opt=_READ,
     tags=["hypotheses"])  # fmt: skip
def read_hypothesis(
    company: NamedDependency[Company], hypothesis_id: FromPath[int]
) -> NamedHypothesis:
    """One hypothesis with its looks."""
    return find_hypothesis(company, hypothesis_id)


@post("/api/v1/hypotheses/{hypothesis_id:int}/looks", sync_to_thread=True, opt=_WRITE,
      tags=["hypotheses"])  # fmt: skip
def look_at_data(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
) -> Look:
    """Hold it against the data; the same data are looked at once, and give the same look."""
    user: User = request.user
    return look(company, hypothesis_id, author=user.email)


@get("/api/v1/hypotheses/{hypothesis_id:int}/customers", sync_to_thread=True, opt=_PEOPLE,
     tags=["hypotheses"])  # fmt: skip
def read_customers(
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
    side: FromQuery[Side],
    page: FromQuery[int] = 1,
) -> ComparedPage:
    """The customers of one side, those last followed first."""
    return compared_customers(company, hypothesis_id, side, page=page)


@delete("/api/v1/hypotheses/{hypothesis_id:int}", sync_to_thread=True, opt=_WRITE,
        tags=["hypotheses"])  # fmt: skip
def forget_hypothesis(
    request: Request[Any, Any, Any],
    company: NamedDependency[Company],
    hypothesis_id: FromPath[int],
) -> None:
    """Take it off the list; its looks go on counting."""
    user: User = request.user
    withdraw_hypothesis(company, hypothesis_id, author=user.email)


routes = (
    list_all_hypotheses,
    read_words,
    make_hypothesis,
    read_hypothesis,
    look_at_data,
    read_customers,
    forget_hypothesis,
)
