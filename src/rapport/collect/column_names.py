"""What columns are called, in the languages of our silos: our field → names that mean it."""

from __future__ import annotations

import unicodedata
from functools import cache

#: Names that mean the field in a file of any kind; a connector adds those of its own kind.
NAMES: dict[str, tuple[str, ...]] = {
    "order_id": (
        *("order id", "order no", "order number", "order", "invoice", "invoice no", "invoiceno"),
        *("invoice number", "receipt", "receipt no", "bon", "bonnummer", "kassabonnr"),
        *("ordernummer", "bestelnummer", "factuurnummer", "numéro de commande", "commande"),
        *("facture", "numéro de facture", "nyugtaszám", "rendelésszám", "rendelés", "számlaszám"),
        *("bestellnummer", "rechnungsnummer", "transaction id", "transaction"),
    ),
    "occurred_at": ("occurred at", "date time", "timestamp", "date", "datum", "dátum", "zeitpunkt"),
    "customer_id": (
        *("customer id", "customerid", "customer", "customer no", "customer number", "client id"),
        *("client", "klant", "klantnummer", "klant id", "klantnr", "numéro client", "id client"),
        *("ügyfél", "ügyfélszám", "vevő", "vevőkód", "vásárló", "kunde", "kundennummer"),
        "customer.id",
    ),
    "user_id": ("user id", "userid", "account id", "gebruiker", "utilisateur", "felhasználó"),
    "loyalty_card": (
        *("loyalty card", "card number", "card", "loyalty number", "klantenkaart", "kaartnummer"),
        *("carte de fidélité", "carte", "törzskártya", "törzsvásárlói kártya", "kundenkarte"),
    ),
    "email": (
        *("email", "e-mail", "email address", "mail", "e-mailadres", "mailadres", "courriel"),
        *("adresse e-mail", "adresse email", "e-mail cím", "emailcím", "e-mail bon"),
        *("e-mail-adresse", "holder email", "customer email", "customer.email", "requester.email"),
    ),
    "phone": (
        *("phone", "phone number", "telephone", "mobile", "mobile phone", "gsm", "telefoon"),
        *("telefoonnummer", "téléphone", "portable", "numéro de téléphone", "telefon"),
        *("telefonszám", "mobil", "telefonnummer", "handy", "customer.phone", "requester.phone"),
    ),
    "iban": (
        "iban",
        "rekeningnummer",
        "bankrekening",
        "compte bancaire",
        "bankszámlaszám",
        "konto",
    ),
    "business_id": (
        *("vat number", "vat", "btw-nummer", "ondernemingsnummer", "numéro de tva", "adószám"),
        *("ust-idnr", "company number"),
    ),
    "name": (
        *("name", "full name", "naam", "volledige naam", "nom complet", "név", "teljes név"),
        *("vollständiger name", "customer.name", "requester.name", "primary_name_full"),
    ),
    "first_name": (
        *("first name", "given name", "forename", "voornaam", "prénom", "keresztnév", "utónév"),
        *("vorname", "givenname", "primary_name_first"),
    ),
    "last_name": (
        *("last name", "surname", "family name", "achternaam", "familienaam", "nom"),
        *("nom de famille", "vezetéknév", "családnév", "nachname", "primary_name_last"),
    ),
    "birthday": (
        *("birthday", "date of birth", "dob", "birth date", "birthdate", "geboortedatum"),
        *("date de naissance", "né le", "születési dátum", "születésnap", "geburtsdatum"),
    ),
    "gender": ("gender", "sex", "geslacht", "civilité", "sexe", "nem", "geschlecht", "aanhef"),
    "language": ("language", "lang", "locale", "taal", "langue", "nyelv", "sprache"),
    "street": (
        *("street", "address", "address 1", "street address", "adres", "straat", "adresse"),
        *("rue", "rue et numéro", "utca", "utca, házszám", "cím", "straße", "addr_line1"),
    ),
    "postal_code": (
        *("postal code", "postcode", "zip", "zip code", "code postal", "irányítószám", "plz"),
        *("postleitzahl", "addr_postal_code"),
    ),
    "city": (
        *("city", "town", "stad", "gemeente", "woonplaats", "ville", "localité", "város"),
        *("település", "stadt", "ort", "suburb", "addr_city"),
    ),
    "country": (
        *("country", "land", "pays", "ország", "country code", "shippingaddress.country"),
        "addr_country",
    ),
    "company": ("company", "bedrijf", "organisation", "société", "entreprise", "cég", "firma"),
    "loyalty_tier": ("tier", "loyalty tier", "niveau", "status level", "szint", "stufe"),
    "preferred_store": ("preferred store", "home store", "voorkeurswinkel", "magasin préféré"),
    "favourite_category": ("favourite category", "favorite category", "kedvenc kategória"),
    "interests": ("interests", "interesses", "intérêts", "érdeklődés", "interessen"),
    "created_at": (
        *("created", "created at", "joined", "member since", "aangemaakt", "créé le"),
        *("rögzítve", "létrehozva", "erstellt"),
    ),
    "updated_at": (
        *("updated", "updated at", "last change", "modified", "gewijzigd", "modifié le"),
        *("módosítva", "geändert"),
    ),
    "acquisition_channel": (
        *("acquisition channel", "source", "herkomst", "canal d'acquisition", "attribution"),
        *("attribution.source", "utm_source", "hogyan talált ránk"),
    ),
    "consent_email_marketing": (
        *("email opt in", "opt-in e-mail", "newsletter", "nieuwsbrief", "hírlevél"),
        *("email consent", "marketing consent", "emailoptin", "accepts marketing"),
    ),
    "consent_sms_marketing": ("sms opt in", "opt-in sms", "sms", "sms consent"),
    "consent_profiling": ("profiling", "profilage", "profilalkotás", "profilering"),
    "amount": ("amount", "order amount", "order value", "totaalbedrag", "total amount"),
    "currency": ("currency", "currency code", "munt", "valuta", "devise", "pénznem", "währung"),
    "status": ("status", "order status", "statut", "état", "állapot"),
    "sku": (
        *("sku", "stockcode", "stock code", "product id", "article", "article code", "item id"),
        *("artikelcode", "artikelnummer", "code article", "référence", "cikkszám"),
    ),
    "item_name": (
        *("description", "product", "product name", "item", "item name", "artikel", "libellé"),
        *("omschrijving", "désignation", "megnevezés", "termék", "bezeichnung", "produit"),
    ),
    "category": (
        *("category", "department", "categorie", "afdeling", "rayon", "catégorie", "osztály"),
        *("kategória", "kategorie", "abteilung", "warengruppe"),
    ),
    "quantity": (
        *("quantity", "qty", "aantal", "hoeveelheid", "quantité", "qte", "mennyiség", "menge"),
        *("anzahl", "units", "darab"),
    ),
    "unit_price": (
        *("unit price", "unitprice", "price", "prijs", "eenheidsprijs", "prix", "prix unitaire"),
        *("egységár", "ár", "preis", "einzelpreis", "stückpreis"),
    ),
    "line_amount": ("line amount", "line total", "subtotal", "regelbedrag", "montant", "érték"),
    "items": ("items", "lines", "line items", "products", "order lines"),
    "coupon": ("coupon", "voucher", "discount code", "kortingscode", "code promo", "kupon"),
    "place": ("store", "shop", "winkel", "filiaal", "magasin", "üzlet", "bolt", "filiale"),
    "channel": ("channel", "kanaal", "canal", "csatorna", "kanal", "about", "via.channel"),
    "campaign": ("campaign", "campagne", "kampány", "kampagne"),
    "text": (
        *("text", "comment", "comments", "opmerking", "commentaire", "megjegyzés", "kommentar"),
        *("feedback", "toelichting", "verbatim"),
    ),
    "score": ("score", "rating", "cijfer", "beoordeling", "note", "pontszám", "értékelés"),
    "scale_max": ("scale", "scale max", "max score"),
    "question": ("question", "vraag", "kérdés", "frage"),
    "subject": ("subject", "onderwerp", "sujet", "objet", "tárgy", "betreff"),
    "topic": ("topic", "thema", "sujet", "téma", "custom_fields.topic"),
    "ticket_id": ("ticket id", "ticket number", "case id"),
    "call_id": ("call id",),
    "visit_id": ("visit id",),
    "review_id": ("review id",),
    "response_id": ("response id",),
    "message_id": ("message id",),
    "event": ("event", "event type"),
    "rate": ("rate", "exchange rate", "koers", "taux", "árfolyam", "wechselkurs"),
    "day": ("day", "dag", "jour", "nap", "tag"),
}


@cache
def plain_name(name: str) -> str:
    """A column's name without case, diacritics, spaces and signs: ``Order ID`` is ``orderid``."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in letters if c.isalnum())
