// What has to be closed on a loop at the end of run(), after its tasks.
// SPDX-License-Identifier: MIT
//
// The end of a program closes things for which the loop has to run on: the async generators that are left, for one. The
// loop knows none of them. Whoever owns such things leaves a function here, once a loop, and is asked when the tasks
// have ended, as asyncio.run() asks loop.shutdown_asyncgens().
//
//     weft::event_loop::current().local<weft::shutdown_hooks>().add(close_what_is_open);
#pragma once

#include <algorithm>
#include <vector>

namespace weft {

class event_loop;
template <class T>
class task;

/// A loop has one: event_loop::local<shutdown_hooks>().
class shutdown_hooks {
 public:
  /// Returns a task that closes what is open on the loop, or an empty one if nothing is. Asked again until it is empty.
  using hook = task<void> (*)(event_loop& loop);

  /// Hooks are asked in the order in which they were added; adding one again changes nothing. Throws std::bad_alloc.
  void add(hook h) {
    if (std::find(hooks_.begin(), hooks_.end(), h) == hooks_.end()) hooks_.push_back(h);
  }

  const std::vector<hook>& all() const noexcept { return hooks_; }

 private:
  std::vector<hook> hooks_;
};

}  // namespace weft
