"""A Dockerfile, read as far as ours go: stages, and their instructions with continued lines joined."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Stage:
    """One FROM with what follows it, as (instruction, argument)."""

    name: str
    base: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        """The arguments of every such instruction."""
        return [argument for name, argument in self.lines if name == instruction]


def read(path: Path) -> dict[str, Stage]:
    """Stages by name, in their order. What is before the first FROM is not looked at."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        instruction, _, argument = line.strip().partition(" ")
        if instruction == "FROM":
            base, _, name = argument.partition(" AS ")
            found[name] = Stage(name, base)
        elif instruction and found:
            list(found.values())[-1].lines.append((instruction, argument.strip()))
    return found


def lineage(stages: Mapping[str, Stage], name: str) -> list[Stage]:
    """A stage and those that it is made from, the last first."""
    found = [stages[name]]
    while found[-1].base in stages:
        found.append(stages[found[-1].base])
    return found


def last(stages: Mapping[str, Stage], name: str, instruction: str) -> str:
    """What holds in the end of an instruction that replaces the one before. Raises LookupError."""
    return next(argument for stage in lineage(stages, name) for argument in reversed(stage.all(instruction)))
