"""The model files of the service's machines, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: What a licence allows; the first is the freest.
COMMERCIAL = ("yes", "ask", "no")


@dataclass(frozen=True)
class Licence:
    """Under which terms a model is used. `commercial`: `yes`, `no`, `ask`, or None while nobody knows."""

    name: str = ""
    commercial: str | None = None

    @classmethod
    def parse(cls, value: Any) -> Licence | None:
        if not isinstance(value, dict):
            return None
        commercial = value.get("commercial")
        return cls(str(value.get("name") or ""), commercial if commercial in COMMERCIAL else None)


@dataclass(frozen=True)
class ModelFile:
    """A file that an engine can load, by the folder that says what it is: `checkpoints`, `vae`, `loras`."""

    name: str
    folder: str
    licence: Licence | None = None


@dataclass(frozen=True)
class Models:
    """What there is to paint with. Nothing is known as long as no engine was seen."""

    files: tuple[ModelFile, ...] = ()
    samplers: tuple[str, ...] = ()
    schedulers: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        return bool(self.files)

    def of(self, folder: str) -> tuple[str, ...]:
        """The names in one folder."""
        return tuple(file.name for file in self.files if file.folder == folder)

    def licence(self, name: str) -> Licence | None:
        """The licence of a file."""
        return next((file.licence for file in self.files if file.name == name), None)

    @classmethod
    def parse(cls, value: dict[str, Any]) -> Models:
        files = tuple(
            ModelFile(str(each["name"]), str(each["folder"]), Licence.parse(each.get("licence"))) for each in value["models"]
        )
        samplers, schedulers = (tuple(str(each) for each in value.get(key) or ()) for key in ("samplers", "schedulers"))
        return cls(files, samplers, schedulers)
