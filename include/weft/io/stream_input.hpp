// What has arrived on a stream and nobody has read yet: the buffer behind a stream_reader.
// SPDX-License-Identifier: MIT
//
// The half of asyncio.StreamReader that is fed: a transport puts bytes, the end or an error in, and one task at a time
// takes them out. It asks its source to pause at twice the limit and to go on at the limit. Reading does not copy a
// task's wish into a coroutine: an operation says what it needs and how to take it, and the awaiter asks it again after
// each arrival, before its coroutine resumes (see waitable::waits_again()). A task that waits with memory of its own
// can be received into: what has landed there is counted as if it were in the buffer, and goes back into it if the task
// does not take it.
//
//     weft::stream_input in;
//     in.feed_data("one\ntwo");
//     in.feed_eof();
//     weft::stream_reader reader(in);
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/byte_buffer.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/was_negative.hpp>

#include <cstddef>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

/// How much of a stream is read before somebody asks for it, and the longest line: 64 KiB, as in asyncio.
inline constexpr std::size_t default_stream_limit = 65536;

/// Throws std::invalid_argument if that cannot be a limit: 0, or what was negative before it became a size.
inline void check_stream_limit(std::size_t limit) {
  if (limit == 0 || detail::was_negative(limit)) {
    throw std::invalid_argument("weft: the limit of a stream must not be 0 or negative");
  }
}

/// Where a stream's bytes come from: it can be told to stop for a while.
class stream_source {
 public:
  virtual void pause_reading() noexcept = 0;
  /// What goes wrong is told by stream_input::set_exception().
  virtual void resume_reading() noexcept = 0;

 protected:
  ~stream_source() = default;
};

class read_wait;

/// One direction of a stream. It stays where it is; who waits for it when it goes gets a stream_closed_error.
class stream_input {
 public:
  /// Throws std::invalid_argument if the limit is 0, or was negative.
  explicit stream_input(std::size_t limit = default_stream_limit, stream_source* source = nullptr)
      : limit_(limit), source_(source) {
    check_stream_limit(limit);
  }
  stream_input(const stream_input&) = delete;
  stream_input& operator=(const stream_input&) = delete;
  ~stream_input();

  // ---- the side that feeds ----

  /// Adds bytes, wakes who waits for some, and pauses the source at more than twice the limit. usage_error after
  /// feed_eof(); std::bad_alloc: nothing has changed. Mirrors StreamReader.feed_data().
  void feed_data(std::string_view bytes);

  /// Memory of the task that waits, where the next bytes can be received; empty if none waits with memory of its own.
  /// feed_landed() says how many were, at least one; what did not fit goes to feed_data() after it.
  std::span<char> room() const noexcept;
  void feed_landed(std::size_t n) noexcept;

  /// No more will come. Mirrors StreamReader.feed_eof().
  void feed_eof() noexcept;

  /// From now on each read throws it, also the one that waits; not one that was woken by data before and has enough.
  /// std::invalid_argument if it is null. Mirrors StreamReader.set_exception().
  void set_exception(std::exception_ptr error);

  /// Nobody will read any more: drops what is there and what comes. Who waits gets a stream_closed_error.
  void ignore_rest() noexcept;

  // ---- the side that reads ----

  std::size_t limit() const noexcept { return limit_; }
  std::size_t size() const noexcept { return buffer_.size() + landed_; }
  /// What is in the buffer: all, unless something has landed with a task that has not resumed yet.
  std::string_view view() const noexcept { return buffer_.view(); }
  bool ended() const noexcept { return eof_; }
  bool at_eof() const noexcept { return eof_ && size() == 0; }
  const std::exception_ptr& exception() const noexcept { return error_; }

  /// Takes bytes from the front, at most size(); the source may go on.
  void consume(std::size_t n) noexcept {
    buffer_.consume(n);
    if (paused_ && size() <= limit_) go_on();
  }

  /// Takes what has landed in the memory of the task that reads, where it begins: how many bytes.
  std::size_t take_landed() noexcept {
    const std::size_t taken = std::exchange(landed_, 0);
    if (paused_ && size() <= limit_) go_on();
    return taken;
  }

