#!/bin/sh
# Compiles the C++ of a page of the documentation, runs what it can, and compares what is printed with what the page
# shows. Also checks that the page's links to files lead somewhere.
# SPDX-License-Identifier: MIT
#
#     sh docs/check_page.sh README.md FOLDER        (FOLDER is for its files, and is emptied first)
#     sh docs/check_page.sh --precompile HEADER PRECOMPILED        (what WEFT_FLAGS_OF_PIECES may include)
#
# In the environment: CXX, CXXFLAGS, LIBS (may hold several words each), WEFT_INCLUDE (default: include/), and
# WEFT_FLAGS_OF_PIECES, for code that is no whole program. fmt has to be there; where the compiler does not find it by itself,
# CXXFLAGS and LIBS say where it is.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
: "${CXX:=c++}" "${CXXFLAGS:=}" "${LIBS=-lfmt}" "${WEFT_INCLUDE:=$here/../include}" "${WEFT_FLAGS_OF_PIECES:=}"

# Calls the compiler.
compiler() {
  # shellcheck disable=SC2086
  $CXX $CXXFLAGS -std=c++20 -pthread -I "$WEFT_INCLUDE" -I "$here/../examples" "$@"
}
if [ "$1" = --precompile ]; then
  # shellcheck disable=SC2086
  compiler ${WEFT_FLAGS_OF_PIECES%-include *} -x c++-header "$2" -o "$3"
  exit
fi

page=$1
work=$2

failures=0
problem() {
  printf '%s\n' "$*" >&2
  failures=$((failures + 1))
}

rm -rf "$work"
mkdir -p "$work"
work=$(CDPATH='' cd -- "$work" && pwd)

# ---- links: [text](target), where the target is a file of ours ----
folder=$(dirname -- "$page")
links=$(awk '/^ *```/ { fence = !fence } !fence {
  while (match($0, /\]\([^) ]*\)/)) {
    print substr($0, RSTART + 2, RLENGTH - 3)
    $0 = substr($0, RSTART + RLENGTH)
  }
}' "$page")
for link in $links; do
  case $link in
    http://* | https://* | mailto:* | '#'*) ;;
    *) [ -e "$folder/${link%%#*}" ] || problem "$page: the link to $link leads nowhere" ;;
  esac
done

# ---- code ----
awk -v out="$work" -v page="$page" -f "$here/extract_code.awk" "$page" || exit 1

# compile WHERE_TO_STAND ARGUMENT...: what the compiler says goes to $work/said.
compile() (
  cd "$1"
  shift
  compiler "$@" >"$work/said" 2>&1
)

# build WHERE_TO_STAND NAME FLAG...: NAME.cpp becomes the program NAME. In two steps, since a cache of compilers' output
# keeps objects, not programs.
build() (
  where=$1
  name=$2
  shift 2
  # shellcheck disable=SC2086
  compile "$where" "$@" -c "$name.cpp" -o "$name.o" && compile "$where" "$name.o" -o "$name" $LIBS
)

# compare N COMMAND...: it ends well, and prints what N.prints says, if there is one. What it prints of real time may be
# off on a busy machine, so it gets more than one chance.
compare() {
  n=$1
  shift
  for _ in 1 2 3; do
    status=0
    (cd "$work" && "$@" >"$n.printed" 2>"$n.errors" </dev/null) || status=$?
    if [ "$status" -ne 0 ]; then
      problem "$page:$n: this ends with status $status"
      cat "$work/$n.printed" "$work/$n.errors" >&2
      return
    fi
    if [ ! -e "$work/$n.prints" ] || cmp -s "$work/$n.prints" "$work/$n.printed"; then return; fi
  done
  problem "$page:$n: this prints something else than the page says (< page, > program):"
  diff "$work/$n.prints" "$work/$n.printed" >&2 || :
}

gcc_version() { # empty for other compilers
  # shellcheck disable=SC2086
  printf '#if defined(__GNUC__) && !defined(__clang__)\nversion __GNUC__\n#endif\n' | $CXX -E -P -x c++ - 2>/dev/null |
    sed -n 's/^version \([0-9]*\).*/\1/p'
}
gcc=$(gcc_version)
if [ -n "$gcc" ]; then
  for file in "$work"/*".prints-g++$gcc"; do
    [ ! -e "$file" ] || mv "$file" "${file%-g++*}"
  done
fi

if [ -e "$work/page.cpp" ]; then
  # shellcheck disable=SC2086
  if ! build "$work" page $WEFT_FLAGS_OF_PIECES; then
    problem "$page: its pieces do not compile (the lines below are those of the page):"
    cat "$work/said" >&2
  fi
fi

while read -r kind n who; do
  case $kind in
    file) ;;
    program)
      if build "$work/$n" app; then
        compare "$n" "./$n/app"
      else
        problem "$page:$n: this program does not compile"
        cat "$work/said" >&2
      fi
      ;;
    coroutine)
      if [ -x "$work/page" ] && [ -e "$work/$n.prints" ]; then compare "$n" ./page "$n"; fi
      ;;
    refused)
      if [ "$who" != all ] && { [ -z "$gcc" ] || [ "$gcc" -ge "${who#<}" ]; }; then continue; fi
      if compile "$work" -Werror -fsyntax-only "$n.cpp"; then
        problem "$page:$n: compilers should refuse this, and this one does not"
      elif ! grep -qF -f "$work/$n.says" "$work/said"; then
        problem "$page:$n: the compiler should say \"$(cat "$work/$n.says")\", and says:"
        cat "$work/said" >&2
      fi
      ;;
  esac
done <"$work/blocks"

blocks=$(awk 'END { print NR }' "$work/blocks")
if [ "$failures" -gt 0 ]; then
  echo "$page: $failures problems" >&2
  exit 1
fi
echo "$page: right; blocks of C++: $blocks"
