"""Wakebrush's wake service: jobs of artists, machines that sleep, and the way between them."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("wakebrush")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "0.0.0+checkout"
