#!/usr/bin/env bash
# The machine's own software as a wheel in an environment of its own: guard, agent, idle monitor, model sync.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

environment "$machine/venv"
python=$machine/venv/bin/python
pip_install "$python" --requirement "$files/requirements-machine.lock"

# Built from a copy: a build leaves things behind, and may find those of an older one.
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
cp -r "$files/cloud_image/." "$source/"
rm -rf "$source/build" "$source"/*.egg-info
pip_install "$python" --no-deps --no-build-isolation --force-reinstall "$source"
"$python" -m pip check || fail "The libraries of the machine's software don't fit together; make the lock anew with packer/lock."
for command in "$machine"/venv/bin/wakebrush-*; do ln -sf "$command" /usr/local/bin/; done
