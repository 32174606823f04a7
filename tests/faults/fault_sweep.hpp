// A sweep of faults: in each of some scenarios the n-th call of each system call fails, for every n, in all ways that
// it can.
// SPDX-License-Identifier: MIT
//
// A failure comes out as an error with its code, or, where there is another end, as what a lost connection looks like,
// or it is got over. No descriptor may stay open and no child process, nothing may leak or hang, and the loop must work
// afterwards. The functions of libc are replaced in the program (support/failing_calls.cpp). Time is virtual: a server
// that waits a second for descriptors costs nothing.
//
//     const std::vector<weft_test::scenario> scenarios{{"echo", []() -> weft::task<> { ... }}};
//     CHECK(weft_test::sweep(scenarios) >= 100);
#pragma once

#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/failing_calls.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/open_descriptors.hpp"
#include "support/time_limit.hpp"

#include <weft/weft.hpp>

#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace weft_test {

/// How a fault may show in a scenario: as the very error only, or as a connection that is lost, too, for those with two
/// ends of which one fails.
enum class shows_as : unsigned char { itself, lost_connection };

/// Real time for scenarios that set time limits to other processes, whom a virtual clock would not wait for.
enum class pace : unsigned char { virtual_time, real_time };

/// A flow of operations, which throws std::logic_error if something else comes out of it than it should.
class scenario {
 public:
  const char* name;
  weft::task<> (*run)();
  shows_as faults = shows_as::lost_connection;
  pace time = pace::virtual_time;
};

class fault {
 public:
  call which;
  int error;
  bool harmless;  // the scenario must succeed
};

/// What must not come out of any scenario.
inline void expect(bool right, const char* what) {
  if (!right) throw std::logic_error(what);
}

/// What has ended must have failed with one of these errors; others pass.
template <class Outcome, std::same_as<std::errc>... Errors>
void expect_error(Outcome ended, const char* what, Errors... wanted) {
  expect(!ended.has_value(), what);
  const std::error_code code = failure_of(ended).code;
  if (!((code == wanted) || ...)) static_cast<void>(std::move(ended).value());
}

/// The same for what has to be cancelled.
template <class Outcome>
void expect_cancelled(const Outcome& ended, const char* what) {
  if (ended.failed()) std::rethrow_exception(ended.exception());
  expect(ended.cancelled(), what);
}

/// For unix sockets. Empty after each run.
inline const temporary_folder& folder() {
  static const temporary_folder only;
  return only;
}

