"""What `analyse_texts` answers to what customers, mail programs and attackers send."""

import base64
import time

import pytest

from rapport.errors import InvalidInput
from rapport.understand.text import (
    METHOD,
    NEUTRAL_WITHIN,
    OTHER,
    READ_CHARS,
    TextAnalysis,
    analyse_texts,
    polarity_of,
)


def analyse(text: str | None, stated: str | None = None) -> TextAnalysis:
    return analyse_texts([text], [stated])[0]


@pytest.mark.parametrize(
    "text", [None, "", "   \n\t", "\0\0\0", "12345 67.89", "<br/><p></p>", "...?!"]
)
def test_a_text_without_words_has_no_language_and_no_sentiment(text: str | None) -> None:
    analysis = analyse(text, "nl")
    assert (analysis.language, analysis.sentiment) == (None, None)
    assert analysis.outcome == "nothing said"
    assert analysis.language_confidence == 0


def test_a_single_letter_is_too_short() -> None:
    assert analyse("k", "nl").outcome == "too short"


@pytest.mark.parametrize(
    ("text", "polarity"), [("😡😡", "negative"), ("👍", "positive"), (":-)", "positive")]
)
def test_emoji_alone_have_a_mood_but_no_language(text: str, polarity: str) -> None:
    analysis = analyse(text, "fr")
    assert analysis.language is None
    assert analysis.outcome == "emoji only"
    assert analysis.sentiment is not None
    assert polarity_of(analysis.sentiment) == polarity


def test_an_emoji_without_a_mood_says_nothing() -> None:
    assert analyse("🚲").outcome == "nothing said"


def test_markup_scripts_and_styles_are_not_read() -> None:
    plain = analyse("De levering was perfect, heel vriendelijke chauffeur!")
    mail = analyse(
        "<html><head><style>.bad{color:red}</style></head><body onload='x()'><p>De levering was "
        "<b>perfect</b>,&nbsp;heel vriendelijke chauffeur!</p>"
        "<script>var terrible = 'worst';</script>"
    )
    assert mail.language == "nl"
    assert mail.sentiment == plain.sentiment


def test_a_script_that_never_ends_is_not_read_either() -> None:
    assert analyse("<script>var terrible = 'worst awful'").outcome == "nothing said"


def test_a_smaller_than_sign_is_not_markup() -> None:
    with_sign = analyse("The battery lasts < 2 hours and the support is awful, I hate it")
    assert with_sign.sentiment is not None
    assert with_sign.sentiment < -NEUTRAL_WITHIN


def test_an_attached_blob_says_nothing() -> None:
    blob = base64.b64encode(bytes(i * i % 251 for i in range(3000))).decode()
    assert analyse(blob).outcome == "nothing said"
    words = "Vielen Dank für die schnelle und freundliche Hilfe!"
    assert analyse(f"{words}\n{blob}").sentiment == analyse(words).sentiment


def test_addresses_are_not_read() -> None:
    assert (
        analyse("https://example.com/awful-terrible info@example.com @example").outcome
        == "nothing said"
    )


def test_zero_bytes_do_not_shift_the_answers_of_other_texts() -> None:
    texts = ["Great shop,\0 thank you!", "The worst service I have ever had.", "\0"]
    together = analyse_texts(texts, [None, None, None])
    assert together == [analyse(text) for text in texts]
    assert (together[0].sentiment or 0) > 0 > (together[1].sentiment or 0)


def test_half_a_character_is_survived() -> None:
    assert analyse("Very nice \ud83d service, thanks").language == "en"


@pytest.mark.parametrize(
    "hostile",
    ["<" * 1_000_000, "&" * 1_000_000, "a@" * 500_000, "<script" * 150_000, "www." * 250_000,
     "<a " * 333_333, "x" * 1_000_000, "a " * 500_000, "&#1114112;&#0;" * 70_000, "İ" * 1_000_000],
)  # fmt: skip
def test_a_megabyte_meant_to_stall_is_read_in_a_moment(hostile: str) -> None:
    started = time.perf_counter()
    analysis = analyse(hostile, "en")
    assert time.perf_counter() - started < 0.5
    assert analysis.cut_at is not None
    assert analysis.cut_at <= READ_CHARS


