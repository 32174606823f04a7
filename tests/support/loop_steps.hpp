// A loop to test callbacks on, run for as long as a test needs it: one pass, or until nothing is left to do.
// SPDX-License-Identifier: MIT
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>

namespace weft_test {

/// A fixture; `while (true)` in disguise fails with livelock_error.
struct loop_on_virtual_time {
  weft::virtual_clock time{/*pass_limit=*/100'000};
  weft::event_loop loop{{.clock = &time}};
};

/// Exactly one pass, which does not wait.
inline void run_one_pass(weft::event_loop& loop) {
  loop.stop();
  loop.run_forever();
}

/// Until nothing can happen any more.
inline void run_until_idle(weft::event_loop& loop) {
  try {
    loop.run_forever();
  } catch (const weft::deadlock_error&) {
  }
}

}  // namespace weft_test