 private:
  friend class read_wait;

  void pause_if_full() noexcept;
  inline void put_back(std::span<const char> memory) noexcept;
  void go_on() noexcept {
    paused_ = false;
    source_->resume_reading();
  }

  detail::byte_buffer buffer_;
  std::size_t landed_ = 0;  // before what is in the buffer: in the memory of who reads, until it resumes
  std::size_t limit_;
  stream_source* source_;
  std::exception_ptr error_;
  read_wait* reading_ = nullptr;  // from when it waits until it resumes
  bool eof_ = false;
  bool paused_ = false;
  bool ignored_ = false;
};

/// An operation on a stream_input, as it waits; see read_awaiter.
class read_wait : public waitable {
 public:
  read_wait(const read_wait&) = delete;
  read_wait& operator=(const read_wait&) = delete;

  bool cancel(cancel_walk&) noexcept override {
    if (!waiting_) return false;
    waiting_ = false;
    task_->wake_cancelled();
    return true;
  }

 protected:
  explicit read_wait(stream_input& input) noexcept : input_(&input) {}
  /// Before it is awaited it may move.
  read_wait(read_wait&& unstarted) noexcept : waitable(), input_(unstarted.input_) {}
  ~read_wait() { leave(); }

  /// usage_error if another task reads already, invalid_state_error if it was awaited before.
  void check_startable() const {
    if (input_ == nullptr || input_->reading_ != nullptr) [[unlikely]]
      refuse_start();
  }
  void wait(task_state& waiting) noexcept {
    begin(waiting);
    waiting.wait_on(*this);
  }
  /// It may be woken by less than it needs: waits_again() is asked.
  void wait_repeatedly(task_state& waiting) noexcept {
    begin(waiting);
    waiting.wait_on_repeatedly(*this);
  }
  void wait_again() noexcept {
    waiting_ = true;
    // Who waits for more than twice the limit must get it.
    if (input_->paused_) input_->go_on();
  }
  void leave() noexcept {
    if (input_ == nullptr) return;
    if (input_->reading_ == this) input_->reading_ = nullptr;
    waiting_ = false;
    input_ = nullptr;
  }

  /// Memory of its own, for what it waits for. What has landed there and was not taken goes back before it leaves.
  virtual std::span<char> room() const noexcept { return {}; }
  WEFT_OUTLINE void put_back_landed() noexcept {
    if (input_->reading_ == this && input_->landed_ > 0) input_->put_back(room());
  }

  /// Leaves what it reads from, to take from it; throws what the stream failed with, stream_closed_error if it has
  /// gone.
  stream_input& resume() {
    if (over()) [[unlikely]]
      refuse();
    input_->reading_ = nullptr;
    return *std::exchange(input_, nullptr);
  }
  bool over() const noexcept { return input_ == nullptr || failed(); }

  /// From waits_again(): whether to wait again for what is not there yet.
  bool wait_for_more() noexcept {
    woken_before_error_ = false;
    if (failed()) return false;
    wait_again();
    return true;
  }

  stream_input* input_;

 private:
  friend class stream_input;

  void begin(task_state& waiting) noexcept {
    task_ = &waiting;
    input_->reading_ = this;
    wait_again();
  }
  void wake() noexcept {
    waiting_ = false;
    task_->wake();
  }
  void wake_if_waiting() noexcept {
    if (waiting_) wake();
  }
  void forget() noexcept {
    input_ = nullptr;
    wake_if_waiting();
  }

  [[noreturn]] WEFT_COLD void refuse_start() const {
    if (input_ == nullptr) throw invalid_state_error("weft: this read was awaited before: make a new one");
    throw usage_error("weft: another task reads from this stream already; a stream has one reader at a time");
  }
  [[noreturn]] WEFT_COLD void refuse() const {
    if (input_ == nullptr) throw stream_closed_error("weft: the stream was closed while a task read from it");
    std::rethrow_exception(input_->exception());
  }
  bool failed() const noexcept { return input_->exception() != nullptr && !woken_before_error_; }

  task_state* task_;  // once it waits
  bool waiting_ = false;
  bool woken_before_error_ = false;
};

