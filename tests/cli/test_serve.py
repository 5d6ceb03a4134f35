"""``rapport serve`` as a process of its own: it answers, and it ends when told, leaving nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from rapport.settings import Settings
from rapport.workflows.company import open_company
from rapport.workflows.users import create_api_token
from tests.small_company import copy_of_small_company

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]
ENDS_WITHIN_SECONDS = 40


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("RAPPORT_")}


class Started(NamedTuple):
    """A server of its own process group, and the file that it speaks into."""

    process: subprocess.Popen[str]
    port: int
    said: Path


@pytest.fixture
def demo_data(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of a small demo company that may change."""
    return copy_of_small_company(tmp_path_factory.getbasetemp(), tmp_path / "demo-data")


@pytest.fixture
def served(tmp_path: Path, demo_data: Path) -> Iterator[Started]:
    """A server of the demo company in a process group of its own, once it says its address."""
    with _started("from rapport.cli import main; main()", tmp_path, demo_data) as started:
        yield started


@contextmanager
def _started(program: str, tmp_path: Path, data: Path) -> Iterator[Started]:
    port = free_port()
    said = tmp_path / "said.txt"
    with said.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", program),
                *("--data", str(data), "serve", "--port", str(port)),
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            env=_environment(),
            start_new_session=True,
        )
    started = Started(process, port, said)
    try:
        _wait_until_it_says_its_address(started)
        yield started
    finally:
        if _group(process.pid):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _get(port: int, path: str, token: str = "") -> int:
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code


def _wait_until_it_says_its_address(started: Started) -> None:
    until = time.monotonic() + 60
    while f"http://127.0.0.1:{started.port}" not in started.said.read_text():
        assert started.process.poll() is None, started.said.read_text()
        assert time.monotonic() < until, "the server did not say its address within a minute"
        time.sleep(0.1)


def _group(leader: int) -> list[int]:
    """Processes that still live in the group that ``leader`` began."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                after_name = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended while we looked
            state, group = after_name[0], int(after_name[2])
            if group == leader and state != "Z":
                found.append(int(folder.name))
    return found


def _by_ctrl_c(process: subprocess.Popen[str]) -> None:
    """As a terminal does: to every process of the group."""
    os.killpg(process.pid, signal.SIGINT)


def _by_interrupting_the_parent(process: subprocess.Popen[str]) -> None:
    """As ``kill -INT`` or a supervisor does: to the first process only."""
    os.kill(process.pid, signal.SIGINT)


def _by_terminating_the_parent(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.parametrize(
    "stop", [_by_ctrl_c, _by_interrupting_the_parent, _by_terminating_the_parent]
)
def test_serve_answers_and_ends_cleanly(
    stop: Callable[[subprocess.Popen[str]], None], served: Started
) -> None:
    process, port, said = served
    assert _get(port, "/sign-in") == 200
    assert len(_group(process.pid)) >= 3  # the command, a worker, a web process
    stop(process)
    process.wait(timeout=ENDS_WITHIN_SECONDS)
    out = said.read_text()
    assert process.returncode == 0, out
    assert "everything that was accepted is kept" in out
    assert "Traceback" not in out
    # Python's own tracker of shared memory notices a moment later that its parent has gone.
    until = time.monotonic() + 5
    while _group(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert _group(process.pid) == []


#: As `rapport demo --serve` does: the company is made, which opens the lake, and then served.
_OPENS_THE_LAKE_FIRST = """
import sys
from rapport.cli import main
from rapport.settings import Settings
from rapport.workflows.company import open_company
from rapport.workflows.sources import source_view

with open_company(Settings(data=sys.argv[2])) as company:
    assert source_view(company, "till_be").types
main()
"""


def test_a_process_that_has_opened_the_lake_serves_it(tmp_path: Path, demo_data: Path) -> None:
    with open_company(Settings(data=str(demo_data))) as company:
        token = create_api_token(company, email="admin@kadar.example", name="test")
    with _started(_OPENS_THE_LAKE_FIRST, tmp_path, demo_data) as started:
        assert _get(started.port, "/api/v1/sources/till_be", token) == 200
        assert "Traceback" not in started.said.read_text()


def _run(*arguments: str | Path, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-c", "from rapport.cli import main; main()"),
            *("--data", str(data), *map(str, arguments)),
        ],
        capture_output=True,
        text=True,
        env=_environment(),
        timeout=60,
        check=False,
    )


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = _run("serve", "--port", str(port), data=tmp_path / "data")
    assert ran.returncode == 2
    assert ran.stderr.strip() == (
        f"conflict: Port {port} on 127.0.0.1 is taken; choose another with --port or RAPPORT_PORT"
    )


def test_serving_a_company_where_nobody_can_sign_in_says_how_to_add_somebody(
    tmp_path: Path,
) -> None:
    ran = _run("serve", "--port", str(free_port()), data=tmp_path / "data")
    assert ran.returncode == 2
    assert "rapport user add EMAIL --role admin" in ran.stderr
    assert "Traceback" not in ran.stderr
