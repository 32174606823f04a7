// Runs the body of a test as a coroutine on virtual time: sleeping costs nothing, and a test that would hang fails
// instead, with deadlock_error or livelock_error.
// SPDX-License-Identifier: MIT
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>

#include <chrono>
#include <utility>

namespace weft_test {

template <class Body>
auto run_on_virtual_time(Body&& body) {
  weft::virtual_clock time(/*pass_limit=*/1'000'000);
  return weft::run(weft::make_task(std::forward<Body>(body)), {.clock = &time});
}

/// Milliseconds since the virtual clock's start, on the loop that runs.
inline long long now_ms() {
  return std::chrono::floor<std::chrono::milliseconds>(weft::event_loop::current().time().time_since_epoch()).count();
}

}  // namespace weft_test
