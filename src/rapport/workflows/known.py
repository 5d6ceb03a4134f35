"""What the lake knows, found once for each state of the data and shared by all who ask."""

from __future__ import annotations

from datetime import datetime

from rapport.understand.knowledge import Knowledge, knowledge
from rapport.understand.plan import reads_orders
from rapport.understand.question import Question, check_question
from rapport.workflows.company import Company
from rapport.workflows.remembered import remembered


def known(
    company: Company, version: str, *, as_of: datetime | None = None, orders: bool = True
) -> Knowledge:
    """What the lake knows, or knew then.

    Parameters
    ----------
    version : str
        From `remembered.data_version`.
    orders : bool
        False: for what reads no orders, at a twentieth of the cost.
    """
    return remembered(
        company,
        version,
        ["knowledge", as_of, orders],
        lambda: knowledge(company.seen, as_of=as_of, orders=orders),
    )


def known_for(company: Company, version: str, question: Question) -> Knowledge:
    """What a question needs to know.

    Raises
    ------
    InvalidQuestion
        Naming all that is wrong.
    """
    check_question(question)
    return known(company, version, as_of=question.as_of, orders=reads_orders(question))
