// Signals on their way from the kernel to a loop: taken over while somebody wants them, counted, and given back.
// SPDX-License-Identifier: MIT
//
// The one file beside core/interrupt.hpp that handles signals; signal_set and add_signal_handler() stand on it. The
// kernel may run the handler in any thread and in the middle of anything, so it does two things that are allowed there:
// it adds one to the signal's counter, and writes a byte to the pipe of each loop that listens. The counters only grow;
// who wants a signal remembers how far it has counted. So nothing is lost when nobody waits or a pipe is full, all who
// want a signal get it, and a byte too many, from a child process that has not called exec yet, tells of nothing.
//
// Not signalfd and no blocked signals: masks belong to threads, are inherited by child processes, and merge what is
// pending. A pipe is closed only if no handler is about to write to it; if one is, the next loop gets the pipe.
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/interrupt.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/intrusive_list.hpp>
#include <weft/detail/unique_fd.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace weft {

/// What the whole process shares: the counters, who wants which signal, the pipes of the loops. For those below.
class signal_process {
 public:
  /// Whether there is a signal of this number, caught or not.
  static bool is_signal(int number) noexcept;

  /// How often the signal has come while somebody wanted it, since the process began; it wraps around.
  static unsigned arrivals(int number) noexcept { return counters_[static_cast<std::size_t>(number)].load(); }

  /// Takes the signal over, or gives it back its former effect when the last one has released it. acquire() throws
  /// std::invalid_argument, usage_error and std::system_error: nothing has changed.
  static void acquire(int number);
  static void release(int number) noexcept;

  /// A pipe that tells one loop of signals. A signal handler may look at it at any time, so it is never destroyed.
  class pipe_slot {
   public:
    int descriptor() const noexcept { return read_end_.get(); }

   private:
    friend class signal_process;

    void open();
    void tell(unsigned char number) noexcept;

    std::atomic<int> target_{-1};  // what handlers write to
    std::atomic<int> writers_{0};  // handlers that may be about to
    detail::unique_fd read_end_;
    detail::unique_fd write_end_;
    bool taken_ = false;
    pipe_slot* next_ = nullptr;
  };

  /// A pipe to which a byte with its number is written for each signal that somebody wants; std::system_error (EMFILE),
  /// std::bad_alloc.
  static pipe_slot& open_pipe();
  static void close_pipe(pipe_slot& pipe) noexcept;

  /// A byte that stands for no signal.
  static void wake(pipe_slot& pipe) noexcept { pipe.tell(0); }

 private:
  static_assert(std::atomic<unsigned>::is_always_lock_free && std::atomic<int>::is_always_lock_free &&
                std::atomic<pipe_slot*>::is_always_lock_free);  // else not for signal handlers

  class lock;
  struct user_count {
    int users;
    struct sigaction former;
  };

  static void on_signal(int number, siginfo_t* info, void*) noexcept;
  static bool is_fault(int number, const siginfo_t& info) noexcept;
  static bool is_ours(const struct sigaction& action) noexcept {
    return (action.sa_flags & SA_SIGINFO) != 0 && action.sa_sigaction == &signal_process::on_signal;
  }

  static inline constinit std::array<std::atomic<unsigned>, NSIG> counters_{};
  static inline constinit std::atomic<pipe_slot*> pipes_{nullptr};
  static inline constinit std::atomic_flag locked_{};
  static inline std::array<user_count, NSIG> users_{};  // under the lock
};

/// The wish for a signal: while it lives, the signal is counted and has no other effect. It starts at none. Throws
/// std::invalid_argument for what is no signal, usage_error for SIGKILL and SIGSTOP, which nobody can catch.
class signal_subscription {
 public:
  explicit signal_subscription(int number) : number_(number) {
    if (signal_process::is_signal(number)) taken_ = signal_process::arrivals(number);
    signal_process::acquire(number);
  }
  signal_subscription(signal_subscription&& other) noexcept
      : number_(std::exchange(other.number_, 0)), taken_(other.taken_) {}
  signal_subscription& operator=(signal_subscription&& other) noexcept {
    std::swap(number_, other.number_);
    std::swap(taken_, other.taken_);
    return *this;
  }
  ~signal_subscription() {
    if (number_ != 0) signal_process::release(number_);
  }

