"""Records whose persons are known: public data sets, a file of your own, the demo company."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import select

from rapport.collect.column_names import NAMES, plain_name
from rapport.collect.countries import country_code
from rapport.collect.guess import guess_mapping
from rapport.demo.dirty_companies import dirty_companies
from rapport.errors import InvalidInput, NotFound
from rapport.unify.matching.comparison import STATED
from rapport.vocabulary import ledger_tables as t
from rapport.vocabulary.identifier import Identifier, IdentifierClass, atom_id, kind_of
from rapport.workflows.company import Company

#: Records of which the truth does not say whose they are: matched with the rest, never judged.
UNKNOWN = -1


@dataclass(frozen=True, kw_only=True)
class LabelledSet:
    """Records, what they state, and whose they are.

    Attributes
    ----------
    name : str
        As it is asked for: ``febrl3``.
    stated : pa.Table
        Columns of `STATED`, text; a column that no record fills is left out.
    truth : int array, shape (n_records,)
        The person of each record; `UNKNOWN` where nobody knows.
    columns : pa.Table
        The file's own columns as text, for peers whose published examples name them.
    example : str
        Which published example the columns are those of: ``febrl``, ``fake``, ``historical``, or
        empty; ``companies`` where they are those of `read_companies`.
    slices : pa.Array, optional
        Language or country of each record's person.
    households : int array, optional
        Household of each record's person; of a business its owner's.
    """

    name: str
    stated: pa.Table
    truth: NDArray[np.int64]
    columns: pa.Table
    example: str = ""
    slices: pa.Array | None = None
    households: NDArray[np.int64] | None = None

    @property
    def records(self) -> int:
        """How many records there are."""
        return int(self.stated.num_rows)


# ── which sets there are ───────────────────────────────────────────────────────────────────────

#: Public data sets by name, and the files that hold them.
FILES: dict[str, tuple[str, ...]] = {
    "febrl1": ("dataset1.csv",),
    "febrl2": ("dataset2.csv",),
    "febrl3": ("dataset3.csv",),
    "febrl4": ("dataset4a.csv", "dataset4b.csv"),
    "fake_1000": ("fake_1000.csv",),
    "senzing": ("senzing_customers.csv",),
    "synth_10k": ("synth_10k.parquet",),
    "historical_50k": ("historical_50k.parquet",),
}
#: Of the sets with a number that is right for all but a few: the same without it.
WITHOUT_ID = "-without-id"
DEMO = "demo"
#: Invented businesses and their contacts, made when they are asked for: so many records.
COMPANIES = "companies"
_COMPANY_RECORDS = 12_000


def known_sets(folder: Path) -> tuple[str, ...]:
    """Names of the public sets that lie in a folder, and of their variants."""
    found = []
    for name, files in FILES.items():
        if all((folder / file).exists() for file in files):
            found += [name, name + WITHOUT_ID] if name.startswith("febrl") else [name]
    return tuple(found)


def read_known_set(name: str, folder: Path) -> LabelledSet:
    """A public set by its name.

    Raises
    ------
    NotFound
        If there is no such set, or its files are not in the folder.
    InvalidInput
        If they hold something else.
    """
    plain = name.removesuffix(WITHOUT_ID)
    if plain not in FILES or (plain != name and not plain.startswith("febrl")):
        raise NotFound(
            f"There is no data set {name!r}; there are: {', '.join((*FILES, DEMO, COMPANIES))}, "
            "and any CSV or Parquet file with --truth"
        )
    missing = [file for file in FILES[plain] if not (folder / file).exists()]
    if missing:
        raise NotFound(
            f"The data set {name} needs {', '.join(missing)} in {folder}; "
            "name the folder with --folder"
        )
    parts = [_text_columns(folder / file) for file in FILES[plain]]
    columns = pa.concat_tables(parts)
    found = _recognised(columns, folder / FILES[plain][0])
    if found is None:
        raise InvalidInput(f"{FILES[plain][0]} in {folder} is not {plain} as it was published")
    return replace(_without_id(found) if plain != name else found, name=name)


def read_labelled_file(
    path: Path, *, truth: str = "", columns: Mapping[str, str] | None = None, id_column: str = ""
) -> LabelledSet:
    """Any CSV or Parquet file with a column that says whose each record is.

    Parameters
    ----------
    path : Path
        CSV (comma, semicolon or tab) or Parquet.
    truth : str
        The column that is equal for records of one person; empty where the file is a public set.
        Cells may be empty: those records are matched with the rest and not judged.
    columns : mapping, optional
        Column of `STATED` → column of the file; what is not named is guessed from names and values.
    id_column : str
        Numbers the records; takes no part in matching.

    Raises
    ------
    InvalidInput
        If a column named is not there, ids are not unique, or nothing that identifies is found.
    """
    read = _text_columns(path)
    for column in (truth, id_column, *(columns or {}).values()):
        if column and column not in read.column_names:
            raise InvalidInput(
                f"{path.name} has no column {column!r}; it has: {', '.join(read.column_names)}"
            )
    for name in columns or {}:
        if name not in STATED:
            raise InvalidInput(
                f"{name!r} is nothing that a record states; there are: {', '.join(STATED)}"
            )
    if not truth and not columns and (known := _recognised(read, path)) is not None:
        return known
    if not truth:
        raise InvalidInput(
            f"Say with --truth which column of {path.name} is equal for records of one person; "
            f"it has: {', '.join(read.column_names)}"
        )
    if id_column and len(pc.unique(read[id_column])) < read.num_rows:
        raise InvalidInput(f"The column {id_column!r} of {path.name} does not number the records")
    called = {plain_name(column): column for column in read.column_names}
    household = next((called[name] for name in ("householdid", "household") if name in called), "")
    taken = {truth, id_column, household}
    fields = {**_guessed(path, read, taken | set((columns or {}).values())), **(columns or {})}
    stated = _stated(read, fields)
    if not set(stated.column_names) - {"source", "country", "gender"}:
        raise InvalidInput(
            f"Nothing in {path.name} tells people apart; name columns with --map, "
            f"such as --map last_name=COLUMN. It has: {', '.join(read.column_names)}"
        )
    example = _example_of(read)
    slices = next((called[n] for n in _SLICE_NAMES if n in called), None)
    return LabelledSet(
        name=path.name.partition(".")[0],
        stated=stated,
        truth=_codes(read[truth]),
        columns=read,
        # An example's settings name the columns of its own file; mapped columns are another file.
        example="" if columns else example,
        slices=None if slices is None else read[slices].combine_chunks(),
        households=_codes(read[household]) if household else None,
    )


# ── sets as they were published ────────────────────────────────────────────────────────────────

_EXAMPLES = {
    "febrl": {"rec_id", "given_name", "surname", "soc_sec_id", "date_of_birth", "postcode"},
    "historical": {"first_name", "surname", "dob", "birth_place", "postcode_fake", "occupation"},
    "fake": {"first_name", "surname", "dob", "city", "email", "cluster"},
}


def _example_of(columns: pa.Table) -> str:
    names = set(columns.column_names)
    return next((name for name, needed in _EXAMPLES.items() if needed <= names), "")


def _recognised(columns: pa.Table, path: Path) -> LabelledSet | None:
    """The public set whose columns these are."""
    names = set(columns.column_names)
    if (example := _example_of(columns)) and (example == "febrl" or "cluster" in names):
        return {"febrl": _febrl, "historical": _historical, "fake": _fake}[example](columns, path)
    if {"rid", "person_id", "household_id", "full_name", "house_no"} <= names:
        return _silos(columns, path)
    if {"DATA_SOURCE", "RECORD_ID", "PRIMARY_NAME_LAST"} <= names:
        return _senzing(columns, path)
    return None


def _febrl(columns: pa.Table, path: Path) -> LabelledSet:
    """FEBRL's generated Australians. `rec-17-org` and `rec-17-dup-0` are one person."""
    return LabelledSet(
        name=path.stem.replace("dataset", "febrl"),
        stated=_stated(
            columns,
            {
                **{"first_name": "given_name", "last_name": "surname", "street": "address_1"},
                **{"birthday": "date_of_birth", "house_number": "street_number"},
                **{"postal_code": "postcode", "city": "suburb", "national_id": "soc_sec_id"},
            },
            constants={"country": "AU"},
        ),
        truth=_codes(pc.struct_field(pc.extract_regex(columns["rec_id"], r"^(?P<p>rec-\d+)-"), 0)),
        columns=columns,
        example="febrl",
    )


