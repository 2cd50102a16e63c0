"""What a studio's admin has set for all: one `wakebrush.json` (docs/service.md). Read once, when Krita starts."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..i18n import tr

_NAME = Path("wakebrush") / "wakebrush.json"


@dataclass(frozen=True)
class Central:
    """Values that were set are not hers to change. `path`: the file, '' when there is none; `problem`: what is wrong in it.

    `invitation`: a link or code, used once; `token_file`: where a token lies instead. `only`: no other service may be used;
    `updates`: whether the service's plugin is offered. `defaults`: settings of the docker, until she chooses otherwise.
    """

    endpoint: str = ""
    name: str = ""
    invitation: str = field(default="", repr=False)
    token_file: str = ""
    authority: str = ""
    proxy: str = ""
    only: bool = False
    updates: bool = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    problem: str = ""


def load(environ: Mapping[str, str], platform: str = sys.platform, user: Callable[[], str] = getpass.getuser) -> Central:
    """The first file there is. Whatever is wrong in it is left out and said."""
    path = next((each for each in places(environ, platform) if each.is_file()), None)
    if path is None:
        if chosen := environ.get("WAKEBRUSH_CONFIG"):
            return Central(problem=tr("The settings of your studio ({path}) are not there. Tell your admin.", path=chosen))
        return Central()
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise ValueError(tr("it is not a JSON object"))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sentence = tr("The settings of your studio ({path}) cannot be read: {reason}. Tell your admin.", path=path, reason=reason)
        return Central(path=str(path), problem=sentence)
    return _parsed(told, path, environ, user)


def places(environ: Mapping[str, str], platform: str = sys.platform) -> list[Path]:
    """Where the file is looked for. `WAKEBRUSH_CONFIG` names it, and is the only place then."""
    if chosen := environ.get("WAKEBRUSH_CONFIG"):
        return [Path(chosen)]
    if platform == "win32":
        return [Path(environ.get("PROGRAMDATA") or "C:\\ProgramData") / _NAME]
    if platform == "darwin":
        return [Path("/Library/Application Support") / _NAME]
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    return [Path("/etc") / _NAME, *(Path(folder) / _NAME for folder in folders if folder)]


def _parsed(told: dict[str, Any], path: Path, environ: Mapping[str, str], user: Callable[[], str]) -> Central:
    settable = {each.name: each for each in fields(Central) if each.name not in ("path", "problem")}
    kinds = {name: type(getattr(Central(), name)) for name in settable}
    good = {name: value for name, value in told.items() if name in settable and isinstance(value, kinds[name])}
    wrong = sorted(set(told) - set(good))
    problem = ""
    if wrong:
        problem = tr(
            "In the settings of your studio ({path}) these are not understood: {names}. Tell your admin.",
            path=path,
            names=", ".join(wrong),
        )
    for name in ("token_file", "authority"):
        if good.get(name):
            good[name] = _expanded(good[name], path.parent, environ, user)
    return Central(**good, path=str(path), problem=problem)


def _expanded(written: str, folder: Path, environ: Mapping[str, str], user: Callable[[], str]) -> str:
    """A path as it is meant here: `{user}` is her login name, `~` her home; a relative one starts beside the file."""
    text = written
    if "{user}" in written:
        with contextlib.suppress(KeyError, OSError, ImportError):  # nobody knows her name: the path as it is will be missing
            text = written.replace("{user}", user())
    home = environ.get("USERPROFILE") or environ.get("HOME")
    if home and (text == "~" or text.startswith(("~/", "~\\"))):
        text = home + text[1:]
    return str(folder / text)
