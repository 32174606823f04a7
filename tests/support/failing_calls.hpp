// Makes system calls of the sockets fail on purpose: the n-th call of one, from this thread.
// SPDX-License-Identifier: MIT
//
// For programs that are linked with support/failing_calls.cpp, which defines the functions of libc by these names and
// hands on to libc what is not to fail. The library knows nothing of it.
//
//     const weft_test::failing_call fault(weft_test::call::recv, ECONNRESET, 3);   // the fourth one
//     ...
//     CHECK(fault.happened());
#pragma once

namespace weft_test {

enum class call : unsigned char {
  socket,
  connect,
  bind,
  listen,
  accept4,
  recv,
  send,
  sendmsg,
  setsockopt,
  getsockopt,
  epoll_ctl,
  getpeername,
  getsockname,
  fcntl,
  count
};

const char* name_of(call which) noexcept;

/// In place of an error: only one byte is transferred; the call goes through, and then says that it was interrupted, as
/// connect() does, which goes on in the background.
inline constexpr int one_byte_only = -1;
inline constexpr int interrupted_afterwards = -2;

/// While it lives, calls of `which` from this thread fail with `error`: when it was called `skip` times before, for
/// `times` calls. One at a time.
class failing_call {
 public:
  failing_call(call which, int error, int skip = 0, int times = 1) noexcept;
  failing_call(const failing_call&) = delete;
  failing_call& operator=(const failing_call&) = delete;
  ~failing_call();

  /// How many calls have failed.
  int happened() const noexcept;

  /// Takes it back before its end.
  void stop() noexcept;
};

/// How often this thread has called it so far.
int calls(call which) noexcept;

}  // namespace weft_test
