// Tests of weft/io/process_options.hpp: what is set is what is asked for, and what makes no sense is refused.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"

#include <weft/io/process_options.hpp>

#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace io_process_options_test {

using namespace std::chrono_literals;
using weft::process_options;
using weft::stdio;

TEST_CASE("unless told otherwise a process has what this one has, and no grace", "[io][process_options]") {
  const process_options options;
  CHECK(options.standard_input().is_inherited());
  CHECK(options.standard_output().is_inherited());
  CHECK(options.standard_error().is_inherited());
  CHECK(options.working_directory().empty());
  CHECK_FALSE(options.environment().has_value());
  CHECK_FALSE(options.new_session());
  CHECK(options.limit() == weft::default_stream_limit);
  CHECK(options.grace() == 0s);
}

TEST_CASE("each option is what it was set to last", "[io][process_options]") {
  process_options options;
  const std::vector<std::string> variables{"A=1", "B=2"};
  options.standard_input(stdio::null).standard_output(stdio::pipe).standard_error(stdio::standard_output);
  options.working_directory("/").working_directory("/tmp").environment(variables);
  options.new_session(true).limit(10).grace(1500ms);
  CHECK(options.standard_input().is_null());
  CHECK(options.standard_output().is_pipe());
  CHECK(options.standard_error().is_standard_output());
  CHECK(options.working_directory() == "/tmp");
  CHECK(options.environment() == variables);
  CHECK(options.new_session());
  CHECK(options.limit() == 10);
  CHECK(options.grace() == 1500ms);
  options.environment({});
  CHECK(options.environment().value().empty());  // which is not the environment of this process
}

TEST_CASE("a standard stream is one thing at a time, and knows its descriptor", "[io][process_options]") {
  const std::vector<stdio> all{stdio::inherit, stdio::pipe, stdio::null, stdio::standard_output, stdio::descriptor(7)};
  for (const stdio& s : all) {
    CHECK(s.is_inherited() + s.is_pipe() + s.is_null() + s.is_standard_output() == (s.fd() == 7 ? 0 : 1));
    CHECK((s.fd() == 7 || s.fd() == -1));
  }
}

TEST_CASE("only standard error can go where standard output goes", "[io][process_options]") {
  process_options options;
  CHECK_THROWS_AS(options.standard_input(stdio::standard_output), std::invalid_argument);
  CHECK_THROWS_AS(options.standard_output(stdio::standard_output), std::invalid_argument);
  CHECK(options.standard_input().is_inherited());
  CHECK(options.standard_output().is_inherited());
}

TEST_CASE("a grace time is not negative, and a reader's limit neither that nor 0", "[io][process_options]") {
  process_options options;
  CHECK_THROWS_AS(options.grace(-1ns), std::invalid_argument);
  CHECK_THROWS_WITH(options.limit(0), weft_test::contains("limit"));
  const int negative = -1;
  CHECK_THROWS_AS(options.limit(static_cast<std::size_t>(negative)), std::invalid_argument);
  CHECK(options.grace() == 0s);
  CHECK(options.limit() == weft::default_stream_limit);
}

}  // namespace io_process_options_test
