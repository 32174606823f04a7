# Installs what weft's scripts need and this machine lacks, with the package manager that it has: apt, dnf, pacman or brew.
# SPDX-License-Identifier: MIT
#
# Not run by itself. POSIX sh; every script that sources it says what it needs, in one go:
#
#     . tests/support/install.sh
#     weft_need compiler cmake make fmt
#
# What is there already is left alone, however it came there. Nothing is installed if WEFT_NO_INSTALL is set.
# Afterwards CXX names a compiler that can build weft.

weft_say() { printf 'weft: %s\n' "$*"; }
weft_die() {
  printf 'weft: error: %s\n' "$*" >&2
  exit 1
}

# weft_need THING...: makes sure of all of them, or says what is missing and ends the script.
weft_need() {
  weft_missing=
  for weft_thing in "$@"; do
    weft_have "$weft_thing" || weft_missing="$weft_missing $weft_thing"
  done
  if [ -n "$weft_missing" ]; then
    [ -z "${WEFT_NO_INSTALL:-}" ] || weft_die "WEFT_NO_INSTALL is set and these are missing:$weft_missing"
    weft_install_all
  fi
  for weft_thing in $weft_missing; do
    weft_have "$weft_thing" || weft_missed "$weft_thing"
  done
}

# ---- is it there? ----

weft_have() {
  case $1 in
    compiler) weft_find_compiler ;;
    cmake) weft_have_cmake ;;
    fmt) weft_have_header fmt fmt/core.h ;;
    catch2) weft_have_header catch2 catch2/catch_all.hpp || weft_have_header catch2 catch2/catch.hpp ;;
    clang-16) weft_have_clang ;;
    clang-format-16 | ccache | doxygen | git | make | python3 | valgrind | nc | socat | curl | wrk)
      command -v "$1" >/dev/null 2>&1
      ;;
    *) weft_die "tests/support/install.sh knows no '$1'" ;;
  esac
}

# The compiler that CXX names, or else the first one here that can build weft.
weft_find_compiler() {
  if [ -n "${CXX:-}" ]; then
    [ "$CXX" != "${weft_checked:-}" ] || return 0
    # CXX may hold options, too: "clang++ -stdlib=libc++".
    # shellcheck disable=SC2086
    weft_compiles $CXX || weft_die "CXX is '$CXX', which cannot build weft: it takes g++ 12 or clang 16, or later"
    weft_checked=$CXX
    return 0
  fi
  weft_llvm=
  if command -v brew >/dev/null 2>&1; then weft_llvm=$(brew --prefix llvm 2>/dev/null)/bin/clang++; fi
  for weft_cxx in c++ g++ clang++ g++-15 g++-14 g++-13 g++-12 \
    clang++-21 clang++-20 clang++-19 clang++-18 clang++-17 clang++-16 $weft_llvm; do
    if command -v "$weft_cxx" >/dev/null 2>&1 && weft_compiles "$weft_cxx"; then
      CXX=$weft_cxx
      weft_checked=$CXX
      export CXX
      return 0
    fi
  done
  return 1
}

# Compiles and links. Apple counts clang's versions in its own way: its 16 is based on LLVM 17.
weft_compiles() {
  weft_probe=$(mktemp -d "${TMPDIR:-/tmp}/weft-probe.XXXXXX") || return 1
  cat >"$weft_probe/probe.cpp" <<'PROBE'
#if defined(__apple_build_version__)
#if __clang_major__ < 16
#error too old
#endif
#elif defined(__clang__)
#if __clang_major__ < 16
#error too old
#endif
#elif __GNUC__ < 12
#error too old
#endif
#include <coroutine>
#include <ranges>
int main() { return std::noop_coroutine().done() ? 1 : 0; }
PROBE
  weft_status=0
  "$@" -std=c++20 "$weft_probe/probe.cpp" -o "$weft_probe/probe" >/dev/null 2>&1 || weft_status=1
  rm -rf "$weft_probe"
  return $weft_status
}

