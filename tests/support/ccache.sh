# What the compilers say is kept between runs and checkouts, where there is ccache. To be sourced, by what builds.
# SPDX-License-Identifier: MIT
#
#     root=...          # of the checkout
#     . tests/support/ccache.sh
if command -v ccache >/dev/null 2>&1; then
  CCACHE_BASEDIR=$root
  CCACHE_NOHASHDIR=1
  CCACHE_SLOPPINESS=pch_defines,time_macros
  CMAKE_CXX_COMPILER_LAUNCHER=ccache
  export CCACHE_BASEDIR CCACHE_NOHASHDIR CCACHE_SLOPPINESS CMAKE_CXX_COMPILER_LAUNCHER
fi
