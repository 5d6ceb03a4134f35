"""Boards through the API: made, changed, put in order, taken away and brought back, and as PDF."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from pypdf import PdfReader
from sqlalchemy import update

from rapport.vocabulary.ledger_tables import user as users
from rapport.workflows.boards import MOST_CARDS
from rapport.workflows.company import Company
from tests.company import visitor
from tests.conftest import FakeClock
from tests.customer_data import csrf
from tests.shop import shop

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

BOARDS = "/api/v1/boards"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def client(company: Company) -> Iterator[TestClient[Any]]:
    with visitor(company, role="manager") as opened:
        opened.headers.update(csrf(company, opened))
        yield opened


def made(client: TestClient[Any], *metrics: str, roles: tuple[str, ...] = ()) -> str:
    questions = [{"metrics": [each], "period": "last_month"} for each in metrics]
    body = {"name": "Mine", "roles": roles, "questions": questions}
    answer = client.post(BOARDS, json=body)
    assert answer.status_code == 201
    return str(answer.json()["key"])


def metrics_of(board: dict[str, Any]) -> list[str]:
    return [card["question"]["metrics"][0] for card in board["cards"]]


def ids_of(board: dict[str, Any]) -> list[int]:
    return [card["card_id"] for card in board["cards"]]


def test_a_board_is_renamed_and_shown_to_roles_each_by_itself(client: TestClient[Any]) -> None:
    path = f"{BOARDS}/{made(client, 'revenue', roles=('agent',))}"
    renamed = client.patch(path, json={"name": "  Spring   sale "}).json()
    assert (renamed["name"], renamed["roles"]) == ("Spring sale", ["agent"])
    shown = client.patch(path, json={"roles": []}).json()
    assert (shown["name"], shown["roles"]) == ("Spring sale", [])
    nameless = client.patch(path, json={"name": " "})
    assert (nameless.status_code, nameless.json()["code"]) == (400, "invalid_input")
    nobody = client.patch(path, json={"roles": ["agend"]})
    assert nobody.status_code == 400
    assert "agent" in nobody.json()["message"]
    assert client.patch(path, json={"nmae": "x"}).status_code == 400
    assert client.get(path).json() == shown


def test_cards_stand_in_the_order_that_is_sent(client: TestClient[Any]) -> None:
    path = f"{BOARDS}/{made(client, 'revenue', 'orders', 'nps')}"
    first, second, third = ids_of(client.get(path).json())
    moved = client.put(f"{path}/cards", json={"card_ids": [third, first, second]}).json()
    assert metrics_of(moved) == ["nps", "revenue", "orders"]
    for wrong in ([first, second], [first, second, second], [first, second, 999], []):
        refused = client.put(f"{path}/cards", json={"card_ids": wrong})
        assert refused.status_code == 400
        assert "each card of the board once" in refused.json()["message"]
    assert metrics_of(client.get(path).json()) == ["nps", "revenue", "orders"]


def test_a_card_comes_back_where_it_was(client: TestClient[Any]) -> None:
    path = f"{BOARDS}/{made(client, 'revenue', 'orders', 'nps')}"
    middle = ids_of(client.get(path).json())[1]
    assert client.delete(f"{path}/cards/{middle}").status_code == 204
    assert metrics_of(client.get(path).json()) == ["revenue", "nps"]
    back = client.post(f"{path}/cards/{middle}/restore").json()
    assert metrics_of(back) == ["revenue", "orders", "nps"]
    assert client.post(f"{path}/cards/{middle}/restore").status_code == 201  # it is there: it stays
    assert client.post(f"{path}/cards/999/restore").status_code == 404


def test_no_card_comes_back_to_a_full_board(client: TestClient[Any]) -> None:
    path = f"{BOARDS}/{made(client, *['revenue'] * MOST_CARDS)}"
    first = ids_of(client.get(path).json())[0]
    client.delete(f"{path}/cards/{first}")
    client.post(f"{path}/cards", json={"question": {"metrics": ["nps"]}})
    full = client.post(f"{path}/cards/{first}/restore")
    assert full.status_code == 400
    assert f"at most {MOST_CARDS}" in full.json()["message"]


def test_a_board_that_was_taken_away_comes_back_whole(client: TestClient[Any]) -> None:
    key = made(client, "revenue", "nps")
    before = client.get(f"{BOARDS}/{key}").json()
    assert client.delete(f"{BOARDS}/{key}").status_code == 204
    assert client.get(f"{BOARDS}/{key}").status_code == 404
    assert client.post(f"{BOARDS}/{key}/restore").json() == before
    assert key in {board["key"] for board in client.get(BOARDS).json()}
    assert client.post(f"{BOARDS}/own-999/restore").status_code == 404


def test_the_pdf_is_in_the_language_of_who_asks(client: TestClient[Any], company: Company) -> None:
    path = f"{BOARDS}/{made(client, 'revenue')}/pdf"

    def said() -> str:
        answer = client.get(path)
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].endswith('.pdf"')
        return "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)

    english = said()
    assert "Revenue" in english
    assert "€240" in english
    with company.ledger.write() as connection:
        connection.execute(update(users).values(language="nl"))
    assert "Omzet" in said()
    assert client.get(f"{BOARDS}/own-999/pdf").status_code == 404


def test_who_only_reads_changes_nothing_and_nobody_changes_the_ready_made(
    client: TestClient[Any], company: Company
) -> None:
    key = made(client, "revenue", roles=("agent",))
    path = f"{BOARDS}/{key}"
    [card] = ids_of(client.get(path).json())

    def changes(by: TestClient[Any], of: str, card: int) -> list[int]:
        return [
            answer.status_code
            for answer in (
                by.patch(of, json={"name": "Other"}),
                by.put(f"{of}/cards", json={"card_ids": [card]}),
                by.post(f"{of}/cards/{card}/restore"),
                by.delete(f"{of}/cards/{card}"),
                by.delete(of),
            )
        ]

    assert changes(client, f"{BOARDS}/general", 1) == [403] * 5
    with visitor(company, role="agent") as agent:
        agent.headers.update(csrf(company, agent))
        assert agent.get(path).status_code == 200
        assert agent.get(f"{path}/pdf").status_code == 200
        assert changes(agent, path, card) == [403] * 5
        assert agent.post(f"{path}/restore").status_code == 403
        assert agent.get(f"{BOARDS}/general/pdf").status_code == 404
    with visitor(company, role="marketer") as marketer:  # writes boards, but not this one
        marketer.headers.update(csrf(company, marketer))
        assert changes(marketer, path, card) == [404] * 5
        client.delete(path)
        assert marketer.post(f"{path}/restore").status_code == 404
