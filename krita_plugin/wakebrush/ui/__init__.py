"""Widgets: they show the session's state and call its verbs, and decide nothing."""
