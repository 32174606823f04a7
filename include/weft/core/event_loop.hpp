// The event loop: runs what is ready, pass by pass, and sleeps until something is.
// SPDX-License-Identifier: MIT
//
// A pass is CPython's (asyncio.BaseEventLoop._run_once), in this order: wait for descriptors, not at all if anything is
// ready; queue what other threads have posted and the I/O that is ready; queue the timers that are due; run exactly
// what is queued now - what is queued meanwhile runs in the next pass. Everything that programs can observe follows
// from this order, so it is kept to the letter. Two things are skipped because nobody can see it: the system call,
// where no descriptor is watched, and the clock, where no timer is armed.
//
// The loop knows nothing of coroutines. It runs `runnable`s, and owns `tenant`s (tasks), which it ends before it goes.
//
//     weft::event_loop loop;
//     loop.call_later(10ms, [&] { loop.stop(); });
//     loop.run_forever();
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/callback.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/descriptor_watches.hpp>
#include <weft/core/error.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/loop_locals.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/tenant.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// Which clock and poller a loop uses; null: its own steady clock and the best poller of the platform.
struct loop_options {
  weft::clock* clock = nullptr;
  weft::poller* poller = nullptr;
};

/// The loop: one runs per thread at a time; run() makes one. All members belong to the thread that runs it, except
/// is_running(); other threads use remote().
class event_loop {
 public:
  /// Throws std::system_error (EMFILE, for instance) before anything is left open.
  explicit event_loop(loop_options options = {});
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Ends the tasks that are left, newest first (they may refer to what older ones own), without resuming them: their
  /// frames are destroyed. Callbacks that are left are destroyed uncalled. Handles and remotes may outlive the loop.
  ~event_loop();

  /// The loop that runs in this thread (asyncio.get_running_loop). Throws usage_error if none does.
  static event_loop& current();
  static event_loop* current_or_null() noexcept { return current_; }

  /// The time on the loop's clock (loop.time()).
  time_point time() const noexcept { return clock_->now(); }
  weft::clock& clock() const noexcept { return *clock_; }

  /// Calls fn(args...) in the next pass, after `delay`, at `when`; arguments are kept as by std::thread. A delay that
  /// is not positive means the next pass. std::invalid_argument for a delay that is NaN or too long; usage_error from
  /// another thread than the one that runs the loop; loop_closed_error while the loop is being destroyed.
  template <class F, class... Args>
  callback_handle call_soon(F&& fn, Args&&... args);
  template <class Rep, class Period, class F, class... Args>
  timer_handle call_later(std::chrono::duration<Rep, Period> delay, F&& fn, Args&&... args);
  template <class F, class... Args>
  timer_handle call_at(time_point when, F&& fn, Args&&... args);
  template <class Number, class... FnAndArgs>
    requires std::is_arithmetic_v<Number>
  timer_handle call_later(Number delay, FnAndArgs&&...) {
    to_nanoseconds(delay);  // says what to write
    return {};
  }

  /// Starts a task, optionally with a name, or fn(args...) on this loop; see weft::create_task().
  template <class T>
  auto create_task(task<T>&& coroutine, std::string name = {},
                   std::source_location where = std::source_location::current()) {
    return spawn(*this, std::move(coroutine), std::move(name), where);
  }
  template <class F, class... Args>
    requires(!is_task<F>)
  auto create_task(F&& fn, Args&&... args) {
    return spawn(*this, std::forward<F>(fn), std::forward<Args>(args)...);
  }

  /// Runs until a task, a handle's task or fn(args...) is done and returns its result (loop.run_until_complete). Throws
  /// what the task throws, deadlock_error, and usage_error if the loop was stopped before, or if a loop runs already.
  template <class... Args>
  decltype(auto) run_until_complete(Args&&... args) {
    return complete(*this, std::forward<Args>(args)...);
  }

  /// Runs until stop(). Throws deadlock_error when nothing can ever happen again, livelock_error (virtual clocks). The
  /// loop is whole afterwards and may be run again.
  void run_forever();

  /// Ends run_forever() after the pass that is running; before it runs: after its first pass.
  void stop() noexcept {
    stopping_ = true;
    quiet_ = false;
  }
  bool is_running() const noexcept { return running_.load(std::memory_order_relaxed); }
  bool is_closed() const noexcept { return closed_; }

