#!/bin/sh
# Installs what the benchmarks need, builds them, and measures weft beside its peers: some twelve minutes on two cores.
# SPDX-License-Identifier: MIT
#
#     sh tests/bench/run.sh             everything: the peers, the scaling curves, what compiling costs
#     sh tests/bench/run.sh --quick     does it all work? Four minutes, and numbers that mean nothing
#     sh tests/bench/run.sh --page      also puts the tables and the chart into docs/explanation/performance.md
#
# The results go to WEFT_BENCH_OUT (default: build/bench). In the environment also: CXX, WEFT_NO_INSTALL. A peer that
# cannot be had here is left out, and said to be. Nothing else should run meanwhile.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
. tests/support/install.sh

quick=
page=
for word in "$@"; do
  case $word in
    --quick) quick=1 ;;
    --page) page="--page docs/explanation/performance.md" ;;
    *) weft_die "what is $word? usage: sh tests/bench/run.sh [--quick] [--page]" ;;
  esac
done
[ -z "$quick" ] || [ -z "$page" ] || weft_die "--quick measures nothing that should be on the page"

weft_need compiler

# What tests/support/install.sh has no name for comes by apt where there is apt. None of it is needed but Python: peers
# that are missing are left out.
bench_have() {
  case $1 in
    taskset | valgrind) command -v "$1" >/dev/null 2>&1 ;;
    node) command -v node >/dev/null 2>&1 || command -v nodejs >/dev/null 2>&1 ;;
    python) command -v python3 >/dev/null 2>&1 ;;
    uvloop) python3 -c 'import uvloop' 2>/dev/null || /usr/bin/python3 -c 'import uvloop' 2>/dev/null ;;
    asio) weft_have_header asio asio.hpp ;;
    uv) weft_have_header uv uv.h ;;
  esac
}
bench_package() {
  case $1 in
    taskset) echo util-linux ;;
    node) echo nodejs ;;
    python) echo python3 ;;
    uvloop) echo python3-uvloop ;;
    asio) echo libasio-dev ;;
    uv) echo libuv1-dev ;;
    *) echo "$1" ;;
  esac
}
bench_missing=
bench_packages=
for thing in python taskset valgrind asio uv uvloop node; do
  bench_have "$thing" && continue
  bench_missing="$bench_missing $thing"
  bench_packages="$bench_packages $(bench_package "$thing")"
done
if [ -n "$bench_missing" ]; then
  if [ -n "${WEFT_NO_INSTALL:-}" ] || ! command -v apt-get >/dev/null 2>&1; then
    weft_say "going on without:$bench_missing"
  else
    weft_with=apt-get
    weft_as_root=
    if [ "$(id -u)" -ne 0 ] && command -v sudo >/dev/null 2>&1; then weft_as_root=sudo; fi
    weft_say "installing with apt-get:$bench_packages"
    weft_apt update || weft_say "apt-get update failed; trying with the lists that are there"
    for package in $bench_packages; do weft_install "$package" || weft_say "could not install $package"; done
  fi
fi
bench_have python || weft_die "the benchmarks need a python3"

export PYTHONDONTWRITEBYTECODE=1
out=${WEFT_BENCH_OUT:-build/bench}
mkdir -p "$out"
status=0

if [ -n "$quick" ]; then
  python3 tests/bench/bench.py --out "$out" --scale 0.01 --rounds 2 --no-count || status=1
  python3 tests/bench/curves.py --out "$out" --to 3 --rounds 2 || status=1
  export WEFT_RUNS=1
else
  # shellcheck disable=SC2086
  python3 tests/bench/bench.py --out "$out" $page || status=1
  python3 tests/bench/curves.py --out "$out" || status=1
  export WEFT_RUNS="${WEFT_RUNS:-1}"
fi
if sh tests/bench/compile_time.sh >"$out/compile_time.md"; then cat "$out/compile_time.md"; else status=1; fi

if [ "$status" -ne 0 ]; then weft_say "something failed: see above"; fi
weft_say "the results are in $out"
exit "$status"