  int number() const noexcept { return number_; }

  /// How many have come that nobody has taken yet.
  unsigned pending() const noexcept { return signal_process::arrivals(number_) - taken_; }
  void take() noexcept { ++taken_; }

 private:
  int number_;
  unsigned taken_ = 0;
};

/// Is told, in a pass of its loop, that signals have come.
class signal_listener : public detail::list_node<signal_listener> {
 public:
  /// `order`: the numbers of what has come, in that order. There may be too many of them and too few, so look at what
  /// is pending. Returns false to be told again in the next pass, since there is no memory now.
  virtual bool signals_came(std::span<const unsigned char> order) noexcept = 0;

 protected:
  signal_listener() = default;
  ~signal_listener() { unlink(); }
};

/// What a loop hears of signals: event_loop::local<signal_inbox>(). While anyone listens, the loop watches its pipe.
class signal_inbox final : public runnable {
 public:
  signal_inbox() = default;
  ~signal_inbox();

  /// The listener is told of what comes from now on; it must leave before the loop goes. A signal may come between its
  /// wish and this call, and before there is a pipe: if something is pending afterwards, look(). Throws
  /// std::system_error, std::bad_alloc.
  void add(event_loop& loop, signal_listener& listener);

  /// All are told in the next pass, as if something had come.
  void look() noexcept { signal_process::wake(*pipe_); }

  void remove(signal_listener& listener) noexcept;

  inline void run() override;

 private:
  void skip_old_bytes() noexcept;

  event_loop* loop_ = nullptr;
  signal_process::pipe_slot* pipe_ = nullptr;
  detail::intrusive_list<signal_listener, signal_listener> listeners_;
};

// ---- details ----

/// The threads that begin and end to want signals, one at a time. A handler never takes it.
class signal_process::lock {
 public:
  lock() noexcept {
    while (locked_.test_and_set(std::memory_order_acquire)) locked_.wait(true, std::memory_order_relaxed);
  }
  lock(const lock&) = delete;
  lock& operator=(const lock&) = delete;
  ~lock() {
    locked_.clear(std::memory_order_release);
    locked_.notify_one();
  }
};

inline bool signal_process::is_signal(int number) noexcept {
  sigset_t all;
  ::sigfillset(&all);  // without those that the C library keeps for itself
  return number > 0 && number < NSIG && ::sigismember(&all, number) == 1;
}

inline void signal_process::acquire(int number) {
  if (!is_signal(number)) throw std::invalid_argument("weft: there is no signal " + std::to_string(number));
  const lock held;
  user_count& entry = users_[static_cast<std::size_t>(number)];
  struct sigaction present {};
  struct sigaction action {};
  action.sa_sigaction = &signal_process::on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  if (::sigaction(number, nullptr, &present) != 0 ||
      (!is_ours(present) && ::sigaction(number, &action, nullptr) != 0)) {
    const int error = errno;
    const std::string name = number == SIGKILL   ? "SIGKILL"
                             : number == SIGSTOP ? "SIGSTOP"
                                                 : "signal " + std::to_string(number);
    if (error == EINVAL) throw usage_error("weft: " + name + " cannot be caught, by no program");
    throw std::system_error(error, std::generic_category(), "weft: sigaction of " + name);
  }
  if (!is_ours(present)) entry.former = present;
  ++entry.users;
}

inline void signal_process::release(int number) noexcept {
  const lock held;
  user_count& entry = users_[static_cast<std::size_t>(number)];
  if (--entry.users > 0) return;
  struct sigaction present {};
  if (::sigaction(number, nullptr, &present) != 0 || !is_ours(present))
    return;  // the program has set its own meanwhile
  if (interrupt_guard::has_gone(entry.former)) {
    entry.former = {};
    entry.former.sa_handler = SIG_DFL;
  }
  ::sigaction(number, &entry.former, nullptr);
}

