"""A board written down: as the text and HTML of a mail, and as a PDF file."""

from __future__ import annotations

from rapport.web.paper.content import paper_content
from rapport.web.paper.mail import html_mail, text_mail
from rapport.web.paper.pdf import board_pdf
from rapport.workflows.board_mail import AnsweredCard, Paper
from rapport.workflows.boards import Board
from rapport.workflows.company import Company


def board_paper(
    company: Company, board: Board, cards: tuple[AnsweredCard, ...], *, language: str
) -> Paper:
    """The board in one language; see `workflows.board_mail.PaperMaker`."""
    content = paper_content(company, board, cards, language=language)
    return Paper(
        subject=f"{content.title} · {content.company}",
        text=text_mail(content),
        html=html_mail(content),
        pdf=board_pdf(content),
    )
