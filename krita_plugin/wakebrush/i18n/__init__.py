"""Every sentence an artist reads passes through `tr`, so that a translation needs one table and no change elsewhere.

A table is `i18n/LANGUAGE.json`: English sentence (with its `{names}`) → sentence in that language.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

#: The tables there are beside English. Chinese in other scripts than the simplified one reads English.
LANGUAGES = ("zh_CN",)

_catalogue: dict[str, str] = {}


def use(catalogue: dict[str, str]) -> None:
    """Sets the translations; an empty table is English."""
    _catalogue.clear()
    _catalogue.update(catalogue)


def choose(preferred: Iterable[str]) -> str:
    """Takes the first language that there is a table for, out of names like `zh-Hans-CN`, `zh_CN`, `en`; says which it is."""
    for name in preferred:
        language = known(name)
        if language == "en":
            break
        if language:
            use(table(language))
            return language
    use({})
    return "en"


def known(name: str) -> str:
    """The language of a locale's name, as its table is called: `en`, `zh_CN`, or '' when there is none."""
    parts = name.replace("-", "_").split("_")
    if parts[0] == "en":
        return "en"
    traditional = any(part in ("Hant", "TW", "HK", "MO") for part in parts)
    return "zh_CN" if parts[0] == "zh" and not traditional else ""


def table(language: str) -> dict[str, str]:
    """The table of one of LANGUAGES."""
    found: dict[str, str] = json.loads((Path(__file__).parent / f"{language}.json").read_text(encoding="utf-8"))
    return found


def later(sentence: str) -> str:
    """Marks a sentence that is written down here and passed to `tr` where it is said."""
    return sentence


def tr(sentence: str, **values: object) -> str:
    """The sentence in her language, with `{name}` filled in; English when there is no translation."""
    text = _catalogue.get(sentence, sentence)
    return text.format(**values) if values else text
