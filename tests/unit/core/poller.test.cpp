// Tests of weft/core/poller.hpp: readiness, timeouts that are never early, signals, and no descriptor left; on every
// poller.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/refuse_system_calls.hpp"
#include "support/time_limit.hpp"

#include <weft/core/poller.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/unique_fd.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/syscall.h>
#endif

#include <atomic>
#include <cerrno>
#include <chrono>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

namespace core_poller_test {

using namespace std::chrono_literals;
using weft::duration;
using weft::interest;
using weft::ready_event;
using weft::detail::unique_fd;
using weft_test::channel;

std::vector<ready_event> wait(weft::poller& poller, duration timeout) {
  std::vector<ready_event> events;
  poller.wait(timeout, events);
  return events;
}

duration time_taken(weft::poller& poller, duration timeout) {
  const auto start = std::chrono::steady_clock::now();
  CHECK(wait(poller, timeout).empty());
  return std::chrono::steady_clock::now() - start;
}

struct every_poller {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  const weft_test::time_limit limit;
  std::unique_ptr<weft::poller> poller = weft_test::make_poller(name);
};

static_assert(!std::is_copy_constructible_v<weft::poll_poller>);

TEST_CASE_METHOD(every_poller, "a pipe is ready to be read as long as there is something in it", "[core][poller]") {
  CAPTURE(name);
  const channel c;
  poller->watch(c.reader.get(), interest::read);
  CHECK(wait(*poller, 0s).empty());
  c.send();
  for (int round = 0; round < 2; ++round) {  // until it is read
    const auto events = wait(*poller, 1s);
    REQUIRE(events.size() == 1);
    CHECK(events[0].fd == c.reader.get());
    CHECK(events[0].what == interest::read);
  }
  c.receive();
  CHECK(wait(*poller, 0s).empty());
}

TEST_CASE_METHOD(every_poller, "one descriptor is ready to be written, read, or both", "[core][poller]") {
  CAPTURE(name);
  const channel c(channel::sockets);
  poller->watch(c.reader.get(), interest::both);
  auto events = wait(*poller, 1s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == interest::write);
  c.send();
  events = wait(*poller, 1s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == interest::both);
}

TEST_CASE_METHOD(every_poller, "events are added to those that are there", "[core][poller]") {
  const channel c;
  c.send();
  poller->watch(c.reader.get(), interest::read);
  std::vector<ready_event> events{{-7, interest::write}};
  poller->wait(1s, events);
  REQUIRE(events.size() == 2);
  CHECK(events[0].fd == -7);
  CHECK(events[1].fd == c.reader.get());
}

TEST_CASE_METHOD(every_poller, "the end of the other side wakes whoever waits, for whatever", "[core][poller]") {
  CAPTURE(name);
  channel c(channel::sockets);
  poller->watch(c.reader.get(), interest::read);
  c.writer.reset();
  const auto events = wait(*poller, 1s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].what == interest::both);

  channel full;
  poller->forget(c.reader.get());
  poller->watch(full.writer.get(), interest::write);
  full.reader.reset();
  const auto more = wait(*poller, 1s);
  REQUIRE(more.size() == 1);
  CHECK(more[0].fd == full.writer.get());
  CHECK(more[0].what == interest::both);
}

TEST_CASE_METHOD(every_poller, "watching a descriptor again changes what for", "[core][poller]") {
  CAPTURE(name);
  const channel c(channel::sockets);
  c.send();
  CHECK(poller->watch(c.reader.get(), interest::read));
  CHECK_FALSE(poller->watch(c.reader.get(), interest::write));  // not new to it
  const auto events = wait(*poller, 1s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].fd == c.reader.get());
  CHECK(events[0].what == interest::write);
  poller->forget(c.reader.get());
  CHECK(wait(*poller, 0s).empty());
}

