"""The demo company in small, made once per test run and copied for each test that changes it."""

from __future__ import annotations

import fcntl
import os
import shutil
from functools import cache
from pathlib import Path
from tempfile import gettempdir

from rapport.settings import Settings
from rapport.workflows.company import open_company
from rapport.workflows.demo import build_demo

PEOPLE = 300


@cache
def _made(place: Path) -> Path:
    """The folder, made by the first of several processes; the others wait for it."""
    place.mkdir(parents=True, exist_ok=True)
    folder = place / "small-company"
    with (place / "small-company.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            making = place / "small-company.making"
            shutil.rmtree(making, ignore_errors=True)
            with open_company(Settings(data=str(making))) as company:
                build_demo(company, people=PEOPLE)
            making.rename(folder)
    return folder


def small_company(place: Path) -> Path:
    """Data folder of a demo company of 300 people; never write to it.

    Parameters
    ----------
    place : Path
        A temporary folder of this test run, such as `tmp_path_factory.getbasetemp()`.
    """
    # Every process of pytest-xdist has a folder of its own within the run's.
    shared = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place
    return _made(shared if shared != Path(gettempdir()) else place)


def copy_of_small_company(place: Path, to: Path) -> Path:
    """A copy of the small company that a test may change."""
    shutil.copytree(small_company(place), to)
    return to
