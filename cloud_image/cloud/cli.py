"""`wakebrush-cloud`: one call to the machine's cloud, so that nothing that lives long needs the cloud's library.

Ends with 0 when it is done, with 75 (EX_TEMPFAIL) when it may help to try again, with 1 when somebody should look; then a
sentence is on stderr.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from cloud_image.errors import CloudError, MachineError, MetadataError
from cloud_image.paths import Paths
from cloud_image.settings import load

from .calls import Calls
from .whose import calls_of, known_identity, learn_identity

PASSING = 75


def main(argv: Sequence[str] | None = None) -> int:
    """The command; its exit status."""
    given = _parser().parse_args(argv)
    paths = Paths(given.root)
    try:
        settings = load(paths.settings)
        if given.command == "identity":
            _say(learn_identity(settings, paths).as_json())
        else:
            _call(given, calls_of(settings, known_identity(settings, paths)))
    except CloudError as error:
        return _fail(str(error), PASSING if error.passing else 1)
    except MetadataError as error:
        return _fail(str(error), PASSING)
    except MachineError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(f"Who this machine is cannot be written down: {error}", 1)
    return 0


def _call(given: argparse.Namespace, calls: Calls) -> None:
    match given.command:
        case "guard-token":
            _say(calls.guard_token())
        case "publish-fingerprint":
            calls.publish_fingerprint(given.fingerprint)
        case "renew-lease":
            calls.renew_lease(given.until)
        case "busy":
            calls.busy(given.busy == "1")
        case "stop":
            calls.stop()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wakebrush-cloud", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("identity", help="ask the metadata service who this machine is, and write it down")
    commands.add_parser("guard-token", help="print the token of this wake")
    publish = commands.add_parser("publish-fingerprint", help="let the service know the guard's certificate")
    publish.add_argument("fingerprint", type=_fingerprint, metavar="HEX")
    renew = commands.add_parser("renew-lease", help="the machine may run until then")
    renew.add_argument("until", type=float, metavar="EPOCH_SECONDS")
    busy = commands.add_parser("busy", help="tell the cloud's alarm whether there is work")
    busy.add_argument("busy", choices=["0", "1"])
    commands.add_parser("stop", help="have the cloud switch this machine off")
    return parser


def _fingerprint(text: str) -> str:
    if not re.fullmatch("[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError("a fingerprint is 64 hex digits")
    return text


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _fail(sentence: str, status: int) -> int:
    sys.stderr.write(f"{sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
