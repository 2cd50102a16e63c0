"""Follows the engine from its start over every prompt to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from cloud_image.engine.exits import Exit
from cloud_image.engine.trouble import Trouble

from .clock import Clock, within
from .ending import EngineProcess
from .engine_client import EngineApi, EngineGone, EngineSilent
from .loaded import Loaded
from .prompts import Finished, Work
from .state import State, answers
from .wire import Engine, EngineState, Queue, Stage

log = logging.getLogger(__name__)

#: Seconds between two tries to reach an engine that does not answer: what a waiting artist loses by it at most.
RETRY = 0.25
#: The same for one that has failed: until it is started again there is nobody to reach.
RETRY_FAILED = 1.0
#: Seconds after which the queue is looked at although nothing was said; a backstop only.
LOOK_ANYWAY = 30.0
#: Seconds until an engine that gave no good answer is asked again.
ASK_AGAIN = 2.0
#: Of the history so many rows are asked for first, and four times as many as long as all of them are new.
FIRST_ROWS, MOST_ROWS = 4, 4096
#: Prompts that have run and are remembered, so that none is told twice: as many as ComfyUI's history has.
REMEMBERED = 10_000
NO_ANSWER = "The engine does not answer."


class EngineWatch:
    """`finished` is told of every prompt that has run, once, oldest first; `worked` whenever the engine is seen at work."""

    def __init__(
        self,
        engine: EngineApi,
        process: EngineProcess,
        state: State,
        clock: Clock,
        *,
        finished: Callable[[Sequence[Finished]], None],
        worked: Callable[[float], None],
        beat: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._process = process
        self._state = state
        self._clock = clock
        self._finished = finished
        self._worked = worked
        self._beat = beat
        self._known: dict[tuple[str, str], None] = {}
        self._loaded = Loaded()
        self._start: str | None = None
        self._ended_start: str | None = None
        self._ending_at: float | None = None
        self._trouble: Trouble | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._beat()
            with contextlib.suppress(EngineGone):
                await self._follow()
            await self._absent()
            given_up = self._state.facts.engine.state is EngineState.FAILED
            await self._clock.sleep(RETRY_FAILED if given_up else RETRY)

    async def fresh_work(self) -> Work | None:
        """What the engine has to do at this moment; None when it does not answer. Raises EngineSilent when it is there and
        says nothing."""
        try:
            return await self._engine.work()
        except EngineGone:
            return None

    async def _follow(self) -> None:
        """Listens as long as the engine is there. Raises EngineGone."""
        due = asyncio.Event()
        looking = asyncio.create_task(self._look_whenever(due))
        listening = asyncio.create_task(self._listen(due))
        try:
            await asyncio.wait({looking, listening}, return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, looking):
                if task.done():
                    task.result()
        finally:
            for task in (listening, looking):
                task.cancel()
            await asyncio.gather(listening, looking, return_exceptions=True)

    async def _listen(self, due: asyncio.Event) -> None:
        async for _ in self._engine.changes():
            due.set()

    async def _look_whenever(self, due: asyncio.Event) -> None:
        await due.wait()
        while True:
            self._beat()
            due.clear()
            pause = LOOK_ANYWAY
            try:
                await self._look()
            except EngineSilent as silent:
                log.warning("%s", silent)
                pause = ASK_AGAIN
            with contextlib.suppress(TimeoutError):
                await within(self._clock, pause, due.wait())

    async def _look(self) -> None:
        work = await self._engine.work()
        news = await self._catch_up()
        if work.running:
            self._worked(self._clock.now())
        self._loaded.used(news, work)
        if self._loaded.names() != self._state.facts.models.loaded:
            self._state.heat(self._loaded.names())
        anew = not answers(self._state.facts.engine)
        engine = Engine(EngineState.WORKING if work.running else EngineState.READY)
        facts = self._state.facts
        self._state.facts = replace(
            facts,
            stage=Stage.ENGINE,
            engine=engine,
            queue=Queue(len(work.running), len(work.pending)),
            models=replace(facts.models, loaded=self._loaded.names()),
        )
        if anew:
            ending = self._process.ending()
            self._start, self._trouble = self._process.start(), None
            self._ending_at = None if ending is None else ending.at
            self._state.say("The engine answers.")
        if news:
            self._finished(news)

    async def _catch_up(self) -> list[Finished]:
        """Prompts that have run and were not known yet, also those that ended while nobody listened."""
        rows = FIRST_ROWS
        while True:
            batch = await self._engine.finished(rows)
            news = [prompt for prompt in batch if (prompt.prompt_id, prompt.turn) not in self._known]
            if len(news) < rows or rows >= MOST_ROWS:
                break
            rows *= 4
        for prompt in news:
            self._known[prompt.prompt_id, prompt.turn] = None
            self._worked(prompt.finished_at or self._clock.now())
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return news

    async def _absent(self) -> None:
        """It does not answer: it has not started yet, starts again, or has failed."""
        start, ending = self._process.start(), self._process.ending()
        facts = self._state.facts
        if ending is not None and ending.at != self._ending_at:
            await self._ended(ending)
        elif start is not None and start != self._ended_start:
            self._start = start
            sentence = NO_ANSWER if answers(facts.engine) or facts.engine.sentence == NO_ANSWER else ""
            engine = Engine(EngineState.STARTING, sentence)
            if self._trouble is not None:
                sentence = f"{self._trouble.sentence} It is being started again."
                engine = Engine(EngineState.STARTING, sentence, self._trouble.kind)
            self._state.facts = replace(facts, stage=Stage.ENGINE, engine=engine, queue=Queue())
        elif answers(facts.engine):
            self._state.facts = replace(facts, engine=Engine(EngineState.STARTING, NO_ANSWER), queue=Queue())

    async def _ended(self, ending: Exit) -> None:
        # The start that ended is the one that was known before the record was seen: a new one may be under way by now.
        self._ended_start, self._ending_at = self._start, ending.at
        self._trouble = trouble = await self._process.why(ending)
        self._loaded = Loaded()
        facts = self._state.facts
        engine = Engine(EngineState.FAILED, trouble.sentence, trouble.kind)
        self._state.facts = replace(
            facts, stage=Stage.ENGINE, engine=engine, queue=Queue(), models=replace(facts.models, loaded=())
        )
        self._state.say(trouble.sentence)
