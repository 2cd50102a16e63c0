#!/usr/bin/env bash
# NVIDIA's driver as Ubuntu builds and signs it for its own kernel; then kernel and driver stay as they are, together.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ "$WB_DRIVER" != none ] || { say "No driver, as told."; exit 0; }

grep -qx 'ID=ubuntu' /etc/os-release || fail "The driver comes from Ubuntu's packages, and this is none. Set driver to none to build without."
flavour=aws
libraries=${WB_DRIVER%-open}
apt_update
apt-mark unhold "linux-*" "*nvidia*" >/dev/null
apt-get -q -y -o DPkg::Lock::Timeout=300 dist-upgrade
apt_install "linux-$flavour" "linux-modules-nvidia-$WB_DRIVER-$flavour" "nvidia-headless-no-dkms-$WB_DRIVER" nvidia-modprobe "nvidia-utils-$libraries"

# The newest kernel is the one that boots.
version=$(dpkg-query -W -f '${Version}' "nvidia-utils-$libraries")
version=${version%%-*}
kernel=$(find /boot -name 'vmlinuz-*' -printf '%f\n' | sort -V | tail -1)
kernel=${kernel#vmlinuz-}
module=$(modinfo -k "$kernel" -F version nvidia || true)
[ "$module" = "$version" ] ||
    fail "Kernel $kernel has NVIDIA's module in version ${module:-none}, the libraries are $version: machines would start without their GPU. Choose another branch of the driver, or try again when Ubuntu has both."
dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' | sed -nE 's/^ii (linux-(image|modules|headers|aws|tools).*|.*nvidia.*)/\1/p' | xargs apt-mark hold >/dev/null
say "Kernel $kernel and driver $version are held."
