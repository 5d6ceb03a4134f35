"""The words of names, as five languages write them: what each stands for, in plain letters."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from msgspec import Struct

from rapport.unify.given_names import GIVEN_NAMES, HUNGARIAN_GIVEN_NAMES, one_y


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Letters that Unicode does not decompose but people write without their stroke.
_STROKES = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_SEPARATORS = re.compile(r"[\W_\d]+")

#: Words that belong to no person in particular: forms of address, academic titles.
_TITLE_WORDS = (
    "mr mrs ms miss mx dr drs prof ing ir mevr mevrouw mw dhr heer meneer mme mlle madame monsieur "
    "sir dame herr frau ozv phd md mba mgr dipl vve rev reverend capt baronet esq"
)
TITLES = frozenset(_TITLE_WORDS.split())
#: Prefixes of family names that silos write, drop and glue at will.
_PREFIX_WORDS = (
    "van de den der vande vanden vander vd ter ten te von vom zu zur du la le les des da di dos do "
    "del della el al d l t op in het"
)
PREFIXES = frozenset(_PREFIX_WORDS.split())
#: What tells a parent from a child of the same name.
GENERATIONS = {
    "jr": "junior", "junior": "junior", "ifj": "junior", "ifjabb": "junior", "fils": "junior",
    "sr": "senior", "senior": "senior", "idosb": "senior", "idosebb": "senior", "pere": "senior",
    "ii": "second", "iii": "third",
}  # fmt: skip
#: Longer ones are no names; they are cut so that nothing takes long.
_LONGEST_NAME = 200
_MOST_WORDS = 12

#: Articles that French writes apart or not and never drops: "Le Bon" is "Lebon", not "Bon".
_GLUED_ARTICLES = frozenset({"le", "la", "du", "des", "mac", "mc"})
_DROPPED_PREFIXES = PREFIXES - _GLUED_ARTICLES
#: Words that announce a maiden name.
_ANNOUNCING = frozenset(
    {"nee", "ne", "epouse", "ep", "geb", "geboren", "geborene", "szul", "veuve"}
)
#: "De Smet", "Desmet" and "Smet"; "van Hove" and "Vanhove": Belgian registers glue at will.
_ALWAYS_GLUED = re.compile(r"^(?:vanden|vander|vande)(?=\w{4})")

#: Forms of law that no person is called, and those that are also words, letters or names.
_FORMS = _words(
    """
    bv bvba nv vzw vof sarl sprl srl asbl eurl sasu snc kft zrt nyrt gmbh mbh ohg ltd llc llp inc
    ekfm eirl eenmanszaak plc corp limited
    incorporated corporation stichting vereniging alapitvany egyesulet foundation
    """
)
_UNSURE_FORMS = _words("sa sas sca sci scs cv ag kg ug se bt rt co ev kkt company")
_ALL_FORMS = _FORMS | _UNSURE_FORMS
#: Forms that may stand before a name.
_LEADING_FORMS = _words("sa sas sarl sprl srl asbl vzw nv bv bvba sci stichting")
#: Families whose "-né" form is known even where a till left its accent out.
_HUNGARIAN_FAMILIES = _words(
    """
    nagy kovacs toth szabo horvath varga kiss molnar nemeth farkas balogh papp takacs juhasz
    lakatos meszaros olah simon racz fekete szilagyi torok feher balazs gal kis szucs kocsis orsos
    pinter fodor szalai sipos magyar lukacs gulyas biro kiraly katona laszlo jakab bogdan balog
    boros sandor kelemen antal somogyi fulop fazekas vincze veres hegedus deak barta bognar orban
    virag lengyel sebestyen halasz bodnar voros szekeres szoke vass szabados jonas
    """
)


@lru_cache(maxsize=65_536)
def fold(text: str) -> str:
    """``text`` in plain lower-case letters: accents gone, ß as ss, one space between words.

    Examples
    --------
    >>> fold("  Ágnes  SZŰCS-Øster ")
    'agnes szucs-oster'
    """
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_STROKES))
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    return " ".join(plain.split())


def fold_words(text: str) -> list[str]:
    """The folded words of ``text``, in its order: apostrophes join, what is no letter cuts."""
    return _SEPARATORS.sub(" ", _APOSTROPHES.sub("", fold(text))).split()


class NamePart(Struct, frozen=True, gc=False):
    """One word of a name. ``kind`` is a letter: w word, i initial, p prefix, a article, g mark of
    generation, f form of law, h "-né" word; titles are left out."""

    kind: str
    text: str
    upper: bool


#: "DeMey" and "vanDijk": a capital inside a word begins another, if what stands before is one.
_CAMEL = re.compile(r"(?<=[^\W\d_])(?=[A-ZÀ-ÖØ-Þ][^\W\d_A-ZÀ-ÖØ-Þ])")


def _uncamelled(token: str) -> str:
    pieces = _CAMEL.split(token)
    if len(pieces) == 1 or any(
        len(piece) < 3 and piece.casefold() not in PREFIXES | _GLUED_ARTICLES for piece in pieces
    ):
        return token
    return " ".join(pieces)


@lru_cache(maxsize=131_072)  # the words of names are few, and each is met thousands of times
def _parts(token: str) -> tuple[NamePart, ...]:
    """What stands between two spaces: usually one word."""
    parts: list[NamePart] = []
    upper = token.isupper() and sum(c.isalpha() for c in token) > 1
    dotless = token.replace(".", "").casefold()
    if dotless in _FORMS or (dotless in _UNSURE_FORMS and upper):
        return (NamePart("f", dotless, upper),)
    if dotless in {"vd", "v/d"}:  # "v.d. Berg": not two initials
        return (NamePart("p", "vd", upper),)
    if dotless == "id" and token[-1] == ".":  # idősebb
        return (NamePart("g", "senior", upper),)
    # "né" is looked for before accents are folded away: "Simone" and "Anne" end in plain "ne".
    for piece in (
        unicodedata.normalize("NFC", _uncamelled(token)).casefold().replace("-", " ").split()
    ):
        folded = fold_words(piece)
        for spelled in folded:
            word = one_y(spelled)
            if len(word) == 1 and word.isascii():
                kind = "p" if piece[0] in "'’‘`" or piece[-1] in "'’‘`" else "i"
                parts.append(NamePart(kind, word, upper))
            elif word in GENERATIONS:
                parts.append(NamePart("g", GENERATIONS[word], upper))
            elif word in TITLES or (word in _ANNOUNCING and len(folded) == 1):
                continue
            elif word in _GLUED_ARTICLES:
                parts.append(NamePart("a", word, upper))
            elif word in _DROPPED_PREFIXES:
                parts.append(NamePart("p", word, upper))
            elif (piece.endswith("né") and len(word) >= 5) or _is_wife_without_accent(word):
                parts.append(NamePart("h", word[:-2], upper))
            else:
                parts.append(NamePart("w", _ALWAYS_GLUED.sub("", word), upper))
    return tuple(parts)


def _is_wife_without_accent(word: str) -> bool:
    if not word.endswith("ne") or word in GIVEN_NAMES:
        return False
    return word[:-2] in HUNGARIAN_GIVEN_NAMES or word[:-2] in _HUNGARIAN_FAMILIES


def name_parts(text: str) -> list[NamePart]:
    """The parts of one field, articles glued to the word they belong to."""
    parts: list[NamePart] = []
    article = ""
    for token in text[:_LONGEST_NAME].replace(",", " ").replace(";", " ").split():
        for part in _parts(token):
            if part.kind == "a":
                # "de la Fontaine" is also "Fontaine": after a prefix an article is one.
                if article or not (parts and parts[-1].kind == "p"):
                    article += part.text
            elif article and part.kind in "wh":
                parts.append(NamePart(part.kind, article + part.text, part.upper))
                article = ""
            else:
                parts.append(part)
    if article:  # "La" alone, and the Chinese family Du
        parts.append(NamePart("w", article, False))
    return parts[:_MOST_WORDS]


def names_organisation(text: str) -> bool:
    """Whether a name is an organisation's, by the form of law that ends or begins it.

    Examples
    --------
    >>> [names_organisation(n) for n in ("Peeters bvba", "SA Dubois", "Jansen, B.V.", "Jan Maes")]
    [True, True, False, False]
    """
    if "," in text or not any(
        token.replace(".", "").casefold() in _ALL_FORMS for token in text[:_LONGEST_NAME].split()
    ):
        return False
    parts = name_parts(text)
    forms = [at for at, part in enumerate(parts) if part.kind == "f"]
    if not forms or not any(part.kind in "wh" for part in parts):
        return False
    return forms[-1] == len(parts) - 1 or (forms[0] == 0 and parts[0].text in _LEADING_FORMS)
