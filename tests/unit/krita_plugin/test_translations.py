"""Everything that an artist reads can be read in every language there is."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from wakebrush import i18n

PLUGIN = Path(i18n.__file__).parents[1]
MARKS = ("tr", "later")
#: Words that look like a sentence and are for programs: Krita's own names, style sheets, programming errors.
NOT_FOR_PEOPLE = (
    "Bearer ",
    "QToolButton",
    "krita-2.5, lcms sRGB built-in",
)


@dataclass(frozen=True)
class Said:
    """A text in the code, and where."""

    text: str
    where: str


def files() -> Iterator[Path]:
    return (path for path in sorted(PLUGIN.rglob("*.py")) if "_vendor" not in path.parts)


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def marked(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call) and marked(node))


def sentences() -> dict[str, str]:
    """What passes through `tr`, and where."""
    found: dict[str, str] = {}
    for path in files():
        for call in calls(parsed(path)):
            if call.args and isinstance(call.args[0], ast.Constant):
                found.setdefault(str(call.args[0].value), f"{path.relative_to(PLUGIN)}:{call.lineno}")
    return found


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None}


def unmarked(path: Path) -> Iterator[Said]:
    """Texts of several words that end as a sentence does, and pass through nothing."""
    tree = parsed(path)
    apart = {id(inner) for call in calls(tree) for inner in ast.walk(call)}
    apart |= {id(inner) for node in ast.walk(tree) if told_to_programs(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in apart:
            text = node.value.strip()
            if text.count(" ") >= 2 and text[:1].isupper() and text[-1:] in ".!?:…" and not text.startswith(NOT_FOR_PEOPLE):
                yield Said(text, f"{path.relative_to(PLUGIN)}:{node.lineno}")


def told_to_programs(node: ast.AST) -> bool:
    """Docstrings, logging, and what is raised for a programmer."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
        return node.exc.func.id in ("TypeError", "AssertionError", "KeyError", "LookupError")
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("debug", "info", "warning", "error", "exception")
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id.startswith(("log", "_log"))
    )


def test_what_is_translated_is_written_where_it_is_said():
    """`tr(name)` cannot be collected; its sentences are marked with `later` where they are written."""
    for path in files():
        for call in calls(parsed(path)):
            assert call.args, f"{path}:{call.lineno}"
            literal = isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
            built = isinstance(call.args[0], (ast.JoinedStr, ast.BinOp))
            assert literal or not built, (
                f"{path.relative_to(PLUGIN)}:{call.lineno}: a sentence that is put together cannot be found"
            )


def test_no_sentence_passes_by_the_translations():
    assert [said for path in files() for said in unmarked(path)] == []


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_every_sentence_is_translated(language):
    table = i18n.table(language)
    missing = {where: text for text, where in sentences().items() if not table.get(text, "").strip()}
    assert missing == {}


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_no_translation_is_left_over(language):
    assert sorted(set(i18n.table(language)) - set(sentences())) == []


@pytest.mark.parametrize("language", i18n.LANGUAGES)
def test_translations_say_the_same_values(language):
    wrong = {text: said for text, said in i18n.table(language).items() if fields(text) != fields(said)}
    assert wrong == {}


@pytest.mark.parametrize(
    ("names", "language"),
    [
        (["zh_CN"], "zh_CN"),
        (["zh-Hans-SG", "en"], "zh_CN"),
        (["zh_TW", "en_US"], "en"),
        (["de_DE", "zh_CN"], "zh_CN"),
        (["en_GB", "zh_CN"], "en"),
        (["C"], "en"),
        ([], "en"),
    ],
)
def test_her_first_language_that_there_is_a_table_for_is_spoken(names, language):
    try:
        assert i18n.choose(names) == language
        assert (i18n.tr("Cancel") == "Cancel") == (language == "en")
    finally:
        i18n.use({})
