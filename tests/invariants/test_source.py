"""What no file of the product may do."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import rapport

SRC = Path(rapport.__file__).parent
FILES = sorted(SRC.rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def _calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


TREES = {_name(path): ast.parse(path.read_text("utf-8")) for path in FILES}


WRITERS = ("collect/pulls/through_dlt.py", "workflows/serve.py")


def test_only_settings_read_the_environment() -> None:
    #: `serve` hands the settings down to the processes that it starts; dlt is told by the
    #: environment of its own process.
    allowed = {"settings.py", *WRITERS}
    readers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"})
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and any(alias.name in {"environ", "getenv"} for alias in node.names)
        )
    }
    assert readers == allowed


@pytest.mark.parametrize("name", WRITERS)
def test_who_writes_the_environment_does_not_read_it(name: str) -> None:
    reads = [
        ast.unparse(node)
        for node in ast.walk(TREES[name])
        if isinstance(node, ast.Subscript)
        and ast.unparse(node.value) == "os.environ"
        and not isinstance(node.ctx, ast.Store)
    ]
    assert reads == []


def test_nothing_prints_but_the_command_line() -> None:
    printing = [
        f"{name}:{line}"
        for name, tree in TREES.items()
        for called, line in _calls(tree)
        if called in {"print", "pprint", "click.echo"} and not name.startswith("cli/")
    ]
    assert printing == []


def test_no_door_but_the_command_line_knows_click_or_rich() -> None:
    importing = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        for module in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        if module.partition(".")[0] in {"click", "rich"}
    }
    assert all(name.startswith("cli/") for name in importing)


def test_no_error_is_swallowed() -> None:
    swallowing = [
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and all(isinstance(step, ast.Pass) for step in node.body)
    ]
    assert swallowing == []


def test_nothing_asks_the_clock_or_chance_in_a_room() -> None:
    """Clock and randomness come as arguments, so that a test can hold them still."""
    rooms = ("collect/", "unify/", "understand/", "predict/", "act/", "privacy/", "vocabulary/")
    asking = [
        f"{name}:{line} {called}"
        for name, tree in TREES.items()
        if name.startswith(rooms)
        for called, line in _calls(tree)
        if re.fullmatch(
            r"(datetime\.)?(datetime|date)\.(now|utcnow|today)|time\.time"
            r"|(np|numpy)\.random\.(rand|randn|seed|random|choice|normal)",
            called,
        )
    ]
    assert asking == []


def _registers() -> Iterator[tuple[str, str]]:
    """Modules that are named as text in a tuple, to be imported when first used."""
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            for element in node.elts if isinstance(node, ast.Tuple) else ():
                said = element.value if isinstance(element, ast.Constant) else None
                if isinstance(said, str) and re.fullmatch(
                    r"rapport(\.(?!css|js)[a-z_0-9]+)+", said
                ):
                    yield name, said


@pytest.mark.parametrize(
    ("where", "module"), sorted({*_registers()}), ids=lambda each: str(each).replace("/", ".")
)
def test_everything_that_is_registered_by_name_can_be_imported(where: str, module: str) -> None:
    import_module(module)


def test_registers_are_found() -> None:
    modules = {module for _, module in _registers()}
    assert {
        "rapport.act.channels.email",
        "rapport.web.pages.dashboard",
    } <= modules


def test_tuples_of_modules_are_alphabetical() -> None:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Tuple) and len(node.elts) > 2:
                texts = [e.value for e in node.elts if isinstance(e, ast.Constant)]
                modules = [t for t in texts if isinstance(t, str) and t.startswith("rapport.")]
                if len(modules) == len(node.elts):
                    assert modules == sorted(modules), f"{name}:{node.lineno}"


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name
        for name, tree in TREES.items()
        if not ast.get_docstring(tree) and name != "__init__.py"
    ]
    assert [name for name in silent if TREES[name].body] == []


def test_nothing_is_left_for_later() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    found = [
        f"{_name(path)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []
