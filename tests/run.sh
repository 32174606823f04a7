#!/bin/sh
# Installs what is missing, builds weft's tests and examples, and runs them all but the documentation's (preset docs).
# SPDX-License-Identifier: MIT
#
#     sh tests/run.sh               with the compiler that is there
#     sh tests/run.sh clang-asan    with a preset of CMakePresets.json: these are the cells of CI's matrix
#
# In the environment: WEFT_BUILD_DIR (default build/PRESET), WEFT_JOBS (default: all cores), WEFT_TEST_TIMEOUT (seconds for
# a test, default 60), WEFT_CMAKE_ARGS (more options for CMake), WEFT_NO_INSTALL, CXX.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
. tests/support/install.sh

preset=${1:-tests}
build=${WEFT_BUILD_DIR:-build/$preset}
jobs=${WEFT_JOBS:-$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)}

case $preset in
  clang-* | libcxx-*) weft_need cmake make clang-16 fmt catch2 ;;
  *) weft_need compiler cmake make fmt catch2 ;;
esac

. tests/support/ccache.sh
weft_say "building in $build"
# shellcheck disable=SC2086
cmake --preset "$preset" -B "$build" ${WEFT_CMAKE_ARGS:-}
cmake --build "$build" --parallel "$jobs"

# Deep chains of coroutines have to work on a stack of the usual size.
# shellcheck disable=SC3045
ulimit -s 8192 2>/dev/null || :
exec ctest --test-dir "$build" --output-on-failure --no-tests=error --parallel "$jobs" \
  --timeout "${WEFT_TEST_TIMEOUT:-60}"
