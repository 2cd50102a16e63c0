"""`wakebrush-models`: brings models to this machine, tells ComfyUI where they are, lists them.

Ends with 0 when all is well, with 75 (EX_TEMPFAIL) when it may help to try again, with 1 when somebody should look.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_image.errors import MachineError, ModelError, SettingsError
from cloud_image.marks import marked
from cloud_image.metadata import Identity
from cloud_image.paths import Paths
from cloud_image.settings import ModelSettings, load

from .extra_paths import write_paths
from .in_use import ACCESS_TIME_LAG, booted_at
from .rate import Rate
from .s3_source import S3Source, s3_client
from .source import FolderSource, Source
from .sync import MostRecentlyUsed, Outcome, Sync
from .tier import GIB, Tier

MIB = 1024**2
PASSING = 75


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    given = _parser().parse_args(argv)
    paths = Paths(given.root)
    try:
        settings = load(paths.settings).models
        if given.command == "paths":
            _say(f"Written: {write_paths(paths)}")
            return 0
        if given.command == "list":
            return _list(settings, paths)
        with marked(paths.marks, "models"):
            return _sync(settings, paths, given.first)
    except ModelError as error:
        return _fail(str(error), PASSING if error.passing else 1)
    except MachineError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(f"The models' disk cannot be used: {error.strerror or error} ({error.filename or paths.models}).", 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wakebrush-models", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)
    sync = commands.add_parser("sync", help="bring models from their source to this machine's disks")
    sync.add_argument("--first", nargs="+", default=[], metavar="NAME", help="bring these first (checkpoints/x.safetensors)")
    commands.add_parser("paths", help="write ComfyUI's extra_model_paths.yaml")
    commands.add_parser("list", help="show which models are where")
    return parser


def source_of(settings: ModelSettings, paths: Paths) -> Source | None:
    """Where models come from; None when nothing is to be brought. Raises SettingsError."""
    where = settings.source
    if where == "none":
        return None
    if where == "stack":
        where = _bucket_of_the_stack(paths)
    if where.startswith("s3://"):
        bucket, _, prefix = where.removeprefix("s3://").partition("/")
        if not bucket:
            raise SettingsError("models.source in machine.toml names no bucket: s3://BUCKET/models")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        return S3Source(s3_client(_region(paths), endpoint), bucket, f"{prefix.strip('/')}/" if prefix.strip("/") else "")
    if not where.startswith("/"):
        raise SettingsError(f"models.source in machine.toml is none, stack, s3://BUCKET/models or a folder, not {where}")
    return FolderSource(Path(where))


def _bucket_of_the_stack(paths: Paths) -> str:
    """The models of the stack that this machine belongs to: its template names the bucket so."""
    known = _identity(paths)
    if known is None or not (known.deployment and known.account and known.region):
        raise SettingsError(
            "models.source in machine.toml is stack, and this machine does not know its stack: has it the tag wakebrush=NAME? "
            "Name the bucket instead: s3://BUCKET/models"
        )
    return f"s3://{known.deployment}-{known.account}-{known.region}/models"


def _region(paths: Paths) -> str | None:
    """The machine's own region, where somebody has asked the cloud for it; else what AWS's variables say."""
    known = _identity(paths)
    return known.region or None if known else None


def _identity(paths: Paths) -> Identity | None:
    """Who this machine is; None where nobody has asked the cloud."""
    try:
        return Identity.of_json(paths.identity.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as flaw:
        raise SettingsError(f"{paths.identity} cannot be used: {flaw}") from flaw


def _sync(settings: ModelSettings, paths: Paths, first: Sequence[str]) -> int:
    source, local = source_of(settings, paths), Tier(paths.models, round(settings.keep_free_gib * GIB))
    rate = Rate(settings.mib_per_second * MIB)
    since = booted_at() - ACCESS_TIME_LAG
    outcomes = []
    local.root.mkdir(parents=True, exist_ok=True)
    if source is not None:
        mount = paths.shared_models.is_dir()
        otherwise = (
            "ComfyUI reads from the shared mount" if mount else "nobody can paint with here: remove others, or enlarge the disk"
        )
        outcomes.append(_told(Sync(source, local, rate, since, _say).run(first), "the models' disk", otherwise))
    if os.path.ismount(paths.fast_models) and local.models():
        # From disk to disk: the limit is for the network.
        again = MostRecentlyUsed(FolderSource(local.root), local)
        outcome = Sync(again, Tier(paths.fast_models, GIB), Rate(0), since, _say).run([name for name in first if local.has(name)])
        outcomes.append(_told(outcome, "the fast disk", "ComfyUI reads from the models' disk"))
    if not outcomes:
        _say("There is no source of models (models.source in machine.toml): nothing is brought.")
    if not any(outcome.troubles for outcome in outcomes):
        return 0
    return PASSING if all(outcome.passing for outcome in outcomes) else 1


def _told(outcome: Outcome, place: str, otherwise: str) -> Outcome:
    """The outcome, told. `otherwise`: what becomes of models for which there was no room."""
    for sentence in outcome.troubles:
        _fail(sentence, 1)
    if outcome.left_out:
        _say(f"There is no room on {place} for these, which {otherwise}: {', '.join(outcome.left_out)}")
    _say(f"{len(outcome.brought)} models came to {place}, {len(outcome.evicted)} went.")
    return outcome


def _list(settings: ModelSettings, paths: Paths) -> int:
    source = source_of(settings, paths)
    here = {model.name: model for model in Tier(paths.models).models()}
    listing = source.listing() if source else None
    there = {model.name: model for model in listing.models} if listing else {}
    for name in sorted({*here, *there}):
        size = (there.get(name) or here[name]).size
        state = "here" if name in here else "at the source"
        if name in here and name in there and here[name].version != there[name].version and here[name].ours:
            state = "an older one is here"
        _say(f"{size:>15,}  {state:20}  {name}")
    for sentence in listing.troubles if listing else ():
        _fail(sentence, 1)
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return status
