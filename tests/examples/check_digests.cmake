# Runs makerandom with every seed in makerandom.digests, and compares what it prints with what CPython printed.
# SPDX-License-Identifier: MIT
#
#     cmake -DPROGRAM=build/examples/makerandom -P check_digests.cmake
cmake_minimum_required(VERSION 3.22)

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/makerandom.digests lines REGEX "^-?[0-9]+ [0-9a-f]+$")
list(LENGTH lines count)
if(count LESS 1000)
  message(FATAL_ERROR "makerandom.digests holds ${count} seeds, and should hold 1000 at least")
endif()

set(different "")
foreach(line IN LISTS lines)
  string(REPLACE " " ";" line "${line}")
  list(GET line 0 seed)
  list(GET line 1 expected)
  execute_process(COMMAND ${PROGRAM} ${seed} --virtual-time OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE status)
  string(SHA256 digest "${out}")
  string(SUBSTRING ${digest} 0 16 digest)
  if(NOT "x${status}" STREQUAL "x0" OR NOT "x${err}" STREQUAL "x" OR NOT "x${digest}" STREQUAL "x${expected}")
    if(different STREQUAL "")
      message("makerandom ${seed}: exit status ${status}, digest ${digest}, where CPython has ${expected}\n${out}${err}----")
    endif()
    list(APPEND different ${seed})
  endif()
endforeach()
if(NOT different STREQUAL "")
  list(LENGTH different differences)
  list(SUBLIST different 0 20 seeds)
  list(JOIN seeds " " seeds)
  message(FATAL_ERROR "${differences} of ${count} seeds do not give what CPython prints, the first are: ${seeds}\n"
    "compare_with_python.py shows the first line that differs.")
endif()
message("${count} seeds give what CPython prints")
