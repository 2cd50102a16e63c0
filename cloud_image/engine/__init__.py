"""Starts the engine with what suits the machine, and says in a sentence why it ended."""
