// Makes system calls fail on purpose: the n-th call of one, from this thread.
// SPDX-License-Identifier: MIT
//
// For programs that are linked with support/failing_calls.cpp, which defines the functions of libc by these names and
// hands on to libc what is not to fail. The library knows nothing of it.
//
//     const weft_test::failing_call fault(weft_test::call::readv, ECONNRESET, 3);   // the fourth one
//     ...
//     CHECK(fault.happened());
#pragma once

namespace weft_test {

enum class call : unsigned char {
  // sockets
  socket,
  connect,
  bind,
  listen,
  accept4,
  send,
  recvmsg,
  sendmsg,
  sendto,
  setsockopt,
  getsockopt,
  getpeername,
  getsockname,
  // files, pipes, terminals
  stat,
  fstat,
  open,
  close,
  read,
  readv,
  writev,
  pread,  // from all threads, since files are read in threads of a pool
  sendfile,
  pipe2,
  fcntl,
  // processes
  posix_spawnp,
  waitpid,
  kill,
  pidfd_open,
  pidfd_send_signal,
  // the loop
  epoll_create1,
  eventfd,
  epoll_ctl,     // only what is added
  epoll_wait,    // only if it may wait: else Linux does not look for signals
  epoll_pwait2,  // likewise
  count
};

const char* name_of(call which) noexcept;

/// In place of an error: only one byte is transferred; the call goes through, and then says that it was interrupted, as
/// connect() does, which goes on in the background, and close().
inline constexpr int one_byte_only = -1;
inline constexpr int interrupted_afterwards = -2;

/// Or nothing fails, and this thread gets SIGUSR1 before the call.
inline constexpr int after_signal = -3;

/// How the calls of one function fail.
class call_plan {
 public:
  int error = 0;
  int skip = 0;
  int times = 0;
  int happened = 0;
};

/// While it lives, calls of `which` from this thread fail with `error`: when it was called `skip` times before, for
/// `times` calls. Of several for one function the innermost counts.
class failing_call {
 public:
  failing_call(call which, int error, int skip = 0, int times = 1) noexcept;
  failing_call(const failing_call&) = delete;
  failing_call& operator=(const failing_call&) = delete;
  ~failing_call();

  /// How many calls have failed.
  int happened() const noexcept;

 private:
  call which_;
  call_plan former_;
};

/// How often this thread has called it so far.
int calls(call which) noexcept;

}  // namespace weft_test
