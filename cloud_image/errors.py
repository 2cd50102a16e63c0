"""What goes wrong on a machine, as sentences for whoever reads them.

MachineError
├── SettingsError       machine.toml cannot be used
├── MetadataError       the cloud's metadata service does not answer, or not as it should
├── ModelError          a model cannot be brought here; `passing` as for the cloud
└── CloudError          a call to the cloud failed
"""


class MachineError(Exception):
    """Base of all that is expected to go wrong; its text is a sentence."""


class SettingsError(MachineError):
    """The machine's settings cannot be used; the text names the file and the flaw."""


class MetadataError(MachineError):
    """The metadata service does not answer, or has nothing under that name."""


class ModelError(MachineError):
    """A model cannot be brought here. `passing`: it may work a moment later."""

    def __init__(self, sentence: str, *, passing: bool = False) -> None:
        super().__init__(sentence)
        self.passing = passing


class CloudError(MachineError):
    """A call to the cloud failed. `passing`: it may work a moment later."""

    def __init__(self, sentence: str, *, passing: bool = False) -> None:
        super().__init__(sentence)
        self.passing = passing
