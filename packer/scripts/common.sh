# shellcheck shell=bash disable=SC2034
# What all steps share. Everything a step is told is a WB_ variable.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

: "${WB_APT_MIRROR:=}" "${WB_PIP_INDEX:=}" "${WB_TORCH_INDEX:=}" "${WB_OFFLINE:=no}"
: "${WB_GIT_BASE:=https://github.com}" "${WB_DRIVER:=none}" "${WB_SHARED_MODELS:=}"
: "${WB_COMFYUI_REPOSITORY:=Comfy-Org/ComfyUI}" "${WB_COMFYUI_REVISION:=v0.45.2}" "${WB_COMFYUI_COMMIT:=}"

files=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
engine=/opt/comfyui/app
engine_python=/opt/comfyui/venv/bin/python
machine=/opt/wakebrush
etc=/etc/wakebrush
share=/usr/share/wakebrush

say() { printf 'wakebrush: %s\n' "$*"; }
fail() { printf 'wakebrush: %s\n' "$*" >&2; exit 1; }
here() { command -v "$1" >/dev/null; }
installed() { [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null)" = "ii " ]; }

# apt_update : reads the lists of packages, once in a build
apt_update() {
    [ -z "${apt_is_read:-}" ] || return 0
    apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 update ||
        fail "The lists of packages cannot be read, so nothing can be installed. Look at the mirror: ${WB_APT_MIRROR:-as the image has it}."
    apt_is_read=yes
}

# apt_install PACKAGE... : installs what is missing; asks no mirror when nothing is
apt_install() {
    local package missing=()
    for package in "$@"; do installed "$package" || missing+=("$package"); done
    [ ${#missing[@]} -gt 0 ] || return 0
    apt_update
    apt-get -q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=5 install --no-install-recommends "${missing[@]}" ||
        fail "These packages cannot be installed: ${missing[*]}."
}

# checkout REPOSITORY REVISION FOLDER : the folder holds exactly this tag or commit; prints nothing
checkout() {
    local url=$WB_GIT_BASE/$1 wanted=$2 folder=$3
    [[ $wanted =~ ^[0-9a-f]{40}$ ]] || wanted=refs/tags/$wanted
    if [ "$(git -C "$folder" rev-parse --verify --quiet HEAD 2>/dev/null)" != "$wanted" ]; then
        git init --quiet "$folder"
        git -C "$folder" fetch --quiet --depth 1 "$url" "$wanted" || fail "$url does not give $2."
        git -C "$folder" checkout --quiet --force --detach FETCH_HEAD
    fi
    git -C "$folder" checkout --quiet --force HEAD -- .
}

# commit FOLDER : the commit that is checked out there
commit() { git -C "$1" rev-parse HEAD; }

# environment FOLDER : a Python environment, made with the Python of the distribution
environment() {
    [ -x "$1/bin/python" ] || python3 -m venv "$1"
}

# pip_install PYTHON ARGUMENT... : from the wheelhouse first, then from the index that was chosen
pip_install() {
    local python=$1 places=(--find-links "$files/wheelhouse")
    shift
    if [ "$WB_OFFLINE" = yes ]; then places+=(--no-index); elif [ -n "$WB_PIP_INDEX" ]; then places+=(--index-url "$WB_PIP_INDEX"); fi
    "$python" -m pip --no-input --disable-pip-version-check --quiet install --no-cache-dir --root-user-action ignore "${places[@]}" "$@" ||
        fail "Python packages cannot be installed: $*"
}
