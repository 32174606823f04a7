// The coroutine of an async generator, whatever it yields: when it runs, how it is closed, and what becomes of one that
// is dropped.
// SPDX-License-Identifier: MIT
//
// While it runs, a body is a link in the chain of the task that waits for it, like any coroutine that is awaited; at
// co_yield it leaves the chain. Closing is Python's: the co_yield at which the body stands throws generator_exit, so
// that what it does after that can wait.
//
// A body that is dropped at a co_yield is closed by a task, as asyncio's loop does, but that task begins at once,
// inside of what drops it, and not two passes later: in C++ the body may refer to variables of the scope that it is
// dropped by. Only what waits in the clean-up comes later. Where its loop does not run, it is destroyed.
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/promise.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/task_state.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/intrusive_list.hpp>

#include <coroutine>
#include <exception>
#include <new>
#include <source_location>
#include <utility>

namespace weft {

class async_generator_body;
class generator_close_awaiter;

/// What owns a body: an async_generator, whatever it yields.
class async_generator_owner {
 public:
  async_generator_owner() noexcept = default;
  explicit async_generator_owner(async_generator_body& body) noexcept;
  async_generator_owner(const async_generator_owner&) = delete;
  async_generator_owner& operator=(const async_generator_owner&) = delete;
  async_generator_owner(async_generator_owner&& other) noexcept { take(other); }
  async_generator_owner& operator=(async_generator_owner&& other) noexcept;
  ~async_generator_owner();

  /// False if it is empty: default-constructed or moved from.
  explicit operator bool() const noexcept { return body_ != nullptr || ended_; }

  /// Ends the generator: where it stands, at a co_yield, generator_exit is thrown; when the body has ended, the task
  /// goes on, with no pass of its own. Does nothing if it has ended; if it has not begun, it never runs. Throws what
  /// the body throws then; usage_error if the body yields again, or runs already; invalid_state_error if this is empty.
  /// Cancelled: as what the body waits for. Mirrors aclose().
  generator_close_awaiter close();

  /// For awaiters: null if it has ended. Throws invalid_state_error if it is empty.
  async_generator_body* body() const {
    if (!*this) {
      throw invalid_state_error("weft: this async generator is empty: it was moved from or never made; call it again");
    }
    return body_;
  }

  /// For the body, when its coroutine is destroyed.
  void forget_body() noexcept {
    body_ = nullptr;
    ended_ = true;
  }

 private:
  void take(async_generator_owner& other) noexcept;

  async_generator_body* body_ = nullptr;
  bool ended_ = false;
};

/// The bodies that have begun on a loop and not ended, the oldest first: event_loop::local<open_generators>().
class open_generators {
 public:
  open_generators() = default;
  open_generators(const open_generators&) = delete;
  open_generators& operator=(const open_generators&) = delete;
  ~open_generators();

  /// Throws std::bad_alloc; nothing has changed then.
  template <class = detail::only_if_used>
  static void admit(async_generator_body& body, event_loop& loop);

  bool empty() const noexcept { return bodies_.empty(); }
  async_generator_body& take_oldest() noexcept;

  /// Starts a task that closes one of them, at once. Throws std::bad_alloc.
  task_handle<> close_in_task(async_generator_body& body) const;

  /// Whether a task can be made for one of them here and now.
  bool loop_runs_here() const noexcept { return event_loop::current_or_null() == loop_ && !loop_->is_closed(); }
  bool belong_to(const event_loop& loop) const noexcept { return loop_ == &loop; }

 private:
  event_loop* loop_ = nullptr;
  task<> (*close_)(async_generator_body*) = nullptr;  // not by its name: see detail::only_if_used
  detail::intrusive_list<async_generator_body, class open_generator_link> bodies_;
};

/// The base of an async generator's promise.
class async_generator_body : public promise_base, public detail::list_node<class open_generator_link> {
 public:
  void return_void() noexcept { result_.emplace(); }
  void unhandled_exception() noexcept {
    if (handling<cancelled_error>()) {
      result_.cancel();
    } else if (closing_ && handling<generator_exit>()) {
      result_.emplace();
    } else {
      result_.fail(std::current_exception());
    }
  }

  void set_owner(async_generator_owner* owner) noexcept { owner_ = owner; }
  void set_open(open_generators* among) noexcept { open_ = among; }

  // ---- for next() and close() ----

  /// Runs it in `waiting` to its next co_yield or its end. Throws usage_error, std::bad_alloc: nothing has changed.
  template <class = detail::only_if_used>
  void run_on(task_state& waiting);

  /// The same after generator_exit was thrown; false if there is nothing to run.
  bool run_to_close(task_state& waiting);

  /// Afterwards: whether it stands at a co_yield. If not, end() says how it has ended, and destroys it.
  bool yielded() const noexcept { return state_ == state::suspended; }
  outcome<void> end();

  /// Nobody owns it any more. While it runs, it goes on: who waits for it sees to it by close_if_dropped().
  void drop() noexcept;
  void close_if_dropped() noexcept {
    if (owner_ == nullptr) drop();
  }

  // ---- for co_yield ----

