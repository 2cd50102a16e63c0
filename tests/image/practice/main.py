"""ComfyUI's main.py as a machine in a rehearsal has it: says since when it runs, by the clock of systemd's own timestamps."""

import sys
import time


def main() -> None:
    began = time.monotonic()
    print(f"main.py runs since {began:.6f}", file=sys.stderr, flush=True)
    from comfy import run

    run()


if __name__ == "__main__":
    main()