/// What can go wrong in each call. Only what Linux documents, or what fails before the call has any effect.
inline const std::vector<fault>& every_fault() {
  static const std::vector<fault> all{
      {call::socket, EMFILE, false},
      {call::socket, ENFILE, false},
      {call::socket, ENOBUFS, false},
      {call::connect, interrupted_afterwards, true},
      {call::connect, EAGAIN, false},
      {call::connect, ECONNRESET, false},
      {call::connect, ENOBUFS, false},
      {call::bind, ENOBUFS, false},
      {call::bind, EADDRINUSE, false},
      {call::listen, EADDRINUSE, false},
      {call::accept4, EINTR, true},
      {call::accept4, EAGAIN, true},
      {call::accept4, ECONNABORTED, true},
      {call::accept4, ECONNRESET, true},
      {call::accept4, EMFILE, true},
      {call::accept4, ENFILE, true},
      {call::accept4, ENOBUFS, true},
      {call::send, EINTR, true},
      {call::send, EAGAIN, true},
      {call::send, one_byte_only, true},
      {call::send, EPIPE, false},
      {call::send, ECONNRESET, false},
      {call::send, ENOBUFS, false},
      {call::sendmsg, EINTR, true},
      {call::sendmsg, EAGAIN, true},
      {call::sendmsg, one_byte_only, true},
      {call::sendmsg, EPIPE, false},
      {call::sendmsg, ENOBUFS, false},
      {call::setsockopt, ENOBUFS, false},
      {call::getsockopt, ENOBUFS, false},
      {call::epoll_ctl, ENOMEM, false},
      {call::epoll_ctl, ENOSPC, false},
      {call::getpeername, ENOTCONN, true},
      {call::getpeername, ENOBUFS, true},
      {call::getsockname, ENOBUFS, false},
      {call::fcntl, EINTR, false},
      {call::recvmsg, EINTR, true},
      {call::recvmsg, EAGAIN, true},
      {call::recvmsg, ECONNREFUSED, false},
      {call::recvmsg, ENOBUFS, false},
      {call::recvmsg, ENOMEM, false},
      {call::sendto, EINTR, true},
      {call::sendto, EAGAIN, true},
      {call::sendto, ENOBUFS, false},
      {call::sendto, ECONNREFUSED, false},
      {call::sendto, EPERM, false},
      {call::stat, ENOMEM, false},
      {call::stat, EACCES, false},
      {call::fstat, ENOMEM, false},
      {call::open, EMFILE, false},
      {call::open, ENFILE, false},
      {call::close, interrupted_afterwards, true},
      {call::read, EINTR, true},
      {call::read, EAGAIN, true},
      {call::read, one_byte_only, true},
      {call::read, EIO, false},
      {call::readv, EINTR, true},
      {call::readv, EAGAIN, true},
      {call::readv, one_byte_only, true},
      {call::readv, ECONNRESET, false},
      {call::readv, ENOBUFS, false},
      {call::readv, EIO, false},
      {call::writev, EINTR, true},
      {call::writev, EAGAIN, true},
      {call::writev, one_byte_only, true},
      {call::writev, EPIPE, false},
      {call::writev, EIO, false},
      {call::pread, EINTR, true},
      {call::pread, one_byte_only, true},
      {call::pread, EIO, false},
      {call::pread, ENOBUFS, false},
      {call::sendfile, EINTR, true},
      {call::sendfile, EAGAIN, true},
      {call::sendfile, one_byte_only, true},
      {call::sendfile, EIO, false},
      {call::sendfile, EPIPE, false},
      {call::sendfile, ENOMEM, false},
      {call::pipe2, EMFILE, false},
      {call::pipe2, ENFILE, false},
      {call::posix_spawnp, EAGAIN, false},
      {call::posix_spawnp, ENOMEM, false},
      {call::posix_spawnp, ENOENT, false},
      {call::waitpid, EINTR, true},
      {call::kill, EPERM, false},
      {call::pidfd_open, EMFILE, true},
      {call::pidfd_open, ENFILE, true},
      {call::pidfd_open, ENOMEM, true},
      {call::pidfd_open, ENOSYS, true},
      {call::pidfd_send_signal, ENOSYS, true},
      {call::pidfd_send_signal, EPERM, true},
      {call::epoll_wait, EINTR, true},
      {call::epoll_pwait2, EINTR, true},
      {call::epoll_pwait2, ENOSYS, true},
  };
  return all;
}

/// Runs a scenario with one fault, at the n-th call and as often as `times` says; whether it happened. Checks what
/// comes out and what is left.
bool run_with_fault(const scenario& s, const fault& f, int n, int times = 1);

/// Runs all scenarios with each fault at each call that they make. How many pairs of a scenario and a fault there are.
int sweep(const std::vector<scenario>& scenarios, const std::vector<fault>& faults = every_fault());

/// Runs all of them with reads and writes of a kind transferring one byte: all, or that many of them.
void sweep_byte_by_byte(const std::vector<scenario>& scenarios, int times = 1'000'000);

/// Runs all of them with a fault that stays, from the n-th call on.
void sweep_for_good(const std::vector<scenario>& scenarios, const fault& f);

// ---- details ----

inline std::string describe(const fault& f) {
  std::string text = name_of(f.which);
  if (f.error == one_byte_only) return text + " transfers one byte";
  if (f.error == interrupted_afterwards) return text + " is interrupted and goes on";
  return text + " fails with " + std::strerror(f.error);
}

/// The injected error itself, or how it shows at the other end.
inline bool is_expected(const std::exception_ptr& error, const fault& f, shows_as how) {
  const bool connected = how == shows_as::lost_connection;
  try {
    std::rethrow_exception(error);
  } catch (const weft::exception_group& group) {
    for (const std::exception_ptr& inner : group.exceptions()) {
      if (!is_expected(inner, f, how)) return false;
    }
    return true;
  } catch (const std::system_error& e) {
    const int code = e.code().value();
    if (code == f.error) return true;
    if (f.which == call::stat && code == EADDRINUSE) return true;  // what another server has left was not looked at
    return connected && (code == ECONNRESET || code == EPIPE || code == ECONNREFUSED || code == ENOENT);
  } catch (const weft::stream_closed_error&) {
    return connected;
  } catch (const weft::incomplete_read_error&) {
    return connected;
  } catch (...) {
    return false;
  }
}

