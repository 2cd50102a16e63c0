#!/usr/bin/env bash
# Tries what was installed before an image is made of it: settings, commands, units, the engine on the CPU, and the guard
# before it. All of the trial lies below a root of its own and goes with it; the engine's /object_info is kept.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

readonly engine_seconds=300         # the first import of torch from a network disk takes a minute or two
bin=$machine/venv/bin
trial=$(mktemp -d)
started=()

# tidy : ends what was started and leaves nothing of the trial, whatever happened
tidy() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || continue
        for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.2; done
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$trial"
}
trap tidy EXIT

# free_port : a port that nobody listens on
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# answered STATUS ARGUMENT... : curl gets this status; waits only for somebody to answer at all
answered() {
    local wanted=$1 got pid
    shift
    until got=$(curl --silent --output "$trial/answer" --write-out '%{http_code}' --max-time 120 "$@"); do
        [ "$SECONDS" -lt $engine_seconds ] || { say "Nobody answered within $engine_seconds s."; return 1; }
        for pid in "${started[@]}"; do kill -0 "$pid" 2>/dev/null || return 1; done
        sleep 0.2
    done
    [ "$got" = "$wanted" ] || { say "The answer was $got, not $wanted."; return 1; }
}

check_settings() {
    "$bin/python" -c 'import pathlib, sys; from cloud_image import settings; settings.load(pathlib.Path(sys.argv[1]))' "$etc/machine.toml" ||
        fail "machine.toml cannot be used, as said above."
    local command
    for command in "$bin"/wakebrush-*; do
        "$command" --help >/dev/null || fail "$(basename "$command") does not start."
    done
}

check_units() {
    local found unit ours=()
    for unit in /etc/systemd/system/{comfyui.service,wakebrush-*,mnt-models.mount}; do [ ! -f "$unit" ] || ours+=("$unit"); done
    found=$(systemd-analyze verify "${ours[@]}" 2>&1) ||
        fail "The units are wrong: $found"
    [ -z "$found" ] || fail "The units are not quite right, and systemd would overlook it: $found"
}

# lay_out : a small machine below $trial, with a token of its own and ports that nobody uses
lay_out() {
    engine_port=$(free_port)
    guard_port=$(free_port)
    token=$(openssl rand -hex 32)
    chmod 755 "$trial"
    install -d "$trial/etc/wakebrush" "$trial/run/wakebrush/agent" "$trial/run/wakebrush/door" "$trial/run/wakebrush/engine" "$trial/opt"
    install -d -o wakebrush-guard "$trial/run/wakebrush/guard" "$trial/var/lib/wakebrush/guard"
    install -d -o comfyui "$trial/var/lib/comfyui"
    ln -s /opt/comfyui "$trial/opt/comfyui"
    ln -s /proc /sys "$trial/"
    printf '%s\n' "$token" >"$trial/token"
    printf 'cloud = "none"\n[guard]\nport = %s\ntoken_file = "%s"\n[engine]\nport = %s\nflags = ["--cpu"]\n' \
        "$guard_port" "$trial/token" "$engine_port" >"$trial/etc/wakebrush/machine.toml"
    cp "$etc/extra_model_paths.yaml" "$trial/etc/wakebrush/"
}

try_engine() {
    runuser -u comfyui -- env HOME="$trial/var/lib/comfyui" "$bin/wakebrush-engine" --root "$trial" run >"$trial/engine.log" 2>&1 &
    started+=($!)
    answered 200 "http://127.0.0.1:$engine_port/system_stats" ||
        { tail -n 50 "$trial/engine.log" >&2; fail "The engine does not answer; its last lines are above."; }
    answered 200 "http://127.0.0.1:$engine_port/object_info" || fail "The engine does not tell its nodes."
    cp "$trial/answer" "$trial/object_info.json"
    python3 "$files/scripts/object_info.py" "$trial/object_info.json" "$files/node-packs/packs.lock" ||
        { grep -iE 'error|failed|traceback' "$trial/engine.log" | tail -n 50 >&2; fail "The engine lacks nodes, as said above."; }
}

try_guard() {
    "$bin/wakebrush-guard-setup" --root "$trial" 2>"$trial/guard.log" || { cat "$trial/guard.log" >&2; fail "The guard cannot be set up."; }
    sed "s#/run/wakebrush/#$trial&#g; s#/var/lib/wakebrush/#$trial&#g" "$etc/nginx.conf" >"$trial/etc/wakebrush/nginx.conf"
    chown -R wakebrush-guard "$trial/run/wakebrush/guard" "$trial/var/lib/wakebrush/guard"
    runuser -u wakebrush-guard -- nginx -e stderr -c "$trial/etc/wakebrush/nginx.conf" >"$trial/guard.log" 2>&1 &
    started+=($!)
    local guard=https://127.0.0.1:$guard_port bearer="Authorization: Bearer $token"
    answered 401 --insecure "$guard/system_stats" || { cat "$trial/guard.log" >&2; fail "The guard lets somebody in without the token, or nobody at all."; }
    answered 200 --insecure --header "$bearer" "$guard/system_stats" || fail "The guard does not lead to the engine."
    touch "$trial/run/wakebrush/door/closed-by-stop"
    answered 503 --insecure --header "$bearer" --data '{}' "$guard/prompt" || fail "The guard's door does not close."
    [ ! -s "$trial/guard.log" ] || { cat "$trial/guard.log" >&2; fail "nginx has something to say about its configuration, as above."; }
}

check_settings
check_units
lay_out
try_engine
try_guard
install -D -m 644 "$trial/object_info.json" "$share/object_info.json"
say "Engine and guard answered after $SECONDS s."
