"""Another merge line or limit: what it would change, switching it on, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import select

from rapport.engines.ledger import among
from rapport.errors import Conflict, InvalidInput, NotFound
from rapport.unify.evidence import Likeness
from rapport.unify.identity_rules import IDENTITY_RULES, IdentityRules, identity_rules
from rapport.unify.marks import STALE_PROFILES
from rapport.unify.matching.comparisons import COMPARISONS
from rapport.unify.matching.match import match
from rapport.unify.matching.model import Model, company_model, with_merge_line
from rapport.unify.matching.stored_records import blocked_values, judgements, records_to_match
from rapport.unify.resolve import resolve_atoms
from rapport.unify.stored_evidence import chunks, open_memberships, rows_in
from rapport.unify.what_if import Change, Effect, effect_of
from rapport.vocabulary.identifier import IDENTIFIER_KINDS
from rapport.vocabulary.ledger_tables import identifier, job, pair_score, profile
from rapport.workflows.company import Company, Progress, read_choice, silent, write_choice
from rapport.workflows.identity_approval import note, tidy_reason
from rapport.workflows.identity_review import renew_queue
from rapport.workflows.matching import match_company
from rapport.workflows.refresh import refresh_profiles

#: Kinds of job: a trial that writes nothing, and the work that a new rule brings.
WHAT_IF, APPLY = "identity_what_if", "identity_apply"
#: Rules of the past that are kept, the newest last.
_KEPT = 20
_CHUNK = 2_000
_MOST_LIMIT = 1_000

JobState = Literal["waiting", "running", "done", "failed"]


class PastRules(Struct, frozen=True, kw_only=True):
    """Rules that were switched on, by whom and why."""

    rules: IdentityRules
    author: str
    reason: str
    at: datetime


class _Kept(Struct, frozen=True, kw_only=True):
    """The company's choice: what holds, and what held before, the newest last."""

    now: IdentityRules
    history: tuple[PastRules, ...]


class ExamplePerson(Struct, frozen=True, kw_only=True):
    """One side of an example: who holds the records now."""

    profile_id: str
    name: str | None
    records: int


class Example(Struct, frozen=True, kw_only=True):
    """People who would be one, or one who would be several."""

    kind: Literal["merged", "split"]
    people: tuple[ExamplePerson, ...]


class Trial(Struct, frozen=True, kw_only=True):
    """A what-if, under way or done."""

    job_id: int
    rules: IdentityRules
    state: JobState
    step: str | None
    done: int
    total: int | None
    at: datetime
    finished_at: datetime | None
    error: str | None
    effect: Effect | None
    examples: tuple[Example, ...]


class RulesView(Struct, frozen=True, kw_only=True):
    """What holds, what could be chosen, and the newest trial.

    Attributes
    ----------
    model_merge, review : float
        The model's own merge line, and the line from which a person is asked.
    usual : mapping of kind to int
        The limits where the company chose none.
    applying : str or None
        State of the work that the newest change brought, while it is not done.
    """

    now: IdentityRules
    model_merge: float
    review: float
    usual: Mapping[str, int]
    history: tuple[PastRules, ...]
    trial: Trial | None
    applying: JobState | None


# ── what holds ─────────────────────────────────────────────────────────────────────────────────


def rules_view(company: Company, *, job_id: int | None = None) -> RulesView:
    """The rules in force and a trial: the one asked for, or the newest."""
    with company.ledger.read() as connection:
        kept = _kept(connection)
        model = _model(connection)
        j = job.c
        asked = select(job).where(j.kind == WHAT_IF).order_by(j.job_id.desc()).limit(1)
        if job_id is not None:
            asked = asked.where(j.job_id == job_id)
        row = connection.execute(asked).first()
        if job_id is not None and row is None:
            raise NotFound(f"There is no trial {job_id}")
        trial = None if row is None else _trial(connection, row)
        applying = connection.execute(
            select(j.status).where(j.kind == APPLY).order_by(j.job_id.desc()).limit(1)
        ).scalar()
    return RulesView(
        now=kept.now,
        model_merge=model.merge,
        review=model.review,
        usual={kind: rules.limit for kind, rules in IDENTIFIER_KINDS.items()},
        history=tuple(reversed(kept.history)),
        trial=trial,
        applying=None if applying in (None, "done") else applying,
    )


