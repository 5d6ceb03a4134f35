"""A company with empty stores for tests that go through workflows and doors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from litestar.testing import TestClient

from rapport.asgi import create_app
from rapport.settings import Settings
from rapport.workflows.company import Clock, Company, open_company, system_clock
from rapport.workflows.users import create_user

PASSWORD = "correct horse battery"


@contextmanager
def empty_company(folder: Path, *, clock: Clock = system_clock) -> Iterator[Company]:
    """A fresh data folder."""
    with open_company(Settings(data=str(folder / "data")), clock=clock) as company:
        yield company


@contextmanager
def visitor(company: Company, *, role: str | None = None) -> Iterator[TestClient]:
    """A browser on the company's pages, signed in as a new user of ``role``."""

    @contextmanager
    def opened() -> Iterator[Company]:
        yield company

    with TestClient(
        create_app(opened()), base_url="http://rapport.test", raise_server_exceptions=False
    ) as client:
        if role is not None:
            email = f"{role}@kadar.example"
            create_user(
                company, email=email, name=f"Sofie {role.title()}", role=role, password=PASSWORD
            )
            client.post(
                "/sign-in", data={"email": email, "password": PASSWORD}, follow_redirects=False
            )
        client.headers["x-csrftoken"] = ""
        yield client
