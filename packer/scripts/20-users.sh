#!/usr/bin/env bash
# Who runs what, as systemd/sysusers.conf says it; read here as well, since a container has no systemd.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

group() { getent group "$1" >/dev/null || groupadd --system "$1"; }

while IFS= read -r line; do
    if [[ $line =~ ^g\ +([a-z-]+) ]]; then
        group "${BASH_REMATCH[1]}"
    elif [[ $line =~ ^u\ +([a-z-]+)\ +-\ +\"([^\"]*)\"\ +([^ ]+)\ +([^ ]+) ]]; then
        group "${BASH_REMATCH[1]}"
        getent passwd "${BASH_REMATCH[1]}" >/dev/null || useradd --system --no-create-home --gid "${BASH_REMATCH[1]}" \
            --comment "${BASH_REMATCH[2]}" --home-dir "${BASH_REMATCH[3]}" --shell "${BASH_REMATCH[4]}" "${BASH_REMATCH[1]}"
    elif [[ $line =~ ^m\ +([a-z-]+)\ +([a-z-]+) ]]; then
        group "${BASH_REMATCH[2]}"
        usermod --append --groups "${BASH_REMATCH[2]}" "${BASH_REMATCH[1]}"
    elif [[ -n $line && $line != \#* ]]; then
        fail "sysusers.conf has a line that this script cannot read: $line"
    fi
done <"$files/cloud_image/systemd/sysusers.conf"
