"""One JSON line in, one JSON line out, over a Unix socket: {"call": "module.function", "args": {…}}.

A step that is a generator goes on with one top-level timer event per `yield SECONDS`: Krita holds back what happens to
its layers while Python sits in a nested event loop, so no step may wait in one.
"""

import faulthandler
import importlib
import inspect
import json
import socket
import sys
import threading
import time
import traceback

from .binding import QObject, QSocketNotifier, QTimer

HANG_SECONDS = 120
errors = []
"""Tracebacks of exceptions that nobody caught (in slots, in threads)."""


def _note(kind, value, tb):
    # Krita's own hook opens a modal dialog, which would hang an unattended run.
    text = "".join(traceback.format_exception(kind, value, tb))
    errors.append(text)
    print(text, file=sys.__stderr__, flush=True)


class StepServer(QObject):
    """Listens for one client; when it goes, Krita is left to its own end."""

    def __init__(self, path):
        super().__init__()
        sys.excepthook = _note
        threading.excepthook = lambda args: _note(args.exc_type, args.exc_value, args.exc_traceback)
        self._armed = 0.0
        self._rearm()
        self._buffer = b""
        self._client = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        self._listener.listen(1)
        self._on_connect = QSocketNotifier(self._listener.fileno(), QSocketNotifier.Type.Read)
        self._on_connect.activated.connect(self._accept)

    def _rearm(self):
        """A GUI thread that hangs ends Krita, with every Python stack in its log. Each time a thread is started for it, which
        takes up to 6 ms: too much for each question while stalls are measured."""
        if time.monotonic() - self._armed < 1:
            return
        self._armed = time.monotonic()
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True, file=sys.__stderr__)

    def _accept(self, *_):
        self._client, _ = self._listener.accept()
        self._on_data = QSocketNotifier(self._client.fileno(), QSocketNotifier.Type.Read)
        self._on_data.activated.connect(self._read)

    def _read(self, *_):
        data = self._client.recv(65536)
        if not data:
            self._on_data.setEnabled(False)
            return
        self._buffer += data
        while b"\n" in self._buffer:
            line, _, self._buffer = self._buffer.partition(b"\n")
            self._rearm()
            request = json.loads(line)
            QTimer.singleShot(0, lambda request=request: self._start(request))

    def _start(self, request):
        try:
            module, function = request["call"].split(".")
            value = getattr(importlib.import_module("." + module, __package__), function)(**request["args"])
        except Exception:  # noqa: BLE001 (whatever a step raises is its answer)
            return self._answer(error=traceback.format_exc())
        if inspect.isgenerator(value):
            return self._step(value)
        return self._answer(value=value)

    def _step(self, generator):
        try:
            seconds = next(generator)
        except StopIteration as end:
            return self._answer(value=end.value)
        except Exception:  # noqa: BLE001 (as above)
            return self._answer(error=traceback.format_exc())
        QTimer.singleShot(int((seconds or 0) * 1000), lambda: self._step(generator))

    def _answer(self, **answer):
        answer["errors"] = list(errors)
        errors.clear()
        self._client.sendall(json.dumps(answer, default=str).encode() + b"\n")