def _kept(connection: Any) -> _Kept:
    kept = read_choice(connection, IDENTITY_RULES)
    if kept is None:
        return _Kept(now=IdentityRules(), history=())
    return msgspec.convert(kept, _Kept)


def _model(connection: Any) -> Model:
    return company_model(read_choice(connection, "identity_model"))


def _trial(connection: Any, row: Any) -> Trial:
    effect = None if row.result is None else msgspec.convert(row.result, Effect)
    shown: list[Example] = []
    if effect is not None:
        placed = open_memberships(
            connection,
            {int(a) for each in effect.examples for group in each.groups for a in group},
        )
        p = profile.c
        names = {
            each.profile_id: each.name
            for each in rows_in(
                connection,
                lambda piece: select(p.profile_id, p.name).where(among(p.profile_id, piece)),
                set(placed.values()),
            )
        }
        shown = [_example(each, placed, names) for each in effect.examples]
    return Trial(
        job_id=row.job_id,
        rules=msgspec.convert(row.arguments, IdentityRules),
        state=row.status,
        step=row.step,
        done=row.done,
        total=row.total,
        at=row.created_at,
        finished_at=row.finished_at,
        error=row.error,
        effect=effect,
        examples=tuple(each for each in shown if each.people),
    )


def _example(change: Change, placed: Mapping[int, str], names: Mapping[str, str | None]) -> Example:
    people = []
    for group in change.groups:
        here = next((placed[int(a)] for a in group if int(a) in placed), None)
        if here is not None:
            people.append(ExamplePerson(profile_id=here, name=names.get(here), records=len(group)))
    return Example(kind=change.kind, people=tuple(people))


# ── trying ─────────────────────────────────────────────────────────────────────────────────────


def check_rules(rules: IdentityRules, model: Model) -> IdentityRules:
    """The rules without what is usual anyway.

    Raises
    ------
    InvalidInput
        If the merge line lies below the review line or at certainty, a kind is unknown, or a limit
        is out of range.
    """
    if rules.merge is not None and not model.review <= rules.merge <= 0.9999:
        raise InvalidInput(
            f"The merge line lies between {model.review:.0%}, from which a person is asked, and "
            f"99.99%; not at {rules.merge:.2%}"
        )
    unknown = sorted(rules.limits.keys() - IDENTIFIER_KINDS.keys())
    if unknown:
        raise InvalidInput(
            f"There is no kind of identifier {unknown[0][:40]!r}; there are "
            f"{', '.join(sorted(IDENTIFIER_KINDS))}"
        )
    for kind, limit in rules.limits.items():
        if not 1 <= limit <= _MOST_LIMIT:
            raise InvalidInput(f"A limit is 1 to {_MOST_LIMIT}, not {limit} (for {kind})")
    return IdentityRules(
        merge=None if rules.merge is None or abs(rules.merge - model.merge) < 1e-9 else rules.merge,
        limits={
            kind: limit
            for kind, limit in sorted(rules.limits.items())
            if limit != IDENTIFIER_KINDS[kind].limit
        },
    )


