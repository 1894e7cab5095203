"""Invented customers of the sandbox shops. Nobody here exists: example.com takes no mail, the numbers ring nowhere."""

from __future__ import annotations

import random

# Numbers 01 99 00 xx xx are set aside for fiction in the French numbering plan (Arcep).
_PHONE = "+33199{number:06d}"

_NAMES = (
    "Élise Vincent",
    "Mélissa Daoud",
    "Bastien Garrigue",
    "Océane Ferrandi",
    "Loïc Kermadec",
    "Inès Belkacem",
    "Théo Castellane",
    "Maëlle Aubagne",
    "Rémi Estaque",
    "Zoé Calanque",
    "Noël Sormiou",
    "Aïcha Morgiou",
    "Gaëtan Frioul",
    "Léonie Panier-Joliette",
    "François-Xavier d’Endoume",
    "Chloé Malmousque",
)
_PLACES = (
    ("12 rue de la Houle", "Marseille", "13002"),
    ("3 bis traverse du Mistral", "Marseille", "13007"),
    ("48 quai des Embruns", "La Ciotat", "13600"),
    ("7 impasse du Phare", "Cassis", "13260"),
    ("21 avenue des Goélands", "Aix-en-Provence", "13100"),
    ("5 allée de la Dérive", "Lyon", "69003"),
    ("60 boulevard du Grand Large", "Nantes", "44000"),
    ("9 place de l’Écume", "Paris", "75011"),
)
ODD_NAME = "Łucja O’Brien-Ñandú 🌊"
ODD_NOTE = "Sonnez 2× s.v.p. 🐚 — <b>fragile</b> & “urgent”; مرحبا; ½ ﬁn\tmerci"
_ASCII = str.maketrans("éèëêïîôöùüçà’ -ÉÈÀ", "eeeeiioouuca...EEA")


def invented(rnd: random.Random) -> dict[str, str]:
    """A customer with every field a shop asks for."""
    name = rnd.choice(_NAMES)
    street, city, postcode = rnd.choice(_PLACES)
    return {
        "name": name,
        "email": f"{name.translate(_ASCII).lower()}@example.com",
        "phone": _PHONE.format(number=rnd.randrange(10_000)),
        "street": street,
        "city": city,
        "postcode": postcode,
        "country": "FR",
    }
