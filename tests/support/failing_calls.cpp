// The functions of libc that weft's sockets call, able to fail: see failing_calls.hpp.
// SPDX-License-Identifier: MIT
#include "support/failing_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstddef>

namespace {

using weft_test::call;

struct plan {
  call which = call::count;
  int error = 0;
  int skip = 0;
  int times = 0;
  int happened = 0;
};

thread_local plan current;
thread_local std::array<int, static_cast<std::size_t>(call::count)> counts;

// The error of this call; 0 if it shall not fail.
int fault_of(call which) noexcept {
  ++counts[static_cast<std::size_t>(which)];
  if (current.which != which) return 0;
  if (current.skip > 0) {
    --current.skip;
    return 0;
  }
  if (current.times == 0) return 0;
  --current.times;
  ++current.happened;
  return current.error;
}

template <class Function>
Function* libc(const char* name) noexcept {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// Fails, or calls what libc has.
template <class Function, class... Args>
auto forward(call which, Function* real, Args... args) -> decltype(real(args...)) {
  const int fault = fault_of(which);
  if (fault > 0) {
    errno = fault;
    return -1;
  }
  const auto result = real(args...);
  if (fault != weft_test::interrupted_afterwards || (result < 0 && errno != EINPROGRESS)) return result;
  errno = EINTR;
  return -1;
}

}  // namespace

namespace weft_test {

const char* name_of(call which) noexcept {
  static constexpr std::array<const char*, static_cast<std::size_t>(call::count)> names{
      "socket",  "connect",    "bind",       "listen",    "accept4",     "recv",        "send",
      "sendmsg", "setsockopt", "getsockopt", "epoll_ctl", "getpeername", "getsockname", "fcntl"};
  return names[static_cast<std::size_t>(which)];
}

failing_call::failing_call(call which, int error, int skip, int times) noexcept {
  current = plan{which, error, skip, times, 0};
}
failing_call::~failing_call() { current = plan{}; }
int failing_call::happened() const noexcept { return current.happened; }
void failing_call::stop() noexcept { current.times = 0; }

int calls(call which) noexcept { return counts[static_cast<std::size_t>(which)]; }

}  // namespace weft_test

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  static auto* const real = libc<int(int, int, int)>("socket");
  return forward(call::socket, real, domain, type, protocol);
}
int connect(int fd, const sockaddr* address, socklen_t size) {
  static auto* const real = libc<int(int, const sockaddr*, socklen_t)>("connect");
  return forward(call::connect, real, fd, address, size);
}
int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  static auto* const real = libc<int(int, const sockaddr*, socklen_t)>("bind");
  return forward(call::bind, real, fd, address, size);
}
int listen(int fd, int backlog) noexcept {
  static auto* const real = libc<int(int, int)>("listen");
  return forward(call::listen, real, fd, backlog);
}
int accept4(int fd, sockaddr* address, socklen_t* size, int flags) {
  static auto* const real = libc<int(int, sockaddr*, socklen_t*, int)>("accept4");
  return forward(call::accept4, real, fd, address, size, flags);
}
ssize_t recv(int fd, void* buffer, std::size_t size, int flags) {
  static auto* const real = libc<ssize_t(int, void*, std::size_t, int)>("recv");
  const int fault = fault_of(call::recv);
  if (fault > 0) return errno = fault, -1;
  return real(fd, buffer, fault == weft_test::one_byte_only && size > 1 ? 1 : size, flags);
}
ssize_t send(int fd, const void* buffer, std::size_t size, int flags) {
  static auto* const real = libc<ssize_t(int, const void*, std::size_t, int)>("send");
  const int fault = fault_of(call::send);
  if (fault > 0) return errno = fault, -1;
  return real(fd, buffer, fault == weft_test::one_byte_only && size > 1 ? 1 : size, flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const real = libc<ssize_t(int, const msghdr*, int)>("sendmsg");
  const int fault = fault_of(call::sendmsg);
  if (fault > 0) return errno = fault, -1;
  if (fault != weft_test::one_byte_only) return real(fd, message, flags);
  for (std::size_t i = 0; i < message->msg_iovlen; ++i) {
    iovec first = message->msg_iov[i];
    if (first.iov_len == 0) continue;
    first.iov_len = 1;
    msghdr shorter = *message;
    shorter.msg_iov = &first;
    shorter.msg_iovlen = 1;
    return real(fd, &shorter, flags);
  }
  return real(fd, message, flags);
}
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  static auto* const real = libc<int(int, int, int, const void*, socklen_t)>("setsockopt");
  return forward(call::setsockopt, real, fd, level, name, value, size);
}
int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  static auto* const real = libc<int(int, int, int, void*, socklen_t*)>("getsockopt");
  return forward(call::getsockopt, real, fd, level, name, value, size);
}
int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  static auto* const real = libc<int(int, int, int, epoll_event*)>("epoll_ctl");
  // Only what is new needs memory. What is there already is found before.
  if (operation != EPOLL_CTL_ADD) return real(epoll, operation, fd, event);
  const int result = real(epoll, operation, fd, event);
  if (result != 0) return result;
  const int fault = fault_of(call::epoll_ctl);
  if (fault <= 0) return result;
  real(epoll, EPOLL_CTL_DEL, fd, nullptr);
  errno = fault;
  return -1;
}
int getpeername(int fd, sockaddr* address, socklen_t* size) noexcept {
  static auto* const real = libc<int(int, sockaddr*, socklen_t*)>("getpeername");
  return forward(call::getpeername, real, fd, address, size);
}
int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  static auto* const real = libc<int(int, sockaddr*, socklen_t*)>("getsockname");
  return forward(call::getsockname, real, fd, address, size);
}
int fcntl(int fd, int command, ...) {
  static auto* const real = libc<int(int, int, ...)>("fcntl");
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);  // an int is passed alike
  va_end(arguments);
  const int fault = fault_of(call::fcntl);
  if (fault > 0) return errno = fault, -1;
  return real(fd, command, argument);
}

}  // extern "C"
