#!/usr/bin/env bash
# Units, the guard's configuration, the machine's settings; all that is enabled starts with the next boot.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

units=$files/cloud_image/systemd
install -d "$etc" "$share"
install -m 644 "$files/machine.toml" "$etc/machine.toml"
install -m 644 "$units/shield.nft" "$etc/shield.nft"
install -m 644 "$files"/cloud_image/guard/*.conf "$etc/"
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
"$machine/venv/bin/wakebrush-models" paths