inline std::string words(const std::exception_ptr& error) {
  if (error == nullptr) return "nothing";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (const weft::cancelled_error&) {
    return "cancelled_error";
  } catch (...) {
    return "something";
  }
}

/// What a run has come to.
class fault_outcome {
 public:
  bool happened = false;
  bool expected = true;
  bool usable = false;
  std::int64_t leaked = 0;  // blocks
  std::string text;
};

inline fault_outcome look_at_fault(const scenario& s, const fault& f, int n, int times) {
  fault_outcome seen;
  seen.text.reserve(1000);  // as many blocks before as after
  const std::int64_t before = live_allocations();
  {
    std::exception_ptr failure;
    weft::virtual_clock time(1'000'000);
    weft::event_loop loop({.clock = s.time == pace::virtual_time ? &time : nullptr});
    loop.set_exception_handler([&](const weft::exception_context& context) {
      if (context.exception == nullptr || is_expected(context.exception, f, s.faults)) return;
      seen.expected = false;
      seen.text += context.message + ": " + words(context.exception) + "; ";
    });
    {
      const failing_call failing(f.which, f.error, n, times);
      try {
        loop.run_until_complete(s.run());
      } catch (...) {
        failure = std::current_exception();
      }
      seen.happened = failing.happened() > 0;
    }
    seen.text += words(failure);
    if (failure != nullptr && (f.harmless || !seen.happened || !is_expected(failure, f, s.faults))) {
      seen.expected = false;
    }
    weft::cancel_all_tasks(loop);
    try {
      loop.run_until_complete(s.run());
      seen.usable = true;
    } catch (...) {
      seen.text += "; afterwards: " + words(std::current_exception());
    }
  }
  seen.leaked = live_allocations() - before;
  return seen;
}

inline bool run_with_fault(const scenario& s, const fault& f, int n, int times) {
  const time_limit limit(30);
  folder();
  const int descriptors = count_descriptors();
  fault_outcome seen = look_at_fault(s, f, n, times);
  // What is allocated once only is no leak. Where other processes or threads take part, the call may not come again.
  for (int i = 0; i < 20 && seen.expected && seen.usable && seen.happened && seen.leaked != 0; ++i) {
    const fault_outcome again = look_at_fault(s, f, n, times);
    if (again.happened) seen = again;
  }
  const int still_open = count_descriptors() - descriptors;
  INFO(s.name << ": call " << n << " of " << describe(f) << ": " << seen.text);
  CHECK(seen.expected);
  CHECK(seen.usable);
  if (seen.happened) CHECK(seen.leaked == 0);
  CHECK(still_open == 0);
  CHECK_FALSE(has_children());
  CHECK(folder().names().empty());
  return seen.happened;
}

inline int sweep(const std::vector<scenario>& scenarios, const std::vector<fault>& faults) {
  constexpr int most = 500;  // calls in a run: so that this ends
  constexpr auto functions = static_cast<std::size_t>(call::count);
  int combinations = 0;
  for (const scenario& s : scenarios) {
    std::array<int, functions> before{};
    for (std::size_t i = 0; i < functions; ++i) before[i] = calls(static_cast<call>(i));
    run_with_fault(s, faults[0], 1'000'000);  // what is allocated once only
    for (const fault& f : faults) {
      if (calls(f.which) == before[static_cast<std::size_t>(f.which)]) continue;  // it has no use for it
      int n = 0;
      while (n < most && run_with_fault(s, f, n)) ++n;
      INFO(s.name << ": " << describe(f));
      CHECK(n < most);
      if (n > 0) ++combinations;
    }
  }
  return combinations;
}

inline void sweep_byte_by_byte(const std::vector<scenario>& scenarios, int times) {
  for (const scenario& s : scenarios) {
    for (const call which :
         {call::readv, call::send, call::sendmsg, call::read, call::writev, call::pread, call::sendfile}) {
      run_with_fault(s, fault{which, one_byte_only, true}, 0, times);
    }
  }
}

inline void sweep_for_good(const std::vector<scenario>& scenarios, const fault& f) {
  for (const scenario& s : scenarios) {
    for (int n = 0; n < 5 && run_with_fault(s, f, n, 1'000'000); ++n) {
    }
  }
}

}  // namespace weft_test
