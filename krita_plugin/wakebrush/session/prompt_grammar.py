"""What she may write into a prompt, and what the service is sent for it. Pure.

(misty:1.2)          a weight, which the engine itself reads: passed on as it is
{dawn|dusk|night}    alternatives, chosen by the seed: a batch goes through all of them before one comes again
<lora:ink:0.8>       a LoRA with its strength (1 when none is given): taken out and sent by its name
# for later          a comment up to the end of its line, at a line's start or after a space
\\{ \\| \\} \\# \\< \\\\   these signs themselves; `\\(` and `\\)` stay as they are, for the engine
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..client.model import Lora
from ..i18n import tr

#: What the service takes.
MOST_LORAS = 20
STRONGEST = 10.0
LARGEST_SEED = 2**64 - 1
_ESCAPED = "{|}#<\\"
_LORA = re.compile(r"<lora:([^:<>]*)(?::([^<>]*))?>", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
#: An escaped sign of the text, while the text is searched for signs that mean something: private characters, one for each.
_KEPT = {sign: chr(0xF8D0 + number) for number, sign in enumerate(_ESCAPED)}


@dataclass(frozen=True)
class Share:
    """Pictures of one press that are asked for alike: `count` of them, with `seed`, `seed` + 1 …"""

    prompt: str
    negative_prompt: str
    loras: tuple[Lora, ...]
    seed: int | None
    count: int


def read(text: str, seed: int | None = None) -> tuple[str, tuple[Lora, ...]]:
    """The words that are sent for one picture and the LoRAs in them. Raises ValueError, a sentence, for a LoRA it cannot read."""
    return _without_loras(_chosen(_without_comments(_clean(text)), seed or 0))


def varies(*texts: str) -> bool:
    """Whether there are alternatives to choose from, so that a seed must be known before anything is sent."""
    return any("{" in (cleaned := _without_comments(_clean(text))) and _chosen(cleaned, 0) != cleaned for text in texts)


def shares(prompt: str, negative_prompt: str, seed: int | None, count: int) -> tuple[Share, ...]:
    """How the pictures of one press are asked for: together while their words are the same.

    `seed`: of the first picture; the next ones count on from it. With alternatives it must not be None. Raises ValueError.
    """
    if not varies(prompt, negative_prompt):
        return (_share(prompt, negative_prompt, seed, count),)
    if seed is None:
        raise ValueError("alternatives are chosen by a seed")
    found: list[Share] = []
    for n in range(count):
        share = _share(prompt, negative_prompt, (seed + n) % (LARGEST_SEED + 1), 1)
        last = found[-1] if found else None
        if last is not None and share.seed == (last.seed or 0) + last.count and _same_words(last, share):
            found[-1] = replace(last, count=last.count + 1)
        else:
            found.append(share)
    return tuple(found)


def named(loras: Iterable[Lora], known: Iterable[str]) -> tuple[Lora, ...]:
    """The LoRAs by the names of the service's files (`inks/brush.safetensors` for `brush`).

    Nothing known: as they were written. Raises ValueError that names what is missing, and what it may be meant to be.
    """
    files = tuple(known)
    if not files:
        return tuple(loras)
    return tuple(replace(lora, name=_file_of(lora.name, files)) for lora in loras)


def merged(*several: Iterable[Lora]) -> tuple[Lora, ...]:
    """All of them, each once: of the same name, the last one counts. Raises ValueError when they are too many."""
    found = {lora.name: lora for loras in several for lora in loras}
    if len(found) > MOST_LORAS:
        raise ValueError(tr("A picture takes {most} LoRAs at most; these are {n}.", most=MOST_LORAS, n=len(found)))
    return tuple(found.values())


def stem(file: str) -> str:
    """A model's name as it is written in a prompt: without folders and ending."""
    name = file.replace("\\", "/").rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0] if "." in name else name


def _share(prompt: str, negative_prompt: str, seed: int | None, count: int) -> Share:
    words, loras = read(prompt, seed)
    avoid, more = read(negative_prompt, seed)
    return Share(words, avoid, merged(loras, more), seed, count)


def _same_words(one: Share, other: Share) -> bool:
    return (one.prompt, one.negative_prompt, one.loras) == (other.prompt, other.negative_prompt, other.loras)


