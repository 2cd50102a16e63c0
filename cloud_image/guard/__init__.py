"""Prepares the guard, the one open door of the machine: certificate, token, configuration."""
