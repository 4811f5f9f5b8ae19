#!/usr/bin/env bash
# Installs what building and testing SepTran needs on Debian 12 and is not there yet; otherwise does
# nothing. The browser is for the test of report pages.
set -euo pipefail

packages=(
  g++ cmake ninja-build ccache
  libsystemc-dev verilator libyaml-cpp-dev libeigen3-dev libfmt-dev libcli11-dev nlohmann-json3-dev
  libgtest-dev libgmock-dev libbenchmark-dev libhwloc-dev
  chromium chromium-driver python3-selenium
)

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
  echo "setup.sh: this system has no apt-get; install what matches these Debian packages:" >&2
  echo "  ${packages[*]}" >&2
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
  [[ $status == "install ok installed" ]] || missing+=("$package")
done
if ((${#missing[@]} == 0)); then
  exit 0
fi

as_root=()
if ((EUID != 0)); then
  if ! command -v sudo >/dev/null; then
    echo "setup.sh: not root and no sudo; have these installed: ${missing[*]}" >&2
    exit 2
  fi
  as_root=(sudo)
fi

# A fresh system has no package lists, and old ones name files that are gone.
install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive
  apt-get install --yes --no-install-recommends "${missing[@]}")
echo "setup.sh: installing ${missing[*]}" >&2
if ! "${install[@]}" >&2; then
  "${as_root[@]}" apt-get update >&2
  "${install[@]}" >&2
fi
