// The main function of the Catch2 programs. With Catch2 2.13 it also holds Catch2 itself, which takes long to compile.
// SPDX-License-Identifier: MIT
#define CATCH_CONFIG_RUNNER
#include "support/catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
