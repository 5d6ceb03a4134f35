"""Runs of the command as a user's shell runs it, but in this process, so that they are quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rapport import cli
from tests.small_company import copy_of_small_company, small_company


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Rapport = Callable[..., Ran]


@pytest.fixture
def rapport(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Rapport:
    """Runs ``rapport ARGUMENTS`` through the entry point that the shell calls.

    The environment holds no setting of ours, the current folder is the test's own.
    """
    for name in list(os.environ):
        if name.startswith("RAPPORT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Ran:
        monkeypatch.setattr(sys, "argv", ["rapport", *map(str, arguments)])
        capfd.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        printed = capfd.readouterr()
        return Ran(code=code, out=printed.out, err=printed.err)

    return run


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data folder of the small demo company; only to be read."""
    return small_company(tmp_path_factory.getbasetemp())


@pytest.fixture
def own_demo(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    """Data folder of a small demo company that the test may change."""
    return copy_of_small_company(tmp_path_factory.getbasetemp(), tmp_path / "demo-data")