/// Awaits an operation: a class with `bool ready(const stream_input&)`, whether it can take now, asked after each
/// arrival; `take(stream_input&)`, which gives the result; `const char* what`, for reports; and `bool takes_anything`,
/// whether any arrival makes it ready. One that takes anything may have memory of its own, `std::span<char> room()`:
/// then take() begins with take_landed(). Cancelled: has not happened, nothing was taken.
template <class Operation>
class [[nodiscard("weft: nothing is read until this is awaited: write co_await reader.read...()")]] read_awaiter final
    : public read_wait {
 public:
  static constexpr bool ends_by_destruction = true;

  template <class... Args>
  explicit read_awaiter(stream_input& input, Args&&... args)
      : read_wait(input), operation_(std::forward<Args>(args)...) {}
  read_awaiter(read_awaiter&&) noexcept = default;
  ~read_awaiter() { put_back(); }

  bool await_ready() {
    check_startable();
    return over() || operation_.ready(*input_);
  }
  void await_suspend(task_state& waiting) noexcept {
    if constexpr (Operation::takes_anything) {
      wait(waiting);
    } else {
      wait_repeatedly(waiting);
    }
  }
  auto await_resume() { return operation_.take(resume()); }
  void await_cancelled() noexcept {
    put_back();
    leave();
  }

  bool waits_again(bool cancelled) noexcept override {
    if (cancelled || over() || operation_.ready(*input_)) return false;
    return wait_for_more();
  }
  std::string describe() const override { return std::string(Operation::what) + " of a stream"; }

 private:
  static constexpr bool has_room = requires(const Operation& o) { o.room(); };
  static_assert(Operation::takes_anything || !has_room);

  std::span<char> room() const noexcept override {
    if constexpr (has_room) {
      return operation_.room();
    } else {
      return {};
    }
  }
  void put_back() noexcept {
    if constexpr (has_room) {
      if (input_ != nullptr) put_back_landed();
    }
  }

  Operation operation_;
};

// ---- details ----

inline stream_input::~stream_input() {
  if (reading_ != nullptr) reading_->forget();
}

inline void stream_input::feed_data(std::string_view bytes) {
  if (eof_) throw usage_error("weft: data after the end of a stream");
  if (bytes.empty() || ignored_) return;
  buffer_.append(bytes);
  if (reading_ != nullptr) reading_->wake_if_waiting();
  if (size() > limit_) pause_if_full();
}

inline std::span<char> stream_input::room() const noexcept {
  if (reading_ == nullptr || !reading_->waiting_) return {};
  return reading_->room();
}

inline void stream_input::feed_landed(std::size_t n) noexcept {
  landed_ = n;
  reading_->wake();
  if (n > limit_) [[unlikely]]
    pause_if_full();
}

WEFT_OUTLINE inline void stream_input::pause_if_full() noexcept {
  if (source_ == nullptr || paused_ || size() - limit_ <= limit_) return;
  paused_ = true;
  source_->pause_reading();
}

// Who has no memory left for it has lost it, as on_readable() has.
void stream_input::put_back(std::span<const char> memory) noexcept {
  try {
    buffer_.prepend(std::string_view(memory.data(), std::exchange(landed_, 0)));
  } catch (...) {
    set_exception(std::current_exception());
  }
}

inline void stream_input::feed_eof() noexcept {
  eof_ = true;
  if (reading_ != nullptr) reading_->wake_if_waiting();
}

inline void stream_input::set_exception(std::exception_ptr error) {
  if (error == nullptr) throw std::invalid_argument("weft: set_exception() of a stream needs an exception");
  const bool first = error_ == nullptr;
  error_ = std::move(error);
  if (reading_ == nullptr) return;
  if (first) reading_->woken_before_error_ = !reading_->waiting_;
  reading_->wake_if_waiting();
}

inline void stream_input::ignore_rest() noexcept {
  ignored_ = true;
  landed_ = 0;
  buffer_.clear();
  if (reading_ != nullptr) std::exchange(reading_, nullptr)->forget();
  if (paused_) go_on();
}

}  // namespace weft
