# Proves that the compiler's part of tests/architecture can fail: headers that do not stand alone, an unsafe temporary, and code
# that nobody uses.
# SPDX-License-Identifier: MIT
#
#     cmake -DWORK=a/folder/to/write/in -DINCLUDE=include -DNM=nm -P stands_alone.test.cmake -- g++ -std=c++20
cmake_minimum_required(VERSION 3.22)

set(compile)
set(is_command FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(is_command)
    list(APPEND compile ${CMAKE_ARGV${i}})
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(is_command TRUE)
  endif()
endforeach()
set(ENV{LC_ALL} C)
file(REMOVE_RECURSE ${WORK})
set(failures 0)

# expect(<status> <pattern> <what> <argument>...): how the compiler ends, and what it says.
function(expect status pattern what)
  execute_process(COMMAND ${compile} -fsyntax-only ${ARGN} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE found)
  if(NOT "x${found}" STREQUAL "x${status}" OR NOT "${out}${err}" MATCHES "${pattern}")
    message("${what}\n  expected: status ${status}, ${pattern}\n  found: ${found}\n${out}${err}----")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

# expect_header(<status> <pattern> <content>): the same for a header of this content, included as weft's are.
function(expect_header status pattern content)
  set(header planted.hpp)
  file(WRITE ${WORK}/include/weft/${header} "${content}\n")
  configure_file(${CMAKE_CURRENT_LIST_DIR}/stands_alone.cpp.in ${WORK}/planted.cpp @ONLY)
  expect(${status} "${pattern}" "${content}" -I${WORK}/include ${WORK}/planted.cpp)
  set(failures ${failures} PARENT_SCOPE)
endfunction()

expect_header(0 "^$" "#pragma once\n#include <string>\nstruct named { std::string name; };")
expect_header(1 "error: .*string" "#pragma once\nstruct named { std::string name; };")
expect_header(1 "error: redefinition of" "#include <string>\nstruct named { std::string name; };")
expect(1 "error: static.assert" "an aggregate that owns something"
       -I${INCLUDE} -DWEFT_TEST_PLANT_UNSAFE_TEMPORARY ${CMAKE_CURRENT_LIST_DIR}/temporaries.cpp)

# expect_unused(<status> <content>): how unused.cmake ends for an object of this content.
function(expect_unused status content)
  file(WRITE ${WORK}/planted.cpp "${content}\n")
  execute_process(COMMAND ${compile} -c ${WORK}/planted.cpp -o ${WORK}/planted.o COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${CMAKE_COMMAND} -DNM=${NM} -DOBJECTS=${WORK}/planted.o -P ${CMAKE_CURRENT_LIST_DIR}/unused.cmake
                  OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE found)
  if(NOT "x${found}" STREQUAL "x${status}")
    message("${content}\n  expected: status ${status}\n  found: ${found}\n${out}${err}----")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

expect_unused(0 "int main() {}")
expect_unused(0 "namespace weft { inline int one() { return 1; } }")
expect_unused(1 "namespace weft { int one() { return 1; } }")

file(REMOVE_RECURSE ${WORK})
if(failures GREATER 0)
  message(FATAL_ERROR "${failures} checks failed")
endif()
