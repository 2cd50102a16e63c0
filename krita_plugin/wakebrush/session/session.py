"""The state the docker shows, and the verbs behind its buttons. One per Krita, shared by all its windows."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..canvas.base import Canvas, CanvasState, NoDocument
from ..canvas.region import RegionSettings
from ..client import central
from ..client.config import KeyValueStore, data_folder
from ..client.errors import ServiceError, Stopped, Unreachable
from ..client.model import Machine, Me, Style
from ..client.profiles import Profile
from ..client.service import Service
from ..i18n import tr
from ..journal import Journal
from ..qt import QImage, QTimer
from . import report, words
from .connecting import Connecting
from .link import Link
from .observable import Observable, Property
from .pictures import decode
from .request import PaintRequest, choose_mode, model_size, parse_seed
from .settings import PaintSettings
from .state_line import LATE, StateLine, machine_line, picture_line, unconnected_line
from .system_proxy import system_proxy
from .under_way import UnderWay
from .waits import Waits
from .words import Notice
from .work import Work

#: How often the bar and the waits are redrawn while something is under way, in milliseconds.
_TICK_MS = 200
#: A layer that takes longer to appear waits for her hand.
_HELD_SECONDS = 0.7
#: How soon a question that failed on a live connection is asked again, in milliseconds.
_AGAIN_MS = 2000


class Session(Observable):
    """`notice` is the error line; `offer` a question about pictures that wait to be shown; `progress` is 0 to 1, or None."""

    state_line = Property(StateLine("off", ""))
    label = Property("Generate")
    can_generate = Property(False)
    strength_matters = Property(False)
    price = Property("")
    budget = Property("")
    progress: Property[float | None] = Property(None)
    progress_text = Property("")
    notice: Property[Notice | None] = Property(None)
    offer = Property("")
    styles: Property[tuple[Style, ...]] = Property(())
    preview: Property[QImage | None] = Property(None)
    practice = Property(False)

    def __init__(
        self,
        canvas: Canvas,
        store: KeyValueStore,
        *,
        environ: dict[str, str] | None = None,
        host: str = "no Krita",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        environ = dict(os.environ) if environ is None else environ
        self.store = store
        self._host = host
        studio = central.load(environ)
        self.connecting = Connecting(store, environ, studio, system_proxy)
        self.settings = PaintSettings(store, studio.defaults)
        self._canvas = canvas
        self._link = Link(self.connecting.resolve)
        self.connecting.bind(self._link.lanes)
        self.work = Work(self._link, canvas, Journal(Path(data_folder(environ)) / "krita" / "journal"))
        self._error: ServiceError | None = None
        self._connected = False
        self._machines: dict[str, Machine] = {}
        self._me: Me | None = None
        self._canvas_state = CanvasState(None, False, True)
        self._newest_preview = 0
        self._waits = Waits(clock)
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._connect_parts()
        self._update()

    def _connect_parts(self) -> None:
        self._tick.timeout.connect(self._update)
        self._link.online.connect(self._online)
        self._link.offline.connect(self._offline)
        self._link.event.connect(self._event)
        self._link.preview.connect(self._preview)
        self.work.changed.connect(self._update)
        self.work.told.connect(self._tell)
        self.settings.changed.connect(lambda _: self._update())
        self.connecting.told.connect(self._tell)
        self.connecting.moved.connect(self.reconnect)

    # Verbs.

    def start(self) -> None:
        """Looks for a service and takes up what an earlier run left."""
        self.work.resume()
        self.connecting.start()
        self._link.start()

    def stop(self) -> bool:
        """Ends all threads within 3 seconds; what is under way is in the journal."""
        self._tick.stop()
        self.settings.save()
        return self._link.stop()

    def generate(self) -> None:
        """What the button does. What cannot be done is said in the error line."""
        self.notice = None
        if self._error is not None:
            self._tell_error(self._error)
            self._link.retry_now()
            if not isinstance(self._error, Unreachable) or self.style is None:
                return
        try:
            request = self._request()
        except ValueError as error:
            self.notice = Notice(str(error))
            return
        settings = self.settings
        settings.save()
        region = RegionSettings(settings.grow, settings.feather, settings.padding)
        try:
            self.work.begin(request, region, model_size(self.style, self._me.limits.max_pixels if self._me else None))
        except NoDocument as error:
            self.notice = Notice(str(error))

    def cancel(self) -> None:
        """Lets go of the picture that the bar is about."""
        picture = self.current
        if picture is not None:
            self.preview = None
            self.work.cancel(picture)

    def reconnect(self) -> None:
        """After endpoint or token were changed."""
        self.notice = None
        self._connected = False
        self._link.reconnect()
        self._update()

    def test_connection(
        self, endpoint: str, token: str, works: Callable[[Me], None], works_not: Callable[[Exception], None]
    ) -> None:
        """Asks the service at an address whether it takes the token. Both empty: the service on this computer."""
        self.connecting.test(Profile("", "", endpoint, token), works, works_not)

    def show_offer(self) -> None:
        """Shows the pictures that the offer is about."""
        document_id = self._canvas_state.document_id
        if document_id is not None:
            self.work.show(self.work.parked_for(document_id), document_id)

    def discard_offer(self) -> None:
        """Lets go of the pictures that the offer is about."""
        for picture in self.work.parked_for(self._canvas_state.document_id):
            self.work.cancel(picture)

    def dismiss_notice(self) -> None:
        self.notice = None

    def refresh_canvas(self) -> None:
        """Looks at the document in front; asked for several times a second while the docker is visible."""
        before, self._canvas_state = self._canvas_state, self._canvas.state()
        if before.document_id != self._canvas_state.document_id:
            self.work.documents_changed()
            if sentence := self._canvas.notice():
                self.notice = Notice(sentence)
        if before != self._canvas_state:
            self._update()

    # What is known.

    def report(self) -> str:
        """What somebody who helps wants to know, without any secret."""
        service = self._link.service
        return report.of(self.connecting, [] if service is None else list(service.timings.last), self._host)

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def current(self) -> UnderWay | None:
        """The oldest picture under way: the one the bar is about."""
        return next((picture for picture in self.work.pictures.values() if picture.shown), None)

    @property
    def style(self) -> Style | None:
        """The chosen style, or the first that can be used."""
        named = next((style for style in self.styles if style.name == self.settings.style), None)
        return named or next((style for style in self.styles if style.available is not False), None)

    @property
    def machine(self) -> Machine | None:
        return words.main_machine(list(self._machines.values()))

    def _request(self) -> PaintRequest:
        settings, style = self.settings, self.style
        if not settings.prompt.strip():
            raise ValueError(tr("Say in the prompt what you want to see."))
        if style is None and not self._connected:
            raise ValueError(tr("One moment: the service has not answered yet."))
        if style is None:
            raise ValueError(tr("The service has no style to paint with. Ask your admin to set one up."))
        mode, strength = self._mode()
        seed = parse_seed(settings.seed)
        prompt, negative = settings.prompt.strip(), settings.negative_prompt.strip()
        return PaintRequest(mode, prompt, negative, style.name, strength, seed, settings.count)

    def _mode(self) -> tuple[str, float]:
        state = self._canvas_state
        return choose_mode(is_empty=state.is_empty, has_selection=state.has_selection, strength=self.settings.strength / 100)

    # What the service says.

    def _online(self) -> None:
        if self._error is not None and self.notice is not None and self.notice.title == self._error.title:
            self.notice = None
        self._error = None
        self.connecting.states.append(report.state(None))
        self.connecting.look_for_update()
        self._ask_for_styles()
        self._link.ask("ask", Service.me, self._got_me)

    def _ask_for_styles(self) -> None:
        """Without styles nothing can be painted: she is connected when they are here."""
        self._link.ask("ask", Service.styles, self._got_styles, self._no_styles)

    def _no_styles(self, error: Exception) -> None:
        if isinstance(error, ServiceError) and not isinstance(error, Stopped):
            self._offline(error)
            QTimer.singleShot(_AGAIN_MS, self._ask_for_styles)

    def _offline(self, error: ServiceError) -> None:
        self._connected, self._error = False, error
        self.connecting.states.append(report.state(error))
        mends_itself = error.action == "connect" and self.connecting.enrol()
        if error.action and not mends_itself and self.notice is None:
            self._tell_error(error)
        self._update()

    def _event(self, envelope: dict[str, Any]) -> None:
        kind, data = envelope["type"], envelope["data"]
        if kind == "snapshot":
            self._machines = {each["id"]: Machine.parse(each) for each in data["machines"]}
            self._got_me(Me.parse(data["me"]))
            self._machine_changed()
        elif kind == "machine.changed":
            machine = Machine.parse(data["machine"])
            self._machines[machine.id] = machine
            self._machine_changed()
        if kind in ("job.succeeded", "job.failed"):
            self._link.ask("ask", Service.me, self._got_me)
        self.work.take(envelope)

    def _machine_changed(self) -> None:
        self.work.machine_changed(self.machine)
        if any(style.available is None for style in self.styles) and self.machine is not None and self.machine.awake:
            self._ask_for_styles()
        self._update()

    def _preview(self, header: dict[str, Any], image: bytes) -> None:
        current = self.current
        picture = self.work.of_job(header.get("job"))
        if picture is None or picture is not current:
            return
        self._newest_preview += 1
        number = self._newest_preview
        self._link.lanes.run("preview", lambda: decode(image), lambda decoded: self._previewed(picture, number, decoded))

    def _previewed(self, picture: UnderWay, number: int, image: QImage) -> None:
        if number == self._newest_preview and self.current is picture:
            self.preview = image

    def _got_styles(self, styles: list[Style]) -> None:
        self._connected, self._error = True, None
        first_time = not self.styles
        self.styles = tuple(styles)
        if first_time and not self.settings.style and self.style is not None:
            self.settings.style = self.style.name
            self.settings.strength = round(self.style.default_strength * 100)
        self.work.online()
        self._update()

    def _got_me(self, me: Me) -> None:
        self._me = me
        self.budget = words.budget_text(me.budget)

    def _tell(self, notice: Notice) -> None:
        if not notice.good or self.notice is None or self.notice.good:  # good news waits for no trouble to be there
            self.notice = notice

    def _tell_error(self, error: ServiceError | None) -> None:
        if error is not None:
            self.notice = Notice(error.title, error.hint, error.action)

    # What the docker shows.

    def _update(self) -> None:
        mode, strength = self._mode()
        self.label = words.button_label(mode, strength)
        self.can_generate = self._canvas_state.document_id is not None
        self.strength_matters = self._canvas_state.document_id is not None and not self._canvas_state.is_empty
        machine = self.machine
        self.practice = machine is not None and machine.practice
        self.offer = self._offer()
        current = self.current
        self.price = words.price_text(machine, current.price if current else None)
        if machine is not None:
            machine = self._waits.as_of_now(machine)
        self.state_line = self._state_line(current, machine)
        self._show_progress(current, machine)
        if current is None:
            self.preview = None
        if current is None and (machine is None or machine.eta_seconds is None):
            self._tick.stop()
        elif not self._tick.isActive():
            self._tick.start()

    def _show_progress(self, current: UnderWay | None, machine: Machine | None) -> None:
        if current is None:
            self.progress, self.progress_text = None, ""
            return
        now = time.monotonic()
        eta = self._eta(current, machine)
        others = sum(picture.shown for picture in self.work.pictures.values()) - 1
        self.progress = current.progress.fraction(now)
        self.progress_text = words.bar_text(current.progress, now, step=current.step, eta=eta, others=others)

    def _eta(self, current: UnderWay, machine: Machine | None) -> float | None:
        """What the bar counts down: the wake, or the pictures before hers. None too when it is so late that it says nothing."""
        if current.progress.phase == "waking":
            eta = machine.eta_seconds if machine is not None else None
        else:
            eta = self._waits.as_of_now(current.job).eta_seconds if current.job and current.job.ahead else None
        return None if eta is None or eta < -LATE else eta

    def _state_line(self, current: UnderWay | None, machine: Machine | None) -> StateLine:
        if not self._connected:
            error, notice = self._error, self.notice
            explained = error is not None and notice is not None and notice.title == error.title
            return unconnected_line(error, was_connected=bool(current or self._machines), explained=explained)
        if current is None:
            return machine_line(machine, time.time())
        held = current.progress.phase == "inserting" and current.progress.elapsed(time.monotonic()) > _HELD_SECONDS
        job = self._waits.as_of_now(current.job) if current.job is not None else None
        return picture_line(job, machine, time.time(), held=held)

    def _offer(self) -> str:
        parked = self.work.parked_for(self._canvas_state.document_id)
        if not parked:
            return ""
        return words.offer_sentence(
            sum(len(picture.wanted) for picture in parked),
            earlier=any(picture.earlier for picture in parked),
            homeless=any(not picture.path for picture in parked),
        )
