// Child processes: started without a shell, their pipes as streams, reaped by the loop (asyncio.subprocess).
// SPDX-License-Identifier: MIT
//
// posix_spawn() and not fork(): no handler of the parent runs in the child, and the cost does not grow with the
// parent's memory. The end is seen through a pidfd, which the loop watches like any descriptor, so no signal handler
// for SIGCHLD is installed and no child of others is reaped; where there are no pidfds (Linux before 5.3, macOS) the
// child is asked for with a timer. A process object that goes ends its process: none is left running, and none as a
// zombie.
//
//     weft::process_options options;
//     options.standard_input(weft::stdio::pipe).standard_output(weft::stdio::pipe);
//     weft::process sort = co_await weft::create_subprocess_exec(options, "sort", "-n");
//     const weft::process_output result = co_await sort.communicate("3\n1\n2\n");
#pragma once

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/flow/gather.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/process_options.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/io/stream_writer.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

extern char** environ;

namespace weft {

class child_process;
class process_exit_awaiter;

/// What communicate() gives; empty for what was not a pipe.
class process_output {
 public:
  process_output() = default;
  process_output(std::string out, std::string err) noexcept : output(std::move(out)), error(std::move(err)) {}

  std::string output;
  std::string error;
};

/// A child process. Movable. One that runs still when its object goes is ended: see process_options::grace(). So it is
/// when its owner is cancelled, and when the loop goes.
class [[nodiscard("weft: a process that nobody keeps is killed at once")]] process {
 public:
  process(std::shared_ptr<child_process> child, std::optional<stream_writer> input, std::optional<stream_reader> output,
          std::optional<stream_reader> error) noexcept
      : child_(std::move(child)), input_(std::move(input)), output_(std::move(output)), error_(std::move(error)) {}
  process(process&&) noexcept = default;
  process& operator=(process&& other) noexcept;
  ~process();

  int pid() const noexcept;

  /// What it exited with; negative: the signal that ended it; nothing while it runs. 255 if somebody else has reaped
  /// it.
  std::optional<int> return_code() const noexcept;

  /// Its standard streams. usage_error if that is no pipe.
  stream_writer& input() { return piped(input_, "input"); }
  stream_reader& output() { return piped(output_, "output"); }
  stream_reader& error_output() { return piped(error_, "error"); }

  /// Waits for its end, with its return code. A child that fills a pipe which nobody reads does not end: see
  /// communicate(). Cancelled: nothing has changed. Mirrors Process.wait(), but does not wait for pipes that others,
  /// such as its own children, hold open.
  process_exit_awaiter wait();

  /// Writes `input` and closes it, if it is a pipe; reads what is a pipe to the end; waits for its end. A child that
  /// does not read all is none the worse. Cancelled: in part. Mirrors Process.communicate().
  task<process_output> communicate(std::string input = {});

  /// Nothing if it has ended. std::system_error (EINVAL: no such signal). Mirrors send_signal(), terminate(), kill().
  void send_signal(int number);
  void terminate() { send_signal(SIGTERM); }
  void kill() { send_signal(SIGKILL); }

 private:
  template <class Stream>
  Stream& piped(std::optional<Stream>& s, const char* which) const {
    if (!s) {
      throw usage_error("weft: the standard " + std::string(which) + " of this process is no pipe: ask for one with " +
                        "process_options::standard_" + which + "(weft::stdio::pipe)");
    }
    return *s;
  }

  std::shared_ptr<child_process> child_;
  std::optional<stream_writer> input_;
  std::optional<stream_reader> output_;
  std::optional<stream_reader> error_;
};

/// Starts a program, which is looked for in PATH, with its arguments; no shell takes a look at them. Descriptors other
/// than its standard streams are not passed on (on glibc before 2.34 and other systems: not those that are CLOEXEC, as
/// all of weft's are). Throws std::invalid_argument for a NUL in a string, std::system_error that names the program or
/// the folder: it could not be started. Mirrors asyncio.create_subprocess_exec().
template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(process_options options, std::string program, const Args&... args);
template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(std::string program, const Args&... args);

/// The same with a list of arguments, of which the first is the program.
task<process> create_subprocess_exec(process_options options, std::vector<std::string> arguments);

/// Has /bin/sh interpret a command. Never put together the command from strings that others have chosen. Mirrors
/// asyncio.create_subprocess_shell().
task<process> create_subprocess_shell(std::string command, process_options options = {});

// ---- details ----

/// A child until it is reaped; the loop and the process object share it.
class child_process final : public tenant {
 public:
  child_process(event_loop& loop, pid_t pid, duration grace) noexcept : loop_(&loop), pid_(pid), grace_(grace) {}
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process() = default;

