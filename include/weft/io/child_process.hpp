// A child process until it is reaped: waited for, sent signals, and ended when nobody wants it any more.
// SPDX-License-Identifier: MIT
//
// The end is seen through a pidfd, which the loop watches like any descriptor, so no signal handler for SIGCHLD is
// installed and no child of others is reaped; where there are no pidfds (Linux before 5.3, macOS) the child is asked
// for with a timer. Signals go through the pidfd as well: they never reach a stranger who got the number of a child
// that somebody else has reaped. The loop owns the child until it is reaped, which is when the loop goes at the latest.
//
//     auto child = std::make_shared<weft::child_process>(loop, 5s);
//     weft::child_process::adopt(child, pid);
//     const int code = co_await weft::process_exit_awaiter(child);
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/unique_fd.hpp>

#include <signal.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace weft {

/// A child; the loop and the process object share it.
class child_process final : public tenant {
 public:
  /// `grace` is that of process_options.
  child_process(event_loop& loop, duration grace) noexcept : loop_(&loop), grace_(grace) {}
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process() = default;

  /// From now on the loop looks after it.
  static void adopt(const std::shared_ptr<child_process>& child, pid_t pid) noexcept;

  pid_t pid() const noexcept { return pid_; }
  const std::optional<int>& return_code() const noexcept { return return_code_; }
  wait_list& waiters() noexcept { return waiters_; }

  /// Nothing if it has ended. Throws std::system_error.
  void send_signal(int number);

  /// Its object has gone: it is killed, or has its grace time.
  void disown() noexcept;

  /// It may have ended.
  void run() override { look(); }
  inline void abandon() noexcept override;
  std::string report() const override { return {}; }

 private:
  // The end of the grace time; without pidfds also the next look.
  class alarm final : public timer {
   public:
    explicit alarm(child_process& c) noexcept : child_(&c) {}
    void run() override { child_->on_alarm(); }

   private:
    child_process* child_;
  };

  int signal(int number) noexcept;
  bool reap(int flags) noexcept;
  void look() noexcept;
  void look_later(duration delay) noexcept;
  void on_alarm() noexcept;
  void wait_for_grace() noexcept;

  event_loop* loop_;
  duration grace_;
  pid_t pid_ = 0;
  detail::unique_fd pidfd_;
  std::optional<int> return_code_;
  wait_list waiters_;
  alarm alarm_{*this};
  time_point kill_at_ = time_point::max();                     // on the loop's clock
  std::optional<std::chrono::steady_clock::time_point> told_;  // to terminate: when
  std::shared_ptr<child_process> self_;                        // until it is reaped
};

class [[nodiscard(
    "weft: wait() does nothing until it is awaited: write co_await process.wait()")]] process_exit_awaiter final
    : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit process_exit_awaiter(std::shared_ptr<child_process> child) noexcept : child_(std::move(child)) {}
  process_exit_awaiter(process_exit_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)), child_(std::move(unstarted.child_)) {}

  /// invalid_state_error if it was moved from.
  bool await_ready() const {
    if (child_ == nullptr) throw invalid_state_error("weft: this wait for a process was moved from");
    return child_->return_code().has_value();
  }
  void await_suspend(task_state& waiting) { wait_in(child_->waiters(), waiting); }
  int await_resume() noexcept {
    leave();
    return *child_->return_code();
  }
  void await_cancelled() noexcept { leave(); }
  std::string describe() const override { return "process " + std::to_string(child_->pid()) + " to end"; }

 private:
  std::shared_ptr<child_process> child_;
};

// ---- details ----

inline void child_process::adopt(const std::shared_ptr<child_process>& child, pid_t pid) noexcept {
  child->pid_ = pid;
  child->self_ = child;
  child->loop_->admit(*child);
#if defined(SYS_pidfd_open)
  child->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));  // CLOEXEC by itself
  try {
    if (child->pidfd_) return child->loop_->watch(child->pidfd_.get(), interest::read, *child);
  } catch (...) {
    child->pidfd_.reset();
  }
#endif
  child->look_later(duration::zero());
}

// 0, or errno.
inline int child_process::signal(int number) noexcept {
#if defined(SYS_pidfd_send_signal)
  if (pidfd_) {
    if (::syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) == 0) return 0;
    if (errno != ENOSYS && errno != EPERM) return errno;  // these may come from a sandbox
  }
#endif
  return ::kill(pid_, number) == 0 ? 0 : errno;
}

inline void child_process::send_signal(int number) {
  if (return_code_) return;
  const int error = signal(number);
  if (error == 0 || error == ESRCH) return;
  throw std::system_error(error, std::generic_category(),
                          "weft: signal " + std::to_string(number) + " to process " + std::to_string(pid_));
}

// Whether it has ended.
inline bool child_process::reap(int flags) noexcept {
  int status = 0;
  pid_t got = 0;
  do {
    got = ::waitpid(pid_, &status, flags);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  return_code_ = got < 0 ? 255 : WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

inline void child_process::look() noexcept {
  if (!reap(WNOHANG)) {
    if (!pidfd_) look_later(std::chrono::milliseconds(5));
    return;
  }
  if (pidfd_) loop_->unwatch(pidfd_.get(), interest::read);
  pidfd_.reset();
  loop_->disarm(alarm_);
  loop_->leave(*this);
  waiters_.wake_all();
  const std::shared_ptr<child_process> last = std::move(self_);
}

// Without pidfds.
inline void child_process::look_later(duration delay) noexcept {
  try {
    loop_->disarm(alarm_);
    loop_->arm(alarm_, deadline_after(loop_->time(), delay));
  } catch (...) {
    if (!linked()) loop_->schedule(*this);  // no memory for a timer: in the next pass
  }
}

inline void child_process::on_alarm() noexcept {
  if (loop_->time() >= kill_at_) {
    signal(SIGKILL);
    kill_at_ = time_point::max();
  }
  if (!pidfd_) look();
}

inline void child_process::disown() noexcept {
  if (return_code_ || loop_ == nullptr) return;
  if (grace_ == duration::zero()) {
    signal(SIGKILL);
    return;
  }
  signal(SIGTERM);
  told_ = std::chrono::steady_clock::now();
  const time_point now = loop_->time();
  if (grace_ >= time_point::max() - now) return;  // for ever
  kill_at_ = now + grace_;
  if (!pidfd_) return;  // it is looked after often enough
  try {
    loop_->arm(alarm_, kill_at_);
  } catch (...) {
    signal(SIGKILL);  // no memory for a timer
  }
}

// Nobody will look after it any more: it is ended here, and waited for.
inline void child_process::abandon() noexcept {
  if (pidfd_) loop_->unwatch(pidfd_.get(), interest::read);
  loop_->disarm(alarm_);
  runnable::unlink();
  loop_ = nullptr;
  const std::shared_ptr<child_process> last = std::move(self_);
  if (grace_ > duration::zero()) wait_for_grace();
  // One that may not be killed, since it has become somebody else's (setuid), is not waited for either.
  if (!return_code_) reap(signal(SIGKILL) == EPERM ? WNOHANG : 0);
  pidfd_.reset();
}

// Blocks, as little of its grace time as is left.
inline void child_process::wait_for_grace() noexcept {
  if (!told_) {
    signal(SIGTERM);
    told_ = std::chrono::steady_clock::now();
  }
  while (!reap(WNOHANG) && std::chrono::steady_clock::now() - *told_ < grace_) {
    const timespec pause{0, 2'000'000};
    ::nanosleep(&pause, nullptr);
  }
}

static_assert(awaiter<process_exit_awaiter>);

}  // namespace weft
