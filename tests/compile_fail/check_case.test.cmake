# Proves that check_case.cmake can fail: runs it on cases that do not keep their promise.
# SPDX-License-Identifier: MIT
#
#     cmake -DWORK=a/folder/to/write/in -DCOMPILER=g++ -P check_case.test.cmake -- g++ -std=c++20 ...
cmake_minimum_required(VERSION 3.22)

set(compile)
set(is_command FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
  if(is_command)
    list(APPEND compile "${CMAKE_ARGV${i}}")
  elseif(CMAKE_ARGV${i} STREQUAL "--")
    set(is_command TRUE)
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
set(failures 0)

# expect(<kept> <message> <version> <content>): whether a case of this content keeps its promise, or else why it does not.
function(expect kept message version content)
  file(WRITE ${WORK}/planted.cpp "${content}")
  execute_process(COMMAND ${CMAKE_COMMAND} -DCASE=${WORK}/planted.cpp -DCOMPILER=${COMPILER} -DVERSION=${version}
                          -P ${CMAKE_CURRENT_LIST_DIR}/check_case.cmake -- ${compile}
                  OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE status)
  string(REGEX REPLACE "[ \n]+" " " said "${out}${err}")  # messages of CMake are broken into lines
  if((kept AND NOT status EQUAL 0) OR (NOT kept AND status EQUAL 0) OR NOT said MATCHES "${message}")
    message("${content}\n  expected: kept ${kept}, ${message}\n  found: ${status}, ${said}----")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

set(other clang++)
if(COMPILER STREQUAL "clang++")
  set(other g++)
endif()
set(wrong "static_assert(false, \"weft: one; line\");\n")
set(two "${wrong}static_assert(false, \"another [line]\");\n")

expect(TRUE "^$" 12 "// expect: weft: one; line\n${wrong}")
expect(TRUE "^$" 12 "// expect: weft: o[mn]e; line\n${wrong}${wrong}")
expect(TRUE "^$" 12 "// expect: another\n// expect(${COMPILER}): one; line\n${wrong}")
expect(TRUE "^$" 12 "// expect: one; line\n// expect(${other}): another\n${wrong}")
expect(TRUE "^$" 12 "// expect: one; line\n// then: another .line.\n${two}")
expect(TRUE "^$" 12 "// expect: one\n// only: ${COMPILER}<13\n${wrong}")
expect(TRUE "^$" 13 "// expect: one\n// only: ${COMPILER}<13\nint a;\n")
expect(TRUE "^$" 12 "// expect: one\n// only: ${other}\nint a;\n")

set(unexpected "an error is not the one that is expected")
expect(FALSE "${unexpected}" 12 "// expect: weft: two lines\n${wrong}")
expect(FALSE "${unexpected}" 12 "// expect: one; line\n${two}")
expect(FALSE "${unexpected}" 12 "// expect: another\n${two}")
expect(FALSE "${unexpected}" 12 "// expect: another\n// then: one; line\n${two}")
expect(FALSE "${unexpected}" 12 "// expect: one; line\n// then: a third\n${two}")
expect(FALSE "${unexpected}" 12 "// expect: no\n// expect(${other}): one; line\n${wrong}")
expect(FALSE "the wrong use compiles" 12 "// expect: one; line\nint a;\n")
expect(FALSE "the wrong use compiles" 12 "// expect: one; line\n// only: ${COMPILER}<13\nint a;\n")
expect(FALSE "has to accept this" 13 "// expect: one; line\n// only: ${COMPILER}<13\n${wrong}")
expect(FALSE "has to accept this" 12 "// expect: one; line\n// only: ${other}\n${wrong}")
expect(FALSE "does not say what to expect" 12 "${wrong}")
expect(FALSE "this makes no sense: // expects" 12 "// expects: one\n${wrong}")
expect(FALSE "this makes no sense: // only" 12 "// expect: one\n// only: gcc<13\n${wrong}")

file(REMOVE_RECURSE ${WORK})
if(failures GREATER 0)
  message(FATAL_ERROR "${failures} checks failed")
endif()
