// soon, later and hcancel: callbacks of the loop.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline weft::task<completion> run_soon(interpreter& in, context&, const statement& s) {
  in.loop().call_soon([&in, &s] { in.run_callback(s.id, s.get<body>(0)); });
  co_return completion("soon");
}

inline weft::task<completion> run_later(interpreter& in, context&, const statement& s) {
  const std::int64_t ms = s.get<std::int64_t>(0);
  auto timer =
      in.loop().call_later(std::chrono::milliseconds(ms), [&in, &s] { in.run_callback(s.id, s.get<body>(1)); });
  in.enter_timer(s.id, std::move(timer));
  co_return completion("later " + std::to_string(ms));
}

inline std::string run_hcancel(interpreter& in, const statement& s) {
  const std::int64_t id = s.get<std::int64_t>(0);
  weft::timer_handle* timer = in.find_timer(id);
  if (!timer) return "hcancel " + std::to_string(id) + " skip";
  timer->cancel();
  return "hcancel " + std::to_string(id) + " ok";
}

inline void add_callback_statements(vocabulary& words) {
  words.add("soon", {kind::callback}, run_soon);
  words.add("later", {kind::number, kind::callback}, run_later);
  words.add("hcancel", {kind::number}, run_hcancel);
}

}  // namespace conformance
