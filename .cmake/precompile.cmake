# Headers that many files of weft's tests and examples include, read once. It hides an include that is missing, so some cells
# of CI's matrix go without.
# SPDX-License-Identifier: MIT
#
#     weft_precompile(<target> PRIVATE <header>...)       or:  weft_precompile(<target> REUSE_FROM <target>)
function(weft_precompile target)
  if(WEFT_PRECOMPILE)
    target_precompile_headers(${target} ${ARGN})
    # For ccache: it has to see what a precompiled header holds, and clang must not write the time into it.
    target_compile_options(${target} PRIVATE
                           $<IF:$<CXX_COMPILER_ID:GNU>,-fpch-preprocess,SHELL:-Xclang -fno-pch-timestamp>)
  endif()
endfunction()