def _without_id(known: LabelledSet) -> LabelledSet:
    return replace(
        known,
        stated=known.stated.drop_columns(["national_id"]),
        columns=known.columns.drop_columns(["soc_sec_id"]),
    )


def _fake(columns: pa.Table, path: Path) -> LabelledSet:
    """Splink's thousand invented Britons."""
    return LabelledSet(
        name=path.stem,
        stated=_stated(
            columns,
            {
                **{"first_name": "first_name", "last_name": "surname", "birthday": "dob"},
                **{"city": "city", "email": "email"},
            },
        ),
        truth=_codes(columns["cluster"]),
        columns=columns,
        example="fake",
    )


def _historical(columns: pa.Table, path: Path) -> LabelledSet:
    """Splink's historical persons. Where they were born is the only place that is stated."""
    fields = {
        **{"first_name": "first_name", "last_name": "surname", "birthday": "dob"},
        **{"city": "birth_place", "postal_code": "postcode_fake", "gender": "gender"},
    }
    return LabelledSet(
        name=path.stem,
        stated=_stated(columns, {o: c for o, c in fields.items() if c in columns.column_names}),
        truth=_codes(columns["cluster"]),
        columns=columns,
        example="historical",
    )


def _silos(columns: pa.Table, path: Path) -> LabelledSet:
    """Customers of six silos in four languages."""
    fields = {
        **{"source": "source", "name": "full_name", "first_name": "first", "last_name": "last"},
        **{"birthday": "dob", "email": "email", "phone": "phone", "street": "street"},
        **{"house_number": "house_no", "postal_code": "postcode", "city": "city"},
        **{"country": "country", "loyalty_card": "loyalty_id", "iban": "iban_hash"},
        "device_id": "device_id",
    }
    return LabelledSet(
        name=path.stem,
        stated=_stated(columns, {o: c for o, c in fields.items() if c in columns.column_names}),
        truth=_codes(columns["person_id"]),
        columns=columns,
        slices=columns["lang"].combine_chunks() if "lang" in columns.column_names else None,
        households=_codes(columns["household_id"]),
    )


