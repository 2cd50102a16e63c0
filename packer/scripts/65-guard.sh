#!/usr/bin/env bash
# The guard: nginx as the distribution has it, under a configuration of ours.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# The guard is a unit of ours; the package's own server would listen on port 80 as soon as it is installed.
if here systemctl; then systemctl --quiet mask nginx.service; fi
apt_install nginx openssl
install -d "$etc"
install -m 644 "$files"/cloud_image/guard/*.conf "$etc/"
