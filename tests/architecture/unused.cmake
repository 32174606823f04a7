# Checks that a file that includes a header of weft's, and uses nothing of it, holds no code of weft's: g++ at -O0 compiles
# coroutines, and what they call, in each file that sees them, unless they are templates; see detail::only_if_used.
# SPDX-License-Identifier: MIT
#
#     cmake -DNM=nm -DOBJECTS="a.cpp.o;b.cpp.o" -P unused.cmake
cmake_minimum_required(VERSION 3.22)

if(NOT OBJECTS)
  message(FATAL_ERROR "there is no object to look at")
endif()
set(failures 0)
foreach(object IN LISTS OBJECTS)
  execute_process(COMMAND ${NM} ${object} OUTPUT_VARIABLE symbols RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "${NM} ${object} ends with ${status}")
  endif()
  string(REGEX MATCHALL "[^\n]* [TtWwVv] [^\n]*4weft[^\n]*" functions "${symbols}")
  list(LENGTH functions count)
  if(count GREATER 0)
    list(SUBLIST functions 0 5 some)
    list(JOIN some "\n  " some)
    message("${object}: ${count} functions of weft\n  ${some}")
    math(EXPR failures "${failures} + 1")
  endif()
endforeach()
if(failures GREATER 0)
  message(FATAL_ERROR "${failures} objects hold what they do not use")
endif()
