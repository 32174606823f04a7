// Keeps blocking code off the loop: calls a function in another thread and waits for its result.
// SPDX-License-Identifier: MIT
//
// asyncio.to_thread(). The threads are the loop's own: started when they are needed, as many as asyncio's default
// executor has, and joined when the loop goes, that is, at the end of run().
//
//     const std::string page = co_await weft::to_thread(fetch_with_a_blocking_library, url);
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/threads/run_in_executor.hpp>
#include <weft/threads/thread_pool.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace weft {

/// The pool that to_thread() uses on this loop; made when it is first asked for. The loop's end waits for its jobs.
inline thread_pool& default_thread_pool(event_loop& loop) { return loop.local<thread_pool>(); }

/// Calls fn(args...) in a thread of the running loop's default pool; else as run_in_executor(). Throws usage_error if
/// no loop runs in this thread. Mirrors asyncio.to_thread().
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
auto to_thread(F&& fn, Args&&... args) {
  return make_executor_call<false>(default_thread_pool(event_loop::current()), std::forward<F>(fn),
                                   std::forward<Args>(args)...);
}

}  // namespace weft
