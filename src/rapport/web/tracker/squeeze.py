"""Makes a script of ours small: comments and spaces go, and variables get one letter.

For scripts written with it in mind, as `rapport.js` is, and tried in a browser as it is served. It
is no minifier for any script: a comment has a line of its own, every statement ends in a semicolon,
regular expressions hold neither spaces nor quotes, templates no spaces in their text, and the
methods of an object are written as arrow functions.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, product

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[A-Za-z_$][\w$]*|\d[\w.]*|\s+|=>|[^\w\s]'
)
_NAME = re.compile(r"[A-Za-z_$][\w$]*$")
_LETTERS = "etnrioascludpmhgfvybwkxETNRIOASCLUDPMHGFVYBWKX_$"
_SHORTER = {"const": "let", "true": "!0", "false": "!1"}
_NO_NAMES = frozenset({"let", "for", "of", "in"})


def squeeze(source: str) -> str:
    """The script that does the same in fewer bytes."""
    lines = (line for line in source.split("\n") if not line.lstrip().startswith("//"))
    tokens = [word for word in _TOKEN.findall("\n".join(lines)) if not word.isspace()]
    tokens = [_SHORTER.get(word, word) for word in tokens]
    short = _short_names(tokens)
    tokens = [short.get(word, word) for word in _joined_declarations(tokens)]
    text = "".join(_spaced(tokens))
    text = re.sub(r"\(([\w$]+)\)=>", r"\1=>", text)
    return re.sub(r"[;,]+(?=[}\])])", "", text)


def _spaced(tokens: list[str]) -> Iterator[str]:
    """The tokens, with a space only where two words would become one."""
    before = ""
    for word in tokens:
        if before[-1:] and re.match(r"[\w$]{2}", before[-1] + word[0]):
            yield " "
        yield word
        before = word


def _joined_declarations(tokens: list[str]) -> Iterator[str]:
    """``let a; let b;`` as ``let a, b;``."""
    declares = [False]  # whether the statement that goes on at each depth is a declaration
    skip = False
    for word, after in zip(tokens, [*tokens[1:], ""], strict=True):
        if skip:
            skip = False
        elif word == ";" and after == "let" and declares[-1]:
            skip = True
            yield ","
        else:
            if word in ("(", "[", "{"):
                declares.append(False)
            elif word in (")", "]", "}"):
                declares.pop()
            elif word == "let":
                declares[-1] = True
            elif word == ";":
                declares[-1] = False
            yield word


def _short_names(tokens: list[str]) -> dict[str, str]:
    """A letter for each variable whose name is that of no property, the commonest first."""
    counts = Counter(tokens)
    variables = _declared(tokens) - _properties(tokens) - _NO_NAMES
    free = (
        name
        for name in chain(_LETTERS, map("".join, product(_LETTERS, repeat=2)))
        if name not in counts
    )
    longer = [name for name, _ in counts.most_common() if name in variables and len(name) > 1]
    return dict(zip(longer, free, strict=False))


def _properties(tokens: list[str]) -> set[str]:
    """Every name that is, or might be, a property: ``x.a``, ``a: 1`` or ``{ a, b }``."""
    found: set[str] = set()
    opened: list[str] = []
    padded = ["", "", "", *tokens, ""]
    for i, word in enumerate(tokens, start=3):
        before, after = padded[i - 1], padded[i + 1]
        if word in ("(", "[", "{"):
            in_template = before.endswith("$")
            opened.append("${" if in_template else word)
        elif word in (")", "]", "}"):
            opened.pop()
        elif _NAME.match(word):
            spread = padded[i - 3 : i] == [".", ".", "."]
            in_braces = opened[-1:] == ["{"] and before in ("{", ",")
            listed = in_braces and after in (",", "}")
            if (before == "." and not spread) or after == ":" or listed:
                found.add(word)
    return found


def _declared(tokens: list[str]) -> set[str]:
    """Names after ``let``, the parameters of arrow functions, and those taken out of lists."""
    found: set[str] = set()
    pending: list[tuple[int, bool]] = []  # where each bracket opened, and whether after `let`
    for i, word in enumerate(tokens):
        if word in ("(", "[", "{"):
            pending.append((i, tokens[i - 1] == "let"))
        elif word in (")", "]", "}"):
            start, declares = pending.pop()
            inside = tokens[start + 1 : i]
            if declares or (word == ")" and tokens[i + 1 : i + 2] == ["=>"]):
                found.update(name for name in inside if _NAME.match(name))
        elif _NAME.match(word) and (tokens[i - 1] == "let" or tokens[i + 1] == "=>"):
            found.add(word)
    return found
