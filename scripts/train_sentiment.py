"""Train and measure the language and sentiment models of `rapport.understand.text`.

    python scripts/train_sentiment.py train     writes the weights
    python scripts/train_sentiment.py evaluate  measures what is shipped, as shipped

Reads the sets in `../shared/data/text` (or under RAPPORT_REAL_DATA) and our own sentences beside
this file. Trains on sets whose licence lets us ship the result, and on those only; a tenth of
each, chosen by a checksum of the text, is held out. Other sets are measured and never trained on.
"""

from __future__ import annotations

import csv
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import optimize, sparse, stats

from rapport.understand.text import LANGUAGES, OTHER, analyse_texts, polarity_of
from rapport.understand.text import features as text_features
from rapport.understand.text.lexicon import fold, load_lexicon
from rapport.understand.text.model import save_model, softmax
from rapport.understand.text.tokens import readable_part, tokenise

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("RAPPORT_REAL_DATA", HERE.parents[1] / "shared" / "data")) / "text"
WEIGHTS = HERE.parent / "src/rapport/understand/text/weights"

POLARITIES = ("negative", "neutral", "positive")
SHORT = {"neg": "negative", "neu": "neutral", "pos": "positive"}
BAD_EMOTIONS = {"anger", "disgust", "fear", "sadness"}
OTHER_LANGUAGES = ("es", "it", "pl", "pt")

# Share of the whole training weight. Ours is the only set in which customers speak; XED's labels
# were projected from subtitles of other languages.
SET_WEIGHT = {"ours": 3.0, "husst": 1.0, "goemotions": 1.0, "brighter": 1.0, "xed": 0.5}


@dataclass(frozen=True, slots=True)
class Row:
    text: str
    label: str
    source: str

    @property
    def held_out(self) -> bool:
        return zlib.crc32(self.text.strip().lower().encode()) % 10 == 0


def main() -> None:
    command = sys.argv[1] if len(sys.argv) == 2 else ""
    if command == "train":
        train_all()
    elif command == "evaluate":
        for line in evaluate():
            sys.stdout.write(f"{line}\n")
    else:
        sys.exit(__doc__)


# --- what is read -------------------------------------------------------------------------------


def own_sentences(language: str) -> list[Row]:
    rows, label = [], ""
    file = HERE / "customer_sentences" / f"{language}.txt"
    for line in file.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            label = line.strip("[]")
        elif line.strip():
            rows.append(Row(line.strip(), label, "ours"))
    return rows


def labelled(file: str) -> list[tuple[str, str]]:
    """Rows of a `text<TAB>label` file, quoted as a spreadsheet would."""
    with (DATA / file).open(encoding="utf-8", newline="") as handle:
        return [(r["text"], r["label"]) for r in csv.DictReader(handle, delimiter="\t")]


def polarity_of_emotions(emotions: set[str]) -> str | None:
    """Polarity of a set of emotions; None where they disagree or do not tell.

    Trust and surprise are left out: in subtitles either may be good or bad news.
    """
    good, bad = "joy" in emotions, bool(emotions & BAD_EMOTIONS)
    if good != bad:
        return "positive" if good else "negative"
    return "neutral" if emotions == {"anticipation"} else None


def xed(language: str) -> list[Row]:
    found = (
        (t, polarity_of_emotions(set(e.split("|")))) for t, e in labelled(f"xed/{language}.tsv")
    )
    return [Row(text, label, "xed") for text, label in found if label]


def brighter(file: str) -> list[Row]:
    rows = []
    with (DATA / "brighter" / file).open(encoding="utf-8", newline="") as handle:
        for record in csv.DictReader(handle):
            emotions = {k for k, v in record.items() if k not in ("id", "text") and v == "1"}
            label = polarity_of_emotions(emotions) if emotions else "neutral"
            if label:
                rows.append(Row(record["text"], label, "brighter"))
    return rows


def goemotions(part: str) -> list[Row]:
    names = {"1": "negative", "2": "neutral", "3": "positive"}
    rows = []
    for line in (DATA / f"goemotions/group/{part}.tsv").read_text(encoding="utf-8").splitlines():
        text, labels, _ = line.split("\t")
        if labels in names:
            rows.append(Row(text, names[labels], "goemotions"))
    return rows


def husst() -> list[Row]:
    return [Row(text, SHORT[label], "husst") for text, label in labelled("husst/hu.tsv")]


def clean_rows(language: str) -> list[Row]:
    """Everything we may train on; held-out rows are in it and say so."""
    rows = xed(language) + own_sentences(language)
    if language == "hu":
        rows += husst()
    if language == "en":
        rows += goemotions("train") + brighter("eng.csv")
    if language == "de":
        rows += brighter("deu.csv")
    return rows