TEST_CASE_METHOD(every_poller, "a forgotten descriptor is not reported, and forgetting a stranger is harmless",
                 "[core][poller]") {
  CAPTURE(name);
  const channel c;
  const channel other;
  c.send();
  other.send();
  poller->watch(c.reader.get(), interest::read);
  poller->watch(other.reader.get(), interest::read);
  CHECK(poller->forget(c.reader.get()));
  CHECK_FALSE(poller->forget(c.reader.get()));
  CHECK_FALSE(poller->forget(c.writer.get()));
  CHECK_FALSE(poller->forget(-1));
  const auto events = wait(*poller, 1s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].fd == other.reader.get());
}

TEST_CASE_METHOD(every_poller, "a descriptor that is not open is an error, and never ready", "[core][poller]") {
  CAPTURE(name);
  const int closed = ::dup(0);
  ::close(closed);
  for (const int fd : {closed, -1}) {
    std::error_code code;
    std::string what;
    try {
      poller->watch(fd, interest::read);
    } catch (const std::system_error& e) {
      code = e.code();
      what = e.what();
    }
    CHECK(code == std::errc::bad_file_descriptor);
    CHECK_THAT(what, weft_test::contains("descriptor " + std::to_string(fd)));
    CHECK_FALSE(poller->forget(fd));
  }
  CHECK(wait(*poller, 0s).empty());
}

TEST_CASE_METHOD(every_poller, "hundreds of descriptors that are ready at once are all reported", "[core][poller]") {
  CAPTURE(name);
  const channel c;
  c.send();
  std::vector<unique_fd> copies;
  for (int i = 0; i < 300; ++i) {
    copies.emplace_back(::fcntl(c.reader.get(), F_DUPFD_CLOEXEC, 0));
    REQUIRE(copies.back());
    poller->watch(copies.back().get(), interest::read);
  }
  std::set<int> seen;
  for (int round = 0; round < 4; ++round) {
    for (const ready_event& event : wait(*poller, 1s)) seen.insert(event.fd);
  }
  CHECK(seen.size() == copies.size());
}

TEST_CASE_METHOD(every_poller, "waiting ends with the timeout and never before it", "[core][poller]") {
  CAPTURE(name);
  const channel c;
  poller->watch(c.reader.get(), interest::read);
  for (const duration timeout :
       {duration(1ns), duration(1us), duration(200us), duration(999'999ns), duration(1'000'001ns), duration(3'700us)}) {
    for (int round = 0; round < 5; ++round) {
      const duration taken = time_taken(*poller, timeout);
      CHECK(taken >= timeout);
      CHECK(taken < timeout + 2s);
    }
  }
}

TEST_CASE_METHOD(every_poller, "a timeout of zero does not wait", "[core][poller]") {
  const channel c;
  poller->watch(c.reader.get(), interest::read);
  CHECK(time_taken(*poller, 0s) < 1s);
}

TEST_CASE_METHOD(every_poller, "without a timeout it waits until something is ready", "[core][poller]") {
  CAPTURE(name);
  const channel c;
  poller->watch(c.reader.get(), interest::read);
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    static_cast<void>(::write(c.writer.get(), "x", 1) == 1);
  });
  const auto events = wait(*poller, duration::max());
  writer.join();
  REQUIRE(events.size() == 1);
  CHECK(events[0].fd == c.reader.get());
}

TEST_CASE_METHOD(every_poller, "a very long timeout is no error", "[core][poller]") {
  CAPTURE(name);
  const channel c;
  c.send();
  poller->watch(c.reader.get(), interest::read);
  CHECK(wait(*poller, duration::max() - 1ns).size() == 1);
  CHECK(wait(*poller, std::chrono::hours(24 * 365 * 100)).size() == 1);
}

