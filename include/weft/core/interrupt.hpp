// SIGINT, for as long as run() runs.
// SPDX-License-Identifier: MIT
//
// asyncio's way: the first Ctrl-C cancels the main task, so that clean-up runs; the second interrupts the loop at once,
// and what is left is cancelled and waited for; one that comes then ends that wait. Installed only where asyncio would:
// in the main thread, while nobody else handles the signal. Signals that programs handle themselves: io/signal.
//
// The handler does what a handler may: it counts, and wakes the loop through its mailbox. A loop that has not come
// round to two of them hangs in somebody's function; the third has the signal's default effect.
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif
#include <unistd.h>

#include <atomic>
#include <utility>

namespace weft {

/// Sends SIGINT to a loop's interrupt handler while it lives.
class interrupt_guard {
 public:
  explicit interrupt_guard(event_loop& loop) noexcept;
  interrupt_guard(const interrupt_guard&) = delete;
  interrupt_guard& operator=(const interrupt_guard&) = delete;
  ~interrupt_guard() { restore(); }

  /// Gives the signal its former effect back, unless the program has changed it meanwhile.
  void restore() noexcept;

  /// Only the main thread handles signals, as in asyncio.
  static bool in_main_thread() noexcept;

  /// Whether `action` is that of a guard that has gone: for who has put a handler over it and restores what was there.
  static bool has_gone(const struct sigaction& action) noexcept {
    return action.sa_handler == &interrupt_guard::on_signal && receiver_.load(std::memory_order_acquire) == nullptr;
  }

 private:
  static void on_signal(int) noexcept {
    handling_.fetch_add(1);
    if (mailbox* box = receiver_.load(); box != nullptr && box->interrupt() >= 2) {
      ::signal(SIGINT, SIG_DFL);
      ::raise(SIGINT);  // takes effect when the handler returns
    }
    handling_.fetch_sub(1);
  }

  bool installed_ = false;
  struct sigaction former_ {};

  static inline std::atomic<mailbox*> receiver_{nullptr};
  static inline std::atomic<int> handling_{0};  // handlers that may be using it
};

// ---- details ----

inline bool interrupt_guard::in_main_thread() noexcept {
#if defined(__linux__)
  return ::syscall(SYS_gettid) == ::getpid();
#else
  return ::pthread_main_np() != 0;
#endif
}

inline interrupt_guard::interrupt_guard(event_loop& loop) noexcept {
  if (!in_main_thread()) return;
  if (::sigaction(SIGINT, nullptr, &former_) != 0 || former_.sa_handler != SIG_DFL) return;
  receiver_.store(&loop.inbox(), std::memory_order_release);
  struct sigaction action {};
  action.sa_handler = &interrupt_guard::on_signal;
  ::sigemptyset(&action.sa_mask);
  installed_ = ::sigaction(SIGINT, &action, nullptr) == 0;
}

WEFT_COLD inline void interrupt_guard::restore() noexcept {
  if (!std::exchange(installed_, false)) return;
  struct sigaction present {};
  const bool ours = ::sigaction(SIGINT, nullptr, &present) == 0 && present.sa_handler == &interrupt_guard::on_signal;
  if (ours) ::sigaction(SIGINT, &former_, nullptr);  // else the program has installed its own meanwhile
  // The signal may be handled by another thread just now, and the mailbox is about to go.
  receiver_.store(nullptr);
  while (handling_.load() > 0) ::sched_yield();
}

}  // namespace weft
