#!/bin/sh
# Installs what is missing (a compiler, cmake, make, fmt), builds count and makerandom and runs them.
# SPDX-License-Identifier: MIT
#
#     sh examples/run.sh
#
# In the environment: WEFT_BUILD_DIR (default build/examples), WEFT_NO_INSTALL, CXX.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
. tests/support/install.sh

build=${WEFT_BUILD_DIR:-build/examples}
weft_need compiler cmake make fmt

weft_say "building in $build"
cmake --preset examples -B "$build"
cmake --build "$build" --parallel "${WEFT_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}" \
  --target count count_sync makerandom

for example in count makerandom; do
  printf '\n'
  weft_say "$build/examples/$example"
  "$build/examples/$example"
done

printf '\n'
weft_say "for the other examples: cmake --build $build, then $build/examples/race, and so on"
