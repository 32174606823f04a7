// A task together with its result, whose type only those who start it and those who wait for it know.
// SPDX-License-Identifier: MIT
//
// The result outlives the coroutine: its frame goes when the task has ended, and whoever holds a handle may still ask.
// So the result moves from the root's promise to here, between the coroutine's last line and the destruction of its
// parameters.
//
//     auto& state = *new weft::typed_task_state<int>(loop, answer().release());  // the loop's, until it has ended
//     state.start();
#pragma once

#include <weft/core/chain_link.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/promise.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/frame_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace weft {

/// A task that returns T, with its result.
template <class T>
class typed_task_state final : public task_state {
 public:
  /// A coroutine that has not started, as the newest task of the loop; or as task `number`, which came before `newer`.
  typed_task_state(event_loop& loop, promise<T>& root) noexcept
      : task_state(loop, root, loop.take_task_numbers(1), nullptr) {}
  typed_task_state(event_loop& loop, promise<T>& root, std::uint64_t number, tenant& newer) noexcept
      : task_state(loop, root, number, &newer) {}

  static void* operator new(std::size_t size) { return detail::frame_pool::allocate(size); }
  static void operator delete(void* memory, std::size_t size) noexcept { detail::frame_pool::deallocate(memory, size); }

  std::exception_ptr failure() const noexcept override { return result.exception(); }

  /// As in task_state, and without a result. Saves memory and time where one task after another ends in its first step.
  void restart(promise<T>& root, std::uint64_t number) noexcept {
    std::destroy_at(&result);
    std::construct_at(&result);
    task_state::restart(root, number);
  }

  outcome<T> result;

 private:
  flag_set take_result(chain_link& root) noexcept override {
    outcome<T>& from = static_cast<promise<T>&>(root).result;
    ::new (static_cast<void*>(&result)) outcome<T>(moved_or_failed(from));  // it was pending: nothing to destroy
    if (result.has_value()) return ended_with_value;
    if (result.cancelled()) return ended_cancelled;
    if (result.pending()) fail_without_result();
    return ended_failed;
  }
  // Undefined in C++; what compilers make of it gets here.
  WEFT_COLD void fail_without_result() noexcept {
    result.fail(std::make_exception_ptr(usage_error("weft: the coroutine ended without co_return")));
  }
  void drop_result() noexcept override { result.cancel(); }
  void destroy() noexcept override { delete this; }
};

}  // namespace weft
