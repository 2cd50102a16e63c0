"""The state the docker shows, and the verbs behind its buttons. One per Krita, shared by all its windows."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..canvas.base import Canvas, CanvasState, NoDocument
from ..canvas.plan import NothingToPaint, Task
from ..client.config import KeyValueStore, MemoryStore, data_folder, resolve
from ..client.errors import Incompatible, Insecure, NotFound, Refused, ServiceError, Stopped, Unreachable
from ..client.model import Limits, Machine, Me, Style
from ..client.service import Service
from ..i18n import tr
from ..journal import Journal
from ..qt import QImage, QTimer
from . import words
from .link import Link
from .modes import Facts, button_label, chosen, strength_counts
from .observable import Observable, Property
from .planned import Planned
from .request import Order, PaintRequest, model_size, parse_seed, portions
from .results import Results
from .settings import PaintSettings
from .state_line import LATE, StateLine, held_line, machine_line, picture_line, unconnected_line
from .step_previews import StepPreviews
from .under_way import UnderWay
from .waits import Waits
from .words import Notice
from .work import Work

#: How often the bar and the waits are redrawn while something is under way, in milliseconds.
_TICK_MS = 200
#: How soon a question that failed on a live connection is asked again, in milliseconds.
_AGAIN_MS = 2000


class Session(Observable):
    """`notice` is the error line; `progress` is 0 to 1, or None."""

    state_line = Property(StateLine("off", ""))
    label = Property("Generate")
    can_generate = Property(False)
    strength_matters = Property(False)
    price = Property("")
    budget = Property("")
    progress: Property[float | None] = Property(None)
    progress_text = Property("")
    notice: Property[Notice | None] = Property(None)
    styles: Property[tuple[Style, ...]] = Property(())
    preview: Property[QImage | None] = Property(None)
    practice = Property(False)

    def __init__(
        self,
        canvas: Canvas,
        store: KeyValueStore,
        *,
        environ: dict[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        environ = dict(os.environ) if environ is None else environ
        self.store = store
        self._environ = environ
        self.settings = PaintSettings(store)
        self._canvas = canvas
        self._link = Link(store, environ)
        journal = Journal(Path(data_folder(environ)) / "krita" / "journal")
        self.work = Work(self._link, canvas, journal)
        self.results = Results(self._link, canvas, journal, self.settings)
        self._previews = StepPreviews(self._link, canvas, journal)
        self._error: ServiceError | None = None
        self._connected = False
        self._machines: dict[str, Machine] = {}
        self._me: Me | None = None
        self._canvas_state = CanvasState(None, False, True)
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
        self.work.landed.connect(self.results.land)
        self.work.ended.connect(self.results.close)
        self.results.told.connect(self._tell)
        self.results.changed.connect(lambda name: self._update() if name == "held" else None)
        self._previews.changed.connect(lambda image: setattr(self, "preview", image))
        self.settings.changed.connect(lambda _: self._update())

    # Verbs.

    def start(self) -> None:
        """Looks for a service and takes up what an earlier run left."""
        self.results.resume()
        self.work.resume()
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
            self._check()
            planned = self.planned()
            request = self._request(planned)
        except (ValueError, NoDocument) as error:
            self.notice = Notice(str(error))
            return
        self.settings.save()
        self.work.begin(request, planned)

    def cancel(self) -> None:
        """Lets go of the picture that the bar is about."""
        picture = self.current
        if picture is not None:
            self._previews.clear()
            self.work.cancel_press(picture.press)

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
        entered = MemoryStore({"endpoint": endpoint, "token": token})
        environ = {name: value for name, value in self._environ.items() if not name.startswith("KRITA_AI_")}
        self._link.lanes.run("ask", lambda: Service(resolve(entered, environ)).me(), works, works_not)

    def dismiss_notice(self) -> None:
        self.notice = None

    def refresh_canvas(self) -> None:
        """Looks at the document in front; asked for several times a second while the docker is visible."""
        before, self._canvas_state = self._canvas_state, self._canvas.state()
        if before.document_id != self._canvas_state.document_id:
            self.results.look(self._canvas_state.document_id)
            if sentence := self._canvas.notice():
                self.notice = Notice(sentence)
        layer = self._canvas_state.layer
        self.results.look_at_layer(layer.recipe if layer is not None else None)
        if before != self._canvas_state:
            self._update()

    # What is known.

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

    @property
    def facts(self) -> Facts:
        """What the choice of a task depends on."""
        state, settings = self._canvas_state, self.settings
        masked = state.has_selection or (settings.mask_from_layer and state.layer is not None)
        return Facts(state.has_selection, masked, state.is_empty, settings.strength)

    def planned(self) -> Planned:
        """What the button would do now. Raises NoDocument, NothingToPaint."""
        task = chosen(self.settings.task, self.facts)
        most = self._me.limits.max_pixels if self._me else None
        return Planned.now(self._canvas, self.settings, task, model_size(self.style, most))

    def describe(self) -> str:
        """What the button would do now, in a sentence; or why it can do nothing."""
        try:
            return self.planned().plan.describe()
        except (NothingToPaint, NoDocument) as sentence:
            return str(sentence)

    def _check(self) -> None:
        """Raises ValueError, a sentence, while nothing can be asked for."""
        if not self.settings.prompt.strip() and chosen(self.settings.task, self.facts) is not Task.REMOVE:
            raise ValueError(tr("Say in the prompt what you want to see."))
        if self.style is None and not self._connected:
            raise ValueError(tr("One moment: the service has not answered yet."))
        if self.style is None:
            raise ValueError(tr("The service has no style to paint with. Ask your admin to set one up."))

    def _request(self, planned: Planned) -> PaintRequest:
        settings, style = self.settings, self.style
        assert style is not None  # _check has seen it
        most = self._me.limits.max_count if self._me else Limits().max_count
        seed = parse_seed(settings.seed)
        if seed is None and (settings.count > most or len(planned.plan.regions) > 1):
            seed = random.getrandbits(32)
        prompt, negative = settings.prompt.strip(), settings.negative_prompt.strip()
        return PaintRequest(prompt, negative, style.name, portions([Order(prompt, negative, seed, settings.count)], most))

    # What the service says.

    def _online(self) -> None:
        self._error = None
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
        if isinstance(error, (Refused, Incompatible)) and self.notice is None:
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
        self._previews.take(picture, image, on_canvas=self.settings.previews_on_canvas)

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
        self.notice = notice

    def _tell_error(self, error: ServiceError | None) -> None:
        if error is not None:
            mendable = isinstance(error, (Refused, NotFound, Insecure)) or error.code == "invalid_endpoint"
            self.notice = Notice(error.title, error.hint, "settings" if mendable else "")

    # What the docker shows.

    def _update(self) -> None:
        facts = self.facts
        self.label = button_label(chosen(self.settings.task, facts), facts)
        self.can_generate = self._canvas_state.document_id is not None
        self.strength_matters = self._canvas_state.document_id is not None and strength_counts(self.settings.task, facts)
        machine = self.machine
        self.practice = machine is not None and machine.practice
        current = self.current
        self.price = words.price_text(machine, current.price if current else None)
        if machine is not None:
            machine = self._waits.as_of_now(machine)
        self.state_line = self._state_line(current, machine)
        self._show_progress(current, machine)
        if current is None:
            self._previews.clear()
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
            return held_line() if self.results.held else machine_line(machine, time.time())
        job = self._waits.as_of_now(current.job) if current.job is not None else None
        return picture_line(job, machine, time.time())