  /// The T that this loop owns: made when it is first asked for, destroyed with the loop, after its tasks.
  template <class T>
  T& local() {
    return locals_.get<T>();
  }
  /// The same, or null if nobody has asked for it yet.
  template <class T>
  T* local_or_null() const noexcept {
    return locals_.find<T>();
  }

  /// A handle for other threads. While it or a copy of it is alive, the loop waits instead of reporting a deadlock.
  remote_loop remote() const { return remote_loop(mailbox_); }

  /// Who is told of exceptions that nobody else can be told of: fn(const exception_context&). The default writes to
  /// stderr.
  template <class F>
  void set_exception_handler(F&& fn) {
    exception_handler_.set(std::forward<F>(fn));
  }
  void call_exception_handler(const exception_context& context) noexcept { exception_handler_.call(context); }

  // ---- for those who write awaiters, pollers and runners ----

  /// Runs `r` in the next pass. It must not be linked.
  void schedule(runnable& r) noexcept { ready_.push_back(r); }
  void schedule(ready_queue& all) noexcept { ready_.splice_back(all); }

  /// Schedules `t` in the first pass at or after `when`. std::bad_alloc: nothing has changed.
  void arm(timer& t, time_point when) {
    timers_.push(t, when.time_since_epoch().count());
    quiet_ = false;
  }

  /// Takes `t` back, whether it waits or is due already; does nothing if it is neither.
  void disarm(timer& t) noexcept {
    if (t.in_heap()) timers_.remove(t);
    t.unlink();
  }

  /// Schedules `on_ready` in each pass in which that side of `fd` is ready, or both are, until unwatch(). One runnable
  /// a side: watching again replaces it. Throws std::system_error. unwatch() also takes back what is scheduled already.
  void watch(int fd, interest what, runnable& on_ready) {
    check_usable();
    watches_.set(fd, what, on_ready);
    quiet_ = false;
  }
  void unwatch(int fd, interest what = interest::both) noexcept { watches_.clear(fd, what); }
  bool is_watched(int fd, interest what) const noexcept { return watches_.watched(fd, what); }

  /// Called between passes after a signal (mailbox::interrupt()); what it throws leaves run_forever(). Null: none.
  void set_interrupt_handler(runnable* handler) noexcept { interrupt_handler_ = handler; }
  mailbox& inbox() const noexcept { return *mailbox_; }

  /// The tasks and futures that the loop knows, oldest first: those that are not done, and done ones that someone
  /// still holds.
  const tenant_list& tenants() const noexcept { return tenants_; }
  void admit(tenant& t) noexcept { tenants_.push_back(t); }
  void admit_before(tenant& newer, tenant& t) noexcept { tenant_list::insert_before(newer, t); }
  void leave(tenant& t) noexcept { static_cast<detail::list_node<tenant_link>&>(t).unlink(); }

  /// Numbers the tasks, for their default names: the first of `count` numbers.
  std::uint64_t take_task_numbers(std::uint64_t count) noexcept {
    return std::exchange(tasks_created_, tasks_created_ + count) + 1;
  }

  /// Throws usage_error if another thread runs this loop, loop_closed_error if it is being destroyed.
  void check_usable() const;
  /// The same, and usage_error if a loop runs in this thread.
  void check_runnable() const;

  std::size_t armed_timers() const noexcept { return timers_.size(); }

 private:
  // The last entry of the pass that runs; what is queued behind it belongs to the next one.
  class end_of_pass final : public runnable {
    void run() override {}
  };

  void look_around();
  void look_outside();
  void wait_for_work();
  void poll(duration timeout);
  void take_posts();
  void answer_posts();
  void collect_due_timers();
  void run_ready();
  void run_one(runnable& r) noexcept;
  void report_failed_callback() noexcept;  // from a handler
  void discard_all() noexcept;
  [[noreturn]] void throw_deadlock() const;
  [[noreturn]] void throw_livelock() const;

  steady_clock steady_clock_;
  weft::clock* clock_;
  std::unique_ptr<weft::poller> own_poller_;
  weft::poller* poller_;
  std::shared_ptr<mailbox> mailbox_;

