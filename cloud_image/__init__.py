"""What lives on a GPU machine: the engine's launcher, the guard, the agent, the idle monitor, and the models' sync."""

__version__ = "0.1.0"
