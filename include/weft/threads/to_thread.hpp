// Keeps blocking code off the loop: calls a function in another thread and waits for its result.
// SPDX-License-Identifier: MIT
//
// asyncio.to_thread(). The threads are the loop's own: started when they are needed, as many as asyncio's default
// executor has, and joined when the loop goes. The end of run() goes on running the loop until they have nothing left
// to do, so that what an abandoned call still posts is done.
//
//     const std::string page = co_await weft::to_thread(fetch_with_a_blocking_library, url);
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/core/shutdown_hooks.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/threads/run_in_executor.hpp>
#include <weft/threads/thread_pool.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace weft {

/// The pool that to_thread() uses on this loop; made when it is first asked for. The loop's end waits for its jobs.
template <class = detail::only_if_used>
thread_pool& default_thread_pool(event_loop& loop);

/// Waits until the default pool has no job, without blocking the loop. The end of run() awaits it; programs that end a
/// loop of their own do as they like. Unlike in asyncio there is no time limit, since a function that is being called
/// may refer to what the program owns, and the pool can be used again afterwards. Mirrors
/// loop.shutdown_default_executor().
///
/// Cancelled: has not happened, though the end of the wait blocks until the pool has no job.
template <class = detail::only_if_used>
task<> shutdown_default_executor(event_loop& loop);

/// Calls fn(args...) in a thread of the running loop's default pool; else as run_in_executor(). Throws usage_error if
/// no loop runs in this thread. Mirrors asyncio.to_thread().
template <class F, class... Args>
  requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
auto to_thread(F&& fn, Args&&... args) -> executor_awaiter<call_result<F, Args...>, false> {
  return make_executor_call<false>(default_thread_pool(event_loop::current()), std::forward<F>(fn),
                                   std::forward<Args>(args)...);
}

// ---- details ----

/// The default pool, and how many of its jobs shutdown_default_executor() has seen the end of.
class default_executor {
 public:
  thread_pool pool;
  std::size_t ended = 0;
};

namespace detail {

// For shutdown_hooks. Also if all jobs are done: what they have posted may not have run yet.
template <class = only_if_used>
task<> end_default_executor(event_loop& loop) {
  const auto* executor = loop.local_or_null<default_executor>();
  return executor == nullptr || executor->ended == executor->pool.posted() ? task<>() : shutdown_default_executor(loop);
}

}  // namespace detail

template <class>
thread_pool& default_thread_pool(event_loop& loop) {
  if (auto* const there = loop.local_or_null<default_executor>()) return there->pool;
  loop.local<shutdown_hooks>().add(detail::end_default_executor<>);
  return loop.local<default_executor>().pool;
}

template <class>
task<> shutdown_default_executor(event_loop& loop) {
  auto* const executor = loop.local_or_null<default_executor>();
  if (executor == nullptr) co_return;
  const std::size_t posted = executor->pool.posted();
  thread_pool waiting(1, "weft-end");
  co_await run_in_executor(waiting, &thread_pool::wait_until_idle, &executor->pool);
  executor->ended = posted;
}

}  // namespace weft