  /// From now on the loop looks after it.
  static void watch(const std::shared_ptr<child_process>& child) noexcept;

  pid_t pid() const noexcept { return pid_; }
  const std::optional<int>& return_code() const noexcept { return return_code_; }
  wait_list& waiters() noexcept { return waiters_; }

  void send_signal(int number) {
    if (!return_code_ && ::kill(pid_, number) != 0 && errno != ESRCH) {
      throw std::system_error(errno, std::generic_category(), "weft: sending signal " + std::to_string(number));
    }
  }

  /// Its object has gone.
  void disown() noexcept;

  /// It may have ended.
  void run() override { look(); }
  void abandon() noexcept override;
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

  bool reap(int flags) noexcept;
  void look() noexcept;
  void on_alarm() noexcept;
  void set_alarm(duration delay) noexcept;

  event_loop* loop_;
  pid_t pid_;
  duration grace_;
  detail::unique_fd pidfd_;
  std::optional<int> return_code_;
  wait_list waiters_;
  alarm alarm_{*this};
  time_point kill_at_ = time_point::max();
  std::shared_ptr<child_process> self_;  // until it is reaped
};

class [[nodiscard(
    "weft: wait() does nothing until it is awaited: write co_await process.wait()")]] process_exit_awaiter final
    : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit process_exit_awaiter(std::shared_ptr<child_process> child) noexcept : child_(std::move(child)) {}
  process_exit_awaiter(process_exit_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)), child_(std::move(unstarted.child_)) {}

  bool await_ready() const noexcept { return child_->return_code().has_value(); }
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

// ---- child_process

inline void child_process::watch(const std::shared_ptr<child_process>& child) noexcept {
  child->self_ = child;
  child->loop_->admit(*child);
#if defined(SYS_pidfd_open)
  child->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, child->pid_, 0)));  // CLOEXEC by itself
  try {
    if (child->pidfd_) return child->loop_->watch(child->pidfd_.get(), interest::read, *child);
  } catch (...) {
    child->pidfd_.reset();
  }
#endif
  child->set_alarm(duration::zero());
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
  if (!reap(WNOHANG)) return;
  if (pidfd_) loop_->unwatch(pidfd_.get(), interest::read);
  pidfd_.reset();
  loop_->disarm(alarm_);
  loop_->leave(*this);
  waiters_.wake_all();
  const std::shared_ptr<child_process> last = std::move(self_);
}

inline void child_process::on_alarm() noexcept {
  const std::shared_ptr<child_process> alive = self_;
  if (loop_->time() >= kill_at_) {
    ::kill(pid_, SIGKILL);
    kill_at_ = time_point::max();
  }
  if (!pidfd_) look();
  if (!return_code_ && !pidfd_) set_alarm(std::chrono::milliseconds(5));
}

inline void child_process::set_alarm(duration delay) noexcept {
  try {
    loop_->disarm(alarm_);
    loop_->arm(alarm_, deadline_after(loop_->time(), delay));
  } catch (...) {
    // No memory for a timer: it is reaped when the loop goes.
  }
}

inline void child_process::disown() noexcept {
  if (return_code_ || loop_ == nullptr) return;
  if (grace_ == duration::zero()) {
    ::kill(pid_, SIGKILL);
    return;
  }
  ::kill(pid_, SIGTERM);
  kill_at_ = deadline_after(loop_->time(), grace_);
  if (pidfd_) set_alarm(grace_);
}

