# Runs an example and checks what it prints and how it ends.
# SPDX-License-Identifier: MIT
#
#     cmake -DPROGRAM=<program> [-D<check>=<value>...] -P run_example.cmake -- [<argument>...]
#
#   STATUS          the exit status, 0 if not given
#   STDOUT, STDERR  a regular expression for each; without one, the stream must stay empty
#   EXPECTED_FILE   all of stdout; <program> in it stands for the program's path
#   SECONDS         how long it must take at least
#   ATTEMPTS        how often it may try to print EXPECTED_FILE. What the programs report is rounded to hundredths of a
#                   second, and a busy machine may add one. Everything else must be right every time.
cmake_minimum_required(VERSION 3.22)

set(arguments "")
set(after_dashes FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(n RANGE ${last})
  if(after_dashes)
    list(APPEND arguments "${CMAKE_ARGV${n}}")
  elseif("${CMAKE_ARGV${n}}" STREQUAL "--")
    set(after_dashes TRUE)
  endif()
endforeach()
if(NOT DEFINED STATUS)
  set(STATUS 0)
endif()
if(NOT DEFINED ATTEMPTS)
  set(ATTEMPTS 1)
endif()
if(DEFINED EXPECTED_FILE)
  file(READ ${EXPECTED_FILE} expected)
  string(REPLACE "<program>" "${PROGRAM}" expected "${expected}")
endif()

function(fail should)
  list(JOIN arguments " " shown)
  message("---- stdout\n${out}---- stderr\n${err}---- exit status ${status}, after ${seconds} s")
  message(FATAL_ERROR "${PROGRAM} ${shown}: ${should}")
endfunction()

foreach(attempt RANGE 1 ${ATTEMPTS})
  # Whole seconds will do: whatever lasts for n seconds sees the second change n times.
  string(TIMESTAMP start "%s")
  execute_process(COMMAND ${PROGRAM} ${arguments} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE status)
  string(TIMESTAMP end "%s")
  math(EXPR seconds "${end} - ${start}")

  # The x keeps if() from taking a text that is the name of a variable for the variable.
  if(NOT "x${status}" STREQUAL "x${STATUS}")
    fail("should end with status ${STATUS}")
  elseif(DEFINED SECONDS AND seconds LESS SECONDS)
    fail("should take ${SECONDS} s")
  elseif(DEFINED STDERR AND NOT "${err}" MATCHES "${STDERR}")
    fail("stderr should match ${STDERR}")
  elseif(NOT DEFINED STDERR AND NOT "x${err}" STREQUAL "x")
    fail("stderr should be empty")
  elseif(DEFINED STDOUT AND NOT "${out}" MATCHES "${STDOUT}")
    fail("stdout should match ${STDOUT}")
  elseif(NOT DEFINED STDOUT AND NOT DEFINED EXPECTED_FILE AND NOT "x${out}" STREQUAL "x")
    fail("stdout should be empty")
  elseif(NOT DEFINED EXPECTED_FILE OR "x${out}" STREQUAL "x${expected}")
    return()
  endif()
endforeach()
message("---- should print\n${expected}")
fail("should print what ${EXPECTED_FILE} holds")
