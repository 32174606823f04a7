// Writes to a pipe that may have no reader, without the signal that would end the process.
// SPDX-License-Identifier: MIT
//
// For sockets a flag says so (MSG_NOSIGNAL); for pipes there is none, and the disposition of SIGPIPE belongs to the
// program and to its child processes. So the signal is blocked in this thread around the call, and taken away if the
// call has raised it.
#pragma once

#include <signal.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>

namespace weft::detail {

/// Makes a system call that writes, and gives what it gives; it fails with EPIPE and sends no signal.
template <class Call>
std::ptrdiff_t without_sigpipe(Call call) noexcept {
  sigset_t pipe_signal;
  ::sigemptyset(&pipe_signal);
  ::sigaddset(&pipe_signal, SIGPIPE);
  sigset_t pending;
  ::sigpending(&pending);
  const bool was_pending = ::sigismember(&pending, SIGPIPE) == 1;
  sigset_t former;
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &former);
  const std::ptrdiff_t n = call();
  const int error = errno;
  if (n < 0 && error == EPIPE && !was_pending) {
    int taken = 0;
    ::sigpending(&pending);
    if (::sigismember(&pending, SIGPIPE) == 1) ::sigwait(&pipe_signal, &taken);
  }
  ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
  errno = error;
  return n;
}

inline std::ptrdiff_t write_without_sigpipe(int fd, const iovec* parts, int count) noexcept {
  return without_sigpipe([&] { return ::writev(fd, parts, count); });
}

}  // namespace weft::detail