def texts_per_language() -> dict[str, list[str]]:
    # Without HuSST: its share-alike licence should reach no further than the Hungarian weights.
    texts = {
        language: [row.text for row in clean_rows(language) if row.source != "husst"]
        for language in LANGUAGES
    }
    others = [text for name in OTHER_LANGUAGES for text, _ in labelled(f"xed/{name}.tsv")]
    for file in ("esp.csv", "ptbr.csv", "ron.csv", "rus.csv", "swe.csv"):
        others += [row.text for row in brighter(file)]
    return {**texts, OTHER: others}


# --- training -----------------------------------------------------------------------------------


def prepared(texts: Iterable[str]) -> list[str]:
    return [readable_part(text)[0] for text in texts]


def fit(
    matrix: sparse.csr_matrix,
    labels: np.ndarray,
    row_weights: np.ndarray,
    n_classes: int,
    *,
    penalty: float,
    free_columns: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic regression by L-BFGS, the last ``free_columns`` hardly penalised."""
    n_rows, n_columns = matrix.shape
    transposed = matrix.T.tocsr()
    wanted = np.zeros((n_rows, n_classes))
    wanted[np.arange(n_rows), labels] = 1
    weights = (row_weights / row_weights.sum())[:, None]
    ridge = np.full((n_columns, 1), penalty)
    if free_columns:
        ridge[-free_columns:] /= 10

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat[:-n_classes].reshape(n_columns, n_classes)
        probability = softmax(matrix @ coefficients + flat[-n_classes:])
        truth = np.maximum(probability[np.arange(n_rows), labels], 1e-12)
        value = -(weights[:, 0] * np.log(truth)).sum() + (ridge * coefficients**2).sum() / 2
        error = weights * (probability - wanted)
        slope = transposed @ error + ridge * coefficients
        return value, np.concatenate([slope.ravel(), error.sum(axis=0)])

    start = np.zeros(n_columns * n_classes + n_classes)
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 80})
    return found.x[:-n_classes].reshape(n_columns, n_classes), found.x[-n_classes:]


def balanced_weights(labels: Sequence[str], sources: Sequence[str]) -> np.ndarray:
    """Each set weighs what SET_WEIGHT says, and within it each class the same."""
    counts = Counter(zip(sources, labels, strict=True))
    classes_of = Counter(source for source, _ in counts)
    return np.array(
        [
            SET_WEIGHT[source] / classes_of[source] / counts[source, label]
            for source, label in zip(sources, labels, strict=True)
        ]
    )


def train_sentiment(
    language: str, rows: Sequence[Row], penalty: float
) -> tuple[np.ndarray, np.ndarray]:
    tokens = tokenise(prepared(row.text for row in rows))
    matrix = text_features.sentiment_features(tokens, load_lexicon(language))
    return fit(
        matrix,
        np.array([POLARITIES.index(row.label) for row in rows]),
        balanced_weights([row.label for row in rows], [row.source for row in rows]),
        len(POLARITIES),
        penalty=penalty,
        free_columns=text_features.LEXICON_COLUMNS,
    )


def train_language() -> tuple[np.ndarray, np.ndarray]:
    classes = (*LANGUAGES, OTHER)
    prose: list[str] = []
    labels: list[int] = []
    for number, (_, texts) in enumerate(texts_per_language().items()):
        kept = [text for text in dict.fromkeys(texts) if not Row(text, "", "").held_out]
        chosen = prepared(sorted(kept, key=lambda text: zlib.crc32(text.encode()))[:8000])
        # Every third text also as written without accents, every second cut to its first words.
        prose += chosen
        prose += [" ".join(fold(word) for word in text.split()) for text in chosen[::3]]
        prose += [" ".join(text.split()[:3]) for text in chosen[::2]]
        labels += [number] * (len(prose) - len(labels))
    matrix = text_features.language_features(tokenise(prose))
    target = np.array(labels)
    weights = 1 / np.bincount(target)[target]
    return fit(matrix, target, weights, len(classes), penalty=1e-6)


# By threefold cross-validation over our own sentences and the held-out rows of the other sets.
PENALTY = 1e-4


def train_all() -> None:
    WEIGHTS.mkdir(exist_ok=True)
    save_model(WEIGHTS / "language.npz", (*LANGUAGES, OTHER), *train_language())
    for language in LANGUAGES:
        # Our own sentences are all used: what holds them to account is a second set, in the tests.
        rows = [r for r in clean_rows(language) if r.source == "ours" or not r.held_out]
        save_model(
            WEIGHTS / f"{language}.npz",
            POLARITIES,
            *train_sentiment(language, rows, PENALTY),
        )
    size = sum(file.stat().st_size for file in WEIGHTS.glob("*.npz"))
    sys.stdout.write(f"{size / 1000:.0f} kB of weights in {WEIGHTS}\n")


# --- measuring ----------------------------------------------------------------------------------


def macro_f1(truth: Sequence[str], told: Sequence[str]) -> float:
    """Mean F1 over the classes that occur in the truth."""
    scores = []
    for name in sorted(set(truth)):
        hits = sum(t == name == p for t, p in zip(truth, told, strict=True))
        scores.append(2 * hits / max(truth.count(name) + told.count(name), 1))
    return float(np.mean(scores))


def praise_over_blame(texts: Sequence[str], truth: Sequence[str], language: str) -> float:
    """Probability that a positive text scores above a negative one (AUC); needs no border."""
    analyses = analyse_texts(texts, [language] * len(texts))
    scores = np.array([a.sentiment or 0.0 for a in analyses])
    told = np.array(truth)
    polar = np.isin(told, ["positive", "negative"])
    rank = stats.rankdata(scores[polar])
    good = told[polar] == "positive"
    n_good, n_bad = good.sum(), (~good).sum()
    return float((rank[good].sum() - n_good * (n_good + 1) / 2) / (n_good * n_bad))


def evaluation_sets(language: str) -> dict[str, list[Row]]:
    sets: dict[str, list[Row]] = {}
    for row in clean_rows(language):
        if row.held_out and row.source not in ("ours", "goemotions"):
            sets.setdefault(f"{row.source} held out", []).append(row)
    if language == "en":
        sets["goemotions test"] = goemotions("test")
    if language in ("en", "fr", "de"):
        sets["umsab (never trained)"] = [
            Row(text, SHORT[label], "umsab") for text, label in labelled(f"umsab/{language}.tsv")
        ]
    reviews = sorted((DATA / "mabsa").glob(f"*_{language}.tsv"))
    if reviews:
        sets["mabsa (never trained)"] = [
            Row(text, SHORT[label], "mabsa")
            for file in reviews
            for text, label in labelled(f"mabsa/{file.name}")
            if label in SHORT
        ]
    return sets


def model_polarity(texts: Sequence[str], language: str) -> list[str]:
    analyses = analyse_texts(texts, [language] * len(texts))
    return ["neutral" if a.sentiment is None else polarity_of(a.sentiment) for a in analyses]


def lexicon_polarity(texts: Sequence[str], language: str) -> list[str]:
    """The rival without training: praise minus blame, turned by negators."""
    tokens = tokenise(prepared(texts))
    balance = text_features.lexicon_balance(tokens, load_lexicon(language))
    return [POLARITIES[1 + int(np.sign(np.round(value, 2)))] for value in balance]


def evaluate() -> Iterable[str]:
    yield f"{'lang':4} {'set':24} {'rows':>6} {'macro-F1':>9} {'AUC':>6} {'lexicon F1':>11}"
    for language in LANGUAGES:
        for name, rows in evaluation_sets(language).items():
            texts, truth = [row.text for row in rows], [row.label for row in rows]
            yield (
                f"{language:4} {name:24} {len(rows):6}"
                f" {macro_f1(truth, model_polarity(texts, language)):9.3f}"
                f" {praise_over_blame(texts, truth, language):6.3f}"
                f" {macro_f1(truth, lexicon_polarity(texts, language)):11.3f}"
            )
    yield ""
    yield from evaluate_languages()
    yield from evaluate_speed()


def language_accuracy() -> dict[str, tuple[int, float, float]]:
    """Held-out texts per language: how many, share told right, share told right of 20+ letters."""
    report = {}
    for language, texts in texts_per_language().items():
        held = [t for t in dict.fromkeys(texts) if Row(t, "", "").held_out]
        right = [a.language == language for a in analyse_texts(held, [None] * len(held))]
        longer = [ok for ok, text in zip(right, held, strict=True) if len(text) >= 20]
        report[language] = (len(held), float(np.mean(right)), float(np.mean(longer)))
    return report


def evaluate_languages() -> Iterable[str]:
    for language, (rows, share, longer) in language_accuracy().items():
        yield f"language {language:6} {rows:6} texts: {share:.3f} right, {longer:.3f} of long ones"


def evaluate_speed() -> Iterable[str]:
    texts = [row.text for language in LANGUAGES for row in clean_rows(language)][:40000]
    started = time.perf_counter()
    analyse_texts(texts, [None] * len(texts))
    seconds = time.perf_counter() - started
    letters = sum(map(len, texts)) / len(texts)
    yield f"{len(texts) / seconds:,.0f} texts of {letters:.0f} characters per second, one process"


if __name__ == "__main__":
    main()