inline signal_process::pipe_slot& signal_process::open_pipe() {
  const lock held;
  pipe_slot* slot = pipes_.load(std::memory_order_relaxed);
  while (slot != nullptr && slot->taken_) slot = slot->next_;
  if (slot == nullptr) {
    slot = new pipe_slot;
    slot->next_ = pipes_.load(std::memory_order_relaxed);
    pipes_.store(slot);
  }
  slot->open();
  slot->taken_ = true;
  return *slot;
}

inline void signal_process::close_pipe(pipe_slot& pipe) noexcept {
  const lock held;
  pipe.taken_ = false;
  pipe.target_.store(-1);
  if (pipe.writers_.load() != 0) return;  // the next one gets it as it is
  pipe.read_end_.reset();
  pipe.write_end_.reset();
}

inline void signal_process::pipe_slot::open() {
  if (!read_end_) {
    int ends[2];
#if defined(__linux__)
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0)
      throw std::system_error(errno, std::generic_category(), "weft: pipe2");
#else
    if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "weft: pipe");
    for (const int end : ends) {
      ::fcntl(end, F_SETFD, FD_CLOEXEC);
      ::fcntl(end, F_SETFL, O_NONBLOCK);
    }
#endif
    read_end_.reset(ends[0]);
    write_end_.reset(ends[1]);
  }
  target_.store(write_end_.get());
}

// Sequentially consistent throughout: either close_pipe() sees this writer, or the writer sees that the pipe has gone;
// and who has added a listener counts a signal that did not see its pipe yet.
inline void signal_process::pipe_slot::tell(unsigned char number) noexcept {
  writers_.fetch_add(1);
  // A pipe that is full wakes its loop all the same.
  if (const int fd = target_.load(); fd >= 0) [[maybe_unused]]
    const auto written = ::write(fd, &number, 1);
  writers_.fetch_sub(1);
}

// In any thread, at any time: nothing but lock-free atomics, write() and sigaction().
inline void signal_process::on_signal(int number, siginfo_t* info, void*) noexcept {
  const int saved = errno;
  if (is_fault(number, *info)) {
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    ::sigaction(number, &action, nullptr);  // it strikes again when this returns
  }
  counters_[static_cast<std::size_t>(number)].fetch_add(1);
  for (pipe_slot* slot = pipes_.load(); slot != nullptr; slot = slot->next_) {
    slot->tell(static_cast<unsigned char>(number));
  }
  errno = saved;
}

// A segmentation fault that is real cannot wait for a loop: the instruction would be tried again for ever.
inline bool signal_process::is_fault(int number, const siginfo_t& info) noexcept {
  return (number == SIGSEGV || number == SIGBUS || number == SIGFPE || number == SIGILL) && info.si_code > 0;
}

inline signal_inbox::~signal_inbox() {
  while (!listeners_.empty()) remove(listeners_.front());
  if (pipe_ != nullptr) signal_process::close_pipe(*pipe_);
}

inline void signal_inbox::add(event_loop& loop, signal_listener& listener) {
  loop_ = &loop;
  if (pipe_ == nullptr) pipe_ = &signal_process::open_pipe();
  if (listeners_.empty()) {
    skip_old_bytes();
    loop.watch(pipe_->descriptor(), interest::read, *this);
  }
  listeners_.push_back(listener);
}

inline void signal_inbox::remove(signal_listener& listener) noexcept {
  if (!listener.linked()) return;
  listener.unlink();
  if (listeners_.empty()) loop_->unwatch(pipe_->descriptor());
}

// Of signals that came when nobody listened: they would pass for the first of those that come from now on.
inline void signal_inbox::skip_old_bytes() noexcept {
  std::array<unsigned char, 512> old;
  bool any = false;
  while (::read(pipe_->descriptor(), old.data(), old.size()) > 0) any = true;
  if (any) look();  // one may be pending all the same
}

// The bytes first, then what is pending: who has been counted after that writes another byte.
inline void signal_inbox::run() {
  std::array<unsigned char, 512> numbers;
  const auto count = ::read(pipe_->descriptor(), numbers.data(), numbers.size());
  const std::span<const unsigned char> order(numbers.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
  bool all_done = true;
  listeners_.for_each([&](signal_listener& listener) { all_done = listener.signals_came(order) && all_done; });
  if (!all_done) look();
}

}  // namespace weft
