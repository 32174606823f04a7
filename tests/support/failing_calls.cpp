// The functions of libc with which weft makes system calls, able to fail: see failing_calls.hpp.
// SPDX-License-Identifier: MIT
#include "support/failing_calls.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <iterator>
#include <mutex>

namespace {

using weft_test::call;
using weft_test::call_plan;

class tracked_call {
 public:
  call_plan plan;
  int count = 0;
};

thread_local std::array<tracked_call, static_cast<std::size_t>(call::count)> of_this_thread;
tracked_call of_all_threads;  // pread
std::mutex guards_all_threads;

// Looks at a call in peace.
template <class Fn>
auto with(call which, Fn fn) noexcept {
  if (which != call::pread) return fn(of_this_thread[static_cast<std::size_t>(which)]);
  const std::lock_guard lock(guards_all_threads);
  return fn(of_all_threads);
}

// The error of this call; 0 if it shall not fail.
int fault_of(call which) noexcept {
  return with(which, [](tracked_call& c) {
    ++c.count;
    if (c.plan.skip > 0) return --c.plan.skip, 0;
    if (c.plan.times == 0) return 0;
    --c.plan.times;
    ++c.plan.happened;
    return c.plan.error;
  });
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
  if (fault == weft_test::after_signal) ::raise(SIGUSR1);
  const auto result = real(args...);
  if (fault != weft_test::interrupted_afterwards || (result < 0 && errno != EINPROGRESS)) return result;
  errno = EINTR;
  return -1;
}

// The first byte of what is to be read or written; of size 0 if there is none.
iovec first_byte(const iovec* parts, std::size_t count) noexcept {
  for (std::size_t i = 0; i < count; ++i) {
    if (parts[i].iov_len > 0) return {parts[i].iov_base, 1};
  }
  return {};
}

}  // namespace

