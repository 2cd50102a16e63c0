#!/usr/bin/env bash
# The node packs of packs.lock, each at its commit; packs that are no longer named there are removed.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

packs=$files/node-packs
names=()
while read -r name repository revision packages; do
    [[ -n $name && $name != \#* ]] || continue
    [[ $name =~ ^[A-Za-z0-9_.-]+$ && $revision =~ ^[0-9a-f]{40}$ ]] || fail "packs.lock: $name $repository $revision is not: folder, repository, whole commit."
    names+=("$name")
    folder=$engine/custom_nodes/$name
    # shellcheck disable=SC2086
    apt_install $packages
    checkout "$repository" "$revision" "$folder"
    [ ! -d "$packs/$name" ] || cp -r "$packs/$name/." "$folder/"
    if [ -e "$folder/requirements.txt" ]; then
        pip_install "$engine_python" --constraint "$files/requirements-engine.lock" --requirement "$folder/requirements.txt"
    fi
    "$engine_python" -m compileall -q "$folder" >/dev/null || say "Some files of $name cannot be compiled ahead; they are compiled when used."
done <"$packs/packs.lock"

# Only what git brought is a pack of ours; ComfyUI's own examples have no .git.
for folder in "$engine"/custom_nodes/*/.git; do
    [ -e "$folder" ] || continue
    name=$(basename "${folder%/.git}")
    [[ " ${names[*]} " == *" $name "* ]] || { say "$name is no longer in packs.lock and goes."; rm -rf "${folder%/.git}"; }
done
"$engine_python" -m pip check || fail "The engine's libraries don't fit together, as said above: change packs.lock, or make the lock anew with packer/lock."
