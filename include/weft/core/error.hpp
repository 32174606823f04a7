// All errors that weft throws, in one place.
// SPDX-License-Identifier: MIT
//
// Three of them are no std::exception, as in Python, where CancelledError, KeyboardInterrupt and GeneratorExit are no
// Exception: a `catch (const std::exception&)` that means "whatever went wrong" must not swallow a request to stop.
// Failures of the operating system are std::system_error and name the call; impossible delays are
// std::invalid_argument.
//
//     try { co_await work(); } catch (const weft::cancelled_error&) { tidy_up(); throw; }
#pragma once

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace weft {

/// Thrown by the co_await at which a task is cancelled (asyncio.CancelledError). Let it pass, or rethrow it after
/// cleaning up: a task that swallows it goes on, as in asyncio. Not a std::exception.
class cancelled_error final {
 public:
  const char* what() const noexcept { return "weft: the task was cancelled"; }
};

/// Thrown by run() after SIGINT (KeyboardInterrupt). Not a std::exception. Thrown by a program itself it is an
/// exception like any other: weft has no signal that strikes in the middle of a task.
class keyboard_interrupt final {
 public:
  const char* what() const noexcept { return "weft: interrupted by SIGINT"; }
};

/// Thrown by the co_yield at which an async generator is closed (Python's GeneratorExit). Let it pass, or return after
/// cleaning up: a generator that yields again instead makes close() throw usage_error. Not a std::exception.
class generator_exit final {
 public:
  const char* what() const noexcept { return "weft: the async generator is being closed"; }
};

/// A call that can never work where it stands: run() inside run(), no running loop, a task that awaits itself, a call
/// from another thread (asyncio's RuntimeError).
class usage_error : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The loop has been closed: nothing can be scheduled on it any more (asyncio's RuntimeError "Event loop is closed").
class loop_closed_error : public usage_error {
 public:
  loop_closed_error() : usage_error("weft: the event loop is closed; keep the loop alive while others post to it") {}
};

/// An operation that the state of a task or future does not allow: the result of a task that is not done, awaiting a
/// task that is empty or was awaited before (asyncio.InvalidStateError).
class invalid_state_error : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

/// The loop would wait for ever: nothing is ready, no timer is armed, no descriptor is watched and no other thread can
/// post. what() lists who waits for what, with file and line. asyncio hangs here.
class deadlock_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Under a virtual clock: very many passes went by in which something was ready, so that the loop could not move time,
/// as in `while (!done) co_await yield()`.
class livelock_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A time limit was over before what it was set for (asyncio.TimeoutError).
class timeout_error : public std::runtime_error {
 public:
  timeout_error() : std::runtime_error("weft: the time limit is over") {}
};

/// get_nowait() on a queue without items, put_nowait() on one without room (asyncio.QueueEmpty, QueueFull).
class queue_empty_error : public std::runtime_error {
 public:
  queue_empty_error() : std::runtime_error("weft: the queue is empty; co_await get() waits for an item") {}
};
class queue_full_error : public std::runtime_error {
 public:
  queue_full_error() : std::runtime_error("weft: the queue is full; co_await put() waits for room") {}
};

/// The queue was shut down: it takes no items any more, and gives out none when it is empty (asyncio.QueueShutDown).
class queue_shut_down_error : public std::runtime_error {
 public:
  queue_shut_down_error() : std::runtime_error("weft: the queue was shut down") {}
};

/// The barrier was aborted, or reset while tasks waited at it (asyncio.BrokenBarrierError).
class broken_barrier_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A stream ended in the middle of what was to be read (asyncio.IncompleteReadError).
class incomplete_read_error : public std::runtime_error {
 public:
  /// What there was, and how many bytes were wanted, if that was a number.
  explicit incomplete_read_error(std::string partial, std::optional<std::size_t> expected = {})
      : std::runtime_error("weft: the stream ended after " + std::to_string(partial.size()) + " bytes, before " +
                           (expected ? "the " + std::to_string(*expected) + " that were wanted" : "the separator")),
        partial_(std::move(partial)),
        expected_(expected) {}

  const std::string& partial() const noexcept { return partial_; }
  std::optional<std::size_t> expected() const noexcept { return expected_; }

 private:
  std::string partial_;
  std::optional<std::size_t> expected_;
};

/// A separator was not found within the limit of a stream (asyncio.LimitOverrunError).
class limit_overrun_error : public std::runtime_error {
 public:
  limit_overrun_error(const char* what, std::size_t consumed)
      : std::runtime_error("weft: " + std::string(what)), consumed_(consumed) {}

  /// How many bytes of what is there come before a separator: as many can be read.
  std::size_t consumed() const noexcept { return consumed_; }

 private:
  std::size_t consumed_;
};

/// A stream was used after it was closed, or written to after write_eof().
class stream_closed_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace weft
