"""The least that a launcher takes for an engine: it says where it listens, and then waits to be ended.

Arguments: `--port N`, then any of `deaf` (SIGTERM is ignored), `mute` (never says that it answers), `brief` (ends at once with
code 3), `parent` (has a child that outlives SIGTERM; its process id is printed).
"""

import signal
import subprocess
import sys

port, moods = sys.argv[2], set(sys.argv[3:])
if "deaf" in moods:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "parent" in moods:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); signal.pause()"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    print(f"child {child.pid}")
if "brief" in moods:
    print("no model folder")
    sys.exit(3)
if "mute" not in moods:
    print("Starting server\n")
    print(f"To see the GUI go to: http://127.0.0.1:{port}")
while True:
    signal.pause()
