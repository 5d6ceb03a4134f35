"""The words of companies' names, as five languages write them: form, trade, and what is left.

"Boulangerie Peeters SPRL" of the till is "Peeters, bakkerij" of the accountant. A form is the
law's, and what a company does others do too; what tells one from another is the rest.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from msgspec import Struct

from rapport.unify.name_words import fold, names_organisation

_LONGEST = 200
_MOST_WORDS = 12


def _by_word(lines: str) -> dict[str, str]:
    """Each line: what is meant, and the words for it."""
    found: dict[str, str] = {}
    for line in lines.strip().splitlines():
        meant, _, words = line.partition(":")
        found |= dict.fromkeys(words.split(), meant.strip())
    return found


#: Forms of companies by what they are in law, which one silo writes and the next leaves out. The
#: BVBA became BV and SRL, one country's NV is its SA.
FORMS: Mapping[str, str] = _by_word(
    """
    private: bv bvba ebvba srl sprl sarl eurl kft gmbh ug ltd limited llc
    public: nv sa sas sasu ag plc zrt nyrt rt inc corp incorporated corporation
    partnership: vof snc cv cvba cvoa scs scrl comm commv gcv maatschap bt kkt ohg kg llp mbh co
    one man: ev eev egyeni ek ekfm eenmanszaak ei eirl
    non-profit: vzw ivzw asbl aisbl stichting vereniging alapitvany egyesulet foundation association
    other: sci se gie stg
    """
)
_JOINING_WORDS = "and et en und es the de het le la les az der die das van du des of"
_JOINING = frozenset(_JOINING_WORDS.split())
#: Who stands beside the name: the sons, the brothers, the partner.
_FAMILY = _by_word(
    """
    sons: zonen zoon zn zns zoons fils sohne soehne sohn fiai fia sons
    brothers: gebroeders gebr freres frere bruder brueder testverek brothers bros
    partners: tarsa tarsai tsa associes partners partner vennoten cie
    """
)
#: What many companies do, by what it is.
TRADES: Mapping[str, str] = {
    word: trade
    for trade, listed in tomllib.loads(
        resources.files("rapport.unify").joinpath("trades.toml").read_text("utf-8")
    ).items()
    for word in listed.split()
}

#: Trades that people are called by, and words too short or too plain to tell: of a name that may be
#: a person's they prove nothing.
_ALSO_PEOPLE = (
    "bakker boulanger hentes asztalos festo maler schilder kapper coiffeur friseur hairdresser "
    "jardin jardins garden gardens fleurs blumen ferme farm hoeve bolt bau bar auto autos cars it "
    "law fem metal metaal mode divat club klub kring cercle verein sport fitness school ecole "
    "schule iskola college loodgieter dakwerker aannemer notaris notaire notar kozjegyzo avocat "
    "avocats advocaat ugyvedi accountant accountants comptable dentiste tandarts zahnarzt opticien "
    "optician optik shop store winkel magasin laden dienst salon hair coffee kaffee peintre "
    "painting batiment epito builders books shoes ruha pension trans digital estate invest conseil "
    "handels advies beratung plombier couvreur velo velos studio design architecte digital motors"
)
_TELLING = (frozenset(TRADES) - frozenset(_ALSO_PEOPLE.split())) | {
    *("zonen", "gebroeders", "freres", "sohne", "partners", "associes", "vennoten", "tarsa"),
}

#: Typed where a company is asked for and there is none.
_NONE_WORDS = (
    "na n a none no nil null geen nvt prive privat private prive particulier privee aucun aucune "
    "neant nincs maganszemely magan personal self selfemployed zelfstandig independant student "
    "etudiant retired unemployed home test unknown onbekend inconnu ismeretlen"
)
_NO_COMPANY = frozenset(_NONE_WORDS.split())
#: Whoever gives mailboxes to everybody, whatever follows the first part of the name.
_PROVIDER_WORDS = (
    "gmail googlemail outlook hotmail live msn yahoo ymail icloud me mac aol proton protonmail pm "
    "gmx web mail email t-online freenet tutanota fastmail hushmail zoho yandex telenet skynet "
    "proximus scarlet voo pandora belgacom base edpnet ziggo kpnmail planet xs4all upcmail casema "
    "chello hetnet orange wanadoo free sfr laposte bbox neuf numericable freemail citromail "
    "indamail vipmail mailbox btinternet sky talktalk virginmedia ntlworld blueyonder"
)
_PROVIDERS = frozenset(_PROVIDER_WORDS.split())

_ABBREVIATED = re.compile(r"\b(\w)\.\s?(?=\w\b)")
_APOSTROPHES = re.compile("['’]")
_ASIDE = re.compile(r"\([^()]*\)?")
_BETWEEN = re.compile(r"[\W_]+")


class CompanyName(Struct, frozen=True, kw_only=True, gc=False):
    """A company's name, taken apart.

    Attributes
    ----------
    words : tuple of str
        In their order, plain, without forms; trades and families as they are meant.
    core : tuple of str
        Those that are neither a trade nor a family.
    trades : tuple of str
    form : str or None
        As `FORMS` has it.
    written : tuple of str
        The words as they were written.
    """

    words: tuple[str, ...]
    core: tuple[str, ...]
    trades: tuple[str, ...]
    form: str | None
    written: tuple[str, ...]


@lru_cache(maxsize=65_536)
def plain_words(name: str) -> tuple[tuple[str, ...], str | None]:
    """The plain words of a company's name in their order, without its form, and the form.

    Examples
    --------
    >>> plain_words("B.V.B.A. Studio 54 & Zonen")
    (('studio', '54', 'zonen'), 'private')
    >>> plain_words("n.v.t.")
    ((), None)
    """
    text = fold(name[:_LONGEST])
    text = _ASIDE.sub(" ", text) if not text.startswith("(") else text
    # "B.V." and "S.A." are one word; digits belong to a name ("3M", "Studio 54").
    text = _ABBREVIATED.sub(r"\1", text).replace("&", " and ").replace("+", " and ")
    words = _BETWEEN.sub(" ", _APOSTROPHES.sub("", text)).split()[: 2 * _MOST_WORDS]
    form = None
    while len(words) > 1 and words[-1] in FORMS:
        form = FORMS[words.pop()]
    while len(words) > 1 and words[0] in FORMS and words[0] not in _JOINING:
        form = FORMS[words.pop(0)]
    if len(words) == 1 and words[0] in FORMS:
        return (), FORMS[words[0]]
    kept = [word for word in words if word not in _JOINING] or words
    if "".join(kept) in _NO_COMPANY or set(kept) <= _NO_COMPANY or len("".join(kept)) < 2:
        return (), form
    return tuple(kept[:_MOST_WORDS]), form


@lru_cache(maxsize=65_536)
def company_name(name: str) -> CompanyName | None:
    """A company's name, taken apart; None where it names none.

    Examples
    --------
    >>> company_name("Boulangerie Peeters SPRL").words, company_name("Bakkerij Peeters").words
    (('bakery', 'peeters'), ('bakery', 'peeters'))
    >>> company_name("Peeters & Zn.").core, company_name("B.V.")
    (('peeters',), None)
    """
    words, form = plain_words(name)
    if not words:
        return None
    meant = [TRADES.get(word) or _FAMILY.get(word) or word for word in words]
    told = list(dict.fromkeys(meant))
    trades = tuple(dict.fromkeys(TRADES[word] for word in words if word in TRADES))
    core = tuple(
        dict.fromkeys(word for word in words if word not in TRADES and word not in _FAMILY)
    )
    return CompanyName(words=tuple(told), core=core, trades=trades, form=form, written=words)


def names_company(text: str) -> bool:
    """Whether a name in whatever field is a company's: by its form, or by its trade.

    Examples
    --------
    >>> [names_company(n) for n in ("Peeters bvba", "Garage Martin", "Dubois Transports")]
    [True, True, True]
    >>> [names_company(n) for n in ("Jan Bakker", "Jansen, B.V.", "Garage")]
    [False, False, False]
    """
    if names_organisation(text):
        return True
    words = _BETWEEN.split((text if text.isascii() else fold(text)).lower())
    return len(words) > 1 and not _TELLING.isdisjoint(words)


def is_provider(domain: str) -> bool:
    """Whether anybody can have a mailbox there."""
    return domain.partition(".")[0] in _PROVIDERS
