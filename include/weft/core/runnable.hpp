// What the loop runs: an entry of the ready queue, and an entry of the ready queue that can wait for a time first.
// SPDX-License-Identifier: MIT
//
// The links of the queue live in the entries (awaiters in the frames of those who wait, tasks, callbacks), so that
// scheduling allocates nothing and anything can be taken out of the queue in O(1): a timeout that ends while its timer
// is already due takes the timer back.
#pragma once

#include <weft/detail/intrusive_list.hpp>
#include <weft/detail/timer_heap.hpp>

namespace weft {

/// An entry of the ready queue. It must be unlinked before it is destroyed, and stay where it is while it is linked.
class runnable : public detail::list_node<> {
 public:
  /// Called once by the loop, in the pass after the one that scheduled it, already unlinked. An exception that leaves
  /// it goes to the loop's exception handler.
  virtual void run() = 0;

  /// Called instead of run() when the loop ends before it: give up what the entry owns.
  virtual void discard() noexcept {}

 protected:
  runnable() = default;
  ~runnable() = default;
};

/// A runnable that the loop can schedule at a time: event_loop::arm() and disarm().
class timer : public runnable, public detail::timer_heap_node {
 protected:
  timer() = default;
  ~timer() = default;
};

using ready_queue = detail::intrusive_list<runnable>;
using timer_queue = detail::timer_heap<timer>;

}  // namespace weft
