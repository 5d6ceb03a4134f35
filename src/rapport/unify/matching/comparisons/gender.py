"""Gender as forms in five languages write it."""

from __future__ import annotations

from rapport.unify.matching.comparison import Column, Comparison
from rapport.unify.matching.comparisons.likeness import same_level
from rapport.unify.name_words import fold_words

_MALE = (
    "m male man men mr mister boy sir h homme masculin masc monsieur garcon dhr heer meneer "
    "mannelijk jongen mann mannlich maennlich herr ferfi ffi fiu ur"
)
_FEMALE = (
    "f female woman women w v vrouw vrouwelijk mevrouw mevr mw mej meisje femme feminin fem mme "
    "madame mlle mademoiselle frau weiblich no noi asszony lany holgy mrs ms miss girl lady"
)
_OTHER = "x other nonbinary nb divers d diverse autre anders ander overig egyeb mx"
_READINGS = (
    dict.fromkeys(_MALE.split(), "m")
    | dict.fromkeys(_FEMALE.split(), "f")
    | dict.fromkeys(_OTHER.split(), "x")
)
#: In Hungarian "F" is férfi (man) and "N" is nő (woman); elsewhere "F" is a woman.
_HUNGARIAN = {"n": "f", "f": None}
_DIGITS = {"1": "m", "2": "f"}  # ISO 5218; 0 is unknown and 9 not applicable
_LONGEST = 40


def read_gender(gender: str | None, country: str | None) -> tuple[str | None]:
    """``m``, ``f``, ``x`` (neither), or None.

    Examples
    --------
    >>> read_gender("Mevrouw", "BE"), read_gender("férfi", "HU"), read_gender("F", "HU")
    (('f',), ('m',), (None,))
    """
    if not gender or len(gender) > _LONGEST:
        return (None,)
    if (digit := _DIGITS.get(gender.strip())) is not None:
        return (digit,)
    words = fold_words(gender)
    if country == "HU" and len(words) == 1 and words[0] in _HUNGARIAN:
        return (_HUNGARIAN[words[0]],)
    if words[:1] == ["non"]:  # "non-binary", "non-binaire"
        return ("x",)
    found = {_READINGS[word] for word in words if word in _READINGS}
    return (found.pop() if len(found) == 1 else None,)


COMPARISON = Comparison(
    name="gender",
    inputs=("gender", "country"),
    columns=(Column(name="gender"),),
    read=read_gender,
    said=("gender",),
    levels=(same_level("same_gender", "gender", rarity=False),),
)
