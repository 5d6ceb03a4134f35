"""The help of every command shows how to use it, and what it shows works."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from rapport.cli import main_group
from tests.cli.commands import COMMANDS, LEAVES
from tests.cli.conftest import Rapport


def _examples(command: click.Command) -> list[str]:
    help_text = (command.help or "").replace("\b", "")
    _, found, after = help_text.partition("Example")
    return [
        line.strip() for line in after.splitlines() if found and line.strip().startswith("rapport ")
    ]


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_help_says_what_the_command_does_and_shows_an_example(path, rapport: Rapport) -> None:
    ran = rapport(*path, "--help")
    assert ran.code == 0
    assert ran.err == ""
    assert f"Usage: rapport {' '.join(path)}" in ran.out
    _, _, example = ran.out.partition("Example")
    assert "rapport " in example
    assert " ".join(path) in example


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_example_is_a_command_line_that_the_command_accepts(
    path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    examples = _examples(LEAVES[path])
    assert examples
    for example in examples:
        words = shlex.split(example)[1:]
        for name in (word for word in words if word.endswith((".csv", ".json", ".toml"))):
            Path(name).touch()
        for name in (word for word in words if word.endswith("/")):
            Path(name).mkdir(exist_ok=True)
        if path[0] == "user" and path[1] in {"add", "password"}:
            words += ["--password", "long enough for this"]  # else it asks
        with main_group.make_context("rapport", words) as context:
            name, command, rest = main_group.resolve_command(context, context._protected_args)
            rest = [*rest, *context.args]
            while isinstance(command, click.Group) and command is not LEAVES[path]:
                name, command, rest = command.resolve_command(context, rest)
            assert command is LEAVES[path], f"{example} runs {name}"
            command.make_context(name, rest, parent=context).close()


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_option_and_command_has_words(path) -> None:
    command = LEAVES[path]
    silent = [
        option.name
        for option in command.params
        if isinstance(option, click.Option)
        and not option.help
        # Options whose name and choices say all.
        and not isinstance(option.type, click.Choice)
        and option.name != "mapping"
    ]
    assert not silent, f"options without help: {silent}"


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_but_serve_has_json(path) -> None:
    options = {name for option in LEAVES[path].params for name in option.opts}
    assert ("--json" in options) == (path != ("serve",))


def test_whatever_rewrites_stores_or_imports_can_be_tried_dry() -> None:
    for path in (("import",), ("rebuild",)):
        assert any("--dry-run" in option.opts for option in COMMANDS[path].params), path


def test_the_first_help_lists_every_command(rapport: Rapport) -> None:
    ran = rapport("--help")
    assert ran.code == 0
    for name, *rest in COMMANDS:
        if not rest:
            assert f"\n  {name} " in ran.out


def test_no_command_shows_the_help(rapport: Rapport) -> None:
    ran = rapport()
    assert "Usage: rapport" in ran.out + ran.err
