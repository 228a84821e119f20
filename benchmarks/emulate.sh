#!/usr/bin/env bash
# Run a Python script as another processor would: benchmarks/emulate.sh haswell|a72 script.py ARGUMENTS…
#   haswell  x86-64 with AVX2 and without VNNI, the packages of $PYTHON's own environment
#   a72      Arm Cortex-A72 (Raspberry Pi 4), its own packages, made once in $EMULATION (about 300 MB)
# Needs qemu-user (Debian, Ubuntu); a72 also apt-get, dpkg and unzip. It needs no root.
# onnxruntime 1.23.2 is the newest whose aarch64 wheel starts under Debian 12's qemu 7.2.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
PYTHON=${PYTHON:-python3}
EMULATION=${EMULATION:-${XDG_CACHE_HOME:-$HOME/.cache}/edgecnn/emulation}

make_a72() {
  local new=$EMULATION/a72.new.$$
  rm -rf "$new" && mkdir -p "$new/debs/partial" "$new/lists/partial" "$new/site"
  local options=(-oAPT::Architecture=arm64 -oAPT::Architectures=arm64 "-oDir::State::Lists=$new/lists")
  apt-get "${options[@]}" update >/dev/null
  (cd "$new/debs" && apt-get "${options[@]}" download libc6 libgcc-s1 libstdc++6 python3.11-minimal \
    libpython3.11-minimal libpython3.11-stdlib libssl3 zlib1g libffi8 libexpat1 libbz2-1.0 liblzma5 libuuid1 \
    libsqlite3-0 libtinfo6 libncursesw6 libreadline8 libdb5.3 libcrypt1 libnsl2 libtirpc3 >/dev/null)
  for package in "$new"/debs/*.deb; do dpkg -x "$package" "$new/root"; done
  "$PYTHON" -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --implementation cp --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 \
    --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 -d "$new/wheels" \
    onnxruntime==1.23.2 numpy packaging flatbuffers protobuf coloredlogs humanfriendly sympy mpmath pillow
  for wheel in "$new"/wheels/*.whl; do unzip -q -o "$wheel" -d "$new/site"; done
  mv "$new" "$EMULATION/a72" # a made one is whole
}

cpu=${1:-} && shift || true
case $cpu in
haswell)
  site=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  # Python behind the environment's link, so that qemu finds its libraries; threads beyond two only slow qemu down.
  PYTHONPATH=$here/runtime:$site exec qemu-x86_64 -cpu Haswell "$(readlink -f "$("$PYTHON" -c 'import sys; print(sys.executable)')")" "$@" \
    2> >(grep -v "TCG doesn't support" >&2)
  ;;
a72)
  [ -d "$EMULATION/a72/root" ] || make_a72
  PYTHONPATH=$here/runtime:$EMULATION/a72/site exec qemu-aarch64 -cpu cortex-a72 -L "$EMULATION/a72/root" \
    "$EMULATION/a72/root/usr/bin/python3.11" "$@"
  ;;
*)
  echo "usage: $0 haswell|a72 script.py ARGUMENTS…" >&2
  exit 2
  ;;
esac
