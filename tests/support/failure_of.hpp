// What an outcome failed with: the code of a system error, and the words.
// SPDX-License-Identifier: MIT
//
//     const auto tried = co_await weft::outcome_of(weft::open_connection(address));
//     CHECK(weft_test::failure_of(tried).code == std::errc::connection_refused);
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/task.hpp>
#include <weft/flow/outcome_of.hpp>

#include <exception>
#include <string>
#include <system_error>
#include <utility>

namespace weft_test {

class outcome_failure {
 public:
  explicit outcome_failure(const std::exception_ptr& error) {
    if (error == nullptr) return;
    try {
      std::rethrow_exception(error);
    } catch (const std::system_error& e) {
      code = e.code();
      what = e.what();
    } catch (const std::exception& e) {
      what = e.what();
    } catch (const weft::cancelled_error&) {
      what = "cancelled_error";
    } catch (...) {
      what = "something";
    }
  }

  std::error_code code;  ///< of a std::system_error
  std::string what;      ///< empty if nothing failed
};

/// Of a weft::outcome.
template <class Outcome>
outcome_failure failure_of(const Outcome& ended) {
  return outcome_failure(ended.exception());
}

/// The system error's number; 0 if it has not failed. Any other failure is thrown.
template <class Outcome>
int code_of(const Outcome& ended) {
  try {
    ended.value();
  } catch (const std::system_error& e) {
    return e.code().value();
  }
  return 0;
}

/// The same for what is awaited first.
template <class Awaited>
weft::task<int> code_after(Awaited awaited) {
  const auto ended = co_await weft::outcome_of(std::move(awaited));
  co_return code_of(ended);
}

/// Whether it failed with an exception of this type.
template <class Exception, class Outcome>
bool failed_with(const Outcome& ended) {
  if (!ended.failed()) return false;
  try {
    std::rethrow_exception(ended.exception());
  } catch (const Exception&) {
    return true;
  } catch (...) {
    return false;
  }
}

}  // namespace weft_test
