"""Test-only: answers the test suite's questions from inside Krita's GUI thread.

Does nothing unless $WAKEBRUSH_TEST_SOCKET names a Unix socket to listen on.
"""

import os

if os.environ.get("WAKEBRUSH_TEST_SOCKET"):
    from krita import Extension, Krita

    from .server import StepServer

    class TestDriver(Extension):
        def setup(self):
            self._server = StepServer(os.environ["WAKEBRUSH_TEST_SOCKET"])

        def createActions(self, window):
            pass

    Krita.instance().addExtension(TestDriver(Krita.instance()))
