"""Customer sentences that no model has read, and that no word of a lexicon was added for."""

from pathlib import Path

import pytest

from rapport.understand.text import LANGUAGES, analyse_texts, polarity_of

# Eight of each polarity; some need more than a word list (`This hoover does not hoover`).
HELD_OUT: dict[str, dict[str, list[str]]] = {
    "nl": {
        "positive": [
            "De tuinstoelen zijn stevig en de monteur was erg behulpzaam.",
            "Wat een lieve mevrouw aan de balie, ze heeft ons geweldig geholpen.",
            "Ik slaap eindelijk goed op dit kussen.",
            "Binnen een uur antwoord gekregen, dat maak je niet vaak mee.",
            "Schitterende keuken geplaatst, netjes opgeruimd achteraf.",
            "Absoluut de beste koffie van de stad.",
            "Geen spijt van deze aankoop!",
            "Mijn zoon speelt er elke dag mee en is er gek op.",
        ],
        "neutral": [
            "Op welke dag wordt het oud papier opgehaald bij jullie winkel?",
            "Ik heb de brief op 3 mei verstuurd.",
            "Kan de bezorger aanbellen bij nummer 12?",
            "Hoeveel weegt de koffer?",
            "Ik zou graag een tweede gebruiker toevoegen aan mijn account.",
            "Het rapport staat in de map van vorige maand.",
            "Zijn de gordijnen ook in het grijs te krijgen?",
            "Wij openen om negen uur.",
        ],
        "negative": [
            "De verf bladdert na een week alweer af, wat een rommel.",
            "Drie keer gebeld en elke keer opgehangen.",
            "De kamer was smerig en het ontbijt stelde niets voor.",
            "Mijn abonnement loopt door terwijl ik het heb stopgezet, schandalig.",
            "De bezorger gooide mijn pakket over het hek.",
            "Ik vind het echt niet kunnen dat ik zo lang moet wachten.",
            "Deze stofzuiger zuigt niet.",
            "Slechte ervaring, ik haal mijn geld terug.",
        ],
    },
    "fr": {
        "positive": [
            "Les chaises de jardin sont solides et le monteur très serviable.",
            "Une dame adorable au guichet, elle nous a merveilleusement aidés.",
            "Je dors enfin bien avec cet oreiller.",
            "Réponse dans l'heure, c'est rare et appréciable.",
            "Cuisine magnifique, pose soignée et chantier laissé propre.",
            "Le meilleur café de la ville.",
            "Aucun regret après cet achat !",
            "Mon fils joue avec tous les jours, il en est fou.",
        ],
        "neutral": [
            "Quel jour passez-vous relever le compteur ?",
            "J'ai envoyé la lettre le 3 mai.",
            "Le livreur peut-il sonner au numéro 12 ?",
            "Combien pèse la valise ?",
            "Je voudrais ajouter un second utilisateur à mon compte.",
            "Le rapport se trouve dans le dossier du mois dernier.",
            "Les rideaux existent-ils en gris ?",
            "Nous ouvrons à neuf heures.",
        ],
        "negative": [
            "La peinture s'écaille au bout d'une semaine, quelle camelote.",
            "J'ai appelé trois fois et on m'a raccroché au nez.",
            "La chambre était sale et le petit-déjeuner minable.",
            "Mon abonnement continue alors que je l'ai arrêté, c'est scandaleux.",
            "Le livreur a jeté mon paquet par-dessus la clôture.",
            "Je trouve inadmissible de devoir patienter aussi longtemps.",
            "Cet aspirateur n'aspire rien.",
            "Mauvaise expérience, je demande un remboursement.",
        ],
    },
    "hu": {
        "positive": [
            "A kerti székek masszívak, a szerelő nagyon segítőkész volt.",
            "Tündéri hölgy a pultnál, csodálatosan segített nekünk.",
            "Ezen a párnán végre jól alszom.",
            "Egy órán belül válaszoltak, ez ritka és nagyon jólesett.",
            "Gyönyörű konyha készült, utána szép tisztán hagytak mindent.",
            "A város legjobb kávéja.",
            "Egyáltalán nem bántam meg ezt a vásárlást!",
            "A kisfiam minden nap játszik vele, imádja.",
        ],
        "neutral": [
            "Melyik napon olvassák le a mérőórát?",
            "A levelet május 3-án adtam fel.",
            "Becsöngethet a futár a 12-es szám alatt?",
            "Hány kiló a bőrönd?",
            "Szeretnék egy második felhasználót felvenni a fiókomba.",
            "A jelentés a múlt havi mappában található.",
            "Kapható a függöny szürkében is?",
            "Kilenckor nyitunk.",
        ],
        "negative": [
            "A festék egy hét után lepattogzott, micsoda vacak.",
            "Háromszor telefonáltam, és mindig letették.",
            "A szoba koszos volt, a reggeli pedig csapnivaló.",
            "Lemondtam az előfizetést, mégis terhelik, ez felháborító.",
            "A futár átdobta a csomagomat a kerítésen.",
            "Elfogadhatatlannak tartom, hogy ilyen sokáig kell várni.",
            "Ez a porszívó nem szív.",
            "Rossz tapasztalat, visszakérem a pénzem.",
        ],
    },
    "en": {
        "positive": [
            "The garden chairs are sturdy and the fitter was so helpful.",
            "Such a sweet lady at the counter, she helped us wonderfully.",
            "I finally sleep well on this pillow.",
            "Got an answer within the hour, you don't see that often.",
            "Stunning kitchen, and they left everything spotless.",
            "By far the best coffee in town.",
            "No regrets about this purchase!",
            "My son plays with it every day and is mad about it.",
        ],
        "neutral": [
            "On which day do you read the meter?",
            "I sent the letter on 3 May.",
            "Can the courier ring at number 12?",
            "How much does the suitcase weigh?",
            "I'd like to add a second user to my account.",
            "The report is in last month's folder.",
            "Are the curtains available in grey?",
            "We open at nine.",
        ],
        "negative": [
            "The paint is peeling after a week, what rubbish.",
            "I called three times and they hung up on me each time.",
            "The room was filthy and breakfast was a joke.",
            "My subscription goes on although I stopped it, disgraceful.",
            "The courier threw my parcel over the fence.",
            "I find it unacceptable to be kept waiting this long.",
            "This hoover does not hoover.",
            "Bad experience, I want a refund.",
        ],
    },
    "de": {
        "positive": [
            "Die Gartenstühle sind stabil und der Monteur war sehr hilfsbereit.",
            "So eine liebe Dame am Schalter, sie hat uns wunderbar geholfen.",
            "Auf diesem Kissen schlafe ich endlich gut.",
            "Antwort innerhalb einer Stunde, das erlebt man selten, danke.",
            "Wunderschöne Küche, und alles wurde sauber hinterlassen.",
            "Mit Abstand der beste Kaffee der Stadt.",
            "Den Kauf habe ich keine Sekunde bereut!",
            "Mein Sohn spielt jeden Tag damit und ist ganz verrückt danach.",
        ],
        "neutral": [
            "An welchem Tag wird der Zähler abgelesen?",
            "Ich habe den Brief am 3. Mai abgeschickt.",
            "Kann der Bote bei Nummer 12 klingeln?",
            "Wie viel wiegt der Koffer?",
            "Ich möchte einen zweiten Benutzer zu meinem Konto hinzufügen.",
            "Der Bericht liegt im Ordner vom letzten Monat.",
            "Gibt es die Vorhänge auch in Grau?",
            "Wir öffnen um neun.",
        ],
        "negative": [
            "Die Farbe blättert nach einer Woche ab, so ein Schrott.",
            "Dreimal angerufen und jedes Mal aufgelegt worden.",
            "Das Zimmer war dreckig und das Frühstück ein Witz.",
            "Mein Abo läuft weiter, obwohl ich gekündigt habe, eine Frechheit.",
            "Der Bote hat mein Paket über den Zaun geworfen.",
            "Ich finde es inakzeptabel, so lange warten zu müssen.",
            "Dieser Staubsauger saugt nicht.",
            "Schlechte Erfahrung, ich will mein Geld zurück.",
        ],
    },
}