weft_have_cmake() {
  command -v cmake >/dev/null 2>&1 || return 1
  weft_version=$(cmake --version | sed -n '1s/[^0-9]*\([0-9]*\)\.\([0-9]*\).*/\1 \2/p')
  weft_major=${weft_version% *}
  weft_minor=${weft_version#* }
  [ "$weft_major" -gt 3 ] || { [ "$weft_major" -eq 3 ] && [ "$weft_minor" -ge 22 ]; }
}

# Homebrew's headers are not where every compiler looks, but CMake finds them.
weft_have_header() {
  if [ "$(weft_manager)" = brew ] && brew list --versions "$1" >/dev/null 2>&1; then return 0; fi
  weft_have compiler || return 1
  # shellcheck disable=SC2086
  printf '#include <%s>\n' "$2" | $CXX -std=c++20 -x c++ -fsyntax-only - >/dev/null 2>&1
}

# clang 16 with both standard libraries and the sanitizers.
weft_have_clang() {
  command -v clang++-16 >/dev/null 2>&1 && weft_compiles clang++-16 && weft_compiles clang++-16 -stdlib=libc++ &&
    weft_compiles clang++-16 -fsanitize=address,undefined && weft_compiles clang++-16 -fsanitize=thread
}

# ---- getting it ----

weft_manager() {
  for weft_tool in apt-get dnf pacman brew; do
    if command -v "$weft_tool" >/dev/null 2>&1; then
      echo "$weft_tool"
      return
    fi
  done
  echo none
}

# The packages for a thing. Nothing: this manager has none.
weft_packages() {
  case $(weft_manager):$1 in
    apt-get:compiler) echo g++ ;;
    apt-get:fmt) echo libfmt-dev ;;
    apt-get:nc) echo netcat-openbsd ;;
    apt-get:clang-16) echo clang-16 libclang-rt-16-dev libc++-16-dev libc++abi-16-dev ;;
    dnf:compiler) echo gcc-c++ ;;
    dnf:fmt) echo fmt-devel ;;
    dnf:catch2) echo catch-devel ;;
    dnf:nc) echo nmap-ncat ;;
    pacman:nc) echo openbsd-netcat ;;
    pacman:compiler) echo gcc ;;
    brew:compiler) echo llvm ;;
    dnf:clang-16 | pacman:clang-16 | brew:clang-16) ;;
    dnf:clang-format-16 | pacman:clang-format-16 | brew:clang-format-16) ;;
    *) echo "$1" ;;
  esac
}

weft_install_all() {
  weft_with=$(weft_manager)
  [ "$weft_with" != none ] ||
    weft_die "found none of apt-get, dnf, pacman and brew. Please install these by hand:$weft_missing"
  weft_list=
  for weft_thing in $weft_missing; do
    weft_names=$(weft_packages "$weft_thing")
    weft_list="$weft_list${weft_names:+ $weft_names}"
  done
  [ -n "$weft_list" ] || return 0
  weft_say "installing with $weft_with:$weft_list"
  weft_as_root=
  if [ "$weft_with" != brew ] && [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 ||
      weft_die "not root, and there is no sudo. Please have these installed with $weft_with:$weft_list"
    weft_as_root=sudo
  fi
  [ "$weft_with" != apt-get ] || weft_apt update || weft_say "apt-get update failed; trying with the lists that are there"
  # shellcheck disable=SC2086
  if ! weft_install $weft_list; then
    weft_say "that failed; trying one by one"
    for weft_name in $weft_list; do weft_install "$weft_name" || weft_say "could not install $weft_name"; done
  fi
  # Where the default compiler is too old, a later one often lies beside it.
  case "$weft_with:$weft_missing " in
    apt-get:*' compiler '*)
      for weft_name in g++-14 g++-13 g++-12; do
        if ! weft_have compiler && apt-cache show "$weft_name" >/dev/null 2>&1; then
          weft_say "the compiler is older than g++ 12; installing $weft_name"
          weft_install "$weft_name" || :
        fi
      done
      ;;
  esac
}

weft_apt() { $weft_as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null; }

weft_install() {
  case $weft_with in
    apt-get) weft_apt install --no-install-recommends "$@" ;;
    dnf) $weft_as_root dnf install -y "$@" </dev/null ;;
    # A fresh container has no package lists yet.
    pacman) weft_pacman -S "$@" || weft_pacman -Sy "$@" ;;
    brew) brew install "$@" </dev/null ;;
  esac
}

weft_pacman() { $weft_as_root pacman --needed --noconfirm "$@" </dev/null; }

# What it means that a thing is still missing.
weft_missed() {
  case $1 in
    fmt | catch2) weft_say "no package for $1 here: CMake will download it" ;;
    ccache) weft_say "no ccache: building without" ;;
    compiler) weft_die "no compiler here can build weft: it takes g++ 12 or clang 16, or later. Install one and name it: CXX=g++-13 sh $0" ;;
    cmake) weft_die "weft's tests and examples need CMake 3.22 or later, and this system's is older or missing: see https://cmake.org/download" ;;
    *) weft_die "$1 is needed and could not be installed with $(weft_manager); please install it by hand" ;;
  esac
}
