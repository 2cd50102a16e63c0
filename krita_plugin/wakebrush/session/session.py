"""The state the docker shows, and the verbs behind its buttons. One per Krita, shared by all its windows."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..canvas.base import Canvas, CanvasState, NoDocument
from ..canvas.plan import NothingToPaint, Task
from ..client.config import data_folder
from ..client.errors import ServiceError, Stopped, Unreachable
from ..client.model import Machine, Style
from ..client.service import Service
from ..client.store import KeyValueStore
from ..i18n import tr
from ..journal import Journal
from ..qt import QImage, QTimer
from ..running import Run
from .bar import Bar
from .connecting import Connecting
from .desk import Desk
from .herald import Herald
from .link import Link
from .modes import Facts, button_label, chosen, strength_counts
from .observable import Observable, Property
from .planned import Planned
from .prices import Question
from .queue import Unsent
from .request import PaintRequest, model_size, parse_seed, portions
from .results import Results
from .settings import PaintSettings
from .state_line import StateLine, held_line, machine_line, picture_line, unconnected_line
from .step_previews import StepPreviews
from .system_proxy import system_proxy
from .ticking import Ticking
from .under_way import UnderWay
from .waits import Waits
from .words import Notice
from .work import Work
from .writing import Writing

#: How soon a question that failed on a live connection is asked again, in milliseconds.
_AGAIN_MS = 2000


class Session(Observable):
    """`notice` is the error line; `progress` is 0 to 1, or None; `unseen`: whether the model does not see the active layer;
    `in_group`: whether that is in a group, or is one."""

    state_line = Property(StateLine("off", ""))
    label = Property("Generate")
    can_generate = Property(False)
    strength_matters = Property(False)
    progress: Property[float | None] = Property(None)
    progress_text = Property("")
    notice: Property[Notice | None] = Property(None)
    styles: Property[tuple[Style, ...]] = Property(())
    preview: Property[QImage | None] = Property(None)
    language_notice = Property("")
    unseen: Property[bool | None] = Property(None)
    in_group = Property(False)
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
        self.connecting = Connecting(store, environ, system_proxy, host=host)
        self.settings = PaintSettings(store, self.connecting.profiles.central.defaults)
        self._canvas = canvas
        self._link = Link(self.connecting.resolve)
        self.connecting.bind(self._link)
        folder = Path(data_folder(environ)) / "krita"
        self._run = Run(folder / "running")
        journal = Journal(folder / "journal", self._run)
        self.work = Work(self._link, canvas, journal)
        self.writing = Writing(self._link, self.settings, store, folder)
        name_of = self.connecting.name_of
        self.results = Results(self._link, canvas, journal, self.settings, self.writing.documents, service_name=name_of)
        self._previews = StepPreviews(self._link, canvas, journal)
        self._error: ServiceError | None = None
        self._connected = False
        self._canvas_state = CanvasState(None, False, True)
        self._waits = Waits(clock)
        self.desk = Desk(self._link, self.settings, self._waits, self._question, self.work.withdraw, clock=clock)
        self._herald = Herald(canvas)
        self._bar = Bar()
        self._tick = Ticking(self)
        self._collecting = 0
        self._connect_parts()
        self._update()

    def _connect_parts(self) -> None:
        self._tick.timeout.connect(self._tick_on)
        self._link.online.connect(self._online)
        self._link.offline.connect(self._offline)
        self._link.event.connect(self._event)
        self._link.preview.connect(self._preview)
        self.work.changed.connect(self._update)
        self.work.told.connect(self._tell)
        self.writing.told.connect(self._tell)
        self.writing.book.changed.connect(self._styles_changed)
        self.work.withdrawn.connect(self.desk.cancelled)
        self.desk.told.connect(self._tell)
        self.desk.moved.connect(self._update)
        self.work.landed.connect(self.results.land)
        self.work.landed.connect(lambda _: self._herald.landed())
        self.work.ended.connect(self.results.close)
        self.results.told.connect(self._tell)
        self.results.again_asked.connect(lambda recipe: self.writing.take_up(recipe.style, recipe.overrides))
        self.results.changed.connect(lambda name: self._update() if name == "held" else None)
        self._previews.changed.connect(lambda image: setattr(self, "preview", image))
        self.settings.changed.connect(lambda _: self._update())
        self.connecting.told.connect(self._tell)
        self.connecting.moved.connect(self.reconnect)

    # Verbs.

    def start(self) -> None:
        """Looks for a service and takes up what an earlier run left."""
        self.results.resume()
        self.work.resume()
        self.writing.start()
        self.connecting.start()
        self._link.start()

    def stop(self) -> bool:
        """Ends all threads within 3 seconds; what is under way is in the journal."""
        self._tick.stop()
        self.settings.save()
        ended = self._link.stop()
        self._run.end()
        return ended

    def generate(self) -> None:
        """What the button does. What cannot be done is said in the error line."""
        self.notice = None
        if self._error is not None:
            self._tell_error(self._error)
            self._link.retry_now()
            if not isinstance(self._error, Unreachable) or self.style is None:
                return
        try:
            self.writing.check(connected=self._connected, wordless=chosen(self.settings.task, self.facts) is Task.REMOVE)
            planned = self.planned()
            request = self._request(planned)
        except (ValueError, NoDocument) as error:
            self.notice = Notice(str(error))
            return
        self.settings.save()
        self.work.begin(request, planned)
        self.desk.pressed()

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

    def leave_out(self, unseen: bool) -> None:
        """Whether the model sees the active layer."""
        self._canvas.set_unseen(unseen)
        self.refresh_canvas()

    def dismiss_notice(self) -> None:
        self.notice = None

    def refresh_canvas(self) -> None:
        """Looks at the document in front; asked for several times a second while the docker is visible."""
        before, self._canvas_state = self._canvas_state, self._canvas.state()
        self.results.look(self._canvas_state.document_id)
        if before.document_id != self._canvas_state.document_id:
            self.writing.documents.follow(self._canvas_state.document_id)
            if sentence := self._canvas.notice():
                self.notice = Notice(sentence)
        elif self._canvas_state.has_selection and not before.has_selection:
            self.desk.sign()
        if before != self._canvas_state:
            layer = self._canvas_state.layer
            self.results.look_at_layer(layer.recipe if layer is not None else None)
            self.desk.price_may_change()
            self._update()

    # What is known.

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def current(self) -> UnderWay | None:
        """The oldest picture under way: the one the bar is about."""
        return next((picture for picture in self.work.pictures.values() if picture.moving), None)

    @property
    def style(self) -> Style | None:
        """The chosen style, or the first that can be used."""
        return self.writing.style

    @property
    def machine(self) -> Machine | None:
        return self.desk.machine

    @property
    def facts(self) -> Facts:
        """What the choice of a task depends on."""
        state, settings = self._canvas_state, self.settings
        masked = state.has_selection or (settings.mask_from_layer and state.layer is not None)
        return Facts(state.has_selection, masked, state.is_empty, settings.strength)

    def _question(self) -> Question | None:
        """What the button would ask for, as far as its price depends on it."""
        if self.style is None or self._canvas_state.document_id is None:
            return None
        try:
            plan = self.planned().plan
        except (NoDocument, NothingToPaint):
            return None  # there is nothing to paint, and nothing to pay
        largest = max(plan.regions, key=lambda region: region.width * region.height)
        style, _ = self.writing.book.asked(self.style.name)
        return Question(style, largest.width, largest.height, self.settings.count * len(plan.regions))

    def planned(self) -> Planned:
        """What the button would do now. Raises NoDocument, NothingToPaint."""
        task = chosen(self.settings.task, self.facts)
        most = self.desk.me.limits.max_pixels if self.desk.me else None
        return Planned.now(self._canvas, self.settings, task, model_size(self.style, most))

    def describe(self) -> str:
        """What the button would do now, in a sentence; or why it can do nothing."""
        try:
            return self.planned().plan.describe()
        except (NothingToPaint, NoDocument) as sentence:
            return str(sentence)

    def _request(self, planned: Planned) -> PaintRequest:
        settings, style = self.settings, self.style
        assert style is not None  # it was checked before
        most = self.desk.most
        seed = parse_seed(settings.seed)
        if seed is None and (settings.count > most or len(planned.plan.regions) > 1):
            seed = random.getrandbits(32)
        asked = self.writing.asked(style, seed, settings.count)
        prompt, negative = settings.prompt.strip(), settings.negative_prompt.strip()
        return PaintRequest(prompt, negative, asked.style, portions(asked.orders, most), asked.overrides, self.desk.gathers)

    # What the service says.

    def _online(self) -> None:
        if self._error is not None and self.notice is not None and self.notice.title == self._error.title:
            self.notice = None
        self._error = None
        self.connecting.online()
        self._ask_for_styles()
        self.writing.online()
        self._link.ask("ask", Service.me, self.desk.got_me)

    def _ask_for_styles(self) -> None:
        """Without styles nothing can be painted: she is connected when they are here."""
        self._link.ask("ask", Service.styles, self._got_styles, self._no_styles)

    def _no_styles(self, error: Exception) -> None:
        if isinstance(error, ServiceError) and not isinstance(error, Stopped):
            self._offline(error)
            QTimer.singleShot(_AGAIN_MS, self._ask_for_styles)

    def _offline(self, error: ServiceError) -> None:
        self._connected = self.desk.connected = False
        self._error = error
        if error.action and not self.connecting.offline(error) and self.notice is None:
            self._tell_error(error)
        self._update()

    def _event(self, envelope: dict[str, Any]) -> None:
        kind = envelope["type"]
        with self._told_once():
            self.desk.take(envelope)
            if kind in ("snapshot", "machine.changed"):
                self._machine_changed()
            if kind in ("job.succeeded", "job.failed"):
                self._link.ask("ask", Service.me, self.desk.got_me)
            self.work.take(envelope)

    def _machine_changed(self) -> None:
        self.work.machine_changed(self.machine)
        self._herald.machine(self.machine, waits=self.current is not None)
        if any(style.available is None for style in self.styles) and self.machine is not None and self.machine.awake:
            self._ask_for_styles()
            self.writing.online()
        self._update()

    def _preview(self, header: dict[str, Any], image: bytes) -> None:
        current = self.current
        picture = self.work.of_job(header.get("job"))
        if picture is None or picture is not current:
            return
        self._previews.take(picture, image, on_canvas=self.settings.previews_on_canvas)

    def _got_styles(self, styles: list[Style]) -> None:
        self._connected = self.desk.connected = True
        self._error = None
        first_time = not self.styles
        self.writing.book.offer(tuple(styles))
        if first_time and not self.settings.style and self.style is not None:
            self.settings.style = self.style.name
            self.settings.strength = round(self.style.default_strength * 100)
        self.work.online()
        self.desk.price_may_change()
        self._update()

    def _styles_changed(self, name: str) -> None:
        if name == "styles":
            self.styles = self.writing.book.styles
            self._update()

    def _tell(self, notice: Notice) -> None:
        if not notice.good or self.notice is None or self.notice.good:  # good news waits for no trouble to be there
            self.notice = notice
        if not notice.good:
            self._herald.trouble(notice)

    def _tell_error(self, error: ServiceError) -> None:
        self._tell(Notice(error.title, error.hint, error.action))

    # What the docker shows.

    def _tick_on(self) -> None:
        self.desk.tick()
        self._update()

    @contextmanager
    def _told_once(self) -> Iterator[None]:
        """What the docker shows is worked out once, at the end."""
        self._collecting += 1
        try:
            yield
        finally:
            self._collecting -= 1
        self._update()

    def _update(self) -> None:
        if self._collecting:
            return
        layer = self._canvas_state.layer
        self.unseen = None if layer is None else layer.unseen
        self.in_group = layer is not None and layer.in_group
        facts = self.facts
        task = button_label(chosen(self.settings.task, facts), facts)
        self.label = tr("Put the idea aside") if self.desk.gathers else task
        self.can_generate = self._canvas_state.document_id is not None
        self.language_notice = self.writing.language_notice
        self.strength_matters = self._canvas_state.document_id is not None and strength_counts(self.settings.task, facts)
        machine = self.machine
        self.practice = machine is not None and machine.practice
        unsent = [each for each in self.work.pictures.values() if each.job_id is None and each.shown]
        self.desk.unsent({each.press: Unsent(each.press, each.name) for each in unsent}.values())
        current = self.current
        if machine is not None:
            machine = self._waits.as_of_now(machine)
        self.state_line = self._state_line(current, machine)
        self._bar = self._bar.at(time.monotonic(), self.work.pictures, machine, self._waits)
        self.progress, self.progress_text = self._bar.fraction, self._bar.text
        if current is None:
            self._previews.clear()
        self._herald.moving(current is not None)
        self._tick.pace(machine, at_work=current is not None, aside=bool(self.desk.aside))

    def _state_line(self, current: UnderWay | None, machine: Machine | None) -> StateLine:
        if not self._connected:
            error, notice = self._error, self.notice
            explained = error is not None and notice is not None and notice.title == error.title
            return unconnected_line(error, was_connected=bool(current or self.desk.machines), explained=explained)
        if current is None:
            return held_line() if self.results.held else machine_line(machine, time.time(), budget=self.desk.month)
        job = self._waits.as_of_now(current.job) if current.job is not None else None
        return picture_line(job, machine, time.time(), budget=self.desk.month)