// Nobody will look after it any more: it is ended here, and waited for.
inline void child_process::abandon() noexcept {
  if (pidfd_) loop_->unwatch(pidfd_.get(), interest::read);
  loop_->disarm(alarm_);
  runnable::unlink();
  loop_ = nullptr;
  const std::shared_ptr<child_process> last = std::move(self_);
  if (grace_ > duration::zero() && !reap(WNOHANG)) {
    ::kill(pid_, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + grace_;
    while (!reap(WNOHANG) && std::chrono::steady_clock::now() < end) {
      const timespec pause{0, 2'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  if (return_code_) return;
  ::kill(pid_, SIGKILL);
  reap(0);
}

// ---- process

inline process& process::operator=(process&& other) noexcept {
  if (this == &other) return *this;
  if (child_ != nullptr && child_ != other.child_) child_->disown();
  child_ = std::move(other.child_);
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  error_ = std::move(other.error_);
  return *this;
}
inline process::~process() {
  if (child_ != nullptr) child_->disown();
}
inline int process::pid() const noexcept { return child_->pid(); }
inline std::optional<int> process::return_code() const noexcept { return child_->return_code(); }
inline void process::send_signal(int number) { child_->send_signal(number); }
inline process_exit_awaiter process::wait() { return process_exit_awaiter(child_); }

namespace detail {

inline task<> feed_process(std::optional<stream_writer>& to, std::string input) {
  const bool piped = to.has_value();
  if (!piped) co_return;
  try {
    co_await to->write(input);
    co_await to->flush();
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::broken_pipe && e.code() != std::errc::connection_reset) throw;
  } catch (const stream_closed_error&) {
    // It has closed its end before, and does not want any more.
  }
  to->close();
}

inline task<std::string> collect_from_process(std::optional<stream_reader>& from) {
  const bool piped = from.has_value();
  if (!piped) co_return std::string();
  co_return co_await from->read();
}

/// What posix_spawn() is told, freed at the end.
class spawn_plan {
 public:
  spawn_plan() {
    check(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
    check(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    ::posix_spawnattr_destroy(&attributes_);
    ::posix_spawn_file_actions_destroy(&actions_);
  }

  /// Sets one of the standard streams; our end, if it is a pipe.
  unique_fd stream(int number, stdio what) {
    if (what.is_inherited()) return {};
    if (what.is_standard_output()) {
      check(::posix_spawn_file_actions_adddup2(&actions_, 1, number), "posix_spawn_file_actions_adddup2");
      return {};
    }
    unique_fd ours;
    int theirs = what.fd();
    if (what.is_null()) {
      theirs = keep(unique_fd(::open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC)), "/dev/null");
    } else if (what.is_pipe()) {
      std::array<int, 2> ends{};
      if (::pipe(ends.data()) != 0) throw std::system_error(errno, std::generic_category(), "weft: pipe");
      unique_fd read_end(ends[0]);
      unique_fd write_end(ends[1]);
      ours = above_standard(number == 0 ? std::move(write_end) : std::move(read_end));
      theirs = keep(number == 0 ? std::move(read_end) : std::move(write_end), "pipe");
    }
    check(::posix_spawn_file_actions_adddup2(&actions_, theirs, number), "posix_spawn_file_actions_adddup2");
    return ours;
  }

  void change_folder(const std::string& folder) {
    struct stat kind {};
    if (::stat(folder.c_str(), &kind) != 0) fail(errno, "working directory '" + folder + "'");
    if (!S_ISDIR(kind.st_mode)) fail(ENOTDIR, "working directory '" + folder + "'");
    check(::posix_spawn_file_actions_addchdir_np(&actions_, folder.c_str()), "posix_spawn_file_actions_addchdir_np");
  }

  void start_session() {
    check(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSID), "posix_spawnattr_setflags");
  }

  pid_t spawn(std::vector<std::string>& arguments, const std::optional<std::vector<std::string>>& environment) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, 3), "posix_spawn_file_actions_addclosefrom_np");
#endif
    std::vector<std::string> variables = environment.value_or(std::vector<std::string>());
    const std::vector<char*> argv = pointers(arguments);
    const std::vector<char*> envp = pointers(variables);
    pid_t pid = 0;
    const int error =
        ::posix_spawnp(&pid, argv.front(), &actions_, &attributes_, argv.data(), environment ? envp.data() : environ);
    if (error != 0) fail(error, "'" + arguments.front() + "'");
    return pid;
  }

 private:
  [[noreturn]] static void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), "weft: starting a process: " + what);
  }
  static void check(int error, const char* call) {
    if (error != 0) fail(error, call);
  }

  // Not 0, 1 or 2, in case they were closed here: setting one of the child's streams would overwrite another.
  static unique_fd above_standard(unique_fd fd) {
    unique_fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!moved) fail(errno, "fcntl");
    return moved;
  }
  int keep(unique_fd fd, const char* what) {
    if (!fd) fail(errno, what);
    theirs_.push_back(above_standard(std::move(fd)));
    return theirs_.back().get();
  }

  static std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> all;
    for (std::string& s : strings) {
      if (s.find('\0') != std::string::npos) throw std::invalid_argument("weft: a NUL in an argument of a process");
      all.push_back(s.data());
    }
    all.push_back(nullptr);
    return all;
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
  std::vector<unique_fd> theirs_;
};

