"""Every command in README and manual is run, page by page, as a reader would.

In a fenced block marked ``console``, a line that begins with ``$ `` is a command; the lines below
it are what it must print, in that order, where ``…`` stands for anything. Lines that it prints
besides are no matter. Blocks marked otherwise (``text``, ``toml``, ``sh``) are not run.

Each page has a folder of its own with `docs/samples` in it, and the commands of one page run one
after another. Three things differ from a reader's machine: the demo company is a small one, port
8000 is a free port, and passwords that are asked for are typed by the test. A command that serves
runs on while those below it run, and must end well when it is told to.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.M | re.S)
PASSWORD = "a password for tests\n"
#: Of these only the target is looked up: they install, or run what other tests run.
MAKE = re.compile(r"^make ([a-z]+)")

#: What `export` set holds for the commands below it.
_AS_BEFORE = "[ -f .exported ] && . ./.exported\n"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a page and the lines it must print."""

    line: str
    expected: tuple[str, ...]


def commands_of(page: Path) -> list[Command]:
    """The commands of a page, in order."""
    found: list[Command] = []
    for block in BLOCK.findall(page.read_text("utf-8")):
        line, expected = "", []
        for text in [*block.splitlines(), "$ "]:
            if text.startswith("$ "):
                if line:
                    found.append(Command(line=line, expected=tuple(expected)))
                line, expected = text[2:], []
            elif line.endswith("\\"):
                line = line[:-1] + text.removeprefix(">").strip()
            elif text.strip():
                expected.append(text)
    return found


PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if commands_of(page)
]


def test_pages_with_commands_are_found() -> None:
    assert {"README.md", "first-hour.md", "your-own-data.md"} <= {page.name for page in PAGES}


class Shell:
    """A reader's shell in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.serving: list[tuple[subprocess.Popen[bytes], IO[bytes]]] = []
        shutil.copytree(ROOT / "docs" / "samples", folder / "docs" / "samples")
        programs = folder / ".programs"
        programs.mkdir()
        (programs / "rapport").write_text(
            f'#!/bin/sh\nexec {sys.executable} -c "from rapport.cli import main; main()" "$@"\n'
        )
        (programs / "rapport").chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAPPORT_")}
        self.environment = {
            **kept,
            "PATH": f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RAPPORT_PORT": str(self.port),
            "RAPPORT_PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "COLUMNS": "200",
        }

    def run(self, command: Command) -> None:
        """Run it, and hold what it prints against what the page says."""
        line = re.sub(r"(?<=127\.0\.0\.1:)8000|(?<=--port )8000", str(self.port), command.line)
        line = re.sub(r"\brapport( --data \S+)? demo\b", r"\g<0> --people 300", line)
        if target := MAKE.match(line):
            subprocess.run(["make", "-n", "-C", ROOT, target[1]], check=True, capture_output=True)
        elif re.search(r"\brapport\b.*(\bserve\b|--serve\b)", line) and "--help" not in line:
            self._serve(line)
        else:
            ran = subprocess.run(
                ["bash", "-c", f"{_AS_BEFORE}{line}\ncode=$?; export -p > .exported; exit $code"],
                cwd=self.folder, env=self.environment, capture_output=True, text=True,
                input=PASSWORD * 2, timeout=200, start_new_session=True, check=False,
            )  # fmt: skip
            assert ran.returncode == 0, f"$ {line}\n{ran.stdout}{ran.stderr}"
            _compare(command, ran.stdout + ran.stderr)

    def _serve(self, line: str) -> None:
        log = (self.folder / f"serving-{len(self.serving)}.log").open("w+b")
        process = subprocess.Popen(
            ["bash", "-c", f"{_AS_BEFORE}exec {line}"],
            cwd=self.folder, env=self.environment, stdout=log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        self.serving.append((process, log))
        until = time.monotonic() + 120
        while time.monotonic() < until:
            assert process.poll() is None, f"$ {line}\n{_text(log)}"
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/sign-in", timeout=10).close()
            except urllib.error.HTTPError as answered:
                answered.close()
                return
            except OSError:
                time.sleep(0.2)
            else:
                return
        pytest.fail(f"$ {line}\nnothing answered within two minutes\n{_text(log)}")

    def stop_serving(self, *, ended_well: bool) -> None:
        """Ctrl-C in every terminal."""
        for process, log in self.serving:
            try:
                os.killpg(process.pid, signal.SIGINT)
                code = process.wait(60)
                said = _text(log)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
                raise
            finally:
                log.close()
            assert not ended_well or code == 0, said
        self.serving.clear()


def _text(log: IO[bytes]) -> str:
    log.flush()
    return Path(log.name).read_text("utf-8", errors="replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _compare(command: Command, printed: str) -> None:
    lines = iter(printed.splitlines())
    for expected in command.expected:
        pattern = ".*".join(
            re.sub(r"(\\ |\s)+", r"\\s+", re.escape(part)) for part in expected.strip().split("…")
        )
        assert any(re.fullmatch(rf"\s*{pattern}\s*", line) for line in lines), (
            f"$ {command.line}\nmust print: {expected}\nprinted:\n{printed}"
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_do_what_it_says(page: Path, tmp_path: Path) -> None:
    commands = list(commands_of(page))
    if any(command.line.startswith("curl ") for command in commands) and not shutil.which("curl"):
        assert not os.environ.get("CI"), "install curl"
        pytest.skip("install curl: this page's commands use it")
    shell = Shell(tmp_path)
    try:
        for command in commands:
            shell.run(command)
    except BaseException:
        shell.stop_serving(ended_well=False)
        raise
    shell.stop_serving(ended_well=True)
