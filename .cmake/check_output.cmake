# Runs PROGRAM with the arguments in BESIDE.args and fails unless it prints exactly what BESIDE.expected holds.
# SPDX-License-Identifier: MIT
#
#     cmake -D PROGRAM=build/examples/count -D BESIDE=examples/count -P .cmake/check_output.cmake
cmake_minimum_required(VERSION 3.22)

set(arguments "")
if(EXISTS ${BESIDE}.args)
  file(READ ${BESIDE}.args line)
  separate_arguments(arguments UNIX_COMMAND "${line}")
endif()
execute_process(COMMAND ${PROGRAM} ${arguments} OUTPUT_VARIABLE printed RESULT_VARIABLE status)

if(NOT EXISTS ${BESIDE}.expected)
  message(FATAL_ERROR "${BESIDE}.expected is missing: it says what the example prints")
endif()
file(READ ${BESIDE}.expected expected)
string(REPLACE "<program>" "${PROGRAM}" expected "${expected}")

# "" STREQUAL, with the x: if() would take a text that is the name of a variable for the variable.
if(NOT status EQUAL 0 OR NOT "x${printed}" STREQUAL "x${expected}")
  string(ASCII 27 escape)
  string(REPLACE "${escape}" "\\e" expected "${expected}")
  string(REPLACE "${escape}" "\\e" printed "${printed}")
  message("---- expected, from ${BESIDE}.expected\n${expected}---- printed, exit code ${status}\n${printed}----")
  message(FATAL_ERROR "${PROGRAM} ${arguments}: not the expected output")
endif()
