"""Starts the practice engine.

    python -m wake_service.practice_engine --directory DIR [--port N] [...]

When it listens it prints one line to standard output, ComfyUI's own:

    To see the GUI go to: http://127.0.0.1:PORT

Everything else it says goes to standard error. It ends with status 0 on SIGTERM or SIGINT. `DIR` holds `input/`, `output/`,
`temp/` and `user/` and is created when missing; `temp/` is emptied at every start, as ComfyUI does.

    --port N               0 (default) takes a free port; --host ADDRESS: 127.0.0.1 by default
    --announce FILE        also writes the address to FILE once it listens, and removes FILE at an orderly end
    --front-end-root DIR   serves ComfyUI's web page from DIR (the folder `static` of its package); without it, one page of text
    --practice-pack        has an example node pack: a node, two routes, a script for the web page
    --startup-seconds S    waits before listening, as a machine that boots
    --load-seconds S       the first sampling step with a model takes that much longer, as today's lazy weight loading does
    --step-seconds S       each sampling step takes at least this long
    --drift D              colour shift of a VAE decode: 0 none (default), 1 as much as a badly matched VAE
    --blur PIXELS          blur of a VAE decode (Gaussian radius)
    --fail KIND@STEP       `oom@3`, `tight@3`, `hang@3` or `crash@3`: fails in that sampling step (the last one where a picture
                           has fewer); `tight` runs out of memory as `oom` does, but not over a graph that decodes in tiles
    --fail-first K         only the first K prompts fail; without it every prompt does
    --fail-counter FILE    keeps the count of failed prompts in FILE, so that it survives a crash

A crash is a SIGKILL of its own process. Crash at every start: `--fail crash@3`. Crash once, then work, also after a restart:
`--fail crash@3 --fail-first 1 --fail-counter FILE`. Without the counter file each start counts anew.

Each option can be set in the environment instead: `WAKEBRUSH_PRACTICE_STEP_SECONDS=0.5`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

import click

from . import NAME
from .failures import Failure
from .lifecycle import run
from .options import Options, Timing
from .vae import Imperfection


def _failure(context: click.Context, parameter: click.Parameter, value: str | None) -> Failure | None:
    """`KIND@STEP` on the command line; click's own usage error for anything else."""
    try:
        return None if value is None else Failure.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


SECONDS = click.FloatRange(min=0.0)


@click.command(help=f"{NAME}. Speaks ComfyUI's protocol; see the module's own text for what each option means.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default=True, help="0: any free port")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), required=True, help="holds input, output, temp")
@click.option("--announce", type=click.Path(path_type=Path, dir_okay=False), help="write the address here once listening")
@click.option("--front-end-root", type=click.Path(path_type=Path, file_okay=False, exists=True), help="ComfyUI's web page")
@click.option("--practice-pack", is_flag=True, help="with the example node pack")
@click.option("--startup-seconds", type=SECONDS, default=0.0)
@click.option("--load-seconds", type=SECONDS, default=0.0)
@click.option("--step-seconds", type=SECONDS, default=0.0)
@click.option("--drift", type=click.FloatRange(0.0, 1.0), default=0.0)
@click.option("--blur", type=click.FloatRange(0.0, 20.0), default=0.0)
@click.option("--fail", callback=_failure, help="oom@STEP, tight@STEP, hang@STEP or crash@STEP")
@click.option("--fail-first", type=click.IntRange(min=1), help="only the first K prompts fail")
@click.option("--fail-counter", type=click.Path(path_type=Path, dir_okay=False), help="keeps the count across restarts")
def main(
    host: str,
    port: int,
    directory: Path,
    announce: Path | None,
    front_end_root: Path | None,
    practice_pack: bool,
    startup_seconds: float,
    load_seconds: float,
    step_seconds: float,
    drift: float,
    blur: float,
    fail: Failure | None,
    fail_first: int | None,
    fail_counter: Path | None,
) -> None:
    """Reads the options and serves until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    options = Options(
        host=host,
        port=port,
        directory=directory.resolve(),
        announce=announce.resolve() if announce else None,
        timing=Timing(startup=startup_seconds, load=load_seconds, step=step_seconds),
        imperfection=Imperfection(drift=drift, blur=blur),
        failure=fail,
        fail_first=fail_first,
        fail_counter=fail_counter.resolve() if fail_counter else None,
        front_end_root=front_end_root.resolve() if front_end_root else None,
        pack=practice_pack,
    )
    sys.exit(asyncio.run(run(options)))


if __name__ == "__main__":
    main(auto_envvar_prefix="WAKEBRUSH_PRACTICE")