def _clean(text: str) -> str:
    """Without what no engine reads: control characters, halves of characters, and the private ones that are used here."""
    text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n"))
    text = text.translate({ord(kept): None for kept in _KEPT.values()})
    return re.sub(r"\\([{|}#<\\])", lambda found: _KEPT[found[1]], text)


def _plain(text: str) -> str:
    """With the escaped signs as themselves; a backslash before a bracket stays the engine's own escape."""
    for sign, kept in _KEPT.items():
        text = text.replace(kept, sign)
    return text


def _without_comments(text: str) -> str:
    lines = []
    for line in text.split("\n"):
        kept = re.sub(r"(?:^|(?<=\s))#.*", "", line)
        if kept == line:
            lines.append(line)
        elif kept.strip():
            lines.append(kept.rstrip())
    return "\n".join(lines).strip()


def _chosen(text: str, seed: int) -> str:
    """With one of each `{a|b}` in place of them: seeds that follow each other count through all combinations."""
    chosen, _ = _choose(text, seed)
    return chosen


def _choose(text: str, rest: int) -> tuple[str, int]:
    done = ""
    while (start := text.find("{")) >= 0:
        options, end = _options(text, start)
        if len(options) < 2:  # a brace that is not closed, or holds one thing only, is just a brace
            done, text = done + text[: start + 1], text[start + 1 :]
            continue
        rest, number = divmod(rest, len(options))
        inner, rest = _choose(options[number], rest)
        done, text = done + text[:start] + inner, text[end:]
    return done + text, rest


def _options(text: str, start: int) -> tuple[list[str], int]:
    """What stands between the brace at `start` and its partner, split at the bars of this level; and where it ends."""
    depth, begin, options = 0, start + 1, []
    for place in range(start, len(text)):
        sign = text[place]
        depth += (sign == "{") - (sign == "}")
        if depth == 1 and sign == "|":
            options.append(text[begin:place])
            begin = place + 1
        elif depth == 0:
            return [*options, text[begin:place]], place + 1
    return [], len(text)


def _without_loras(text: str) -> tuple[str, tuple[Lora, ...]]:
    loras = merged(_lora(found[0], found[1], found[2]) for found in _LORA.finditer(text))
    words = _LORA.sub("", text)
    if loras:  # what stood around them: two commas, two spaces
        words = re.sub(r"[^\S\n]{2,}", " ", re.sub(r"(?:,\s*){2,}", ", ", words))
        words = "\n".join(line.strip() for line in words.split("\n")).strip(" ,\n")
    return _plain(words), loras


def _lora(written: str, name: str, strength: str | None) -> Lora:
    name = _plain(name).strip()
    if not name:
        raise ValueError(tr("“{written}” names no LoRA. It looks like <lora:name:0.8>.", written=_plain(written)))
    if strength is None:
        return Lora(name)
    if not _NUMBER.match(strength.strip()) or abs(float(strength)) > STRONGEST:
        raise ValueError(
            tr(
                "The strength in “{written}” is not a number from −10 to 10. It looks like <lora:name:0.8>.",
                written=_plain(written),
            )
        )
    return Lora(name, float(strength))


def _file_of(name: str, files: tuple[str, ...]) -> str:
    """The one file that is meant: by its whole name, without its ending, or without its folders."""
    wanted = name.replace("\\", "/").casefold()
    by_name: dict[str, list[str]] = {}
    for file in files:
        path = file.replace("\\", "/")
        for said in {path, path.rsplit(".", 1)[0], path.rsplit("/", 1)[-1], stem(path)}:
            by_name.setdefault(said.casefold(), []).append(file)
    found = by_name.get(wanted, [])
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(
            tr("“{name}” may be several LoRAs: {names}. Write its folder too.", name=name, names=", ".join(sorted(found)))
        )
    near = difflib.get_close_matches(wanted, sorted({stem(file).casefold() for file in files}), n=3, cutoff=0.5)
    near += [said for file in files if wanted in (said := stem(file).casefold()) and said not in near][: 3 - len(near)]
    if near:
        raise ValueError(tr("The service has no LoRA “{name}”. Did you mean {names}?", name=name, names=", ".join(near)))
    raise ValueError(tr("The service has no LoRA “{name}”.", name=name))