def what_if(company: Company, rules: IdentityRules, *, progress: Progress = silent) -> Effect:
    """What other rules would change, on the records as they are; nothing is written.

    Parameters
    ----------
    rules : IdentityRules
        All that would hold, not only what would be new.
    """
    with company.ledger.read() as connection:
        now = identity_rules(connection)
        model = _model(connection)
    wanted = check_rules(rules, model)
    added: list[Likeness] = []
    removed: list[tuple[int, int]] = []
    if wanted.merge != now.merge:
        added, removed = _other_pairs(company, model, wanted, now, progress)
    kinds = {
        kind
        for kind in {*wanted.limits, *now.limits}
        if wanted.limits.get(kind) != now.limits.get(kind)
    }
    with company.ledger.read() as connection:
        i = identifier.c
        seeds = set(
            connection.scalars(select(i.atom_id).where(i.kind.in_(sorted(kinds))).distinct())
        )
        for found in effect_of(connection, wanted, seeds, added=added, removed=removed):
            if isinstance(found, Effect):
                return found
            progress("compare", found, None)
    raise AssertionError  # pragma: no cover  # the last thing yielded is the effect


def _other_pairs(
    company: Company,
    model: Model,
    wanted: IdentityRules,
    now: IdentityRules,
    progress: Progress,
) -> tuple[list[Likeness], list[tuple[int, int]]]:
    """Pairs that another merge line would join and pairs that it would not any more.

    Both lines are drawn through the same records: those kept may be of an older day.
    """
    with company.ledger.read() as connection:
        records = records_to_match(connection)
        words = judgements(connection).of(records.atoms)
        blocked = blocked_values(connection)
        p = pair_score.c
        is_matched = connection.execute(select(p.atom_a).limit(1)).first() is not None
    if not is_matched:
        raise Conflict("Nothing has been matched yet; match first: rapport identity match")
    joined: list[dict[tuple[int, int], float]] = []
    for turn, rules in enumerate((now, wanted)):
        progress("match", turn, 2)
        matched = match(
            records.stated,
            comparisons=COMPARISONS,
            model=with_merge_line(model, rules.merge),
            must=words.must,
            cannot=words.cannot,
            labelled=words.doubted,
            blocked=blocked,
        )
        pairs = matched.pairs.filter(matched.pairs["joined"])
        a = records.atoms[pairs["a"].to_numpy()].tolist()
        b = records.atoms[pairs["b"].to_numpy()].tolist()
        joined.append(
            {
                (min(x, y), max(x, y)): bits
                for x, y, bits in zip(a, b, pairs["bits"].to_pylist(), strict=True)
            }
        )
    progress("match", 2, 2)
    before, after = joined
    return (
        [Likeness(*pair, after[pair]) for pair in sorted(after.keys() - before.keys())],
        sorted(before.keys() - after.keys()),
    )


# ── switching ──────────────────────────────────────────────────────────────────────────────────


def change_rules(
    company: Company, rules: IdentityRules, *, author: str, reason: str
) -> IdentityRules:
    """Let other rules hold; the worker brings the profiles up to date with them.

    Raises
    ------
    InvalidInput
        If a rule cannot be.
    Conflict
        If just these hold already.
    """
    text = tidy_reason(reason)
    now = company.clock()
    with company.ledger.write() as connection:
        kept = _kept(connection)
        wanted = check_rules(rules, _model(connection))
        if wanted == kept.now:
            raise Conflict("Just these rules hold already; nothing would change")
        history = (*kept.history, PastRules(rules=kept.now, author=author, reason=text, at=now))
        _switch(company, connection, kept.now, _Kept(now=wanted, history=history[-_KEPT:]), now)
        note(
            connection, author, "identity.rules", None,
            {
                "before": msgspec.to_builtins(kept.now), "after": msgspec.to_builtins(wanted),
                "reason": text,
            },
            now,
        )  # fmt: skip
    return wanted


