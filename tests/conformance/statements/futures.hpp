// Futures that the program sets itself.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline weft::task<completion> run_fut_wait(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::int64_t result = co_await in.objects().future(name);
  co_return completion("fut_wait " + name + " " + std::to_string(result));
}

inline std::string run_fut_set(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  try {
    in.objects().future(name).set_result(s.get<std::int64_t>(1));
  } catch (const weft::invalid_state_error&) {
    return "fut_set " + name + " invalid";
  }
  return "fut_set " + name + " ok";
}

inline std::string run_fut_exc(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  try {
    in.objects().future(name).set_exception(user_error(s.get<std::int64_t>(1)));
  } catch (const weft::invalid_state_error&) {
    return "fut_exc " + name + " invalid";
  }
  return "fut_exc " + name + " ok";
}

inline std::string run_fut_cancel(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  return "fut_cancel " + name + (in.objects().future(name).cancel() ? " 1" : " 0");
}

inline void add_future_statements(vocabulary& words) {
  words.add("fut_wait", {kind::future}, run_fut_wait);
  words.add("fut_set", {kind::future, kind::number}, run_fut_set);
  words.add("fut_exc", {kind::future, kind::number}, run_fut_exc);
  words.add("fut_cancel", {kind::future}, run_fut_cancel);
}

}  // namespace conformance
