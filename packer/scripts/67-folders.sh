#!/usr/bin/env bash
# A container's folders: there is no systemd to make them, and one user runs engine and agent. Its wall is the container.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usermod --append --groups comfyui wakebrush-guard
install -d -o comfyui -g comfyui -m 2775 /run/wakebrush /run/wakebrush/{door,agent,idle,marks,engine} /var/lib/comfyui/{,input,output,temp,user}
install -d -o wakebrush-guard -g comfyui -m 2770 /run/wakebrush/guard
install -d -o wakebrush-guard -g wakebrush-guard -m 700 /var/lib/wakebrush/guard
install -d -o comfyui -g comfyui -m 755 /var/lib/wakebrush/{agent,models,fast} /mnt/models
install -d "$etc"
"$machine/venv/bin/wakebrush-models" paths
