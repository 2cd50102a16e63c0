#!/usr/bin/env bash
# Units and the machine's settings; all that is enabled starts with the next boot.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

units=$files/cloud_image/systemd
install -d "$etc" "$share"
install -m 644 "$files/machine.toml" "$etc/machine.toml"
install -m 644 "$units/shield.nft" "$etc/shield.nft"
install -D -m 644 "$units/sysusers.conf" /usr/lib/sysusers.d/wakebrush.conf
install -D -m 644 "$units/tmpfiles.conf" /usr/lib/tmpfiles.d/wakebrush.conf
systemd-tmpfiles --create wakebrush.conf

for unit in "$units"/*.service "$units"/*.timer "$units"/*.path; do
    name=$(basename "$unit")
    install -m 644 "$unit" "/etc/systemd/system/$name"
    if grep -q '^\[Install\]' "$unit"; then systemctl --quiet enable "$name"; fi
done
for dropin in "$units"/*.d/*.conf; do
    install -D -m 644 "$dropin" "/etc/systemd/system/$(basename "$(dirname "$dropin")")/$(basename "$dropin")"
done

# The engine does not wait for it: it looks for models whenever it is asked for one.
mount=/etc/systemd/system/mnt-models.mount
if [ -n "$WB_SHARED_MODELS" ]; then
    apt_install nfs-common
    systemctl --quiet mask --now rpcbind.socket rpcbind.service     # NFS 4 needs none, and nobody needs the open port
    cat >"$mount" <<END
[Unit]
Description=Everybody's models, on a server that they share
Wants=network-online.target
After=network-online.target

[Mount]
What=$WB_SHARED_MODELS
Where=/mnt/models
Type=nfs4
Options=ro,nodev,nosuid,nfsvers=4.1,rsize=1048576,soft,timeo=600,retrans=2,noresvport
TimeoutSec=60

[Install]
WantedBy=multi-user.target
END
    systemctl --quiet enable mnt-models.mount
elif [ -e "$mount" ]; then
    systemctl --quiet disable mnt-models.mount
    rm "$mount"
fi
"$machine/venv/bin/wakebrush-models" paths
