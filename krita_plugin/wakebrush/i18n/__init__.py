"""Every sentence an artist reads passes through `tr`, so that a translation needs one table and no change elsewhere."""

from __future__ import annotations

_catalogue: dict[str, str] = {}


def use(catalogue: dict[str, str]) -> None:
    """Sets the translations: English sentence (with its `{names}`) → sentence in her language."""
    _catalogue.clear()
    _catalogue.update(catalogue)


def tr(sentence: str, **values: object) -> str:
    """The sentence in her language, with `{name}` filled in; English when there is no translation."""
    text = _catalogue.get(sentence, sentence)
    return text.format(**values) if values else text
