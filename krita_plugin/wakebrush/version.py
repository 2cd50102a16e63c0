"""Which plugin this is, and which API of the service it speaks."""

VERSION = "0.1.0"  # the same as in setup.cfg; a test compares them
API = 1
CLIENT_HEADER = f"wakebrush-krita/{VERSION}; api={API}"
