"""Her services: pairing with one, changing between them; and the newer plugin that the present one offers."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..client import proxy
from ..client.central import Central, load
from ..client.config import Connection, checked, data_folder, discover, resolve
from ..client.errors import NotFound, ServiceError
from ..client.model import Me
from ..client.pairing import Invitation, pair, read_invitation
from ..client.profiles import Profile, Profiles
from ..client.service import Service
from ..client.store import KeyValueStore
from ..i18n import tr
from ..qt import Signal
from ..updates import MOST_BYTES, NotInstalled, Offer, stage
from . import report
from .link import Link
from .observable import Observable, Property
from .words import Notice

_log = logging.getLogger("wakebrush")

Failed = Callable[[Exception], None]
#: How many changes of the connection are remembered for a report.
_REMEMBERED = 50


class Connecting(Observable):
    """`offer`: a newer plugin. `told(Notice)`: something she should know; `moved()`: another connection should be used now."""

    offer: Property[Offer | None] = Property(None)
    told = Signal(object)
    moved = Signal()

    def __init__(
        self,
        store: KeyValueStore,
        environ: Mapping[str, str],
        system_proxy: Callable[[str], str] = lambda endpoint: "",
        *,
        central: Central | None = None,
        host: str = "no Krita",
        home: Path | None = None,
    ) -> None:
        super().__init__()
        self._host = host
        self._environ = environ
        self._system_proxy = system_proxy
        self._home = home or Path(__file__).resolve().parents[2]
        self.profiles = Profiles(data_folder(environ) / "krita", central or load(environ), store)
        self._states: deque[str] = deque(maxlen=_REMEMBERED)
        self._codes: list[str] = []
        self._enrolled = False
        self._offered = ""

    def bind(self, link: Link) -> None:
        """The end of the wire that it serves: blocking work is done in its lanes."""
        self._link = link
        self._lanes = link.lanes

    def start(self) -> None:
        """Says what is wrong with what was found on this computer."""
        for problem in (self.profiles.central.problem, self.profiles.problem):
            if problem:
                self.told.emit(Notice(problem, "", ""))

    def resolve(self) -> Connection:
        """The connection to use now; for worker threads. Raises ServiceError."""
        return resolve(self.profiles, self._environ, self._system_proxy)

    def online(self) -> None:
        """There is a connection now."""
        self._states.append(report.state(None))
        self.look_for_update()

    def offline(self, error: ServiceError) -> bool:
        """There is none any more. Whether it is being mended by itself."""
        self._states.append(report.state(error))
        return error.action == "connect" and self.enrol()

    def report(self) -> str:
        """What somebody who helps wants to know, without any secret."""
        service = self._link.service
        timings = [] if service is None else list(service.timings.last)
        return report.of(self.profiles, self._codes, self._states, timings, self._host)

    @property
    def decided_elsewhere(self) -> str:
        """A sentence where her list does not decide, or ''."""
        if self._environ.get("KRITA_AI_ENDPOINT", "").strip():
            return tr("The environment variable KRITA_AI_ENDPOINT decides which service is used, whatever is chosen here.")
        return ""

    # Pairing.

    def pair(self, text: str, address: str, works: Callable[[Profile], None], works_not: Failed) -> None:
        """Pairs this computer by a link, or by a code and the service's address ('': the one in use, or on this computer)."""
        try:
            invitation = self._complete(read_invitation(text), address)
        except ServiceError as error:
            works_not(error)
            return
        self._codes.append(invitation.code)
        like = self.profiles.active
        settings = (like.proxy, like.authority)
        self._lanes.run("pair", partial(self._pair, invitation, *settings), partial(self._paired, works), works_not)

    def enrol(self) -> bool:
        """Uses the invitation that the studio has set, once in this life of Krita. Whether it is being used now."""
        central = self.profiles.central
        wanted = central.invitation and self.profiles.active.source == "central" and not self._enrolled
        if not wanted:
            return False
        self._enrolled = True
        try:
            read = read_invitation(central.invitation)
            invitation = Invitation(checked(central.endpoint), read.code)
        except ServiceError as error:
            self._tell_error(error)
            return False
        work = partial(self._pair, invitation, central.proxy, central.authority)
        self._lanes.run("pair", work, self._centrally_paired, self._tell_error)
        return True

    def _complete(self, invitation: Invitation, address: str) -> Invitation:
        """An invitation with an address."""
        if invitation.endpoint:
            return invitation
        here = discover(data_folder(self._environ))
        endpoint = address.strip() or self.profiles.active.endpoint or (here.endpoint if here else "")
        if not endpoint:
            raise NotFound
        return Invitation(checked(endpoint), invitation.code)

    def _pair(self, invitation: Invitation, way: str, authority: str) -> Profile:
        through = proxy.choose(way, invitation.endpoint, self._environ, self._system_proxy)
        return replace(pair(invitation, through, authority), proxy=way)

    def _paired(self, works: Callable[[Profile], None], profile: Profile) -> None:
        kept = self._keep(lambda: self.profiles.add(profile))
        if kept is not None:
            works(kept)

    def _centrally_paired(self, profile: Profile) -> None:
        self._keep(lambda: self.profiles.keep_central_token(profile.token))

    # Her list.

    def name_of(self, profile_id: str) -> str:
        """What one of her services is called; '' for one that is not hers (any more)."""
        profile = self.profiles.get(profile_id)
        return "" if profile is None else profile.name

    def use(self, profile_id: str) -> None:
        """Changes to another of her services."""
        self._keep(lambda: self.profiles.use(profile_id))

    def change(self, profile_id: str, **changes: str) -> None:
        """Changes one of hers."""
        self._keep(lambda: self.profiles.change(profile_id, **changes))

    def add(self, profile: Profile) -> None:
        """Adds one by address and token, and uses it."""
        self._keep(lambda: self.profiles.add(profile))

    def remove(self, profile_id: str) -> None:
        """Forgets one of hers, with its token."""
        self._keep(lambda: self.profiles.remove(profile_id))

    def test(self, profile: Profile, works: Callable[[Me], None], works_not: Failed) -> None:
        """Asks a service whether it takes a profile's token, whichever is in use."""

        def ask() -> Me:
            environ = {name: value for name, value in self._environ.items() if not name.startswith("KRITA_AI_")}
            connection = resolve(_Only(profile, self.profiles), environ, self._system_proxy)
            service = Service(connection)
            try:
                return service.me()
            finally:
                service.close()

        self._lanes.run("ask", ask, works, works_not)

    def _keep(self, change: Callable[[], Profile | None]) -> Profile | None:
        """Makes a change and uses what is in force then; a disk that does not take it is told."""
        try:
            kept = change()
        except OSError as error:
            reason = error.strerror or str(error)
            sentence = tr("Your services could not be stored ({reason}).", reason=reason)
            self.told.emit(Notice(sentence, tr("Make room on the disk of your user folder, then try again."), ""))
            return None
        self.moved.emit()
        return kept

    # The plugin that the service offers.

    def look_for_update(self) -> None:
        """Asks what the service offers. Only a plugin that was installed from its zip, where she may write, is replaced."""
        if self.profiles.central.updates and (self._home / "wakebrush" / "_vendor").is_dir() and os.access(self._home, os.W_OK):
            self._lanes.run("update", self._ask_offer, self._got_offer, self._no_offer)

    def install_update(self) -> None:
        """Fetches the offered plugin and puts it beside this one for the next start of Krita."""
        self._lanes.run("update", self._fetch, self._installed, self._not_installed)

    def _ask_offer(self) -> Offer:
        service = Service(self.resolve())
        try:
            return Offer.parse(service.plugin())
        finally:
            service.close()

    def _got_offer(self, offer: Offer) -> None:
        if not offer.is_wanted() or self._offered == offer.version:
            return
        self.offer, self._offered = offer, offer.version
        hint = tr("It takes a moment to install, and is used when Krita starts the next time.")
        title = tr("Version {version} of the plugin is ready.", version=offer.version)
        self.told.emit(Notice(title, hint, "update", good=True))

    def _no_offer(self, error: Exception) -> None:
        """Nothing that she has to know: it is asked for again with the next connection."""
        _log.debug("no plugin is offered", exc_info=error)

    def _fetch(self) -> Offer:
        service = Service(self.resolve())
        try:
            offer = Offer.parse(service.plugin())
            stage(service.plugin_file(offer.place, MOST_BYTES), offer, self._home)
            return offer
        finally:
            service.close()

    def _installed(self, offer: Offer) -> None:
        self.offer = None
        title = tr("Version {version} of the plugin is installed.", version=offer.version)
        self.told.emit(Notice(title, tr("It is used when Krita starts the next time."), good=True))

    def _not_installed(self, error: Exception) -> None:
        if isinstance(error, (ServiceError, NotInstalled)):
            self._tell_error(error)
        else:
            self.told.emit(Notice(tr("The service offers no plugin that can be used."), tr("Tell your admin."), ""))

    def _tell_error(self, error: Exception) -> None:
        notice = Notice(error.title, error.hint, error.action) if isinstance(error, ServiceError) else Notice(str(error))
        self.told.emit(notice)


class _Only:
    """One profile as if it were the one in use."""

    def __init__(self, profile: Profile, of: Profiles) -> None:
        self._profile, self._of = profile, of

    @property
    def active(self) -> Profile:
        return self._profile

    def token(self, profile: Profile) -> str:
        return self._of.token(profile)