  ready_queue ready_;
  end_of_pass end_of_pass_;
  timer_queue timers_;
  tenant_list tenants_;
  descriptor_watches watches_;
  std::vector<ready_event> events_;
  bool quiet_ = false;  // no timer, descriptor, post, limit or stop(): a pass looks for ready tasks and new posts only
  bool woken_ = false;
  bool stopping_ = false;
  bool closed_ = false;
  std::atomic<bool> running_{false};
  std::uint64_t pass_limit_;
  std::uint64_t passes_left_ = 0;  // until somebody has to wait
  std::uint64_t tasks_created_ = 0;
  runnable* interrupt_handler_ = nullptr;
  exception_handler exception_handler_;
  loop_locals locals_;

  static inline constinit thread_local event_loop* current_ = nullptr;
};

// ---- details ----

WEFT_COLD inline event_loop::event_loop(loop_options options)
    : clock_(options.clock != nullptr ? options.clock : &steady_clock_),
      own_poller_(options.poller != nullptr ? nullptr : std::make_unique<default_poller>()),
      poller_(options.poller != nullptr ? options.poller : own_poller_.get()),
      mailbox_(std::make_shared<mailbox>()),
      watches_(*poller_),
      pass_limit_(clock_->pass_limit()) {
  poller_->watch(mailbox_->descriptor(), interest::read);
}

WEFT_COLD inline event_loop::~event_loop() {
  closed_ = true;
  while (!tenants_.empty()) {
    tenant& newest = tenants_.back();
    leave(newest);
    newest.abandon();
  }
  // Before what the loop owns: a pool of threads waits for its jobs, and a job may wait for what it has posted here.
  mailbox_->close(ready_);
  discard_all();
  locals_.clear();
  discard_all();
  poller_->forget(mailbox_->descriptor());
}

WEFT_COLD inline void event_loop::discard_all() noexcept {
  while (!timers_.empty()) timers_.pop().discard();
  while (!ready_.empty()) ready_.pop_front().discard();
}

inline event_loop& event_loop::current() {
  if (current_ == nullptr) {
    throw usage_error("weft: no event loop runs in this thread; call this inside weft::run(), or name the loop");
  }
  return *current_;
}

inline void event_loop::check_usable() const {
  if (closed_) throw loop_closed_error();
  if (current_ != this && is_running()) {
    throw usage_error("weft: the loop runs in another thread; reach it through loop.remote().call_soon_threadsafe()");
  }
}

template <class F, class... Args>
callback_handle event_loop::call_soon(F&& fn, Args&&... args) {
  check_usable();
  callback& c = *make_callback(std::forward<F>(fn), std::forward<Args>(args)...);
  if (mailbox_->pending()) take_posts();  // they came first
  schedule(c);
  return callback_handle(c);
}

template <class Rep, class Period, class F, class... Args>
timer_handle event_loop::call_later(std::chrono::duration<Rep, Period> delay, F&& fn, Args&&... args) {
  return call_at(deadline_after(time(), to_nanoseconds(delay)), std::forward<F>(fn), std::forward<Args>(args)...);
}

template <class F, class... Args>
timer_handle event_loop::call_at(time_point when, F&& fn, Args&&... args) {
  check_usable();
  callback& c = *make_callback(std::forward<F>(fn), std::forward<Args>(args)...);
  c.armed_in(timers_, when);
  try {
    arm(c, when);
  } catch (...) {
    c.discard();
    throw;
  }
  return timer_handle(c);
}

inline void event_loop::check_runnable() const {
  check_usable();
  if (current_ != nullptr) {
    throw usage_error("weft: an event loop runs in this thread already; await the task instead of running it");
  }
}

WEFT_OUTLINE inline void event_loop::run_forever() {
  check_runnable();
  struct running_here {
    event_loop& loop;
    explicit running_here(event_loop& l) : loop(l) {
      current_ = &l;
      mailbox::deliver_here(l.mailbox_.get(), &l.ready_);
      l.running_.store(true, std::memory_order_relaxed);
    }
    ~running_here() {
      loop.running_.store(false, std::memory_order_relaxed);
      loop.stopping_ = false;
      mailbox::deliver_here(nullptr, nullptr);
      current_ = nullptr;
    }
  } guard(*this);
  passes_left_ = pass_limit_;
  do {
    look_around();
    if (!ready_.empty()) run_ready();
    while (quiet_ && !ready_.empty() && !mailbox_->pending()) run_ready();
  } while (!stopping_);
}