def _senzing(columns: pa.Table, path: Path) -> LabelledSet:
    """Senzing's hard cases; the truth lies beside them."""
    beside = path.with_name(path.name.replace("customers", "truth"))
    if beside == path or not beside.exists():
        raise NotFound(f"Whose the records of {path.name} are stands in {beside.name}, beside it")
    truth = _text_columns(beside)
    truth = truth.filter(pc.is_in(truth["DATA_SOURCE"], pc.unique(columns["DATA_SOURCE"])))
    entity = dict(zip(*(truth[c].to_pylist() for c in ("RECORD_ID", "CLUSTER_ID")), strict=True))
    first = pc.binary_join_element_wise(
        columns["PRIMARY_NAME_FIRST"],
        columns["PRIMARY_NAME_MIDDLE"],
        " ",
        null_handling="replace",  # with "skip" Arrow 26 leaves out rows where both are null
    )
    read = {
        "source": columns["DATA_SOURCE"],
        "name": pc.coalesce(columns["PRIMARY_NAME_FULL"], columns["NATIVE_NAME_FULL"]),
        "first_name": _filled(first),
        "last_name": columns["PRIMARY_NAME_LAST"],
        "company": columns["PRIMARY_NAME_ORG"],
        "birthday": columns["DATE_OF_BIRTH"],
        "gender": columns["GENDER"],
        "email": columns["EMAIL_ADDRESS"],
        "phone": columns["PHONE_NUMBER"],
        "street": pc.coalesce(columns["ADDR_LINE1"], columns["ADDR_FULL"]),
        "postal_code": columns["ADDR_POSTAL_CODE"],
        "city": columns["ADDR_CITY"],
        "country": _countries(columns["ADDR_COUNTRY"]),
        "national_id": pc.coalesce(
            *(columns[f"{kind}_NUMBER"] for kind in ("PASSPORT", "SSN", "NATIONAL_ID")),
            columns["DRIVERS_LICENSE_NUMBER"],
        ),
    }
    stated = pa.table({name: read[name] for name in STATED if name in read})
    return LabelledSet(
        name="senzing",
        stated=_said(stated),
        truth=_codes(pa.array([entity.get(r) for r in columns["RECORD_ID"].to_pylist()])),
        columns=columns,
    )


# ── invented businesses ────────────────────────────────────────────────────────────────────────


def read_companies() -> LabelledSet:
    """Invented businesses in five countries, and people who work there."""
    return as_companies(dirty_companies(_COMPANY_RECORDS))


def as_companies(made: pa.Table) -> LabelledSet:
    """Records of `dirty_companies` as a set that methods can be measured on.

    A business's records are judged by its country, those of contacts as ``people``; contacts are
    persons of their own, never one with the business that they name.
    """
    columns = made.drop_columns(["company_id", "person_id", "group_id", "entity_id", "record_of"])
    contact = pc.equal(made["record_of"], "contact").combine_chunks()
    owners = pc.if_else(contact, UNKNOWN, made["group_id"].combine_chunks())
    return LabelledSet(
        name=COMPANIES,
        stated=columns.select([name for name in columns.column_names if name in STATED]),
        truth=made["entity_id"].to_numpy(),
        columns=columns,
        example=COMPANIES,
        slices=pc.if_else(contact, "people", made["country"].combine_chunks()),
        households=owners.to_numpy(),
    )


