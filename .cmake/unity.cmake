# Test files, compiled several at a time: most of what each of them makes the compiler do, the runtime, is then done once for
# all of them. That is a third of the time of a build. Each has a namespace of its own, so that they do not meet.
# SPDX-License-Identifier: MIT
#
#     weft_unite(<variable>)      replaces the test files in a list by files that include WEFT_UNITY of them each
set(WEFT_UNITY 6 CACHE STRING "How many files of weft's tests are compiled as one; 1: each by itself")

function(weft_unite variable)
  if(WEFT_UNITY LESS_EQUAL 1)
    return()
  endif()
  set(united)
  set(text)
  list(LENGTH ${variable} left)
  foreach(file IN LISTS ${variable})
    cmake_path(RELATIVE_PATH file BASE_DIRECTORY ${PROJECT_SOURCE_DIR}/tests OUTPUT_VARIABLE name)
    string(APPEND text "#include \"${name}\"\n")
    math(EXPR left "${left} - 1")
    math(EXPR rest "${left} % ${WEFT_UNITY}")
    if(rest EQUAL 0)
      list(LENGTH united n)
      set(unit ${CMAKE_CURRENT_BINARY_DIR}/${variable}_${n}.cpp)
      file(CONFIGURE OUTPUT ${unit} CONTENT "${text}" @ONLY)
      list(APPEND united ${unit})
      set(text)
    endif()
  endforeach()
  # A test case is a static function, and g++ takes what is included for a header, where its types should not be used.
  set_source_files_properties(${united} PROPERTIES COMPILE_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  set(${variable} ${united} PARENT_SCOPE)
endfunction()
