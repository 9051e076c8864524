#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian 12 packages that the build needs and this machine lacks, and the ones that are named. Silent if
# nothing is missing. Why each package: docs/dependencies.md.
# usage: install_dependencies.sh [PACKAGE...]
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache mold git python3 ca-certificates
  libcaf-dev libboost1.81-dev libboost-json1.81-dev librocksdb-dev libre2-dev libssl-dev zlib1g-dev
  libjemalloc-dev libcli11-dev libfmt-dev prometheus-cpp-dev doctest-dev "$@"
)

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not Debian: install what docs/dependencies.md lists by hand. CMake says what is missing." >&2
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "Missing packages, and neither root nor sudo to install them. Run as root:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" </dev/null >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "failed: $*" >&2
    exit 1
  fi
}
echo "Installing ${missing[*]}"
run apt-get update -qq
run apt-get install -y -qq --no-install-recommends "${missing[@]}"
