"""The HTTP libraries: the copies inside the plugin's zip, or the environment's in a checkout.

The copies live under `wakebrush._vendor` with their imports rewritten (see `package.py`), so other plugins in the same
process neither see ours nor hand us theirs.
"""

from __future__ import annotations

from importlib.util import find_spec

_PACKAGE = __name__.rpartition(".")[0].rpartition(".")[0]

if find_spec(_PACKAGE + "._vendor") is not None:
    from .._vendor import requests, truststore, urllib3, websocket
else:
    import requests
    import truststore
    import urllib3
    import websocket

__all__ = ["requests", "truststore", "urllib3", "websocket"]
