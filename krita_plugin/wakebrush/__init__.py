"""Wakebrush for Krita. Inside Krita importing this registers the docker; elsewhere (tests, packaging) it does nothing."""

from importlib.util import find_spec

if find_spec("krita") is not None:
    from .bootstrap import start

    start()
