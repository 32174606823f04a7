// Tests of weft/core/task_label.hpp: what a report calls a task.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"

#include <weft/core/task_label.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <source_location>
#include <string>

namespace core_task_label_test {

using weft::task_label;
using weft_test::contains;

std::unique_ptr<std::string> named(const char* name) { return std::make_unique<std::string>(name); }

TEST_CASE("a label without a name has a number instead", "[core][task_label]") {
  task_label label(7, std::source_location::current());
  CHECK(label.name() == "Task-7");
  label.set_name(named("fetch"));
  CHECK(label.name() == "fetch");
  label.set_name(named(""));
  CHECK(label.name().empty());
  label.set_name(nullptr);
  CHECK(label.name() == "Task-7");
}

TEST_CASE("a label's number may be as large as a loop will ever count", "[core][task_label]") {
  const std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  CHECK(task_label(largest, std::source_location::current()).name() == "Task-9223372036854775807");
}

TEST_CASE("a label shows the name in quotes and where the coroutine is", "[core][task_label]") {
  const auto here = std::source_location::current();
  task_label label(1, here);
  CHECK_THAT(label.text(), contains("'Task-1', coroutine "));
  CHECK_THAT(label.text(), contains("task_label.test.cpp:" + std::to_string(here.line())));
  label.set_name(named("it's"));
  CHECK_THAT(label.text(), contains("'it's', coroutine "));
}

TEST_CASE("a label says so as long as nobody knows where the coroutine is", "[core][task_label]") {
  task_label label(1, std::source_location());
  CHECK(label.text() == "'Task-1', not started yet");
  label.set_coroutine(std::source_location::current());
  CHECK_THAT(label.text(), contains("coroutine "));
}

TEST_CASE("where a task was created says more than where its coroutine is", "[core][task_label]") {
  task_label label(1, std::source_location());
  const auto call = std::source_location::current();
  label.set_created(call);
  label.set_coroutine(std::source_location::current());
  CHECK_THAT(label.text(), contains("'Task-1', created at "));
  CHECK_THAT(label.text(), contains("task_label.test.cpp:" + std::to_string(call.line()) + " "));
}

}  // namespace core_task_label_test
