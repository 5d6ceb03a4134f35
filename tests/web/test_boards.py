"""Boards as people of each role see them, and the mail and the PDF that they become."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient
from pypdf import PdfReader
from sqlalchemy import select, update

from rapport.act.channels.base import Delivery, Message
from rapport.act.channels.email import compose
from rapport.vocabulary.ledger_tables import board_card, outbox
from rapport.vocabulary.ledger_tables import user as users
from rapport.workflows.board_mail import mail_due_boards, set_weekly_mail, write_paper
from rapport.workflows.boards import boards_of, find_board, make_board
from rapport.workflows.company import Company
from rapport.workflows.saved_questions import SavedQuestion
from rapport.workflows.users import create_user, find_user, session_of
from tests.company import PASSWORD, visitor
from tests.conftest import FakeClock
from tests.shop import shop

pytestmark = pytest.mark.slow  # a whole company each: not before every commit

REVENUE = SavedQuestion(metrics=("revenue",), period="last_month")
ASKED = "/questions?metric=revenue&grain=month&period=days&first_day=2026-08-01&last_day=2026-10-31"


@pytest.fixture
def company(tmp_path: Path, clock: FakeClock) -> Iterator[Company]:
    with shop(tmp_path, clock) as opened:
        yield opened


@contextmanager
def signed_in(company: Company, role: str) -> Iterator[TestClient[Any]]:
    with visitor(company, role=role) as client:
        session = session_of(company, client.cookies["rapport_session"])
        assert session is not None
        client.headers["x-csrftoken"] = session.csrf_token
        yield client


def manager(company: Company) -> Any:
    return signed_in(company, "manager")


def own_board(company: Company, *questions: SavedQuestion, roles: tuple[str, ...] = ()) -> str:
    author = find_user(company, "manager@kadar.example")
    return make_board(company, name="Őszi űr", roles=roles, author=author, questions=questions)


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def test_a_question_is_asked_by_its_address_and_each_number_leads_on(company: Company) -> None:
    with manager(company) as client:
        page = client.get(ASKED).text
        assert "€720" in page
        assert page.count("€240") >= 3
        assert 'href="/metrics/revenue"' in page
        assert "/questions/people?" in page
        people = client.get(ASKED.replace("/questions?", "/questions/people?of=revenue&")).text
        assert "12 known customers stand behind it" in people
        lines = client.get(ASKED.replace("/questions?", "/questions.csv?")).text.splitlines()
        assert lines[1].startswith("2026-08-01,True,240.0000,6,")
        wrong = client.get("/questions?metric=revenu")
        assert wrong.status_code == 400
        assert "did you mean" in wrong.text
        assert client.get("/questions").status_code == 200


def test_what_is_hidden_is_hidden_in_table_chart_file_people_and_paper(company: Company) -> None:
    asked = ASKED + "&split=country"
    with manager(company) as client:
        page = client.get(asked).text
        assert page.count("too few people") == 6
        assert "€200" not in page
        lines = client.get(asked.replace("/questions?", "/questions.csv?")).text.splitlines()
        assert all(line.endswith(",,,,,True") for line in lines[1:])
        narrowed = "of=revenue&parts=1&part0=BE&row=2026-08-01&"
        people = client.get(asked.replace("/questions?", f"/questions/people?{narrowed}")).text
        assert "Fewer than five" in people
        question = SavedQuestion(metrics=("revenue",), period="last_month", split=("country",))
        key = own_board(company, question)
        paper = client.get(f"/boards/{key}/paper/html").text
        assert "too few people" in paper
        assert "€200" not in paper + pdf_text(client.get(f"/boards/{key}/paper/pdf").content)


def test_the_pdf_says_the_figures_of_the_answer_in_every_language(company: Company) -> None:
    with manager(company):
        key = own_board(company, REVENUE, SavedQuestion(metrics=("orders",), grain="month"))
    board = find_board(company, key, find_user(company, "manager@kadar.example"))
    for language, name in (
        ("en", "Revenue"),
        ("hu", "Árbevétel"),
        ("fr", "Chiffre"),
        ("nl", "Omzet"),
    ):
        said = pdf_text(write_paper(company, board, language=language).pdf)
        assert "Őszi űr" in said
        assert name in said
        assert "240" in said
    page: Any = PdfReader(io.BytesIO(write_paper(company, board, language="hu").pdf)).pages[0]
    fonts = [each.get_object() for each in page["/Resources"]["/Font"].values()]
    inside = [each for each in fonts if "/FontFile2" in each.get("/FontDescriptor", {})]
    assert any("Inter" in each["/BaseFont"] for each in inside)


def test_a_card_moves_leaves_and_comes_back(company: Company) -> None:
    with manager(company) as client:
        key = own_board(company, REVENUE)
        question = msgspec.json.encode(SavedQuestion(metrics=("nps",))).decode()
        client.post("/boards/cards", data={"board": key, "question": question})

        def metrics() -> list[str]:
            user = find_user(company, "manager@kadar.example")
            cards = find_board(company, key, user).cards
            return [each.question.metrics[0] for each in cards if each.question]

        user = find_user(company, "manager@kadar.example")
        first = find_board(company, key, user).cards[0].card_id
        client.post(f"/boards/{key}/cards/{first}/later")
        assert metrics() == ["nps", "revenue"]
        page = client.post(f"/boards/{key}/cards/{first}/remove").text
        assert metrics() == ["nps"]
        assert f"/boards/{key}/cards/{first}/restore" in page
        client.post(f"/boards/{key}/cards/{first}/restore")
        assert metrics() == ["nps", "revenue"]
        client.post(f"/boards/{key}/change", data={"name": "Two", "roles": ["agent"]})
        assert find_board(company, key, user).roles == ("agent",)
        gone = client.post(f"/boards/{key}/remove").text
        assert client.get(f"/boards/{key}").status_code == 404
        assert f"/boards/{key}/restore" in gone
        client.post(f"/boards/{key}/restore")
        assert client.get(f"/boards/{key}").status_code == 200


def test_each_role_sees_its_boards_and_changes_only_its_own(company: Company) -> None:
    with manager(company):
        shared, own = own_board(company, REVENUE, roles=("agent",)), own_board(company, REVENUE)
    with signed_in(company, "agent") as client:
        keys = [each.key for each in boards_of(company, find_user(company, "agent@kadar.example"))]
        assert keys == [shared, "contact_centre", "shop"]
        assert client.get(f"/boards/{shared}/cards/1").status_code == 200
        assert "/metrics/revenue" not in client.get(f"/boards/{shared}/cards/1").text
        assert client.get(f"/boards/{own}").status_code == 404
        assert client.get("/boards/general").status_code == 404
        assert client.post(f"/boards/{shared}/remove").status_code == 403
        assert client.get("/questions?metric=revenue").status_code == 403
    with signed_in(company, "marketer") as client:
        assert client.post("/boards/marketing/remove").status_code in (403, 404)
        assert client.get("/boards/marketing").status_code == 200


def test_a_question_that_no_longer_parses_says_so_and_is_kept(company: Company) -> None:
    with manager(company) as client:
        key = own_board(company, REVENUE)
        with company.ledger.write() as connection:
            connection.execute(update(board_card).values(question={"metrics": ["gone_metric"]}))
        assert client.get(f"/boards/{key}").status_code == 200
        said = client.get(f"/boards/{key}/cards/1").text
        assert "has no answer any more" in said
        assert "gone_metric" in said
        assert client.get(f"/boards/{key}/paper/pdf").status_code == 200


def test_a_board_is_mailed_once_a_week_to_who_may_see_it_then(
    company: Company, clock: FakeClock
) -> None:
    with manager(company):
        author = find_user(company, "manager@kadar.example")
    create_user(
        company, email="a@kadar.example", name="A", role="agent", password=PASSWORD
    )  # fmt: skip
    due = clock.now + timedelta(hours=2)
    key = own_board(company, REVENUE, roles=("agent",))
    set_weekly_mail(
        company,
        key,
        weekday=due.weekday(),
        hour=(due.hour + 1) % 24,  # Brussels is an hour ahead of UTC in November
        recipients=("manager@kadar.example", "a@kadar.example"),
        author=author,
    )
    assert mail_due_boards(company) == 0  # not before its hour
    clock.now = due
    assert mail_due_boards(company) == 2
    assert mail_due_boards(company) == 0  # a worker that starts again sends nothing twice
    with company.ledger.write() as connection:
        row = connection.execute(select(outbox).order_by(outbox.c.outbox_id)).first()
        connection.execute(
            update(users).where(users.c.email == "a@kadar.example").values(disabled_at=clock.now)
        )
    assert row is not None
    message = msgspec.convert(row.message, Message)
    mail = compose(
        Delivery(
            idempotency_key=row.idempotency_key, recipient=row.recipient, message=message,
            created_at=row.created_at,
        ),
        mail_from="rapport@kadar.example", domain="kadar.example",
    )  # fmt: skip
    (file,) = mail.iter_attachments()
    assert "€240" in pdf_text(file.get_payload(decode=True))  # type: ignore[arg-type]
    assert "€240" in str(message.html)
    assert "customer0@kadar.example" not in str(message.html)
    clock.now = due + timedelta(days=7)
    assert mail_due_boards(company) == 1  # who left gets none


def test_nobody_gets_a_board_that_their_role_may_not_see(company: Company) -> None:
    with signed_in(company, "agent"), manager(company) as client:
        key = own_board(company, REVENUE)
        sent = {"weekday": "0", "hour": "7", "recipients": "agent@kadar.example"}
        refused = client.post(f"/boards/{key}/mail", data=sent)
        assert refused.status_code == 400
        assert "whose role may see the board" in refused.text