# ── the demo company ───────────────────────────────────────────────────────────────────────────


def read_demo(company: Company) -> LabelledSet:
    """Every record of the demo company as its silos stated it, and whose it is.

    Records that several people share (a tablet, an office's phone) are nobody's: `UNKNOWN`.

    Raises
    ------
    NotFound
        If the data folder holds no demo company.
    """
    path = company.settings.folder / "silos" / "truth" / "people.parquet"
    if not path.exists():
        raise NotFound(f"There is no truth at {path.parent}: make it with `rapport demo`")
    people = pq.read_table(path)
    with company.ledger.read() as connection:
        atoms = connection.execute(
            select(t.atom.c.atom_id, t.atom.c.kind, t.atom.c.namespace, t.atom.c.source)
        ).all()
        said = connection.execute(
            select(t.attribute.c.atom_id, t.attribute.c.name, t.attribute.c.value).where(
                t.attribute.c.name.in_(STATED)
            )
        ).all()
        held = connection.execute(
            select(
                t.identifier.c.atom_id,
                t.identifier.c.kind,
                t.identifier.c.namespace,
                t.identifier.c.value,
            )
        ).all()
    place = {row.atom_id: n for n, row in enumerate(atoms)}
    columns: dict[str, list[str | None]] = {name: [None] * len(atoms) for name in STATED}
    columns["source"] = [row.source for row in atoms]
    for row in said:
        if row.atom_id in place:
            columns[row.name][place[row.atom_id]] = row.value
    # The smallest of several, so that the same ledger gives the same table.
    for one in sorted(held, key=lambda one: (one.kind, one.namespace, one.value), reverse=True):
        column = _column_of_kind(one.kind)
        value = f"{one.namespace}:{one.value}" if column == "customer_number" else one.value
        if column and one.atom_id in place:
            columns[column][place[one.atom_id]] = value
    truth, households, languages = _owners(people, place)
    stated = _said(pa.table({n: pa.array(v, pa.string()) for n, v in columns.items()}))
    return LabelledSet(
        name=DEMO, stated=stated, truth=truth, columns=stated, slices=languages,
        households=households,
    )  # fmt: skip


def _column_of_kind(kind: str) -> str | None:
    if kind in STATED:
        return kind
    of = kind_of(kind)
    if of.identifier_class is IdentifierClass.DEVICE:
        return "device_id"
    if of.identifier_class is IdentifierClass.PERSON and of.scoped:
        return "customer_number"
    return None


def _owners(
    people: pa.Table, place: Mapping[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], pa.Array]:
    """Person, household and language of each record."""
    truth = np.full(len(place), UNKNOWN, dtype=np.int64)
    households = np.full(len(place), UNKNOWN, dtype=np.int64)
    languages: list[str | None] = [None] * len(place)
    own = people.filter(pc.invert(people["shared"]))
    person, household = _codes(own["person_id"]), _codes(own["household_id"])
    keys = (own[name].to_pylist() for name in ("kind", "namespace", "value", "language"))
    for n, (kind, namespace, value, language) in enumerate(zip(*keys, strict=True)):
        atom = atom_id(Identifier(kind=kind, namespace=namespace, value=value))
        if (where := place.get(atom)) is not None:
            truth[where], households[where] = person[n], household[n]
            languages[where] = language
    return truth, households, pa.array(languages, pa.string())


# ── reading columns ────────────────────────────────────────────────────────────────────────────

#: What columns that identify are called, besides the names that every file's columns are known by.
_MORE_NAMES: dict[str, tuple[str, ...]] = {
    "source": ("source", "silo", "system", "data source", "bron", "forrás"),
    "first_name": ("first",),
    "last_name": ("last",),
    "street": ("addr full", "address line", "address line 1", "street name"),
    "house_number": (
        *("house number", "house no", "street number", "huisnummer", "huisnr", "numéro de rue"),
        *("házszám", "hausnummer"),
    ),
    "national_id": (
        *("national id", "ssn", "social security number", "soc sec id", "passport number", "bsn"),
        *("rijksregisternummer", "numéro de sécurité sociale", "nir", "személyi szám", "tax id"),
        *("ssn number", "national id number", "adóazonosító"),
    ),
    "iban": ("iban hash", "bank account"),
    "loyalty_card": ("loyalty id",),
    "customer_number": ("customer number", *NAMES["customer_id"]),
    "device_id": ("device id", "device", "cookie", "anonymous id"),
    # Where somebody was born is a place too, when no other is stated.
    "city": (
        *("birth place", "place of birth", "geboorteplaats", "lieu de naissance"),
        *("születési hely", "geburtsort"),
    ),
}  # fmt: skip
_SLICE_NAMES = tuple(plain_name(name) for name in (*NAMES["language"], *NAMES["country"]))


