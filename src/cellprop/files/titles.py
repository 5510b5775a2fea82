"""What a list of students may call its columns: by hand, and as learning platforms export them.

Platforms write titles in the language of their site; those here are English, German, French,
Spanish, Italian, Portuguese, Dutch, Polish, Swedish, Norwegian and Danish.
"""

from __future__ import annotations

import unicodedata

# A whole name. `SOLE` are last or first names where the other stands beside them.
SOLE = ("name", "nom", "nombre", "nome", "naam", "namn", "navn")
FULL = (
    "full name",
    "student name",
    "student",
    "display name",
    "first name / last name",
    "first name / surname",
    "last name, first name",
    "surname, first name",
    "name, vorname",
    "nachname, vorname",
    "nom et prénom",
    "nom, prénom",
    "apellidos y nombre",
    "apellidos, nombre",
    "cognome e nome",
    "vollständiger name",
    "nom complet",
    "nombre completo",
    "nome completo",
    "volledige naam",
    "imię i nazwisko",
    "fullständigt namn",
    "fullt navn",
    "fulde navn",
)
FIRST = (
    "first name",
    "given name",
    "forename",
    "vorname",
    "prénom",
    "voornaam",
    "imię",
    "förnamn",
    "fornavn",
)
LAST = (
    "last name",
    "surname",
    "family name",
    "nachname",
    "familienname",
    "zuname",
    "nom de famille",
    "apellidos",
    "apellido",
    "cognome",
    "apelido",
    "sobrenome",
    "achternaam",
    "nazwisko",
    "efternamn",
    "etternavn",
    "efternavn",
)

USERNAME = (
    "username",
    "user id",
    "login",
    "benutzername",
    "anmeldename",
    "nom d'utilisateur",
    "nombre de usuario",
    "nome utente",
    "nome de usuário",
    "nome de utilizador",
    "gebruikersnaam",
    "nazwa użytkownika",
    "användarnamn",
    "brukernavn",
    "brugernavn",
)
STUDENT_ID = (
    "student id",
    "student number",
    "matriculation number",
    "matrikelnummer",
    "matrikel-nr.",
    "numéro d'étudiant",
    "numéro étudiant",
    "número de estudiante",
    "matrícula",
    "matricola",
    "numero di matricola",
    "número de estudante",
    "número de aluno",
    "studentnummer",
    "numer albumu",
    "nr albumu",
    "studienummer",
)
# What tells students apart: of several that a list has, the first is taken.
ID = (
    "id",
    "identifier",
    "identifiant",
    "identificador",
    "identificativo",
    *STUDENT_ID,
    "id number",
    "numéro d'identification",
    "número de id",
    "número de identificación",
    "codice identificativo",
    "número de identificação",
    "numer id",
    "OrgDefinedId",
    "sis user id",
    "display id",
    *USERNAME,
    "sis login id",
    "email",
    "email address",
    "mail",
    "adresse de courriel",
    "adresse e-mail",
    "courriel",
    "correo electrónico",
    "dirección de correo",
    "dirección de correo electrónico",
    "indirizzo email",
    "endereço de email",
    "e-mailadres",
    "adres e-mail",
    "e-postadress",
    "e-postadresse",
    "e-mailadresse",
)
# What Moodle writes before the number of whoever takes part.
PARTICIPANT = (
    "participant",
    "teilnehmer/in",
    "teilnehmer",
    "participante",
    "partecipante",
    "deelnemer",
    "uczestnik",
    "deltagare",
    "deltaker",
    "deltager",
)


def known_by(title: str) -> str:
    """Return the letters by which a title is known, whatever its case, accents and signs.

    >>> known_by("Student-ID"), known_by("Prénom")
    ('studentid', 'prenom')
    """
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", title).casefold()))
