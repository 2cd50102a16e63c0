#!/usr/bin/env bash
# What is of this one machine must not be of all machines: keys, names, logs. Then what nobody needs.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

clean() {
    local folder folders=()
    # cloud-init makes new ones at the first boot; without it nobody would, and nobody could enter.
    if here cloud-init; then
        rm -f /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
        cloud-init clean --logs
    fi
    : >/etc/machine-id
    rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed
    for folder in /var/lib/wakebrush/guard /var/lib/wakebrush/agent /var/lib/comfyui/{input,output,temp,user}; do
        [ ! -d "$folder" ] || folders+=("$folder")
    done
    [ ${#folders[@]} -eq 0 ] || find "${folders[@]}" -mindepth 1 -delete
    rm -rf /root/.cache /home/*/.cache /root/.bash_history /home/*/.bash_history
    apt-get -q clean
    rm -rf /var/lib/apt/lists/*
    find /var/log -type f -exec truncate --size 0 {} +
    rm -rf /var/log/journal/*
    rm -rf "$files"
}

clean; exit         # one line: the last thing that it removes is itself
