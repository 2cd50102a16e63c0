#!/usr/bin/env bash
# The distribution's packages, and nothing that changes them later behind our back.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# A fresh machine still sets itself up, and holds apt's lock while it does.
if here cloud-init; then cloud-init status --wait >/dev/null || say "cloud-init had something to complain about; going on."; fi

if [ -n "$WB_APT_MIRROR" ]; then
    # Both of apt's formats; the archive's and the security archive's addresses are replaced alike.
    find /etc/apt -name '*.sources' -exec sed -Ei "s#^(URIs:).*#\1 $WB_APT_MIRROR#" {} +
    find /etc/apt -name '*.list' -exec sed -Ei "s#^(deb(-src)? (\[[^]]*\] )?)[^ ]+#\1$WB_APT_MIRROR#" {} +
fi

apt_install ca-certificates git python3 python3-venv
here systemctl || exit 0        # a container is made anew, and runs no units

# Upgrades come with the next image: a kernel that is newer than its driver's module would leave the machine without a GPU.
for unit in apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service unattended-upgrades.service; do
    systemctl --quiet mask --now "$unit" 2>/dev/null || systemctl --quiet mask "$unit"
done
printf 'APT::Periodic::Enable "0";\n' >/etc/apt/apt.conf.d/99wakebrush

apt_install curl e2fsprogs iproute2 nftables util-linux
