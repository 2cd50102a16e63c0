"""The machine's settings: `machine.toml`, written when its image is built. All times are in seconds."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from .errors import SettingsError

#: `[idle] seconds` may be this word: the window at which idling has cost as much as a wake is worth.
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class GuardSettings:
    """The machine's one open door. `token_file`: where there is no cloud, the token is in this file."""

    port: int = 8443
    max_upload_mib: int = 100
    token_file: str = ""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """The engine's port on loopback, and flags that go behind those that are chosen for the machine."""

    port: int = 8188
    flags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class IdleSettings:
    """When the machine stops by itself.

    It is idle when its GPU was at most `gpu_percent` busy and nothing else worked for `seconds` (or AUTO, from the three
    prices below). A GPU is read every `sample_seconds`. A missing signal counts as work for `missing_seconds`, a session of
    SSH without input for `ssh_seconds`, a boot for `boot_seconds`. Between the closing of the door and the last look are
    `look_again_seconds`. AUTO: `price_per_hour` of the machine, `wait_value_per_hour` of an artist's time, `wake_seconds`.
    """

    gpu_percent: float = 5.0
    seconds: float | str = 1800.0
    sample_seconds: float = 2.0
    period_seconds: float = 60.0
    boot_seconds: float = 600.0
    missing_seconds: float = 900.0
    ssh_seconds: float = 1800.0
    look_again_seconds: float = 3.0
    price_per_hour: float = 1.0
    wait_value_per_hour: float = 30.0
    wake_seconds: float = 90.0


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """The agent. Results that nobody fetched are kept for `keep_days`, as long as `keep_free_gib` of the disk stay free.
    A lease is written for `lease_seconds` from the last work, at most every `lease_period_seconds`."""

    keep_days: float = 7.0
    keep_free_gib: float = 5.0
    lease_seconds: float = 1800.0
    lease_period_seconds: float = 300.0
    notice_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Where models come from: `source` is `none`, `stack` (the stack's bucket), `s3://BUCKET/models` or a mounted folder.
    `mib_per_second` limits a sync (0: no limit); so much of the local tier stays free."""

    source: str = "stack"
    mib_per_second: float = 0.0
    keep_free_gib: float = 10.0


@dataclass(frozen=True, slots=True)
class Settings:
    """All of them. `cloud` is `ec2`, or `none` for a workstation or a container without one."""

    cloud: str = "ec2"
    guard: GuardSettings = field(default_factory=GuardSettings)
    engine: EngineSettings = field(default_factory=EngineSettings)
    idle: IdleSettings = field(default_factory=IdleSettings)
    agent: AgentSettings = field(default_factory=AgentSettings)
    models: ModelSettings = field(default_factory=ModelSettings)


def load(path: Path) -> Settings:
    """The settings in a file; the defaults when there is none. Raises SettingsError that names the first flaw."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as flaw:
        raise SettingsError(f"The machine's settings {path} cannot be read: {flaw}") from flaw
    try:
        settings: Settings = _read(Settings, written, "")
    except ValueError as flaw:
        raise SettingsError(f"The machine's settings {path} cannot be used: {flaw}") from flaw
    _check(settings, path)
    return settings


def _read(kind: type[Any], written: Any, place: str) -> Any:
    """One table as its dataclass. Raises ValueError."""
    if not isinstance(written, dict):
        raise ValueError(f"[{place}] must be a table")
    hints = get_type_hints(kind)
    known = {member.name for member in fields(kind)}
    given: dict[str, Any] = {}
    for name, value in written.items():
        where = f"{place}.{name}" if place else name
        if name not in known:
            raise ValueError(f"{where} is not a setting")
        section = isinstance(hints[name], type) and hasattr(hints[name], "__dataclass_fields__")
        given[name] = _read(hints[name], value, where) if section else _value(hints[name], value, where)
    return kind(**given)


def _value(hint: Any, value: Any, where: str) -> Any:
    """A plain value, checked against its annotation; whole numbers are good for seconds."""
    if hint in (float, float | str) and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if hint == list[str] and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if hint == float | str and value == AUTO:
        return value
    if hint in (int, str) and type(value) is hint:
        return value
    raise ValueError(f"{where} cannot be {value!r}")


def _check(settings: Settings, path: Path) -> None:
    if settings.cloud not in ("ec2", "none"):
        raise SettingsError(f"The machine's settings {path} cannot be used: cloud is ec2 or none, not {settings.cloud}")
    if settings.cloud == "none" and not settings.guard.token_file:
        raise SettingsError(f"The machine's settings {path} cannot be used: without a cloud, guard.token_file must name a file")
    for section in (settings.guard, settings.engine, settings.idle, settings.agent, settings.models):
        for member in fields(section):
            value = getattr(section, member.name)
            if isinstance(value, int | float) and value < 0:
                raise SettingsError(f"The machine's settings {path} cannot be used: {member.name} cannot be below zero")
    if not 1.0 <= settings.idle.sample_seconds <= 5.0:
        raise SettingsError(f"The machine's settings {path} cannot be used: idle.sample_seconds goes from 1 to 5")
