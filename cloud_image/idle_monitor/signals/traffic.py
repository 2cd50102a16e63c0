"""What passes the guard's inner doors at this moment: prompts whose body has arrived, uploads on their way.

They are counted where the kernel lists its sockets: a connection of a named socket has the name of the socket it was made to.
The guard keeps none of them open longer than its request.
"""

from __future__ import annotations

from pathlib import Path

from ..verdict import Said, Sign
from .base import Signal

#: `SS_CONNECTING` (made, and not yet accepted) and `SS_CONNECTED` of the kernel's include/uapi/linux/net.h.
_PASSING = frozenset({"02", "03"})


class TrafficSignal(Signal):
    """Busy while anything passes this socket. `what` is one and many of them: ("prompt", "prompts")."""

    def __init__(self, what: tuple[str, str], socket: Path, table: Path) -> None:
        self._one, self.name = what
        self._socket, self._table = str(socket), table

    def read(self, now: float) -> Sign:
        count = sum(_is_connection(line, self._socket) for line in self._table.read_text(errors="replace").splitlines())
        if count:
            what = f"A {self._one} is" if count == 1 else f"{count} {self.name} are"
            return Sign(self.name, Said.BUSY, f"{what} on the way to the engine.", count)
        return Sign(self.name, Said.IDLE, f"No {self._one} is on the way.")


def _is_connection(line: str, socket: str) -> bool:
    """Columns: Num RefCount Protocol Flags Type St Inode Path (proc_pid_net(5)); a path may have spaces."""
    columns = line.split(maxsplit=7)
    return len(columns) == 8 and columns[5] in _PASSING and columns[7] == socket
