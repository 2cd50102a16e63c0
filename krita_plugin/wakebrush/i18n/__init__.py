"""Every sentence an artist reads passes through `tr`, so that a translation needs one table and no change elsewhere.

A table is `i18n/LANGUAGE.json`: English sentence (with its `{names}`) → sentence in that language. What the service says comes
with its values filled in; `LANGUAGE.service.json` has its sentences, which `service_says` finds again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

#: The tables there are beside English. Chinese in other scripts than the simplified one reads English.
LANGUAGES = ("zh_CN",)

#: Longer than any sentence of the service; what is longer is looked through for none.
_LONGEST = 2000

_catalogue: dict[str, str] = {}
_of_service: list[tuple[re.Pattern[str], str]] = []


def use(catalogue: dict[str, str], of_service: dict[str, str] | None = None) -> None:
    """Sets the translations; an empty table is English."""
    _catalogue.clear()
    _catalogue.update(catalogue)
    most_definite_first = sorted((of_service or {}).items(), key=lambda pair: -len(re.sub(r"{\w+}", "", pair[0])))
    _of_service[:] = [(_pattern(sentence), said) for sentence, said in most_definite_first]
    service_says.cache_clear()


def _pattern(sentence: str) -> re.Pattern[str]:
    """What `{names}` stand for is found again."""
    pieces = re.split(r"{(\w+)}", sentence)
    return re.compile("".join(f"(?P<{part}>.+?)" if n % 2 else re.escape(part) for n, part in enumerate(pieces)), re.DOTALL)


def choose(preferred: Iterable[str]) -> str:
    """Takes the first language that there is a table for, out of names like `zh-Hans-CN`, `zh_CN`, `en`; says which it is."""
    for name in preferred:
        language = known(name)
        if language == "en":
            break
        if language:
            use(table(language), table(f"{language}.service"))
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
    """The table of one of LANGUAGES; of `LANGUAGE.service`, what the service says in it."""
    found: dict[str, str] = json.loads((Path(__file__).parent / f"{language}.json").read_text(encoding="utf-8"))
    return found


def later(sentence: str) -> str:
    """Marks a sentence that is written down here and passed to `tr` where it is said."""
    return sentence


def tr(sentence: str, **values: object) -> str:
    """The sentence in her language, with `{name}` filled in; English when there is no translation."""
    text = _catalogue.get(sentence, sentence)
    return text.format(**values) if values else text


@lru_cache(maxsize=256)
def service_says(sentence: str) -> str:
    """A sentence of the service in her language, and so what is quoted in it; as it came when it is unknown."""
    for pattern, said in _of_service if len(sentence) <= _LONGEST else ():
        if found := pattern.fullmatch(sentence):
            return said.format(**{name: service_says(value) for name, value in found.groupdict().items()})
    return sentence
