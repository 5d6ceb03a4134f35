"""Makes a script of ours small: comments and spaces go, and variables get one letter.

For scripts written with it in mind, as `rapport.js` is, and tried in a browser as it is served. It
is no minifier for any script: a comment has a line of its own, every statement ends in a semicolon,
regular expressions hold neither spaces nor quotes, templates no spaces in their text, and the methods of an
object are written as arrow functions.
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
    tokens = [token for token in _TOKEN.findall("\n".join(lines)) if not token.isspace()]
    tokens = [_SHORTER.get(token, token) for token in tokens]
    short = _short_names(tokens)
    tokens = [short.get(token, token) for token in _joined_declarations(tokens)]
    text = "".join(_spaced(tokens))
    text = re.sub(r"\(([\w$]+)\)=>", r"\1=>", text)
    return re.sub(r"[;,]+(?=[}\])])", "", text)


def _spaced(tokens: list[str]) -> Iterator[str]:
    """The tokens, with a space only where two words would become one."""
    before = ""
    for token in tokens:
        if before[-1:] and re.match(r"[\w$]{2}", before[-1] + token[0]):
            yield " "
        yield token
        before = token


def _joined_declarations(tokens: list[str]) -> Iterator[str]:
    """``let a; let b;`` as ``let a, b;``."""
    declares = [False]  # whether the statement that goes on at each depth is a declaration
    skip = False
    for token, after in zip(tokens, [*tokens[1:], ""], strict=True):
        if skip:
            skip = False
        elif token == ";" and after == "let" and declares[-1]:
            skip = True
            yield ","
        else:
            if token in ("(", "[", "{"):
                declares.append(False)
            elif token in (")", "]", "}"):
                declares.pop()
            elif token == "let":
                declares[-1] = True
            elif token == ";":
                declares[-1] = False
            yield token


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
    """Every name that is, or might be, a property: after a dot, before a colon, or in ``{a, b}``."""
    found: set[str] = set()
    opened: list[str] = []
    padded = ["", "", "", *tokens, ""]
    for i, token in enumerate(tokens, start=3):
        before, after = padded[i - 1], padded[i + 1]
        if token in ("(", "[", "{"):
            opened.append(token)
        elif token in (")", "]", "}"):
            opened.pop()
        elif _NAME.match(token):
            spread = padded[i - 3 : i] == [".", ".", "."]
            in_braces = opened[-1:] == ["{"] and before in ("{", ",")
            listed = in_braces and after in (",", "}")
            if (before == "." and not spread) or after == ":" or listed:
                found.add(token)
    return found


def _declared(tokens: list[str]) -> set[str]:
    """Names after ``let``, the parameters of arrow functions, and those taken out of lists."""
    found: set[str] = set()
    pending: list[tuple[int, bool]] = []  # where each bracket opened, and whether after `let`
    for i, token in enumerate(tokens):
        if token in ("(", "[", "{"):
            pending.append((i, tokens[i - 1] == "let"))
        elif token in (")", "]", "}"):
            start, declares = pending.pop()
            inside = tokens[start + 1 : i]
            if declares or (token == ")" and tokens[i + 1 : i + 2] == ["=>"]):
                found.update(name for name in inside if _NAME.match(name))
        elif _NAME.match(token) and (tokens[i - 1] == "let" or tokens[i + 1] == "=>"):
            found.add(token)
    return found
