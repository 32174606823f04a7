#!/bin/sh
# Uses weft as a stranger would, in a temporary directory: builds the program in app/ in one of four ways and runs it.
# SPDX-License-Identifier: MIT
#
#     sh tests/consumer/run.sh plain|fetch_content|find_package|add_subdirectory
#
# No network: FetchContent is handed an archive of this checkout. CXX, CXXFLAGS and CMAKE may name what to build with.
set -eu

way=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
weft=$(CDPATH='' cd -- "$here/../.." && pwd)
cmake=${CMAKE:-cmake}
: "${CXX:=c++}" "${CXXFLAGS:=}"
export CXX CXXFLAGS

work=$(mktemp -d "${TMPDIR:-/tmp}/weft-consumer.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"

# The program, and a CMakeLists.txt as a stranger would write it.
mkdir app
cp "$here"/app/*.cpp app/
[ "$way" = plain ] || cp "$here/$way/CMakeLists.txt" app/

# What a clone or a released archive holds: not build/, and nothing that somebody left lying about.
copy_weft() {
  mkdir -p "$1"
  for entry in include examples tests docs .cmake CMakeLists.txt CMakePresets.json README.md LICENSE; do
    [ ! -e "$weft/$entry" ] || cp -R "$weft/$entry" "$1/"
  done
}

# check.cmake looks at what weft did to the project that uses it.
build() {
  "$cmake" -S app -B build -D CMAKE_PROJECT_consumer_INCLUDE="$here/check.cmake" "$@"
  "$cmake" --build build
  program=build/app
}

case $way in
  plain)
    # shellcheck disable=SC2086
    $CXX $CXXFLAGS -std=c++20 -I "$weft/include" app/main.cpp app/other.cpp -o program
    program=./program
    ;;
  fetch_content)
    copy_weft weft
    "$cmake" -E tar cf weft.tar weft
    rm -rf weft
    build -D WEFT_URL="$work/weft.tar"
    ;;
  find_package)
    "$cmake" -S "$weft" -B weft-build -D WEFT_BUILD_TESTS=OFF -D WEFT_BUILD_EXAMPLES=OFF
    "$cmake" --build weft-build
    "$cmake" --install weft-build --prefix "$work/elsewhere"
    # A package may be moved, and works without the checkout that it came from.
    mv elsewhere installed
    if grep -rF -e "$weft" -e "$work" installed; then
      echo "the installed package refers to where it was made" >&2
      exit 1
    fi
    build -D CMAKE_PREFIX_PATH="$work/installed"
    ;;
  add_subdirectory)
    copy_weft app/third_party/weft
    build
    ;;
  *)
    echo "no such way: $way" >&2
    exit 2
    ;;
esac

printed=$("$program")
echo "$printed"
[ "$printed" = "42 from two translation units" ]
