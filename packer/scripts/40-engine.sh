#!/usr/bin/env bash
# ComfyUI at one revision, in a Python environment of its own. Root owns both: the engine cannot change itself.
# shellcheck source=packer/scripts/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

checkout "$WB_COMFYUI_REPOSITORY" "$WB_COMFYUI_REVISION" "$engine"
is=$(commit "$engine")
[ -z "$WB_COMFYUI_COMMIT" ] || [ "$is" = "$WB_COMFYUI_COMMIT" ] ||
    fail "$WB_COMFYUI_REPOSITORY $WB_COMFYUI_REVISION is commit $is, not $WB_COMFYUI_COMMIT: the tag was moved, or is another's. Nothing of it was installed."

environment /opt/comfyui/venv
# torch first: ComfyUI asks for any, and would get one for another version of CUDA.
if [ -n "$WB_TORCH_INDEX" ] && grep -qE '^torch($|[^a-z])' "$engine/requirements.txt"; then
    WB_PIP_INDEX=$WB_TORCH_INDEX pip_install "$engine_python" --constraint "$files/requirements-engine.lock" torch torchvision
fi
pip_install "$engine_python" --constraint "$files/requirements-engine.lock" --requirement "$engine/requirements.txt"
"$engine_python" -m compileall -q "$engine" >/dev/null || say "Some files of ComfyUI cannot be compiled ahead; they are compiled when used."
