"""Where things lie on a machine. One place, so that units, guard, agent and monitor mean the same files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Paths:
    """All paths, below `root` (`/` on a machine, a folder in a test).

    `/run` is of one boot; `/var/lib` lasts. Who owns what is in `cloud_image/systemd/tmpfiles.conf`.
    """

    root: Path = Path("/")

    @property
    def settings(self) -> Path:
        """The machine's settings, written when its image was built."""
        return self.root / "etc/wakebrush/machine.toml"

    @property
    def versions(self) -> Path:
        """What the image holds: JSON, name to version."""
        return self.root / "etc/wakebrush/versions.json"

    @property
    def run(self) -> Path:
        """What is true in this boot only."""
        return self.root / "run/wakebrush"

    @property
    def identity(self) -> Path:
        """What the cloud says who we are: JSON, written once a boot."""
        return self.run / "identity.json"

    @property
    def door(self) -> Path:
        """The folder whose files keep the guard closed to new prompts; see door.py."""
        return self.run / "door"

    @property
    def stop_order(self) -> Path:
        """Written by the agent to have the machine stopped; `wakebrush-stop.path` watches it."""
        return self.run / "agent/stop.json"

    @property
    def wipe_order(self) -> Path:
        """Written by the agent to have the machine wiped for another artist; `wakebrush-wipe.path` watches it."""
        return self.run / "agent/wipe.json"

    @property
    def wiped(self) -> Path:
        """What came of the last order to wipe, written by root: JSON `{"order": id, "sentence": why not}`; empty when it is."""
        return self.run / "engine/wiped.json"

    @property
    def hold(self) -> Path:
        """Until when somebody keeps the machine awake, as the agent was told: JSON `{"until": epoch seconds}`."""
        return self.run / "agent/hold.json"

    @property
    def agent_socket(self) -> Path:
        """Where the agent listens; only the guard may connect."""
        return self.run / "agent/agent.sock"

    @property
    def marks(self) -> Path:
        """The folder of marks.py: who is busy."""
        return self.run / "marks"

    @property
    def activity_log(self) -> Path:
        """The guard's log of what artists did (posts and uploads): its age says when the last one was."""
        return self.run / "guard/activity.log"

    @property
    def prompt_socket(self) -> Path:
        """The guard's inner door: a prompt whose body has arrived passes it. Its connections are prompts in flight."""
        return self.run / "guard/prompt.sock"

    @property
    def upload_socket(self) -> Path:
        """The guard's inner door for uploads. Its connections are uploads in flight."""
        return self.run / "guard/upload.sock"

    @property
    def engine_exit(self) -> Path:
        """How the engine's process ended last in this boot, written by its unit: JSON."""
        return self.run / "engine/last-exit.json"

    @property
    def idle(self) -> Path:
        """The idle monitor's folder of this boot: samples and its last verdict."""
        return self.run / "idle"

    @property
    def verdict(self) -> Path:
        """The idle monitor's last verdict: JSON `{"at", "busy", "sleeps_at", "because": [sentences]}`."""
        return self.idle / "verdict.json"

    @property
    def guard(self) -> Path:
        """The guard's key and certificate; they outlive a stop."""
        return self.root / "var/lib/wakebrush/guard"

    @property
    def kept(self) -> Path:
        """The agent's book of results that nobody has acknowledged."""
        return self.root / "var/lib/wakebrush/agent/kept"

    @property
    def models(self) -> Path:
        """The models' own volume, in ComfyUI's layout: the tier that the engine reads from."""
        return self.root / "var/lib/wakebrush/models"

    @property
    def fast_models(self) -> Path:
        """The tier on the machine's own disks (instance store), empty after every stop; not there on most machines."""
        return self.root / "var/lib/wakebrush/fast"

    @property
    def shared_models(self) -> Path:
        """The shared mount (NFS, EFS) with everybody's models, if there is one."""
        return self.root / "mnt/models"

    @property
    def model_paths(self) -> Path:
        """The engine's `extra_model_paths.yaml`."""
        return self.root / "etc/wakebrush/extra_model_paths.yaml"

    @property
    def engine(self) -> Path:
        """ComfyUI's checkout; its Python environment is `venv` beside it."""
        return self.root / "opt/comfyui/app"

    @property
    def engine_data(self) -> Path:
        """The engine's `input`, `output`, `temp` and `user` folders."""
        return self.root / "var/lib/comfyui"

    @property
    def models_disk(self) -> Path:
        """Which disk the models were on in the last boot."""
        return self.root / "var/lib/wakebrush/models-disk"
