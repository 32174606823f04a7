// Counts the passes of the running loop: a callback that queues itself again in every one.
// SPDX-License-Identifier: MIT
//
// Make it in the coroutine that is measured. What that coroutine starts is then queued behind the counter in every
// pass, so that the difference between two readings is exact. The loop never idles meanwhile: no virtual time passes.
#pragma once

#include <weft/core/callback.hpp>
#include <weft/core/event_loop.hpp>

namespace weft_test {

class pass_counter {
 public:
  pass_counter() : loop_(weft::event_loop::current()) { queue(); }
  pass_counter(const pass_counter&) = delete;
  pass_counter& operator=(const pass_counter&) = delete;
  ~pass_counter() { next_.cancel(); }

  /// Passes since it was made, or since the last restart().
  int passes() const noexcept { return passes_; }
  void restart() noexcept { passes_ = 0; }

 private:
  void queue() {
    next_ = loop_.call_soon([this] {
      ++passes_;
      queue();
    });
  }

  weft::event_loop& loop_;
  weft::callback_handle next_;
  int passes_ = 0;
};

}  // namespace weft_test
