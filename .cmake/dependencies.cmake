# What weft's tests and examples need, and weft itself does not: fmt and Catch2. The system's packages are taken if they are
# there, else a pinned version is downloaded.
# SPDX-License-Identifier: MIT
#
# Defines weft_fmt and, for the tests, weft_catch. Link these and not fmt::fmt or Catch2::Catch2: they know the cases below.
include(CheckCXXSourceCompiles)
include(FetchContent)

check_cxx_source_compiles("
  #include <version>
  #ifndef _LIBCPP_VERSION
  #error another standard library
  #endif
  int main() {}" WEFT_STDLIB_IS_LIBCXX)

# On Linux, packaged C++ libraries are built with libstdc++: with libc++, their headers can be used and their code cannot.
if(WEFT_STDLIB_IS_LIBCXX AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(WEFT_HEADERS_ONLY TRUE)
else()
  set(WEFT_HEADERS_ONLY FALSE)
endif()

# ---- fmt 8 or later ----
find_package(fmt 8 QUIET)
if(fmt_FOUND)
  message(STATUS "fmt ${fmt_VERSION}: ${fmt_DIR}")
else()
  message(STATUS "fmt: not installed, downloading 10.2.1")
  FetchContent_Declare(fmt
    URL https://github.com/fmtlib/fmt/archive/refs/tags/10.2.1.tar.gz
    URL_HASH SHA256=1250e4cc58bf06ee631567523f48848dc4596133e163f02615c97f78bab6c811)
  FetchContent_MakeAvailable(fmt)
endif()
add_library(weft_fmt INTERFACE)
if(WEFT_HEADERS_ONLY)
  target_link_libraries(weft_fmt INTERFACE fmt::fmt-header-only)
else()
  target_link_libraries(weft_fmt INTERFACE fmt::fmt)
endif()

if(NOT WEFT_BUILD_TESTS)
  return()
endif()

# ---- Catch2 2.13, which is headers only, or 3, which is not ----
find_package(Catch2 2.13 QUIET)
if(NOT Catch2_FOUND AND NOT WEFT_HEADERS_ONLY)
  find_package(Catch2 3 QUIET)
endif()
if(Catch2_FOUND)
  message(STATUS "Catch2 ${Catch2_VERSION}: ${Catch2_DIR}")
else()
  message(STATUS "Catch2: not installed, downloading 3.5.4")
  FetchContent_Declare(Catch2
    URL https://github.com/catchorg/Catch2/archive/refs/tags/v3.5.4.tar.gz
    URL_HASH SHA256=b7754b711242c167d8f60b890695347f90a1ebc95949a045385114165d606dbb)
  FetchContent_MakeAvailable(Catch2)
  list(APPEND CMAKE_MODULE_PATH ${catch2_SOURCE_DIR}/extras)
endif()
add_library(weft_catch INTERFACE)
target_link_libraries(weft_catch INTERFACE Catch2::Catch2)
