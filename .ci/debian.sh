#!/usr/bin/env bash
# Install the Debian packages named as arguments where they are missing; fails where that cannot be done. On a system
# without apt-get it does nothing, and what needs them finds out.
set -euo pipefail
command -v apt-get >/dev/null || { echo "there is no apt-get here; needed are $*" >&2; exit 0; }
missing=()
for package in "$@"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0
root=()
if [ "$(id -u)" != 0 ]; then
  [ "${CI:-}" = true ] || { echo "type: sudo apt-get install ${missing[*]}" >&2; exit 1; }
  root=(sudo -n)
fi
"${root[@]}" apt-get update -qq
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
