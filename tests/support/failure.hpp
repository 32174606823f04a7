// How a call of the operating system failed, as a value that a test can look at.
// SPDX-License-Identifier: MIT
//
//     const auto error = co_await weft_test::error_of(weft::resolve("no host", 80));
//     CHECK(error.code == std::errc::io_error);
#pragma once

#include <weft/core/task.hpp>

#include <concepts>
#include <string>
#include <system_error>
#include <utility>

namespace weft_test {

/// How something failed; the code is empty if it did not.
class failure {
 public:
  failure() {}
  explicit failure(const std::system_error& e) : code(e.code()), what(e.what()) {}
  std::error_code code;
  std::string what;
};

/// Of a function, or of something to await.
template <class F>
  requires std::invocable<F>
failure error_of(F fn) {
  try {
    fn();
  } catch (const std::system_error& e) {
    return failure(e);
  }
  return {};
}
template <class Operation>
  requires(!std::invocable<Operation>)
weft::task<failure> error_of(Operation operation) {
  failure seen;
  try {
    co_await std::move(operation);
  } catch (const std::system_error& e) {
    seen = failure(e);
  }
  co_return seen;
}

}  // namespace weft_test
