"""Words: every key that code asks for exists in every language, and none is left over."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rapport.web
from rapport.vocabulary.access import PERMISSIONS
from rapport.web import html as h
from rapport.web.words import (
    LANGUAGES,
    MissingWordsError,
    catalogue,
    locale_of,
    rich,
    t,
)

ROOT = Path(rapport.web.__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")


def keys_in_code() -> tuple[dict[str, str], dict[str, str]]:
    """Literal keys, and prefixes of keys put together at run time, each with its place."""
    areas = {key.partition(".")[0] for key in catalogue()}
    key = re.compile(rf"(?:{'|'.join(sorted(areas))})(?:\.[a-z0-9_]+)+")
    prefix = re.compile(rf"(?:{'|'.join(sorted(areas))})(?:\.[a-z0-9_]+)*\.")
    keys: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        pieces = {
            id(piece)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for piece in node.values
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                start = str(node.values[0].value)
                if prefix.fullmatch(start):
                    prefixes[start] = f"{path.name}:{node.lineno}"
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in pieces
                and key.fullmatch(node.value)
            ):
                keys[node.value] = f"{path.name}:{node.lineno}"
    return keys, prefixes


def test_every_key_used_in_code_exists() -> None:
    keys, prefixes = keys_in_code()
    known = catalogue()
    # Permissions are named alike: "customers.read" is no words.
    wanted = {key: place for key, place in keys.items() if key not in PERMISSIONS}
    assert {key: place for key, place in wanted.items() if key not in known} == {}
    assert {
        start: place
        for start, place in prefixes.items()
        if not any(key.startswith(start) for key in known)
    } == {}


def test_no_words_are_left_over() -> None:
    keys, prefixes = keys_in_code()
    unused = {
        key
        for key in catalogue()
        if key not in keys and not any(key.startswith(start) for start in prefixes)
    }
    assert unused == set()


def _faults(texts: dict[str, str | dict[str, str]]) -> list[str]:
    """What is wrong with the words of one key."""
    if set(texts) != set(LANGUAGES):
        return [f"languages: {sorted(texts)}"]
    faults = []
    places = {}
    for language, forms in texts.items():
        several = list(forms.values()) if isinstance(forms, dict) else [forms]
        if not all(isinstance(text, str) and text.strip() for text in several):
            faults.append(f"{language}: no text")
        if isinstance(forms, dict):
            needed = set(locale_of(language).plural_form.tags) | {"other"}
            if not {"other"} <= set(forms) <= needed:
                faults.append(f"{language}: forms {sorted(forms)}")
        # The singular may leave the count out ("one customer"), so only "other" must agree.
        text = forms.get("other", "") if isinstance(forms, dict) else forms
        places[language] = frozenset(PLACEHOLDER.findall(text))
    if len(set(places.values())) > 1:
        faults.append(f"places for values: {places}")
    return faults


@pytest.mark.parametrize("area", sorted({key.partition(".")[0] for key in catalogue()}))
def test_words_exist_in_every_language_with_the_same_places_for_values(area: str) -> None:
    keys = [key for key in catalogue() if key.partition(".")[0] == area]
    assert {key: faults for key in keys if (faults := _faults(catalogue()[key]))} == {}


def test_plural_forms_follow_the_language() -> None:
    assert t("en", "numbers.ago.days", count=1) == "1 day ago"
    assert t("en", "numbers.ago.days", count=0) == "0 days ago"
    assert t("fr", "numbers.ago.days", count=0) == "il y a 0 jour"
    assert t("hu", "numbers.ago.days", count=5) == "5 napja"


def test_counts_are_grouped_and_texts_are_left_alone() -> None:
    assert t("en", "numbers.ago.days", count=1200) == "1,200 days ago"
    assert t("en", "parts.reference", reference="2026") == "Reference 2026"


def test_words_nobody_wrote_are_an_error_that_names_the_file() -> None:
    with pytest.raises(MissingWordsError, match=r"words/nowhere\.toml"):
        t("en", "nowhere.title")


def test_rich_words_keep_markup_and_leave_the_rest_to_be_escaped() -> None:
    children = rich("en", "frame.search.nothing", query=h.b("<x>"))
    assert h.p(children) == "<p>Nothing found for “<b>&lt;x&gt;</b>”</p>"