def undo_rules(company: Company, *, author: str) -> IdentityRules:
    """Let the rules hold again that held before the last change.

    Raises
    ------
    Conflict
        If nothing was changed yet.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        kept = _kept(connection)
        if not kept.history:
            raise Conflict("The usual rules hold, and no others held before")
        before = kept.history[-1].rules
        _switch(company, connection, kept.now, _Kept(now=before, history=kept.history[:-1]), now)
        note(
            connection, author, "identity.rules_undone", None,
            {"before": msgspec.to_builtins(kept.now), "after": msgspec.to_builtins(before)}, now,
        )  # fmt: skip
    return before


def _switch(
    company: Company, connection: Any, old: IdentityRules, kept: _Kept, now: datetime
) -> None:
    write_choice(company.ledger, connection, IDENTITY_RULES, msgspec.to_builtins(kept))
    kinds = {
        kind
        for kind in {*old.limits, *kept.now.limits}
        if old.limits.get(kind) != kept.now.limits.get(kind)
    }
    arguments = {"match": old.merge != kept.now.merge, "kinds": sorted(kinds)}
    _add_job(connection, APPLY, arguments, now)


def _add_job(connection: Any, kind: str, arguments: Any, now: datetime) -> int:
    return int(
        connection.execute(
            job.insert()
            .values(kind=kind, arguments=arguments, status="waiting", done=0, created_at=now)
            .returning(job.c.job_id)
        ).scalar_one()
    )


def apply_rules(
    company: Company, *, match: bool, kinds: tuple[str, ...], progress: Progress = silent
) -> None:
    """Bring the profiles up to date with rules that were switched."""
    if match:
        match_company(company, learn=False, progress=progress)
    if not kinds:
        return
    now = company.clock()
    i = identifier.c
    with company.ledger.read() as connection:
        atoms = set(connection.scalars(select(i.atom_id).where(i.kind.in_(kinds)).distinct()))
    done = 0
    for piece in chunks(atoms, _CHUNK):
        with company.ledger.write() as connection:
            resolution = resolve_atoms(connection, company.ledger, piece, now)
            STALE_PROFILES.put(connection, resolution.touched)
        done += len(piece)
        progress("decide", done, len(atoms))
    refresh_profiles(company, progress=progress)
    renew_queue(company, progress=progress)


# ── in the background ──────────────────────────────────────────────────────────────────────────


def ask_what_if(company: Company, rules: IdentityRules, *, author: str) -> int:
    """Have the worker try other rules; returns the number of the trial.

    Raises
    ------
    InvalidInput
        If a rule cannot be.
    """
    now = company.clock()
    with company.ledger.write() as connection:
        wanted = check_rules(rules, _model(connection))
        job_id = _add_job(connection, WHAT_IF, msgspec.to_builtins(wanted), now)
        note(connection, author, "identity.what_if", str(job_id), msgspec.to_builtins(wanted), now)
    return job_id


def run_identity_job(company: Company) -> bool:
    """Do the oldest trial or change of rules that waits; returns whether there was one."""
    j = job.c
    with company.ledger.write() as connection:
        company.ledger.lock(connection, "identity_jobs")
        row = connection.execute(
            select(job)
            .where(j.kind.in_((WHAT_IF, APPLY)), j.status == "waiting")
            .order_by(j.job_id)
            .limit(1)
        ).first()
        if row is None:
            return False
        connection.execute(
            job.update()
            .where(j.job_id == row.job_id)
            .values(status="running", started_at=company.clock())
        )

    def progress(step: str, done: int, total: int | None) -> None:
        with company.ledger.write() as connection:
            connection.execute(
                job.update().where(j.job_id == row.job_id).values(step=step, done=done, total=total)
            )

    ended: dict[str, Any] = {"status": "done"}
    try:
        if row.kind == WHAT_IF:
            effect = what_if(
                company, msgspec.convert(row.arguments, IdentityRules), progress=progress
            )
            ended["result"] = msgspec.to_builtins(effect)
        else:
            apply_rules(
                company,
                match=bool(row.arguments["match"]),
                kinds=tuple(row.arguments["kinds"]),
                progress=progress,
            )
    except Exception as problem:
        # Kept where its page shows it; the message of a foreign error may quote a person.
        told = getattr(problem, "message", None)
        ended = {"status": "failed", "error": told or type(problem).__name__}
        if told is None:
            raise
    finally:
        with company.ledger.write() as connection:
            connection.execute(
                job.update()
                .where(j.job_id == row.job_id)
                .values(finished_at=company.clock(), **ended)
            )
    return True