def test_a_long_text_says_where_it_was_cut() -> None:
    long = "The service was excellent and the staff were lovely. " * 20_000
    analysis = analyse(long)
    assert analysis.cut_at == READ_CHARS
    assert analysis.language == "en"
    assert analysis.sentiment is not None
    assert analyse("Short and sweet, thank you.").cut_at is None


@pytest.mark.parametrize(
    "text",
    [
        "Muchas gracias por todo, el servicio ha sido muy bueno.",
        "Bardzo dziękuję za szybką dostawę, polecam.",
        "Большое спасибо за быструю доставку",
        "ありがとうございました",
    ],
)
def test_a_language_we_do_not_know_is_not_judged(text: str) -> None:
    analysis = analyse(text)
    assert analysis.language == OTHER
    assert analysis.sentiment is None
    assert analysis.outcome == "unknown language"


def test_the_stated_language_settles_a_word_of_several_languages() -> None:
    told = {stated: analyse("Super!", stated).language for stated in ("nl", "fr", "hu", "de")}
    assert told == {language: language for language in told}


@pytest.mark.parametrize("tag", ["hu-HU", "HU", "hu_HU", " hu "])
def test_a_stated_language_may_name_a_country(tag: str) -> None:
    assert analyse("Szuper", tag).language == "hu"


def test_a_clear_text_overrules_the_stated_language() -> None:
    analysis = analyse("Je n'ai toujours pas reçu mon colis et personne ne me répond.", "nl")
    assert analysis.language == "fr"
    assert analysis.language_confidence > 0.9


def test_stating_a_language_we_do_not_know_is_no_error() -> None:
    assert analyse("Muchas gracias, todo muy bien", "es-ES").language == OTHER
    assert analyse("Ik wacht al drie weken op mijn pakje", "zz").language == "nl"


@pytest.mark.parametrize(
    ("language", "good", "bad"),
    [
        ("nl", "Ik ben tevreden over de service", "Ik ben niet tevreden over de service"),
        ("fr", "Je suis satisfaite du service", "Je ne suis pas satisfaite du service"),
        ("hu", "Elégedett vagyok a szolgáltatással", "Nem vagyok elégedett a szolgáltatással"),
        ("en", "I am happy with the service", "I am not happy with the service"),
        ("de", "Ich bin mit dem Service zufrieden", "Ich bin mit dem Service nicht zufrieden"),
    ],
)
def test_a_negation_turns_praise_into_blame(language: str, good: str, bad: str) -> None:
    praise, blame = analyse(good, language).sentiment, analyse(bad, language).sentiment
    assert praise is not None
    assert blame is not None
    assert praise > NEUTRAL_WITHIN
    assert blame < -NEUTRAL_WITHIN


@pytest.mark.parametrize(
    ("language", "text"),
    [("fr", "Tres decu, le service est mauvais"), ("hu", "Nagyon rossz, csalodott vagyok")],
)
def test_texts_without_accents_are_understood(language: str, text: str) -> None:
    analysis = analyse(text)
    assert analysis.language == language
    assert analysis.sentiment is not None
    assert analysis.sentiment < -NEUTRAL_WITHIN


def test_a_text_is_judged_the_same_alone_and_in_company() -> None:
    texts = [
        "Super service, merci !",
        None,
        "Rossz minőség",
        "👍",
        "gracias amigo",
        "Wann kommt das?",
    ]
    stated = ["fr", None, "hu", None, None, "de"]
    many = analyse_texts(texts * 2000, stated * 2000)
    assert many == analyse_texts(texts, stated) * 2000


def test_nothing_in_gives_nothing_out() -> None:
    assert analyse_texts([], []) == []


def test_texts_and_languages_of_different_length_are_refused() -> None:
    with pytest.raises(InvalidInput, match="2 texts came with 1 stated languages"):
        analyse_texts(["a", "b"], ["nl"])


def test_every_answer_is_in_range_and_names_its_method() -> None:
    for analysis in analyse_texts(["Top", "Nul !", "Wo?", None], ["nl", "fr", "de", None]):
        assert analysis.method == METHOD
        assert 0 <= analysis.language_confidence <= 1
        assert analysis.sentiment is None or -1 <= analysis.sentiment <= 1


def test_the_border_of_neutral_is_neutral() -> None:
    told = [polarity_of(value) for value in (NEUTRAL_WITHIN, -NEUTRAL_WITHIN, 0.26, -0.26)]
    assert told == ["neutral", "neutral", "positive", "negative"]
