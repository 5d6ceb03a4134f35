"""What the pages say, in every language: one TOML file per page or area beside this one.

``words/inbox.toml`` holds ``title = {en = "Inbox", nl = "…", fr = "…", hu = "…"}``, read as
``t("nl", "inbox.title")``. Dots nest: ``kind.call = {…}`` is ``inbox.kind.call``. Text that
changes with a number gives its plural forms: ``en = {one = "{count} day", other = "{count}
days"}`` (Hungarian needs none). Numbers are grouped as the language does; years and order
numbers are passed as text.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from babel import Locale
from babel.numbers import format_decimal

from rapport.web import html as h

LANGUAGES: Mapping[str, str] = {
    "en": "English",
    "nl": "Nederlands",
    "fr": "Français",
    "hu": "Magyar",
}
# British English: days come before months, as in all our languages.
LOCALES: Mapping[str, str] = {"en": "en_GB", "nl": "nl", "fr": "fr", "hu": "hu"}

Forms: TypeAlias = "str | dict[str, str]"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


class MissingWordsError(LookupError):
    """A page asks for words that no file has."""


@cache
def locale_of(language: str) -> Locale:
    """Babel's locale of one of our languages."""
    return Locale.parse(LOCALES[language])


@cache
def catalogue() -> Mapping[str, Mapping[str, Forms]]:
    """All words: key, such as ``inbox.title``, to language to text or plural forms."""
    found: dict[str, Mapping[str, Forms]] = {}
    for file in sorted(files("rapport.web.words").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            area = file.name.removesuffix(".toml")
            found |= dict(_leaves(area, tomllib.loads(file.read_text(encoding="utf-8"))))
    return found


def _leaves(prefix: str, table: dict[str, object]) -> Iterator[tuple[str, Mapping[str, Forms]]]:
    for name, value in table.items():
        if not isinstance(value, dict):
            raise TypeError(f"words {prefix}.{name}: expected a text per language, got {value!r}")
        if "en" in value:
            yield f"{prefix}.{name}", value
        else:
            yield from _leaves(f"{prefix}.{name}", value)


@cache
def _template(language: str, key: str) -> Forms:
    try:
        return catalogue()[key][language]
    except KeyError:
        area = key.partition(".")[0]
        raise MissingWordsError(
            f"No words {key!r} in {language!r}; add them to words/{area}.toml."
        ) from None


def _chosen(language: str, key: str, count: object) -> str:
    template = _template(language, key)
    if isinstance(template, str):
        return template
    if not isinstance(count, int | float):
        raise TypeError(f"Words {key!r} have plural forms; pass count=.")
    form = locale_of(language).plural_form(abs(count))
    return template.get(form, template["other"])


def _as_text(language: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return format_decimal(value, locale=locale_of(language)).replace("-", "−")
    return str(value)


def t(language: str, key: str, **values: object) -> str:
    """The words `key` in `language`, with ``{name}`` replaced by the value of that name.

    Raises
    ------
    MissingWordsError
        If no file has the key in that language.
    KeyError
        If the words name a value that was not passed.
    """
    template = _chosen(language, key, values.get("count"))
    if "{" not in template:
        return template
    return _PLACEHOLDER.sub(lambda found: _as_text(language, values[found[1]]), template)


def rich(language: str, key: str, **values: h.Child) -> list[h.Child]:
    """Like `t`, as children of an element: values may be `Markup`, such as a link in a sentence."""
    template = _chosen(language, key, values.get("count"))
    parts: list[h.Child] = []
    for index, part in enumerate(_PLACEHOLDER.split(template)):
        if index % 2 == 0:
            parts.append(part)
        else:
            value = values[part]
            parts.append(value if isinstance(value, h.Markup) else _as_text(language, value))
    return parts