ACCURACY_FLOOR = {"nl": 0.7, "fr": 0.7, "hu": 0.7, "en": 0.7, "de": 0.7}

TRAINING = Path(__file__).resolve().parents[2] / "scripts" / "customer_sentences"


def told(language: str) -> list[tuple[str, str, float]]:
    """Sentence, wanted polarity, sentiment."""
    rows = [(text, label) for label, texts in HELD_OUT[language].items() for text in texts]
    analyses = analyse_texts([text for text, _ in rows], [language] * len(rows))
    assert all(a.sentiment is not None for a in analyses)
    return [
        (text, label, a.sentiment or 0.0) for (text, label), a in zip(rows, analyses, strict=True)
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_unseen_customer_sentences_are_mostly_told_right(language: str) -> None:
    wrong = [
        (text, label, sentiment)
        for text, label, sentiment in told(language)
        if polarity_of(sentiment) != label
    ]
    assert 1 - len(wrong) / 24 >= ACCURACY_FLOOR[language], wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_praise_scores_above_neutral_and_neutral_above_blame(language: str) -> None:
    rows = told(language)
    mean = {
        label: sum(s for _, wanted, s in rows if wanted == label) / 8
        for label in ("negative", "neutral", "positive")
    }
    assert mean["negative"] < mean["neutral"] - 0.2
    assert mean["neutral"] < mean["positive"] - 0.2


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_of_a_sentence_is_told_without_being_stated(language: str) -> None:
    texts = [text for sentences in HELD_OUT[language].values() for text in sentences]
    analyses = analyse_texts(texts, [None] * len(texts))
    told_as = [(a.language, text) for a, text in zip(analyses, texts, strict=True)]
    wrong = [(name, text) for name, text in told_as if name != language]
    assert len(wrong) <= 2, wrong


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_held_out_sentence_was_trained_on(language: str) -> None:
    trained = set((TRAINING / f"{language}.txt").read_text(encoding="utf-8").splitlines())
    assert len(trained) > 150
    assert not trained & {text for texts in HELD_OUT[language].values() for text in texts}
