#!/usr/bin/env bash
# The shipped model and small test models on other processors, emulated: x86 without VNNI, Arm Cortex-A72.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHON=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

need=()
command -v qemu-x86_64 >/dev/null && command -v qemu-aarch64 >/dev/null || need+=(qemu-user)
command -v unzip >/dev/null || need+=(unzip)
if [ ${#need[@]} -gt 0 ] && command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${need[@]}"; } >/dev/null 2>&1 || true
fi
if ! command -v qemu-x86_64 >/dev/null; then
  echo "make cpus: skipped, there is no qemu-x86_64 and it could not be installed; as root: apt-get install qemu-user unzip"
  exit 0
fi

"$PYTHON" benchmarks/int8_cpus.py make "$work" --pictures "${PICTURES:-4}"
failed=0
for cpu in haswell a72; do
  if [ "$cpu" = a72 ] && ! benchmarks/emulate.sh a72 -c 'import onnxruntime' >"$work/a72.log" 2>&1; then
    echo "a72: skipped, its packages could not be set up: $(tail -n 1 "$work/a72.log")"
    continue
  fi
  benchmarks/emulate.sh "$cpu" benchmarks/int8_cpus.py answer "$work" "$cpu"
  "$PYTHON" benchmarks/int8_cpus.py compare "$work" "$cpu" || failed=1
done
exit $failed