namespace weft_test {

const char* name_of(call which) noexcept {
  static constexpr const char* names[] = {
      "socket",
      "connect",
      "bind",
      "listen",
      "accept4",
      "send",
      "recvmsg",
      "sendmsg",
      "sendto",
      "setsockopt",
      "getsockopt",
      "getpeername",
      "getsockname",
      "stat",
      "fstat",
      "open",
      "close",
      "read",
      "readv",
      "writev",
      "pread",
      "sendfile",
      "pipe2",
      "fcntl",
      "posix_spawnp",
      "waitpid",
      "kill",
      "pidfd_open",
      "pidfd_send_signal",
      "epoll_create1",
      "eventfd",
      "epoll_ctl",
      "epoll_wait",
      "epoll_pwait2",
  };
  static_assert(std::size(names) == static_cast<std::size_t>(call::count));
  return names[static_cast<std::size_t>(which)];
}

failing_call::failing_call(call which, int error, int skip, int times) noexcept
    : which_(which), former_(with(which, [&](tracked_call& c) {
        const call_plan before = c.plan;
        c.plan = call_plan{error, skip, times, 0};
        return before;
      })) {}
failing_call::~failing_call() {
  with(which_, [&](tracked_call& c) { c.plan = former_; });
}
int failing_call::happened() const noexcept {
  return with(which_, [](tracked_call& c) { return c.plan.happened; });
}

int calls(call which) noexcept {
  return with(which, [](tracked_call& c) { return c.count; });
}

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
  iovec first = first_byte(message->msg_iov, message->msg_iovlen);
  if (fault != weft_test::one_byte_only || first.iov_len == 0) return real(fd, message, flags);
  msghdr shorter = *message;
  shorter.msg_iov = &first;
  shorter.msg_iovlen = 1;
  return real(fd, &shorter, flags);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static auto* const real = libc<ssize_t(int, msghdr*, int)>("recvmsg");
  return forward(call::recvmsg, real, fd, message, flags);
}
ssize_t sendto(int fd, const void* data, std::size_t size, int flags, const sockaddr* to, socklen_t length) {
  static auto* const real = libc<ssize_t(int, const void*, std::size_t, int, const sockaddr*, socklen_t)>("sendto");
  return forward(call::sendto, real, fd, data, size, flags, to, length);
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

int stat(const char* path, struct stat* found) noexcept {
  static auto* const real = libc<int(const char*, struct stat*)>("stat");
  return forward(call::stat, real, path, found);
}
int fstat(int fd, struct stat* found) noexcept {
  static auto* const real = libc<int(int, struct stat*)>("fstat");
  return forward(call::fstat, real, fd, found);
}
int open(const char* path, int flags, ...) {
  static auto* const real = libc<int(const char*, int, ...)>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  const int fault = fault_of(call::open);
  if (fault > 0) return errno = fault, -1;
  return real(path, flags, mode);
}
int close(int fd) {
  static auto* const real = libc<int(int)>("close");
  return forward(call::close, real, fd);
}
ssize_t read(int fd, void* buffer, std::size_t size) {
  static auto* const real = libc<ssize_t(int, void*, std::size_t)>("read");
  const int fault = fault_of(call::read);
  if (fault > 0) return errno = fault, -1;
  if (fault != weft_test::one_byte_only || size <= 1) return real(fd, buffer, size);
  const ssize_t one = real(fd, buffer, 1);
  return one < 0 && errno == EINVAL ? real(fd, buffer, size) : one;  // an eventfd gives eight bytes, or none
}
ssize_t readv(int fd, const iovec* parts, int count) {
  static auto* const real = libc<ssize_t(int, const iovec*, int)>("readv");
  const int fault = fault_of(call::readv);
  if (fault > 0) return errno = fault, -1;
  const iovec first = first_byte(parts, static_cast<std::size_t>(count));
  if (fault != weft_test::one_byte_only || first.iov_len == 0) return real(fd, parts, count);
  return real(fd, &first, 1);
}
ssize_t writev(int fd, const iovec* parts, int count) {
  static auto* const real = libc<ssize_t(int, const iovec*, int)>("writev");
  const int fault = fault_of(call::writev);
  if (fault > 0) return errno = fault, -1;
  const iovec first = first_byte(parts, static_cast<std::size_t>(count));
  if (fault != weft_test::one_byte_only || first.iov_len == 0) return real(fd, parts, count);
  return real(fd, &first, 1);
}
ssize_t pread(int fd, void* buffer, std::size_t size, off_t offset) {
  static auto* const real = libc<ssize_t(int, void*, std::size_t, off_t)>("pread");
  const int fault = fault_of(call::pread);
  if (fault > 0) return errno = fault, -1;
  return real(fd, buffer, fault == weft_test::one_byte_only && size > 1 ? 1 : size, offset);
}
ssize_t sendfile(int to, int from, off_t* offset, std::size_t size) noexcept {
  static auto* const real = libc<ssize_t(int, int, off_t*, std::size_t)>("sendfile");
  const int fault = fault_of(call::sendfile);
  if (fault > 0) return errno = fault, -1;
  return real(to, from, offset, fault == weft_test::one_byte_only && size > 1 ? 1 : size);
}
int pipe2(int* ends, int flags) noexcept {
  static auto* const real = libc<int(int*, int)>("pipe2");
  return forward(call::pipe2, real, ends, flags);
}
// Gives the error, and has nothing to do with errno.
int posix_spawnp(pid_t* pid, const char* file, const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes, char* const* arguments, char* const* environment) {
  static auto* const real = libc<int(pid_t*, const char*, const posix_spawn_file_actions_t*, const posix_spawnattr_t*,
                                     char* const*, char* const*)>("posix_spawnp");
  const int fault = fault_of(call::posix_spawnp);
  if (fault > 0) return fault;
  return real(pid, file, actions, attributes, arguments, environment);
}
pid_t waitpid(pid_t pid, int* status, int options) {
  static auto* const real = libc<pid_t(pid_t, int*, int)>("waitpid");
  return forward(call::waitpid, real, pid, status, options);
}
int kill(pid_t pid, int number) noexcept {
  static auto* const real = libc<int(pid_t, int)>("kill");
  return forward(call::kill, real, pid, number);
}
int epoll_create1(int flags) noexcept {
  static auto* const real = libc<int(int)>("epoll_create1");
  return forward(call::epoll_create1, real, flags);
}
int eventfd(unsigned count, int flags) noexcept {
  static auto* const real = libc<int(unsigned, int)>("eventfd");
  return forward(call::eventfd, real, count, flags);
}
int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  static auto* const real = libc<int(int, epoll_event*, int, int)>("epoll_wait");
  if (timeout == 0) return real(epoll, events, most, timeout);
  return forward(call::epoll_wait, real, epoll, events, most, timeout);
}
// Six arguments, as libc itself takes them: those that nobody has passed are read and not used. No static variable
// that is guarded: who waits for a guard may come here.
__attribute__((no_sanitize("address"))) long syscall(long number, ...) noexcept {
  using function = long(long, ...);
  static constinit std::atomic<function*> found{nullptr};
  function* real = found.load(std::memory_order_relaxed);
  if (real == nullptr) found.store(real = libc<function>("syscall"), std::memory_order_relaxed);
  va_list arguments;
  va_start(arguments, number);
  long a[6];
  for (long& argument : a) argument = va_arg(arguments, long);
  va_end(arguments);
  int fault = 0;
  if (number == SYS_pidfd_open) fault = fault_of(call::pidfd_open);
  if (number == SYS_pidfd_send_signal) fault = fault_of(call::pidfd_send_signal);
  if (number == SYS_epoll_pwait2) fault = fault_of(call::epoll_pwait2);
  if (fault > 0) return errno = fault, -1;
  return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // extern "C"
