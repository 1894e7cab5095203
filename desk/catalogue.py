"""The catalogues of sentences: `python -m desk.catalogue` after changing any, then translate what it counts.

The .po files are what people edit; the .mo files are made from them here and kept beside them, so that an installed
package needs no build step. English is the language of the sentences themselves and needs no catalogue.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from connector.domain.explanation import SENTENCES
from connector.domain.linking import WORDS
from connector.domain.tasks import TASKS
from desk.language import LANGUAGES, TRANSLATIONS
from desk.words import OF_ONE_UNIT

_DESK = Path(__file__).parent
_ROOMS = ("desk", "webhooks")
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None}
_OPTIONS = {"templates/**.html": {"trimmed": "true"}}


def translated() -> list[str]:
    """The languages that have a catalogue."""
    return [code for code in LANGUAGES if code != "en"]


def po_path(language: str) -> Path:
    """Where the catalogue of a language is."""
    return TRANSLATIONS / language / "LC_MESSAGES" / "messages.po"


def gathered() -> Catalog:
    """Every sentence a page can show: of the templates, the doors' code and the explanations of decisions."""
    catalogue = Catalog(project="order-connector", charset="utf-8")
    for room in _ROOMS:
        for name, _, message, _, _ in extract_from_dir(str(_DESK.parent / room), _METHODS, _OPTIONS, _KEYWORDS):
            catalogue.add(message, locations=[(f"{room}/{Path(name).as_posix()}", 0)])
    for sentence in SENTENCES.values():
        catalogue.add(sentence, locations=[("connector/domain/explanation.py", 0)])
    for many, one in OF_ONE_UNIT.items():
        catalogue.add((one, many), locations=[("desk/words.py", 0)])
    for kind in TASKS.values():
        for sentence in (kind.question, *(choice.words for choice in kind.choices)):
            catalogue.add(sentence, locations=[("connector/domain/tasks.py", 0)])
    for said in WORDS.values():
        for sentence in said:
            catalogue.add(sentence, locations=[("connector/domain/linking.py", 0)])
    return catalogue


def read(language: str) -> Catalog:
    """The catalogue of a language as it stands."""
    with po_path(language).open("rb") as file:
        return read_po(file, locale=language)


def compiled(catalogue: Catalog) -> bytes:
    """What a program reads: without sentences that are not translated or only guessed."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def refresh(language: str) -> int:
    """Bring a language's catalogue up to date with the sentences and compile it; how many wait for a translation."""
    catalogue = read(language) if po_path(language).exists() else Catalog(locale=language, charset="utf-8")
    catalogue.update(gathered(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    po_path(language).parent.mkdir(parents=True, exist_ok=True)
    with po_path(language).open("wb") as file:
        write_po(file, catalogue, width=120, sort_output=True, include_lineno=False, omit_header=False)
    po_path(language).with_suffix(".mo").write_bytes(compiled(catalogue))
    return sum(not message.string for message in catalogue if message.id)


if __name__ == "__main__":
    for code in translated():
        sys.stdout.write(f"{code}: {refresh(code)} sentences to translate\n")
