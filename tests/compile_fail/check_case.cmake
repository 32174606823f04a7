# Compiles one case of a wrong use: the compiler must refuse it, with the message that the case promises.
# SPDX-License-Identifier: MIT
#
#     cmake -DCASE=cases/a_case.cpp -DCOMPILER=g++ -DVERSION=12.2.0 -P check_case.cmake -- g++ -std=c++20 -Iinclude ...
#
# What a case says of itself, in comments at the beginning of lines (REGEX is one of CMake's):
#   // expect: REGEX            the one thing that the compiler says: every error that it prints has to match
#   // expect(clang++): REGEX   the same for this compiler, where it says it differently
#   // then: REGEX              errors that may follow; the first one is always the expected one
#   // only: g++<15             other compilers, and other versions, accept the wrong use
# COMPILER is g++ or clang++, whatever the program's name is. That a case is refused for this reason and no other is proved
# apart, by compiling its corrected code (WEFT_COMPILE_FAIL_FIXED): see CMakeLists.txt.
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
set(ENV{LC_ALL} C)

# Semicolons and brackets mean something in CMake's lists, so they are replaced in what the compiler prints, and semicolons in
# what is expected, too.
function(make_listable variable)
  string(REPLACE ";" "<semicolon>" text "${${variable}}")
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()

# ---- what the case says of itself ----
file(STRINGS ${CASE} directives REGEX "^// (expect|then|only)")
set(expected "")
set(then "")
set(only "")
foreach(directive IN LISTS directives)
  if(directive MATCHES "^// expect: (.+)$" AND expected STREQUAL "")
    set(expected "${CMAKE_MATCH_1}")
  elseif(directive MATCHES "^// expect\\(([a-z+]+)\\): (.+)$")
    if(CMAKE_MATCH_1 STREQUAL COMPILER)
      set(expected "${CMAKE_MATCH_2}")
    endif()
  elseif(directive MATCHES "^// then: (.+)$")
    set(then "${CMAKE_MATCH_1}")
  elseif(directive MATCHES "^// only: (g\\+\\+|clang\\+\\+)(<([0-9]+))?$")
    set(only "${CMAKE_MATCH_1}")
    set(only_before "${CMAKE_MATCH_3}")
  else()
    message(FATAL_ERROR "${CASE}: this makes no sense: ${directive}")
  endif()
endforeach()
if(expected STREQUAL "")
  message(FATAL_ERROR "${CASE}: it does not say what to expect: // expect: a regular expression")
endif()
make_listable(expected)
make_listable(then)

set(accepted FALSE)
if(NOT only STREQUAL "")
  if(NOT only STREQUAL COMPILER OR (only_before AND NOT VERSION VERSION_LESS only_before))
    set(accepted TRUE)
  endif()
endif()

# ---- what the compiler says ----
execute_process(COMMAND ${compile} -fsyntax-only ${CASE} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE status)
if(accepted)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${CASE}: ${COMPILER} ${VERSION} has to accept this, since it is wrong for ${only}<${only_before} only:\n"
                        "${out}${err}")
  endif()
  return()
endif()
if(status EQUAL 0)
  message(FATAL_ERROR "${CASE}: the wrong use compiles")
endif()
set(said "${out}${err}")
make_listable(said)
string(REGEX REPLACE "[][]" "|" said "${said}")
string(REGEX MATCHALL "[^\n]*error: [^\n]*" errors "${said}")
if(errors STREQUAL "")
  message(FATAL_ERROR "${CASE}: the compiler ends with ${status} and prints no error:\n${out}${err}")
endif()
set(wanted "${expected}")
foreach(error IN LISTS errors)
  if(NOT error MATCHES "error: .*(${wanted})")
    message(FATAL_ERROR "${CASE}: an error is not the one that is expected\n  expected: ${wanted}\n  found: ${error}\n${out}${err}")
  endif()
  if(then)
    set(wanted "${expected}|${then}")
  endif()
endforeach()
