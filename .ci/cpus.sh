#!/usr/bin/env bash
# The shipped model and small test models on other processors, emulated: x86 without VNNI, Arm Cortex-A72.
# With CI=true an emulator that is not there is a failure; elsewhere it is a sentence.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHON=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

cannot() {
  if [ "${CI:-}" = true ]; then
    echo "$1 failed: $2"
    failed=1
  else
    echo "$1 skipped: $2"
  fi
}

log=$(.ci/debian.sh qemu-user unzip 2>&1) || true
if ! command -v qemu-x86_64 >/dev/null; then
  cannot "make cpus" "there is no qemu-x86_64 (Debian: apt-get install qemu-user unzip). $(tail -n 1 <<<"$log")"
  exit $failed
fi

"$PYTHON" benchmarks/int8_cpus.py make "$work" --pictures "${PICTURES:-4}"
for cpu in haswell a72; do
  if [ "$cpu" = a72 ] && ! benchmarks/emulate.sh a72 -c 'import onnxruntime' >"$work/a72.log" 2>&1; then
    cannot a72 "its packages could not be set up: $(tail -n 1 "$work/a72.log")"
    continue
  fi
  benchmarks/emulate.sh "$cpu" benchmarks/int8_cpus.py answer "$work" "$cpu"
  "$PYTHON" benchmarks/int8_cpus.py compare "$work" "$cpu" || failed=1
done
exit $failed