WEFT_OUTLINE inline void event_loop::look_around() {
  if (passes_left_-- == 0) [[unlikely]]
    throw_livelock();
  if (ready_.empty() || !watches_.empty() || woken_ || mailbox_->pending()) look_outside();
  if (timers_.empty()) {
    quiet_ = watches_.empty() && !woken_ && !stopping_ && pass_limit_ == weft::clock::no_pass_limit;
  } else {
    collect_due_timers();
  }
}

// For descriptors and other threads; sleeps if there is nothing else to do.
WEFT_OUTLINE inline void event_loop::look_outside() {
  if (mailbox_->pending()) [[unlikely]]
    take_posts();
  if (ready_.empty() && !stopping_ && !woken_) {
    wait_for_work();
  } else if (!watches_.empty()) {
    poll(duration::zero());
  }
  if (mailbox_->pending() || woken_) [[unlikely]]
    answer_posts();
}

inline void event_loop::wait_for_work() {
  passes_left_ = pass_limit_;
  const bool others_may_wake = !watches_.empty() || mailbox_->has_remotes();
  if (!others_may_wake && mailbox_->pending()) return;  // the last remote has posted since we looked, and gone
  if (timers_.empty()) {
    if (!others_may_wake) throw_deadlock();
    poll(duration::max());
    return;
  }
  const time_point deadline{duration(timers_.top_deadline())};
  // A virtual clock does not jump over what has already happened in the real world.
  if (clock_->is_virtual() && others_may_wake) {
    poll(duration::zero());
    if (!ready_.empty() || woken_ || mailbox_->pending()) return;
  }
  if (const duration left = clock_->wait_until(deadline); left > duration::zero()) poll(left);
}

inline void event_loop::poll(duration timeout) {
  events_.clear();
  poller_->wait(timeout, events_);
  if (mailbox_->pending()) [[unlikely]]
    take_posts();
  if (watches_.schedule(events_, mailbox_->descriptor(), ready_)) woken_ = true;
}

inline void event_loop::take_posts() {
  woken_ = true;
  quiet_ = false;
  mailbox_->collect(ready_);
}

// With the answer to what signals have asked for.
inline void event_loop::answer_posts() {
  take_posts();
  woken_ = false;
  if (interrupt_handler_ == nullptr) return;
  for (int left = mailbox_->take_interrupts(); left > 0; --left) interrupt_handler_->run();
}

inline void event_loop::collect_due_timers() {
  const std::int64_t now = time().time_since_epoch().count();
  while (timers_.any_due(now)) schedule(timers_.pop());
}

inline void event_loop::run_ready() {
  runnable* next = &ready_.pop_front();
  if (ready_.empty()) return run_one(*next);  // a lone task needs no mark
  ready_.push_back(end_of_pass_);
  do {
    run_one(*next);
    next = &ready_.pop_front();
  } while (next != &end_of_pass_);
}

inline void event_loop::run_one(runnable& r) noexcept {
  try {
    r.run();
  } catch (...) {
    report_failed_callback();
  }
}

WEFT_COLD inline void event_loop::report_failed_callback() noexcept {
  call_exception_handler(exception_context::compose("Exception in callback", std::current_exception()));
}

WEFT_COLD inline void event_loop::throw_deadlock() const {
  std::string message =
      "weft: deadlock: nothing is ready, no timer is armed, no descriptor is watched and no other thread can "
      "post, so the loop would wait for ever.";
  tenants_.for_each([&](tenant& t) {
    if (const std::string line = t.report(); !line.empty()) message += "\n  " + line;
  });
  throw deadlock_error(message);
}

WEFT_COLD inline void event_loop::throw_livelock() const {
  throw livelock_error(
      "weft: " + std::to_string(pass_limit_) +
      " loop passes went by, something was ready in each, and so the loop could not move the virtual clock; does a "
      "task poll with yield() for something that needs time to pass? Sleep, or wait for an event, instead");
}

}  // namespace weft
