// Catch2, whichever version is installed: tests include this and not Catch2's own headers.
// SPDX-License-Identifier: MIT
//
// Catch2 2.13 is one header, 3 is a library with many. Tests keep to what both have: TEST_CASE, SECTION, GENERATE, the
// CHECK and REQUIRE families. What throws inside of an assertion ends its test case, as it does outside of one: a try
// block around each of them would take a fifth of the time of a build.
#pragma once

#define CATCH_CONFIG_FAST_COMPILE

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
