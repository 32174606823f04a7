#!/bin/sh
# What weft's headers cost the compiler: CPU seconds of a source file with one include alone, for each header.
# SPDX-License-Identifier: MIT
#
#     sh tests/bench/compile_time.sh            with CXX, or g++
#     sh tests/bench/compile_time.sh --check    fails if hello-sleep-gather costs more than it may
#
# W10: hello-sleep-gather may cost 2.0 times the 12 headers of the standard library with the headers that it needs, and
# 3.4 times with the umbrella (1.2 s and 2.0 s, where the 12 took 0.60 s). The best of WEFT_RUNS runs (default 3)
# counts: another program can only make a compilation slower.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
: "${CXX:=g++}" "${WEFT_RUNS:=3}"
work=$(mktemp -d "${TMPDIR:-/tmp}/weft-compile.XXXXXX")
trap 'rm -rf "$work"' EXIT

# CPU seconds of compiling $work/tu.cpp. `times` gives the shell's own line, and then the children's: "0m0.58s 0m0.07s".
# Compilation has to fail loudly: a header that does not compile is a fast one.
seconds() (
  # shellcheck disable=SC2086
  $CXX -std=c++20 -O2 -I "$root/include" -c "$work/tu.cpp" -o "$work/tu.o" >"$work/said" 2>&1 || exit 1
  times >"$work/times" # not into a pipe: the shell at its beginning would have no children yet
  awk 'NR == 2 { gsub(/[ms]/, " "); print $1 * 60 + $2 + $3 * 60 + $4 }' "$work/times"
)

# cost FILE: the best of all runs.
cost() {
  cp "$1" "$work/tu.cpp"
  best=
  run=0
  while [ $run -lt "$WEFT_RUNS" ]; do
    now=$(seconds) || {
      echo "this does not compile: $1" >&2
      cat "$work/said" >&2
      exit 1
    }
    best=$(echo "$now ${best:-$now}" | awk '{ print ($1 < $2 ? $1 : $2) }')
    run=$((run + 1))
  done
  echo "$best"
}

# Headers that core has no use for and that take long, if they come with FILE.
heavy() {
  # shellcheck disable=SC2086
  $CXX -std=c++20 -I "$root/include" -M -x c++ "$1" | tr -s ' ' '\n' |
    sed -n 's,.*/\(iostream\|regex\|functional\|format\|filesystem\|random\|thread\|future\)$,\1,p; s,.*/fmt/.*,fmt,p' |
    sort -u | tr '\n' ' '
}

row() { printf '| %-34s | %5.2f | %5.2f | %s |\n' "$1" "$2" "$(echo "$2 $std" | awk '{ print $1 / $2 }')" "$3"; }

for header in algorithm chrono coroutine cstdint exception functional memory optional string tuple utility vector; do
  echo "#include <$header>"
done >"$work/std.cpp"

# hello FILE INCLUDE...
hello() {
  file=$1
  shift
  {
    for header in chrono cstdio "$@"; do echo "#include <$header>"; done
    cat <<'HELLO'
using namespace std::chrono_literals;
weft::task<> count() {
  std::puts("One");
  co_await weft::sleep_for(1s);
  std::puts("Two");
}
weft::task<> async_main() { co_await weft::gather(count(), count(), count()); }
int main() { weft::run(async_main()); }
HELLO
  } >"$file"
}
hello "$work/needed.cpp" weft/core/run.hpp weft/flow/gather.hpp weft/time/sleep.hpp
hello "$work/umbrella.cpp" weft/weft.hpp

std=$(cost "$work/std.cpp")
# shellcheck disable=SC2086
printf '%s\n\n' "$($CXX --version | head -n 1), -std=c++20 -O2"
printf '| %-34s | CPU s | x std | draws in |\n| --- | --: | --: | --- |\n' 'source file'
row '12 headers of the standard library' "$std" "$(heavy "$work/std.cpp")"
needed=$(cost "$work/needed.cpp")
row 'hello-sleep-gather' "$needed" "$(heavy "$work/needed.cpp")"
umbrella=$(cost "$work/umbrella.cpp")
row 'hello-sleep-gather, umbrella' "$umbrella" "$(heavy "$work/umbrella.cpp")"

(cd "$root/include" && find weft -name '*.hpp' | LC_ALL=C sort) >"$work/headers"
while read -r header; do
  echo "#include <$header>" >"$work/one.cpp"
  # <weft/debug/format.hpp> needs fmt, which need not be there.
  case $header in
    weft/debug/*)
      # shellcheck disable=SC2086
      $CXX -std=c++20 -I "$root/include" -fsyntax-only "$work/one.cpp" 2>/dev/null || continue
      ;;
  esac
  one=$(cost "$work/one.cpp")
  row "$header" "$one" "$(heavy "$work/one.cpp")"
done <"$work/headers"

[ "${1:-}" = --check ] || exit 0
echo "$needed $umbrella $std" | awk '{
  if ($1 > 2.0 * $3) { print "hello-sleep-gather costs " $1 / $3 " times the standard headers; 2.0 at most"; bad = 1 }
  if ($2 > 3.4 * $3) { print "with the umbrella it costs " $2 / $3 " times the standard headers; 3.4 at most"; bad = 1 }
  exit bad
}' >&2
