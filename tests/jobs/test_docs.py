"""What the documents tell people to type exists, and explains itself."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from jobs.cli import main
from jobs.commands.backfill import StartsByDefault

_ROOT = Path(__file__).parents[2]
_PAGES = [_ROOT / "README.md", _ROOT / "deploy/prometheus/alerts.yml", *sorted((_ROOT / "docs").rglob("*.md"))]
# In backticks, or a line of a block of code; a comment or another command ends it.
_BLOCK = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_IN_BLOCK = re.compile(r"^\s*(?:\$ )?connector ([a-z][^\n#|;]*)", re.MULTILINE)
_IN_TEXT = re.compile(r"`connector ([a-z][^`\n#|;]*)`")


def _mentions() -> list[str]:
    pages = [page.read_text() for page in _PAGES]
    found = [mention for page in pages for block in _BLOCK.findall(page) for mention in _IN_BLOCK.findall(block)]
    found += [mention for page in pages for mention in _IN_TEXT.findall(page)]
    return sorted({mention.strip() for mention in found})


def _resolved(words: list[str]) -> tuple[click.Command, list[str], list[str]]:
    """The command that the words name, its path, and what is left: arguments and options."""
    command: click.Command = main
    path: list[str] = []
    while isinstance(command, click.Group) and words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        named = command.commands.get(words[0])
        if named is None and isinstance(command, StartsByDefault):
            break
        assert named is not None, f"connector {' '.join([*path, words[0]])}"
        command, path, words = named, [*path, words[0]], words[1:]
    if isinstance(command, StartsByDefault) and words:
        command = command.commands["start"]
    return command, path, words


def test_there_are_many() -> None:
    assert len(_mentions()) > 30


@pytest.mark.parametrize("mention", _mentions())
def test_a_command_in_the_documents_exists_with_its_options(mention: str) -> None:
    command, path, rest = _resolved(mention.replace("…", "").split())
    known = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}
    options = [re.match(r"--[a-z-]+", word) for word in rest if word.startswith("--")]
    assert [option[0] for option in options if option and option[0] not in known] == []
    asked = CliRunner().invoke(main, [*path, "--help"])
    assert (asked.exit_code, bool(asked.output)) == (0, True)


def test_every_test_that_the_documents_name_exists() -> None:
    named = {name for page in _PAGES for name in re.findall(r"tests/[a-z_/]+\.py", page.read_text())}
    assert named
    assert [name for name in sorted(named) if not (_ROOT / name).is_file()] == []
