// The only way into a loop from other threads and from signal handlers.
// SPDX-License-Identifier: MIT
//
// A list under a mutex, a flag that coalesces wake-ups (a thousand posts between two passes cost one system call), and
// a descriptor that the loop's poller watches: an eventfd, or a pipe where there is none. It is shared by the loop and
// all remotes, so a post to a loop that has gone is an error and not a crash.
//
//     auto remote = loop.remote();                 // copyable; keep it as long as the thread may post
//     std::thread t([remote] { remote.call_soon_threadsafe([] { fmt::print("on the loop\n"); }); });
#pragma once

#include <weft/core/callback.hpp>
#include <weft/core/error.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/unique_fd.hpp>

#include <fcntl.h>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <mutex>
#include <system_error>
#include <utility>

namespace weft {

/// What other threads have posted to a loop. Its loop's members are marked; all others may be called by any thread.
class mailbox {
 public:
  /// Throws std::system_error, for instance EMFILE.
  mailbox();
  mailbox(const mailbox&) = delete;
  mailbox& operator=(const mailbox&) = delete;
  ~mailbox() = default;

  /// Queues an entry of the ready queue (a callback with the reference that the caller holds); in the loop's own thread
  /// straight into the ready queue, like call_soon. loop_closed_error: nothing has changed, the caller keeps it.
  void post(runnable& r);

  /// Makes the loop run a pass. Async-signal-safe.
  void wake() noexcept;

  /// A signal for the loop, and how many there were since the loop last asked. interrupt() says how many of them came
  /// before; it is async-signal-safe.
  int interrupt() noexcept;
  int take_interrupts() noexcept { return interrupts_.exchange(0, std::memory_order_acq_rel); }

  /// How many remotes are alive: while there are any, the loop waits for them.
  void attach() noexcept { remotes_.fetch_add(1, std::memory_order_relaxed); }
  void detach() noexcept {
    if (remotes_.fetch_sub(1, std::memory_order_acq_rel) == 1) wake();  // the loop may now be waiting for nothing
  }
  bool has_remotes() const noexcept { return remotes_.load(std::memory_order_acquire) > 0; }

  /// For the loop: whether there is something to collect; one load.
  bool pending() const noexcept { return pending_.load(std::memory_order_acquire); }

  /// For the loop: moves what was posted to the end of `ready`.
  void collect(ready_queue& ready);

  /// For the loop: no more posts; moves what is left to `rest`.
  void close(ready_queue& rest);

  /// For the loop: while it runs in this thread, posts to `box` from this thread go to `ready`.
  static void deliver_here(mailbox* box, ready_queue* ready) noexcept {
    local_ = box;
    local_ready_ = ready;
  }

  bool delivers_here() const noexcept { return local_ == this; }

  /// For the loop: the descriptor that becomes readable on wake().
  int descriptor() const noexcept { return read_end_.get(); }

 private:
  void drain() noexcept;

  detail::unique_fd read_end_;
  detail::unique_fd write_end_;  // empty where one descriptor serves for both ends
  std::atomic<bool> pending_{false};
  std::atomic<int> interrupts_{0};
  std::atomic<int> remotes_{0};
  std::mutex mutex_;
  ready_queue posts_;
  bool closed_ = false;

  static inline constinit thread_local mailbox* local_ = nullptr;
  static inline constinit thread_local ready_queue* local_ready_ = nullptr;
};

/// A loop, seen from another thread: event_loop::remote(). Copyable, usable from any thread, also after the loop has
/// gone. While one is alive its loop waits instead of reporting a deadlock.
class remote_loop {
 public:
  explicit remote_loop(std::shared_ptr<mailbox> box) noexcept : box_(std::move(box)) { box_->attach(); }
  remote_loop(const remote_loop& other) noexcept : box_(other.box_) {
    if (box_ != nullptr) box_->attach();
  }
  remote_loop(remote_loop&& other) noexcept = default;
  remote_loop& operator=(remote_loop other) noexcept {
    box_.swap(other.box_);
    return *this;
  }
  ~remote_loop() {
    if (box_ != nullptr) box_->detach();
  }

  /// Calls fn(args...) in the loop's thread, in one of its next passes; posts of one thread keep their order. Throws
  /// loop_closed_error if the loop has gone. A function that is still queued when the loop closes is destroyed
  /// uncalled.
  template <class F, class... Args>
  void call_soon_threadsafe(F&& fn, Args&&... args) const {
    if (box_ == nullptr) throw loop_closed_error();  // moved from
    callback* posted = make_posted_callback(std::forward<F>(fn), std::forward<Args>(args)...);
    try {
      box_->post(*posted);
    } catch (...) {
      posted->discard();
      throw;
    }
  }

  /// Whether the loop runs in this thread.
  bool runs_here() const noexcept { return box_ != nullptr && box_->delivers_here(); }

  /// The same for those who write operations: runs `r`, which has to stay where it is until it is run or discarded.
  /// Allocates nothing. Throws loop_closed_error: `r` is not queued.
  void post(runnable& r) const {
    if (box_ == nullptr) throw loop_closed_error();  // moved from
    box_->post(r);
  }

 private:
  std::shared_ptr<mailbox> box_;
};

// ---- details ----

inline mailbox::mailbox() {
#if defined(__linux__)
  read_end_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!read_end_) throw std::system_error(errno, std::generic_category(), "weft: eventfd");
#else
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category(), "weft: pipe");
  read_end_.reset(ends[0]);
  write_end_.reset(ends[1]);
  for (int end : ends) {
    ::fcntl(end, F_SETFD, FD_CLOEXEC);
    ::fcntl(end, F_SETFL, O_NONBLOCK);
  }
#endif
}

inline void mailbox::post(runnable& r) {
  if (local_ == this) return local_ready_->push_back(r);
  {
    const std::lock_guard lock(mutex_);
    if (closed_) throw loop_closed_error();
    posts_.push_back(r);
  }
  wake();
}

inline void mailbox::wake() noexcept {
  if (pending_.exchange(true, std::memory_order_acq_rel)) return;
  const int saved = errno;  // a signal handler must leave it as it was
  const std::uint64_t one = 1;
  // A pipe that is full wakes the loop all the same.
  [[maybe_unused]] const auto written = ::write(write_end_ ? write_end_.get() : read_end_.get(), &one, sizeof one);
  errno = saved;
}

inline int mailbox::interrupt() noexcept {
  const int before = interrupts_.fetch_add(1, std::memory_order_acq_rel);
  wake();
  return before;
}

inline void mailbox::collect(ready_queue& ready) {
  drain();
  // The flag falls before the list is taken: who posts after that raises it again, and the next pass collects.
  pending_.store(false, std::memory_order_seq_cst);
  const std::lock_guard lock(mutex_);
  ready.splice_back(posts_);
}

inline void mailbox::close(ready_queue& rest) {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  rest.splice_back(posts_);
}

inline void mailbox::drain() noexcept {
  std::uint64_t buffer[64];
  while (::read(read_end_.get(), buffer, sizeof buffer) == static_cast<ssize_t>(sizeof buffer)) {
  }
}

}  // namespace weft