def _guessed(path: Path, read: pa.Table, taken: Iterable[str]) -> dict[str, str]:
    """Column of `STATED` → column of the file, from names in our languages and from values."""
    guess = guess_mapping(path, kind="contacts").mapping.columns
    fields = {o: c for o, c in guess.items() if o in STATED and c not in set(taken)}
    free = [c for c in read.column_names if c not in {*taken, *fields.values()}]
    for matches in (_is_name, _begins_with_name):
        for stated in STATED:
            names = tuple(map(plain_name, (*NAMES.get(stated, ()), *_MORE_NAMES.get(stated, ()))))
            if stated == "source":  # to files of every kind `source` is how a customer was won
                names = tuple(map(plain_name, _MORE_NAMES["source"]))
            column = next((c for c in free if matches(c, names)), None)
            if stated not in fields and column is not None:
                fields[stated] = column
                free.remove(column)
    return fields


def _is_name(column: str, names: Sequence[str]) -> bool:
    return plain_name(column) in names


def _begins_with_name(column: str, names: Sequence[str]) -> bool:
    """`postcode_fake`, `dob (iso)`: a known name and more words."""
    words = [plain_name(word) for word in re.split(r"[\W_]+", column) if word]
    return any("".join(words[:n]) in names for n in range(len(words) - 1, 0, -1))


def _text_columns(path: Path) -> pa.Table:
    """A file's columns as text without spaces around; empty cells are null.

    Raises
    ------
    NotFound
        If there is no such file.
    InvalidInput
        If it is neither CSV nor Parquet, or cannot be read as such.
    """
    if not path.exists():
        raise NotFound(f"There is no file {path}")
    try:
        if path.suffix == ".parquet":
            read = pq.read_table(path)
        else:
            written = guess_mapping(path, kind="contacts").mapping.file
            if written.format != "csv":
                raise InvalidInput(f"{path.name} is neither CSV nor Parquet")
            read = pacsv.read_csv(
                path,
                read_options=pacsv.ReadOptions(encoding=written.encoding),
                parse_options=pacsv.ParseOptions(
                    delimiter=written.delimiter, newlines_in_values=True
                ),
                convert_options=pacsv.ConvertOptions(
                    default_column_type=pa.string(), strings_can_be_null=True, null_values=[""]
                ),
            )
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"{path.name} cannot be read as {path.suffix or 'CSV'}") from error
    kept = {
        name.strip(): _filled(_as_text(read[name]))
        for name in read.column_names
        if not pa.types.is_nested(read[name].type)
    }
    return pa.table(kept)


def _as_text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    trimmed = pc.utf8_trim_whitespace(column)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _countries(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Countries as written → ISO 3166-1 alpha-2; null where it is none."""
    values = pc.unique(column).to_pylist()
    codes = pa.array([None if v is None else country_code(v) for v in values], pa.string())
    return codes.take(pc.index_in(column, pa.array(values, pa.string())))


def _stated(
    columns: pa.Table, fields: Mapping[str, str], constants: Mapping[str, str] | None = None
) -> pa.Table:
    read: dict[str, Any] = {name: columns[fields[name]] for name in STATED if name in fields}
    if "country" in read:
        read["country"] = _countries(read["country"])
    for name, value in (constants or {}).items():
        read[name] = pa.array([value] * columns.num_rows, pa.string())
    return _said(pa.table({name: read[name] for name in STATED if name in read}))


def _said(stated: pa.Table) -> pa.Table:
    """Without columns that no record fills."""
    silent = [n for n in stated.column_names if stated[n].null_count == stated.num_rows]
    return stated.drop_columns(silent) if silent else stated


def _codes(column: pa.ChunkedArray | pa.Array) -> NDArray[np.int64]:
    """Equal values, equal numbers; null is `UNKNOWN`."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    indices = whole.dictionary_encode().indices
    return np.asarray(pc.fill_null(indices, UNKNOWN).cast(pa.int64()).to_numpy())
