"""`make bench`: measures every subject (or those named) and ends with a table.

python -m tests.benchmarks [SUBJECT...] [--metrics GROUP...]
"""

from __future__ import annotations

import argparse
import sys

from tests.benchmarks import docker, gateway, image, skeleton, wake_cloud
from tests.benchmarks.report import show

SUBJECTS = {"skeleton": skeleton, "wake": wake_cloud, "image": image, "gateway": gateway, "docker": docker}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description="Measures and writes build/bench/SUBJECT.json.")
    parser.add_argument("subject", nargs="*", default=list(SUBJECTS), help=f"one of: {', '.join(SUBJECTS)}")
    parser.add_argument("--groups", nargs="+", help="only these groups of a subject's metrics, for trying things out")
    arguments = parser.parse_args()
    unknown = set(arguments.subject) - set(SUBJECTS)
    if unknown:
        parser.error(f"there is no subject {', '.join(sorted(unknown))}; there is: {', '.join(SUBJECTS)}")
    reports = []
    for name in arguments.subject:
        report = SUBJECTS[name].measure(arguments.groups)
        print(f"Wrote {report.write()}\n")
        reports.append(report)
    show(reports)
    return 0


if __name__ == "__main__":
    sys.exit(main())