  void leave_chain() noexcept {
    state_ = state::suspended;
    chain_link& parent = *awaited_by();
    set_awaited_by(nullptr);
    task_state::current()->go_on_with(parent);
  }
  void throw_if_closed() {
    if (std::exchange(exits_, false)) [[unlikely]]
      throw generator_exit();
  }

 protected:
  explicit async_generator_body(const std::source_location& where) noexcept : promise_base(where) {}
  ~async_generator_body() {
    unlink();
    if (owner_ != nullptr) owner_->forget_body();
  }

 private:
  enum class state : unsigned char { created, running, suspended };

  void check(const task_state& waiting, const char* if_running) const;
  void enter(task_state& waiting) noexcept {
    state_ = state::running;
    waiting.enter(*this);
  }

  async_generator_owner* owner_ = nullptr;
  open_generators* open_ = nullptr;
  outcome<void> result_;
  state state_ = state::created;
  bool closing_ = false;  // once only, as in Python
  bool exits_ = false;    // the co_yield at which it stands throws
};

/// What co_yield awaits in an async generator.
class co_yield_awaiter {
 public:
  explicit co_yield_awaiter(async_generator_body& body) noexcept : body_(body) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<>) const noexcept { body_.leave_chain(); }
  void await_resume() const { body_.throw_if_closed(); }

 private:
  async_generator_body& body_;
};

/// What close() returns. Made of a body it closes that one, whoever owns it.
class [[nodiscard(
    "weft: close() does nothing until it is awaited: write co_await generator.close()")]] generator_close_awaiter {
 public:
  explicit generator_close_awaiter(const async_generator_owner& generator) noexcept : generator_(&generator) {}
  explicit generator_close_awaiter(async_generator_body& body) noexcept : body_(&body) {}

  bool await_ready() {
    if (generator_ != nullptr) body_ = generator_->body();
    return body_ == nullptr;
  }
  bool await_suspend(task_state& waiting) {
    if (body_->run_to_close(waiting)) return true;
    body_ = nullptr;
    return false;
  }
  void await_resume();

 private:
  const async_generator_owner* generator_ = nullptr;
  async_generator_body* body_ = nullptr;
};

// ---- details ----

inline async_generator_owner::async_generator_owner(async_generator_body& body) noexcept : body_(&body) {
  body.set_owner(this);
}

inline async_generator_owner& async_generator_owner::operator=(async_generator_owner&& other) noexcept {
  async_generator_owner fresh(std::move(other));
  async_generator_owner old(std::move(*this));  // dropped when all is done: its clean-up may look at this
  take(fresh);
  return *this;
}

inline async_generator_owner::~async_generator_owner() {
  if (body_ != nullptr) body_->drop();
}

inline void async_generator_owner::take(async_generator_owner& other) noexcept {
  body_ = std::exchange(other.body_, nullptr);
  ended_ = std::exchange(other.ended_, false);
  if (body_ != nullptr) body_->set_owner(this);
}

inline generator_close_awaiter async_generator_owner::close() { return generator_close_awaiter(*this); }

inline open_generators::~open_generators() {
  while (!empty()) take_oldest();
}

inline async_generator_body& open_generators::take_oldest() noexcept {
  async_generator_body& oldest = bodies_.pop_front();
  oldest.set_open(nullptr);
  return oldest;
}

inline task_handle<> open_generators::close_in_task(async_generator_body& body) const {
  task_handle<> closing(prepare_task(*loop_, close_(&body)));
  closing.state().label().set_coroutine(body.where());
  closing.state().start_eagerly();
  return closing;
}

inline void async_generator_body::check(const task_state& waiting, const char* if_running) const {
  if (state_ == state::running) throw usage_error(if_running);
  if (open_ != nullptr && !open_->belong_to(waiting.loop())) {
    throw usage_error("weft: the async generator has begun on another loop, and belongs to it");
  }
}

template <class>
void async_generator_body::run_on(task_state& waiting) {
  check(waiting, "weft: next(): the async generator is already running; one next() or close() at a time");
  if (open_ == nullptr) open_generators::admit<>(*this, waiting.loop());
  enter(waiting);
}

inline bool async_generator_body::run_to_close(task_state& waiting) {
  check(waiting, "weft: close(): the async generator is already running; one next() or close() at a time");
  if (state_ == state::created) {
    coroutine().destroy();
    return false;
  }
  if (closing_) return false;
  closing_ = true;
  exits_ = true;
  enter(waiting);
  return true;
}

inline outcome<void> async_generator_body::end() {
  outcome<void> how = std::move(result_);
  coroutine().destroy();
  return how;
}

inline void async_generator_body::drop() noexcept {
  owner_ = nullptr;
  if (state_ == state::running) return;
  if (state_ == state::suspended && !closing_ && open_ != nullptr && open_->loop_runs_here()) {
    try {
      open_->close_in_task(*this);
      return;
    } catch (const std::bad_alloc&) {
      // No memory for a task.
    }
  }
  coroutine().destroy();
}

inline void generator_close_awaiter::await_resume() {
  if (body_ == nullptr) return;
  if (!body_->yielded()) return body_->end().value();
  body_->close_if_dropped();
  throw usage_error("weft: the async generator ignored generator_exit: it yielded when it was to be closed");
}

}  // namespace weft
