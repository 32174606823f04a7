// What posix_spawn() is told: streams, folder, session, environment; and the start itself.
// SPDX-License-Identifier: MIT
//
// posix_spawn() and not fork(): no handler of the parent runs in the child, and the cost does not grow with the
// parent's memory. What it would report as an error of the program, a folder or a descriptor that is not there, is
// looked at before.
//
//     weft::detail::spawn_plan plan(options);
//     const pid_t pid = plan.spawn(arguments);
#pragma once

#include <weft/detail/unique_fd.hpp>
#include <weft/io/process_options.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

extern char** environ;

namespace weft::detail {

/// posix_spawn()'s two arguments that have to be destroyed.
class spawn_arguments {
 public:
  spawn_arguments() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  spawn_arguments(const spawn_arguments&) = delete;
  spawn_arguments& operator=(const spawn_arguments&) = delete;
  ~spawn_arguments() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

/// A child that is about to be started. It owns the child's ends of the pipes, which are closed here when it goes.
class spawn_plan {
 public:
  /// Throws std::invalid_argument (a NUL), and std::system_error that says what could not be had.
  explicit spawn_plan(const process_options& options);

  /// Our ends of the standard streams that are pipes.
  unique_fd input;
  unique_fd output;
  unique_fd error;

  /// Starts it. Throws as above; std::system_error with the program's name.
  pid_t spawn(std::vector<std::string>& arguments);

 private:
  [[noreturn]] static void fail(int error, const std::string& what) {
    throw std::system_error(error, std::generic_category(), "weft: starting a process: " + what);
  }
  static void check(int error, const char* call) {
    if (error != 0) fail(error, call);
  }
  static std::vector<char*> pointers(std::vector<std::string>& strings, const char* what);

  int source_of(stdio s, int number, unique_fd& ours);
  int open_pipe(int number, unique_fd& ours);
  int keep(unique_fd fd, const std::string& what);
  void set_stream(int number, int source) {
    if (source < 0) return;
    check(::posix_spawn_file_actions_adddup2(&told_.actions, source, number), "posix_spawn_file_actions_adddup2");
  }
  void set_folder(const std::string& folder);
  void set_attributes(bool new_session);

  spawn_arguments told_;
  std::optional<std::vector<std::string>> environment_;
  std::vector<unique_fd> theirs_;
};

// ---- details ----

inline spawn_plan::spawn_plan(const process_options& options) : environment_(options.environment()) {
  // All of them before the first is set: setting one overwrites what another may come from.
  const int in = source_of(options.standard_input(), 0, input);
  const int out = source_of(options.standard_output(), 1, output);
  const int err = source_of(options.standard_error(), 2, error);
  set_stream(0, in);
  set_stream(1, out);
  set_stream(2, err);
  if (!options.working_directory().empty()) set_folder(options.working_directory());
  set_attributes(options.new_session());
}

/// Not 0, 1 or 2: these are overwritten in the child.
inline unique_fd above_standard(unique_fd fd) {
  if (fd.get() > 2) return fd;
  return unique_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

// The descriptor that becomes `number` in the child; -1: the one that is `number` here.
inline int spawn_plan::source_of(stdio s, int number, unique_fd& ours) {
  if (s.is_inherited()) return -1;
  if (s.is_standard_output()) return 1;
  if (s.is_pipe()) return open_pipe(number, ours);
  if (s.is_null()) {
    return keep(unique_fd(::open("/dev/null", (number == 0 ? O_RDONLY : O_WRONLY) | O_CLOEXEC)), "/dev/null");
  }
  if (s.fd() > 2 || s.fd() == number) {
    if (::fcntl(s.fd(), F_GETFD) < 0) fail(errno, "descriptor " + std::to_string(s.fd()));
    return s.fd();
  }
  return keep(unique_fd(::fcntl(s.fd(), F_DUPFD_CLOEXEC, 3)), "descriptor " + std::to_string(s.fd()));
}

inline int spawn_plan::open_pipe(int number, unique_fd& ours) {
  std::array<int, 2> ends{};
#if defined(__linux__)
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail(errno, "pipe");
#else
  if (::pipe(ends.data()) != 0) fail(errno, "pipe");
  for (const int end : ends) ::fcntl(end, F_SETFD, FD_CLOEXEC);
#endif
  unique_fd read_end(ends[0]);
  unique_fd write_end(ends[1]);
  ours = above_standard(std::move(number == 0 ? write_end : read_end));
  if (!ours) fail(errno, "pipe");
  return keep(std::move(number == 0 ? read_end : write_end), "pipe");
}

inline int spawn_plan::keep(unique_fd fd, const std::string& what) {
  if (fd) fd = above_standard(std::move(fd));
  if (!fd) fail(errno, what);
  theirs_.push_back(std::move(fd));
  return theirs_.back().get();
}

inline void spawn_plan::set_folder(const std::string& folder) {
  if (folder.find('\0') != std::string::npos) {
    throw std::invalid_argument("weft: a NUL in the working directory of a process");
  }
  struct stat itself {};
  if (::stat((folder + "/.").c_str(), &itself) != 0) fail(errno, "working directory '" + folder + "'");
  check(::posix_spawn_file_actions_addchdir_np(&told_.actions, folder.c_str()), "posix_spawn_file_actions_addchdir_np");
}

// As Python does it: a parent that ignores SIGPIPE must not take from `yes | head` how it ends.
inline void spawn_plan::set_attributes(bool new_session) {
  sigset_t defaults;
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::sigaddset(&defaults, SIGXFSZ);
  check(::posix_spawnattr_setsigdefault(&told_.attributes, &defaults), "posix_spawnattr_setsigdefault");
  const int flags = POSIX_SPAWN_SETSIGDEF | (new_session ? POSIX_SPAWN_SETSID : 0);
  check(::posix_spawnattr_setflags(&told_.attributes, static_cast<short>(flags)), "posix_spawnattr_setflags");
}

inline pid_t spawn_plan::spawn(std::vector<std::string>& arguments) {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
  check(::posix_spawn_file_actions_addclosefrom_np(&told_.actions, 3), "posix_spawn_file_actions_addclosefrom_np");
#endif
  const std::vector<char*> argv = pointers(arguments, "an argument");
  std::vector<char*> envp;
  if (environment_) envp = pointers(*environment_, "the environment");
  pid_t pid = 0;
  const int failure = ::posix_spawnp(&pid, argv.front(), &told_.actions, &told_.attributes, argv.data(),
                                     environment_ ? envp.data() : environ);
  if (failure != 0) fail(failure, "'" + arguments.front() + "'");
  return pid;
}

inline std::vector<char*> spawn_plan::pointers(std::vector<std::string>& strings, const char* what) {
  std::vector<char*> all;
  for (std::string& s : strings) {
    if (s.find('\0') != std::string::npos) {
      throw std::invalid_argument("weft: a NUL in " + std::string(what) + " of a process");
    }
    all.push_back(s.data());
  }
  all.push_back(nullptr);
  return all;
}

}  // namespace weft::detail
