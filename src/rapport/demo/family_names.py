"""Family names by language: the usual ones, then composed ones, so that most are rare."""

from __future__ import annotations

from functools import cache

from rapport.demo.words import words

#: What a name begins with, its stems, and its ends.
_COMPOSED = {
    "nl": (("Van de", "Van der", "De", "Ver", "Van", ""),
           ("Berk", "Hout", "Meul", "Brug", "Acker", "Linde", "Stok", "Poel", "Kester", "Wijn",
            "Doorn", "Hage", "Raes", "Tiel", "Boss", "Groen", "Land", "Molen", "Velde", "Zand"),
           ("ing", "mans", "beke", "hoven", "aert", "ens", "straeten", "dael", "kerk", "sen")),
    "fr": (("De ", "Du ", "Le ", "La ", "", ""),
           ("Beau", "Char", "Mont", "Gir", "Val", "Bell", "Fontan", "Rous", "Marc", "Gaut", "Per",
            "Lav", "Cour", "Dan", "Tour", "Bris", "Clav", "Font", "Garn", "Noir"),
           ("ier", "eau", "et", "in", "ard", "ault", "elle", "on", "ois", "ac")),
    "hu": (("", "", "", "Kis", "Nagy", "Ó"),
           ("Szent", "Vár", "Kov", "Debre", "Pápa", "Szél", "Bala", "Erd", "Hajd", "Kereszt", "Lak",
            "Mező", "Som", "Tisza", "Zala", "Gyön", "Bor", "Csák", "Ferenc", "Gere"),
           ("esi", "házi", "ai", "falvi", "ányi", "eri", "ogi", "ösi", "vári", "szegi")),
    "en": (("", "", "", "Mc", "O'", "Fitz"),
           ("Ash", "Brad", "Chester", "Dun", "East", "Fern", "Green", "Hart", "King", "Lang",
            "Mar", "North", "Oak", "Pem", "Red", "Stan", "Thorn", "Wake", "Whit", "Wood"),
           ("ton", "ley", "field", "ford", "son", "worth", "well", "by", "ham", "ridge")),
    "de": (("", "", "", "Nieder", "Ober", "Wester"),
           ("Hau", "Stein", "Bach", "Rosen", "Kalt", "Holz", "Winkel", "Ried", "Brenn", "Feld",
            "Lind", "Berg", "Eich", "Grün", "Hart", "Wiesen", "Falken", "Zell", "Mühl", "Stroh"),
           ("mann", "hauer", "ner", "inger", "berger", "hofer", "meier", "kamp", "feld", "ke")),
}  # fmt: skip


@cache
def family_names(language: str) -> tuple[str, ...]:
    """Of a language (nl, fr, hu, en or de), most usual first; the composed ones behind."""
    before, stems, ends = _COMPOSED[language]
    composed = [
        f"{b}{' ' if b.startswith('Van') else ''}{s.lower() if language == 'de' and b else s}{e}"
        for b in dict.fromkeys(before) for s in stems for e in ends
    ]  # fmt: skip
    return (*words("names")[language]["last"], *composed)
