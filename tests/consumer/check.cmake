# Included by CMake into each consumer's project: fails if weft forces anything on the project that uses it.
# SPDX-License-Identifier: MIT
set(flags_before "${CMAKE_CXX_FLAGS}")

function(check_weft)
  if(NOT TARGET weft::weft)
    message(FATAL_ERROR "there is no target weft::weft")
  endif()
  foreach(property INTERFACE_COMPILE_OPTIONS INTERFACE_COMPILE_DEFINITIONS INTERFACE_LINK_OPTIONS)
    get_target_property(forced weft::weft ${property})
    if(forced)
      message(FATAL_ERROR "weft::weft forces ${property} on its users: ${forced}")
    endif()
  endforeach()
  foreach(target weft_core_tests weft_test_support weft_fmt count makerandom)
    if(TARGET ${target})
      message(FATAL_ERROR "weft builds ${target} in a project that only uses it")
    endif()
  endforeach()
  if(NOT CMAKE_CXX_FLAGS STREQUAL flags_before)
    message(FATAL_ERROR "weft changed CMAKE_CXX_FLAGS to ${CMAKE_CXX_FLAGS}")
  endif()
endfunction()

# Once the project's CMakeLists.txt has been read to its end.
cmake_language(DEFER CALL check_weft)
