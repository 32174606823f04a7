// Tests of weft/core/exception_handler.hpp: who is told, and what happens if the one who is told fails.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"

#include <weft/core/error.hpp>
#include <weft/core/exception_handler.hpp>

#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace core_exception_handler_test {

// What fn() writes to stderr.
template <class F>
std::string written_to_stderr(F fn) {
  std::fflush(stderr);
  const int former = ::dup(STDERR_FILENO);
  std::FILE* file = std::tmpfile();
  REQUIRE(file != nullptr);
  ::dup2(::fileno(file), STDERR_FILENO);
  fn();
  std::fflush(stderr);
  ::dup2(former, STDERR_FILENO);
  ::close(former);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

weft::exception_context context(std::exception_ptr cause = std::make_exception_ptr(std::runtime_error("broken"))) {
  return {"it happened", std::move(cause), "'worker', created at here"};
}

TEST_CASE("the handler is told what happened, of what and to whom", "[core][exception_handler]") {
  weft::exception_handler handler;
  int calls = 0;
  handler.set([&](const weft::exception_context& c) {
    ++calls;
    CHECK(c.message == "it happened");
    CHECK(c.task == "'worker', created at here");
    CHECK_THROWS_WITH(std::rethrow_exception(c.exception), "broken");
  });
  CHECK(written_to_stderr([&] { handler.call(context()); }).empty());
  CHECK(calls == 1);
}

TEST_CASE("a later handler replaces an earlier one, which is destroyed", "[core][exception_handler]") {
  weft::exception_handler handler;
  auto owned = std::make_shared<int>();
  handler.set([owned](const weft::exception_context&) { ++*owned; });
  CHECK(owned.use_count() == 2);
  int calls = 0;
  handler.set([&](const weft::exception_context&) { ++calls; });
  CHECK(owned.use_count() == 1);
  handler.call(context());
  CHECK(calls == 1);
  CHECK(*owned == 0);
}

TEST_CASE("a handler may own what cannot be copied", "[core][exception_handler]") {
  weft::exception_handler handler;
  auto owned = std::make_unique<int>(4);
  int seen = 0;
  handler.set([&seen, owned = std::move(owned)](const weft::exception_context&) { seen = *owned; });
  handler.call(context());
  CHECK(seen == 4);
}

TEST_CASE("a handler may replace itself", "[core][exception_handler]") {
  weft::exception_handler handler;
  int first = 0;
  int second = 0;
  auto owned = std::make_shared<std::string>("a text that is too long to be kept in the object itself");
  std::size_t length = 0;
  handler.set([&, owned](const weft::exception_context&) {
    handler.set([&](const weft::exception_context&) { ++second; });
    length = owned->size();  // still its own
    ++first;
  });
  handler.call(context());
  handler.call(context());
  CHECK(first == 1);
  CHECK(second == 1);
  CHECK(length == owned->size());
  CHECK(owned.use_count() == 1);
}

TEST_CASE("without a handler a line with everything goes to stderr", "[core][exception_handler]") {
  weft::exception_handler handler;
  const std::string line = written_to_stderr([&] { handler.call(context()); });
  CHECK_THAT(line, Catch::Matchers::StartsWith("weft: it happened"));
  CHECK_THAT(line, weft_test::contains("'worker', created at here"));
  CHECK_THAT(line, weft_test::contains("runtime_error"));
  CHECK_THAT(line, weft_test::contains("broken"));
  CHECK_THAT(line, Catch::Matchers::EndsWith("\n"));
}

TEST_CASE("the line names also what is no std::exception, or says that there is none", "[core][exception_handler]") {
  const auto line_for = [](std::exception_ptr cause) {
    return written_to_stderr([&] { weft::exception_handler::report({"it happened", cause}); });
  };
  CHECK(line_for(nullptr) == "weft: it happened\n");
  CHECK_THAT(line_for(std::make_exception_ptr(weft::cancelled_error())), weft_test::contains("cancelled"));
  CHECK_THAT(line_for(std::make_exception_ptr(7)), weft_test::contains("no std::exception"));
}

TEST_CASE("a handler that throws is reported, and what it was told as well", "[core][exception_handler]") {
  weft::exception_handler handler;
  handler.set([](const weft::exception_context&) { throw std::logic_error("the handler is wrong"); });
  const std::string text = written_to_stderr([&] { handler.call(context()); });
  CHECK_THAT(text, weft_test::contains("Unhandled error in exception handler"));
  CHECK_THAT(text, weft_test::contains("the handler is wrong"));
  CHECK_THAT(text, weft_test::contains("it happened"));
  CHECK_THAT(text, weft_test::contains("broken"));
}

}  // namespace core_exception_handler_test
