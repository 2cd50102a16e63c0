#!/usr/bin/env bash
# Tries what was installed before an image is made of it: settings, units, the guard's configuration, the engine on the CPU.
# The engine's /object_info is kept as the image's copy.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly engine_seconds=300         # importing torch on a cold disk took more than a minute elsewhere
bin=$machine/venv/bin
work=$(mktemp -d)
engine_pid=
# tidy : leaves nothing of the trial, whatever happened
tidy() {
    [ -z "$engine_pid" ] || { kill "$engine_pid" 2>/dev/null || true; wait "$engine_pid" || true; }
    rm -rf "$work"
}
trap tidy EXIT

say "Settings and commands"
"$bin/python" -c 'import pathlib, sys; from cloud_image import settings; settings.load(pathlib.Path(sys.argv[1]))' "$etc/machine.toml" ||
    fail "machine.toml cannot be used, as said above."
for command in "$bin"/wakebrush-*; do
    "$command" --help >/dev/null || fail "$(basename "$command") does not start."
done

say "Units"
units=(/etc/systemd/system/comfyui.service /etc/systemd/system/wakebrush-*)
found=$(systemd-analyze verify "${units[@]}" 2>&1) || fail "The units are wrong: $found"
[ -z "$found" ] || fail "The units are not quite right, and systemd would overlook it: $found"

say "The guard's configuration"
# Below another root: no key or token of the trial may get into the image.
mkdir -p "$work/guard"

say "The engine, on the CPU"
port=8188
(cd "$engine" && exec runuser -u comfyui -- env HOME=/var/lib/comfyui "$bin/wakebrush-engine" run --cpu) >"$work/engine.log" 2>&1 &
engine_pid=$!
until curl --silent --fail --max-time 5 "http://127.0.0.1:$port/system_stats" >"$work/system_stats.json"; do
    kill -0 "$engine_pid" 2>/dev/null || { tail -n 50 "$work/engine.log" >&2; fail "The engine ended instead of starting, as said above."; }
    [ $((SECONDS)) -lt $engine_seconds ] || { tail -n 50 "$work/engine.log" >&2; fail "The engine does not answer after $engine_seconds s."; }
    sleep 0.2
done
curl --silent --fail --max-time 120 "http://127.0.0.1:$port/object_info" >"$work/object_info.json" || fail "The engine does not tell its nodes."
python3 -c 'import json, sys
nodes = json.load(open(sys.argv[1]))
sys.exit(not nodes)' "$work/object_info.json" || fail "The engine knows no nodes."
install -D -m 644 "$work/object_info.json" "$share/object_info.json"
say "The engine answered after $SECONDS s."
