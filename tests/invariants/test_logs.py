"""Logs say what failed and where, and nothing of a person."""

from __future__ import annotations

import ast
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from litestar import get
from litestar.testing import TestClient

from rapport.asgi import create_app
from rapport.errors import where_it_failed
from rapport.workflows.company import Company
from tests.api.test_figures import QUESTION
from tests.company import empty_company, visitor
from tests.conftest import FakeClock
from tests.feedback import with_token
from tests.invariants.test_source import TREES
from tests.journeys.test_one_customer import everything_logged

HER = "an.peeters@brievenbus.example"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with empty_company(tmp_path, clock=clock) as opened:
        yield opened


@get("/breaks", sync_to_thread=True, opt={"permission": "public"})
def breaks() -> None:
    """As drivers do: the message quotes the value."""
    try:
        raise ValueError(f"Key (email)=({HER}) already exists")
    except ValueError as cause:
        raise LookupError(f"{HER} is not there") from cause


def test_an_error_of_ours_is_logged_with_its_place_and_without_its_message(
    company: Company,
) -> None:
    @contextmanager
    def opened() -> Iterator[Company]:
        yield company

    app = create_app(opened())
    app.register(breaks)
    with TestClient(app, raise_server_exceptions=False) as client, everything_logged() as said:
        answer = client.get("/breaks")
    text = "\n".join(said)
    assert answer.status_code == 500
    assert HER not in answer.text
    assert HER not in text
    assert "LookupError" in text
    assert "ValueError" in text
    assert "test_logs.py" in text
    # The user is shown a reference that finds the line.
    (line,) = [line for line in said if "LookupError" in line]
    reference = line.split("reference ")[1].split(":")[0]
    assert reference in answer.text


class PanicException(BaseException):
    """As a library in Rust crashes."""


def test_the_crash_of_a_library_is_answered_with_a_page_and_a_reference(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def panics(*_: object, **__: object) -> None:
        raise PanicException(HER)

    with visitor(company, role="admin") as opened, everything_logged() as said:
        client = with_token(company, opened)
        monkeypatch.setattr(type(company.lake), "ask", panics)
        page, answer = client.get("/"), client.get("/api/v1/sources/nothing/quality")
        crashed = client.post("/api/v1/questions", json=QUESTION)
    assert answer.status_code == 404
    for shown in (page, crashed):
        assert shown.status_code == 500
        assert "reference" in shown.text
        assert HER not in shown.text
    assert "<html" in page.text
    assert crashed.json()["code"] == "internal"
    assert "PanicException" in "\n".join(said)


def test_where_it_failed_ends_where_errors_go_in_circles() -> None:
    one, two = ValueError(HER), LookupError(HER)
    one.__cause__, two.__cause__ = two, one
    assert where_it_failed(one).count("Error at") == 2
    assert HER not in where_it_failed(one)


def test_no_log_line_prints_an_exception_with_its_message() -> None:
    printing = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            any(keyword.arg in {"exc_info", "stack_info"} for keyword in node.keywords)
            or (isinstance(node.func, ast.Attribute) and node.func.attr == "exception"
                and "log" in ast.unparse(node.func.value))
        )
    ]  # fmt: skip
    assert printing == []


def test_logging_is_by_named_loggers_of_ours() -> None:
    assert not [
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {f"logging.{level.lower()}" for level in logging._nameToLevel}
    ]