inline task<process> start_process(process_options options, std::vector<std::string> arguments) {
  event_loop& loop = event_loop::current();
  spawn_plan plan;
  unique_fd input = plan.stream(0, options.standard_input());
  unique_fd output = plan.stream(1, options.standard_output());
  unique_fd error = plan.stream(2, options.standard_error());
  if (!options.working_directory().empty()) plan.change_folder(options.working_directory());
  if (options.new_session()) plan.start_session();

  // All that can fail comes first, but for the streams: a child that runs is in good hands at once.
  const pid_t pid = plan.spawn(arguments, options.environment());
  std::shared_ptr<child_process> child;
  try {
    child = std::make_shared<child_process>(loop, pid, options.grace());
  } catch (...) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    throw;
  }
  child_process::watch(child);
  process made(child, std::nullopt, std::nullopt, std::nullopt);
  const auto over = [&](unique_fd fd, stream_direction direction, const char* which) {
    return descriptor_transport::over(loop, std::move(fd), "standard " + (which + (" of '" + arguments.front() + "'")),
                                      direction, options.limit());
  };
  std::optional<stream_writer> in;
  std::optional<stream_reader> out;
  std::optional<stream_reader> err;
  if (input) in.emplace(over(std::move(input), stream_direction::write, "input"));
  if (output) out.emplace(over(std::move(output), stream_direction::read, "output"));
  if (error) err.emplace(over(std::move(error), stream_direction::read, "error"));
  made = process(std::move(child), std::move(in), std::move(out), std::move(err));
  co_return made;
}

}  // namespace detail

inline task<process_output> process::communicate(std::string input) {
  auto [nothing, out, err] =
      co_await gather(detail::feed_process(input_, std::move(input)), detail::collect_from_process(output_),
                      detail::collect_from_process(error_));
  static_cast<void>(nothing);
  co_await wait();
  co_return process_output(std::move(out), std::move(err));
}

inline task<process> create_subprocess_exec(process_options options, std::vector<std::string> arguments) {
  if (arguments.empty()) throw std::invalid_argument("weft: no program was given");
  return detail::start_process(std::move(options), std::move(arguments));
}

template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(process_options options, std::string program, const Args&... args) {
  std::vector<std::string> arguments;
  arguments.push_back(std::move(program));
  (arguments.emplace_back(std::string_view(args)), ...);
  return detail::start_process(std::move(options), std::move(arguments));
}

template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(std::string program, const Args&... args) {
  return create_subprocess_exec(process_options(), std::move(program), args...);
}

inline task<process> create_subprocess_shell(std::string command, process_options options) {
  std::vector<std::string> arguments;
  arguments.emplace_back("/bin/sh");
  arguments.emplace_back("-c");
  arguments.push_back(std::move(command));
  return detail::start_process(std::move(options), std::move(arguments));
}

static_assert(awaiter<process_exit_awaiter>);

}  // namespace weft