TEST_CASE_METHOD(every_poller, "a signal may end a wait early, with nothing, and is no error", "[core][poller]") {
  CAPTURE(name);
  static volatile sig_atomic_t signals;
  signals = 0;
  struct sigaction action {};
  struct sigaction former {};
  action.sa_handler = [](int) { signals = signals + 1; };  // without SA_RESTART
  ::sigemptyset(&action.sa_mask);
  REQUIRE(::sigaction(SIGUSR1, &action, &former) == 0);

  const channel c;
  poller->watch(c.reader.get(), interest::read);
  std::atomic<bool> enough{false};
  std::thread sender([&enough, waiting = ::pthread_self()] {
    while (!enough) {
      std::this_thread::sleep_for(10ms);
      ::pthread_kill(waiting, SIGUSR1);
    }
  });
  for (const duration timeout : {duration::max(), duration(20s), duration(20s) + 1ns}) {
    const auto start = std::chrono::steady_clock::now();
    CHECK(wait(*poller, timeout).empty());
    CHECK(std::chrono::steady_clock::now() - start < 10s);
  }
  enough = true;
  sender.join();
  ::sigaction(SIGUSR1, &former, nullptr);
  CHECK(signals >= 3);
  c.send();
  CHECK(wait(*poller, 1s).size() == 1);  // as good as before
}

#if defined(__linux__)
TEST_CASE("watching what is no descriptor is an error that names the call", "[core][poller]") {
  weft::epoll_poller poller;
  try {
    poller.watch(-1, interest::read);
    FAIL("it was accepted");
  } catch (const std::system_error& e) {
    CHECK(e.code() == std::errc::bad_file_descriptor);
    CHECK_THAT(e.what(), weft_test::contains("epoll_ctl"));
  }
}

TEST_CASE("a poller that gets no descriptor says so and names the call", "[core][poller]") {
  if (WEFT_ASAN)
    return;  // with it runs UBSan, which needs a pipe of its own to check a virtual table, and there is none left
  CHECK(weft_test::in_child([] {
          const rlimit none{0, 0};
          if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
          try {
            const weft::epoll_poller poller;
            return 2;
          } catch (const std::system_error& e) {
            if (e.code() != std::errc::too_many_files_open) return 3;
            return std::string(e.what()).find("epoll_create1") != std::string::npos ? 0 : 4;
          }
        }) == 0);
}

TEST_CASE("an epoll descriptor is not inherited by programs that are started", "[core][poller]") {
  const unique_fd probe(::dup(0));
  const int next = ::fcntl(probe.get(), F_DUPFD, 0);
  ::close(next);  // the number that the poller's descriptor will get
  const weft::epoll_poller poller;
  CHECK(::fcntl(next, F_GETFD) == FD_CLOEXEC);
}

#if defined(SYS_epoll_pwait2)
// As in a sandbox or on a kernel before 5.11: the call with the nanoseconds does not exist.
TEST_CASE("without epoll_pwait2 timeouts are rounded up to milliseconds", "[core][poller]") {
  CHECK(weft_test::in_child([] {
          if (!weft_test::refuse_system_calls(ENOSYS, SYS_epoll_pwait2)) return 0;  // not allowed here: nothing to see
          weft::epoll_poller poller;
          for (const duration timeout : {duration(1ns), duration(300us), duration(1'000'001ns)}) {
            for (int round = 0; round < 3; ++round) {
              std::vector<ready_event> events;
              const auto start = std::chrono::steady_clock::now();
              poller.wait(timeout, events);
              if (!events.empty()) return 1;
              if (std::chrono::steady_clock::now() - start < timeout) return 2;
            }
          }
          return 0;
        }) == 0);
}
#endif
#endif

TEST_CASE("milliseconds are rounded up, and what does not fit is cut", "[core][poller]") {
  using weft::detail::poll_milliseconds;
  CHECK(poll_milliseconds(0s) == 0);
  CHECK(poll_milliseconds(1ns) == 1);
  CHECK(poll_milliseconds(1ms) == 1);
  CHECK(poll_milliseconds(1ms + 1ns) == 2);
  CHECK(poll_milliseconds(duration::max()) == -1);
  CHECK(poll_milliseconds(duration::max() - 1ns) == std::numeric_limits<int>::max());
}

}  // namespace core_poller_test
