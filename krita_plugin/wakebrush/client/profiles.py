"""The services that she may paint with, and their tokens: one file in her data folder that only she can read.

Tokens are not in Krita's own settings: that file is copied to other computers and pasted into bug reports.
"""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from ..i18n import tr
from .central import Central
from .private_file import write_private
from .store import KeyValueStore

#: The services that are not in her list: the one that her studio has set, and the one that runs on this computer.
CENTRAL, LOCAL = "central", "local"
_FILE = "services.json"


@dataclass(frozen=True)
class Profile:
    """One service. `endpoint` '' stands for the one on this computer. `proxy`: an address, `none`, or '' (as the system says);
    it may hold a password. `authority`: a file of its own, or ''. `artist` and `team`: whom she was paired as."""

    id: str
    name: str
    endpoint: str
    token: str = field(default="", repr=False)
    proxy: str = field(default="", repr=False)
    authority: str = ""
    artist: str = ""
    team: str = ""

    @property
    def source(self) -> str:
        """As in `Connection.source`."""
        return {CENTRAL: "central", LOCAL: "discovery"}.get(self.id, "settings")

    @property
    def locked(self) -> bool:
        """Whether it is not hers to change."""
        return self.id in (CENTRAL, LOCAL)


class Profiles:
    """Her services. Thread-safe; every change is on disk when it returns. Raises OSError where a file cannot be written.

    `problem`: a sentence, when the file could not be read; it was put aside then.
    """

    def __init__(self, folder: Path, central: Central | None = None, settings: KeyValueStore | None = None) -> None:
        self.central = central or Central()
        self.problem = ""
        self._file = folder / _FILE
        self._lock = threading.Lock()
        self._active = ""
        self._own: dict[str, Profile] = {}
        self._central_token: dict[str, str] = {}
        self._load()
        if settings is not None:
            self._take_over(settings)

    @property
    def all(self) -> tuple[Profile, ...]:
        """The studio's, hers in the order they were added, and the one on this computer."""
        own = () if self.central.only and self.central.endpoint else (*self._own.values(), _local())
        return (*self._studios(), *own)

    @property
    def active(self) -> Profile:
        """The one in use."""
        known = {each.id: each for each in self.all}
        return known.get(self._active) or next(iter(known.values()))

    def get(self, profile_id: str) -> Profile | None:
        return next((each for each in self.all if each.id == profile_id), None)

    def token(self, profile: Profile) -> str:
        """Its token, or ''. The studio's may lie in a file of its own, which is read anew each time."""
        if profile.id != CENTRAL:
            return profile.token
        if self.central.token_file:
            try:
                return Path(self.central.token_file).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError):
                return ""
        return self._central_token.get(self.central.endpoint, "")

    def use(self, profile_id: str) -> None:
        """From now on this one."""
        with self._lock:
            self._active = profile_id
            self._store()

    def add(self, profile: Profile) -> Profile:
        """Adds one and uses it; what was known under its endpoint is replaced."""
        with self._lock:
            same = next((each for each in self._own.values() if each.endpoint == profile.endpoint), None)
            kept = replace(profile, id=same.id if same else uuid.uuid4().hex[:8])
            self._own[kept.id] = kept
            self._active = kept.id
            self._store()
            return kept

    def change(self, profile_id: str, **changes: Any) -> None:
        """Changes one of hers. A token never stays when the endpoint changes, unless it comes along."""
        with self._lock:
            old = self._own[profile_id]
            if changes.get("endpoint", old.endpoint) != old.endpoint:
                changes = {"token": "", "artist": "", "team": "", **changes}
            self._own[profile_id] = replace(old, **changes)
            self._store()

    def remove(self, profile_id: str) -> None:
        """Forgets one of hers, with its token."""
        with self._lock:
            del self._own[profile_id]
            self._store()

    def keep_central_token(self, token: str) -> None:
        """The studio's invitation became this token; it is kept for that endpoint alone."""
        with self._lock:
            self._central_token = {self.central.endpoint: token}
            self._active = CENTRAL
            self._store()

    def secrets(self) -> tuple[str, ...]:
        """All that must never be shown: tokens, the studio's invitation, addresses of proxies."""
        found = [self.central.invitation, self.central.proxy, *self._central_token.values()]
        for each in self.all:
            found += [self.token(each), each.proxy]
        return tuple(each for each in found if each)

    def _studios(self) -> tuple[Profile, ...]:
        told = self.central
        if not told.endpoint:
            return ()
        return (Profile(CENTRAL, told.name or tr("My studio"), told.endpoint, "", told.proxy, told.authority),)

    def _load(self) -> None:
        try:
            told = json.loads(self._file.read_text(encoding="utf-8"))
            self._active = str(told["active"])
            known = set(Profile.__dataclass_fields__)
            own = [Profile(**{name: str(value) for name, value in each.items() if name in known}) for each in told["services"]]
            self._own = {each.id: each for each in own}
            self._central_token = {str(endpoint): str(token) for endpoint, token in told.get("central", {}).items()}
        except FileNotFoundError:
            return
        except OSError as error:
            self.problem = tr("The list of your services cannot be read ({reason}).", reason=error.strerror or str(error))
        except (ValueError, KeyError, TypeError, AttributeError):
            self.problem = tr("The list of your services was damaged and is put aside. Pair this computer again.")
            with contextlib.suppress(OSError):  # then it is overwritten when she pairs again
                self._file.replace(self._file.with_suffix(".damaged"))

    def _take_over(self, settings: KeyValueStore) -> None:
        """What an earlier version kept in Krita's settings: taken over once, then gone from there."""
        endpoint, token = settings.read("endpoint").strip(), settings.read("token").strip()
        if endpoint:
            try:
                self.add(Profile("", _host(endpoint), endpoint.rstrip("/"), token))
            except OSError as error:
                self.problem = tr("Your services could not be stored ({reason}).", reason=error.strerror or str(error))
                return
        for key, value in (("endpoint", endpoint), ("token", token)):
            if value:
                settings.write(key, "")

    def _store(self) -> None:
        services = [asdict(each) for each in self._own.values()]
        told: Mapping[str, Any] = {"active": self._active, "services": services, "central": self._central_token}
        write_private(self._file, json.dumps(told, ensure_ascii=False, indent=1))


def _local() -> Profile:
    return Profile(LOCAL, tr("This computer"), "")


def _host(endpoint: str) -> str:
    return endpoint.rpartition("://")[2].split("/")[0]
