"""What she has set in the docker, set without a hand on it."""

from .docker import part


def _session():
    return part("wakebrush_panel")._session


def change(**values):
    """Settings by name, as the docker's fields would set them."""
    for name, value in values.items():
        assert name in _session().settings.properties(), name
        setattr(_session().settings, name, value)
    yield 0.1


def as_at_first():
    """Everything as it is before she has set anything."""
    settings = _session().settings
    for name, each in settings.properties().items():
        setattr(settings, name, each.default)
    yield 0.1


def planned():
    """What the button would do now, in a sentence."""
    _session().refresh_canvas()
    return _session().describe()
