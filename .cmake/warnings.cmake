# The warnings for weft's own tests and examples: every target below the folder that includes this. Users get none of them.
# SPDX-License-Identifier: MIT
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion)
if(WEFT_WERROR)
  add_compile_options(-Werror)
endif()
set(CMAKE_CXX_EXTENSIONS OFF)
