#!/usr/bin/env bash
# What the image holds, for its tags and for whoever asks.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

python3 "$files/scripts/versions.py" --engine "$engine" --revision "$WB_COMFYUI_REVISION" --machine "$machine/venv" --output "$etc/versions.json"
cat "$etc/versions.json"
