// Tests of weft/io/signal_set.hpp: signals are counted, given to those who wait, and given back.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/pollers.hpp"
#include "support/reports.hpp"
#include "support/signals.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/config.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/signal_set.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace io_signal_set_test {

using namespace std::chrono_literals;
using weft_test::contains;
using weft_test::event_log;
using weft_test::former_effect;
using weft_test::send;

static_assert(!std::is_copy_constructible_v<weft::signal_set>);

// A signal that never comes fails the test.
template <class Body>
void run_in_time(Body body) {
  const weft_test::time_limit limit;
  weft::run(std::move(body));
}

weft::task<> next_and_say(weft::signal_set& signals, event_log& log, std::string name) {
  const int number = co_await signals.next();
  log(name + (number == SIGUSR1 ? "usr1" : number == SIGUSR2 ? "usr2" : std::to_string(number)));
}

// ---- one set, one task ----

TEST_CASE("a task waits for a signal, which has no other effect", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const auto poller = weft_test::make_poller(name);
  const auto body = [&]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    CHECK(unchanged.taken_over());
    std::thread sender([] {
      std::this_thread::sleep_for(20ms);
      send(SIGUSR1);
    });
    const int number = co_await signals.next();  // and no deadlock is reported
    sender.join();
    CHECK(number == SIGUSR1);
    CHECK(signals.pending() == 0);
  };
  weft::run({.poller = poller.get()}, body);
}

TEST_CASE("a signal that comes while a task waits takes two passes, one that is there takes none", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  run_in_time([]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    weft_test::pass_counter counter;
    weft::event_loop::current().call_soon([] { send(SIGUSR1); });
    co_await signals.next();
    CHECK(counter.passes() == 3);  // one until it is sent; the loop hears of it; the task goes on
    send(SIGUSR1);
    co_await signals.next();
    CHECK(counter.passes() == 3);
  });
}

TEST_CASE("signals that come while nobody waits are kept, each as often as it has come", "[io][signal_set]") {
  const former_effect unchanged1(SIGUSR1);
  const former_effect unchanged2(SIGUSR2);
  const weft_test::time_limit limit;
  weft::signal_set signals(SIGUSR2, SIGUSR1);  // before any loop
  send(SIGUSR2);
  for (int i = 0; i < 3; ++i) send(SIGUSR1);
  CHECK(signals.pending() == 4);
  event_log log;
  const auto body = [&]() -> weft::task<> {
    for (int i = 0; i < 4; ++i) co_await next_and_say(signals, log, "");
    CHECK(signals.pending() == 0);
    const auto late = co_await weft::outcome_of(weft::with_timeout(1ms, signals.next()));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
  };
  weft::run(body);
  CHECK(log.text() == "usr1 usr1 usr1 usr2");  // the smallest number first
}

TEST_CASE("more signals than a pipe holds bytes are all counted", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  run_in_time([]() -> weft::task<> {
    constexpr int many = 70'000;
    weft::signal_set signals(SIGUSR1);
    send(SIGUSR1);
    co_await signals.next();  // there is no pipe before somebody waits
    auto waits = weft::create_task([&signals]() -> weft::task<> { co_await signals.next(); });
    co_await weft::yield();
    for (int i = 0; i < many; ++i) ::raise(SIGUSR1);
    CHECK(signals.pending() == many);
    co_await waits;
    for (int i = 1; i < many; ++i) co_await signals.next();
    CHECK(signals.pending() == 0);
    // The bytes that are left tell of nothing.
    const auto late = co_await weft::outcome_of(weft::with_timeout(1ms, signals.next()));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    auto again = weft::create_task([&signals]() -> weft::task<> { co_await signals.next(); });
    co_await weft::yield();
    send(SIGUSR1);
    co_await again;
  });
}

TEST_CASE("a signal that is named twice in a set comes once", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  weft::signal_set signals(SIGUSR1, SIGUSR1);
  send(SIGUSR1);
  CHECK(signals.pending() == 1);
}

#if defined(SIGRTMIN)
TEST_CASE("real-time signals can be waited for", "[io][signal_set]") {
  const int number = SIGRTMIN + 2;
  const former_effect unchanged(number);
  run_in_time([number]() -> weft::task<> {
    weft::signal_set signals(number);
    weft::event_loop::current().call_soon([number] { send(number); });
    const int came = co_await signals.next();
    CHECK(came == number);
  });
}
#endif

TEST_CASE("a signal that comes in another thread is counted, too", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  run_in_time([]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    for (int i = 0; i < 20; ++i) {
      std::thread other([] { ::pthread_kill(::pthread_self(), SIGUSR1); });
      co_await signals.next();
      other.join();
    }
    CHECK(signals.pending() == 0);
  });
}

// A signal that comes after next() has looked and before it waits, as one in another thread may.
class signal_in_between {
 public:
  explicit signal_in_between(weft::signal_awaiter next) : next_(std::move(next)) {}
  bool await_ready() {
    const bool ready = next_.await_ready();
    send(SIGUSR1);
    return ready;
  }
  void await_suspend(weft::task_state& waiting) { next_.await_suspend(waiting); }
  int await_resume() { return next_.await_resume(); }

 private:
  weft::signal_awaiter next_;
};

TEST_CASE("a signal that comes between a look and the wait, when the loop has no pipe yet, is not missed",
          "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  run_in_time([]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    const int number = co_await signal_in_between(signals.next());
    CHECK(number == SIGUSR1);
    CHECK(signals.pending() == 0);
  });
}

// ---- several ----

TEST_CASE("each set gets every signal", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  event_log log;
  run_in_time([&]() -> weft::task<> {
    weft::signal_set a(SIGUSR1);
    auto b = std::make_unique<weft::signal_set>(SIGUSR1, SIGUSR2);
    auto first = weft::create_task(next_and_say(a, log, "a:"));
    auto second = weft::create_task(next_and_say(*b, log, "b:"));
    co_await weft::yield();
    send(SIGUSR1);
    co_await weft::gather(first, second);
    b.reset();
    CHECK(unchanged.taken_over());  // a wants it still
    send(SIGUSR1);
    CHECK(a.pending() == 1);
  });
  CHECK(log.text() == "a:usr1 b:usr1");
}

TEST_CASE("a set begins with no signals, whatever others have counted", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  weft::signal_set first(SIGUSR1);
  send(SIGUSR1);
  const weft::signal_set second(SIGUSR1);
  CHECK(first.pending() == 1);
  CHECK(second.pending() == 0);
}

TEST_CASE("each signal goes to one of the tasks that wait for a set, the first in line first", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  event_log log;
  run_in_time([&]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    auto a = weft::create_task(next_and_say(signals, log, "a:"));
    auto b = weft::create_task(next_and_say(signals, log, "b:"));
    auto c = weft::create_task(next_and_say(signals, log, "c:"));
    co_await weft::yield();
    CHECK(signals.waiters() == 3);
    send(SIGUSR1);
    send(SIGUSR1);
    co_await weft::gather(a, b);
    CHECK(signals.waiters() == 1);
    CHECK_FALSE(c.done());
    send(SIGUSR1);
    co_await c;
  });
  CHECK(log.text() == "a:usr1 b:usr1 c:usr1");
}

TEST_CASE("loops in two threads get the same signals", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const weft_test::time_limit limit;
  std::atomic<int> waiting{0};
  std::atomic<int> got{0};
  const auto body = [&]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    ++waiting;
    for (int i = 0; i < 50; ++i) {
      const int number = co_await signals.next();
      if (number == SIGUSR1) ++got;
    }
  };
  std::thread one([&] { weft::run(body); });
  std::thread two([&] { weft::run(body); });
  while (waiting < 2) std::this_thread::sleep_for(1ms);
  for (int i = 0; i < 50; ++i) ::raise(SIGUSR1);
  one.join();
  two.join();
  CHECK(got == 100);
}

TEST_CASE("sets come and go in many threads while signals come", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const weft_test::time_limit limit;
  const weft::signal_set keeps(SIGUSR1);  // the default effect would end the test
  std::atomic<bool> stop{false};
  std::thread sender([&] {
    while (!stop) ::pthread_kill(::pthread_self(), SIGUSR1);
  });
  const auto body = []() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    for (int i = 0; i < 3; ++i) co_await signals.next();
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 100; ++round) weft::run(body);
    });
  }
  for (std::thread& t : threads) t.join();
  stop = true;
  sender.join();
  CHECK(keeps.pending() > 0);
}

// ---- cancelled, destroyed, closed ----

TEST_CASE("a task that is cancelled while it waits for a signal leaves nothing behind", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  event_log log;
  run_in_time([&]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    auto a = weft::create_task(next_and_say(signals, log, "a:"));
    co_await weft::yield();
    a.cancel();
    CHECK(signals.waiters() == 0);
    co_await weft::yield();
    CHECK(a.cancelled());
    send(SIGUSR1);
    co_await next_and_say(signals, log, "main:");
  });
  CHECK(log.text() == "main:usr1");
}

TEST_CASE("after the last one is cancelled the loop does not wait for signals any more", "[io][signal_set]") {
  const weft_test::time_limit limit;
  weft::signal_set signals(SIGUSR1);
  weft::event_loop loop;
  event_log log;
  auto a = loop.create_task(next_and_say(signals, log, "a:"));
  weft_test::run_one_pass(loop);
  a.cancel();
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  CHECK(a.cancelled());
}

TEST_CASE("a task that is cancelled when its signal has come leaves it to the next", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  event_log log;
  run_in_time([&]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    auto a = weft::create_task(next_and_say(signals, log, "a:"));
    auto b = weft::create_task(next_and_say(signals, log, "b:"));
    co_await weft::yield();
    send(SIGUSR1);
    co_await weft::yield();  // the loop has heard: a is on its way
    a.cancel();
    co_await b;
    CHECK(a.cancelled());
    CHECK(signals.pending() == 0);
  });
  CHECK(log.text() == "b:usr1");
}

TEST_CASE("one whose signal another has taken on the way waits again", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  event_log log;
  run_in_time([&]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    auto a = weft::create_task(next_and_say(signals, log, "a:"));
    co_await weft::yield();
    send(SIGUSR1);
    co_await next_and_say(signals, log, "robber:");  // no pass: it is there
    for (int i = 0; i < 4; ++i) co_await weft::yield();
    CHECK(signals.waiters() == 1);
    send(SIGUSR1);
    co_await a;
  });
  CHECK(log.text() == "robber:usr1 a:usr1");
}

TEST_CASE("a set may go before those who wait: they can only be cancelled, and the loop sees a deadlock",
          "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const weft_test::time_limit limit;
  weft::event_loop loop;
  event_log log;
  auto signals = std::make_unique<weft::signal_set>(SIGUSR1);
  auto waits = loop.create_task(next_and_say(*signals, log, "a:"));
  auto on_its_way = loop.create_task(next_and_say(*signals, log, "b:"));
  weft_test::run_one_pass(loop);
  send(SIGUSR1);
  weft_test::run_one_pass(loop);
  signals.reset();
  CHECK_THROWS_WITH(loop.run_forever(), contains("waits for a signal") && contains("signal_set.test.cpp:"));
  waits.cancel();
  on_its_way.cancel();
  weft_test::run_until_idle(loop);
  CHECK((waits.cancelled() && on_its_way.cancelled()));
  CHECK(log.text().empty());
}

TEST_CASE("a loop may go in any pass around those who wait for a signal", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  for (int passes = 0; passes < 4; ++passes) {
    INFO(passes);
    weft::signal_set signals(SIGUSR1);
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](weft_test::tracked) -> weft::task<> { co_await signals.next(); };
    {
      weft::event_loop loop;
      told.listen(loop);
      for (int i = 0; i < 2; ++i) loop.create_task(body(weft_test::tracked(counts)));
      for (int i = 0; i < passes; ++i) {
        if (i == 1) send(SIGUSR1);
        weft_test::run_one_pass(loop);
      }
    }
    CHECK(counts.alive == 0);
    CHECK(signals.waiters() == 0);
    CHECK(told.count() == (passes < 3 ? 2u : 1u));
    CHECK(signals.pending() == (passes == 2 ? 1u : 0u));
  }
}

TEST_CASE("a set serves one loop after the other, and no two at once", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const weft_test::time_limit limit;
  weft::signal_set signals(SIGUSR1);
  event_log log;
  weft::event_loop one;
  auto first = one.create_task(next_and_say(signals, log, "one:"));
  weft_test::run_one_pass(one);
  weft::event_loop two;
  const auto refused = [&]() -> weft::task<> {
    const auto outcome = co_await weft::outcome_of(signals.next());
    CHECK_THROWS_AS(outcome.value(), weft::usage_error);
  };
  two.run_until_complete(refused);
  send(SIGUSR1);
  one.run_until_complete(first);
  auto second = two.create_task(next_and_say(signals, log, "two:"));
  weft_test::run_one_pass(two);
  send(SIGUSR1);
  two.run_until_complete(second);
  CHECK(log.text() == "one:usr1 two:usr1");
}

TEST_CASE("a wait for a signal that is not awaited does nothing, and may outlive its set", "[io][signal_set]") {
  auto signals = std::make_unique<weft::signal_set>(SIGUSR1);
  auto first = signals->next();
  auto moved = std::move(first);
  CHECK(signals->waiters() == 0);
  signals.reset();
}

TEST_CASE("a set takes part in time limits and races", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  run_in_time([]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    const auto late = co_await weft::outcome_of(weft::with_timeout(2ms, signals.next()));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    weft::event_loop::current().call_soon([] { send(SIGUSR1); });
    const int number = co_await weft::with_timeout(10s, signals.next());
    CHECK(number == SIGUSR1);
  });
}

// ---- errors ----

TEST_CASE("what is no signal, or cannot be caught, is refused by name, and all is as it was", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  CHECK_THROWS_AS(weft::signal_set(0), std::invalid_argument);
  CHECK_THROWS_AS(weft::signal_set(-1), std::invalid_argument);
  CHECK_THROWS_WITH(weft::signal_set(SIGUSR1, NSIG + 1), contains("no signal " + std::to_string(NSIG + 1)));
  CHECK_THROWS_AS(weft::signal_set(SIGUSR1, SIGKILL), weft::usage_error);
  CHECK_THROWS_WITH(weft::signal_set(SIGUSR1, SIGKILL), contains("SIGKILL"));
  CHECK_THROWS_WITH(weft::signal_set(SIGSTOP, SIGUSR1), contains("SIGSTOP"));
  CHECK_FALSE(unchanged.taken_over());
}

TEST_CASE("a loop that gets no pipe for signals says so, and the set works when there is one", "[io][signal_set]") {
  if (WEFT_ASAN) return;  // with it runs UBSan, which needs a pipe of its own to check a virtual table
  const int result = weft_test::in_child([] {
    weft::signal_set signals(SIGUSR1);
    weft::event_loop loop;
    rlimit limits{};
    if (::getrlimit(RLIMIT_NOFILE, &limits) != 0) return 1;
    const int lowest = ::dup(0);
    ::close(lowest);
    const rlimit low{static_cast<rlim_t>(lowest), limits.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return 2;
    const auto body = [&]() -> weft::task<> { co_await signals.next(); };
    bool refused = false;
    try {
      loop.run_until_complete(body);
    } catch (const std::system_error& e) {
      refused = e.code() == std::errc::too_many_files_open;
    }
    if (!refused || signals.waiters() != 0) return 3;
    if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) return 4;
    loop.call_later(1ms, [] { send(SIGUSR1); });
    loop.run_until_complete(body);
    return 0;
  });
  CHECK(result == 0);
}

// ---- the former effect ----

volatile sig_atomic_t handled_by_user = 0;
void user_handler(int) { handled_by_user = handled_by_user + 1; }

TEST_CASE("a program's own handler is back when the last set has gone, and one that it sets meanwhile stays",
          "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const weft_test::disposition before = ::signal(SIGUSR1, user_handler);
  {
    std::optional<weft::signal_set> a(std::in_place, SIGUSR1);
    std::optional<weft::signal_set> b(std::in_place, SIGUSR1);
    send(SIGUSR1);
    a.reset();
    send(SIGUSR1);
    CHECK(handled_by_user == 0);
    CHECK(b->pending() == 2);
  }
  CHECK(weft_test::disposition_of(SIGUSR1) == user_handler);
  send(SIGUSR1);
  CHECK(handled_by_user == 1);
  {
    const weft::signal_set a(SIGUSR1);
    ::signal(SIGUSR1, SIG_IGN);
    send(SIGUSR1);
    CHECK(a.pending() == 0);
    {
      const weft::signal_set b(SIGUSR1);  // takes it over again
      send(SIGUSR1);
      CHECK((a.pending() == 1 && b.pending() == 1));
    }
    ::signal(SIGUSR1, user_handler);
  }
  CHECK(weft_test::disposition_of(SIGUSR1) == user_handler);
  ::signal(SIGUSR1, before);
}

TEST_CASE("after the last set has gone a signal ends the program again", "[io][signal_set]") {
  const int result = weft_test::in_child([] {
    { const weft::signal_set signals(SIGTERM); }
    ::raise(SIGTERM);
    return 0;
  });
  CHECK(result == 128 + SIGTERM);
}

TEST_CASE("a set of SIGINT inside of run takes it from run, and gives it back", "[io][signal_set]") {
  const int result = weft_test::in_child([] {
    const auto main = []() -> weft::task<> {
      {
        weft::signal_set signals(SIGINT);
        ::raise(SIGINT);
        co_await signals.next();
      }
      ::raise(SIGINT);  // cancels main
      co_await weft::sleep_for(1h);
    };
    try {
      weft::run(main);
      return 1;
    } catch (const weft::keyboard_interrupt&) {
    }
    return weft_test::disposition_of(SIGINT) == SIG_DFL ? 0 : 2;
  });
  CHECK(result == 0);
}

TEST_CASE("a set of SIGINT that outlives the run in which it was made leaves the default effect", "[io][signal_set]") {
  const int result = weft_test::in_child([] {
    std::unique_ptr<weft::signal_set> signals;
    const auto main = [&]() -> weft::task<> {
      signals = std::make_unique<weft::signal_set>(SIGINT);
      ::raise(SIGINT);
      co_await signals->next();
    };
    weft::run(main);
    if (weft_test::disposition_of(SIGINT) == SIG_DFL) return 1;
    signals.reset();
    return weft_test::disposition_of(SIGINT) == SIG_DFL ? 0 : 2;
  });
  CHECK(result == 0);
}

TEST_CASE("a set of SIGINT that was made before run keeps it", "[io][signal_set]") {
  const int result = weft_test::in_child([] {
    weft::signal_set signals(SIGINT);
    ::raise(SIGINT);
    const auto main = [&]() -> weft::task<int> {
      ::raise(SIGINT);
      co_await signals.next();
      co_return co_await signals.next();
    };
    return weft::run(main) == SIGINT ? 0 : 1;
  });
  CHECK(result == 0);
}

TEST_CASE("a handler interrupts no system call and leaves errno alone", "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  const weft_test::time_limit limit;
  const weft::signal_set signals(SIGUSR1);
  errno = 1234;
  ::raise(SIGUSR1);
  CHECK(errno == 1234);
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pthread_t here = ::pthread_self();
  ssize_t written = 0;
  std::thread other([&] {
    std::this_thread::sleep_for(10ms);
    ::pthread_kill(here, SIGUSR1);
    std::this_thread::sleep_for(10ms);
    written = ::write(ends[1], "x", 1);
  });
  char c;
  const ssize_t got = ::read(ends[0], &c, 1);
  other.join();
  CHECK(written == 1);
  CHECK(got == 1);  // it was restarted
  ::close(ends[0]);
  ::close(ends[1]);
  CHECK(signals.pending() == 2);
}

TEST_CASE("a crash that is real still ends the program that waits for its signal", "[io][signal_set]") {
  if (WEFT_ASAN) return;
  const int result = weft_test::in_child([] {
    const weft::signal_set signals(SIGFPE, SIGSEGV);
    ::raise(SIGSEGV);  // this one was sent
    if (signals.pending() != 1) return 1;
    volatile int* nowhere = nullptr;
    return *nowhere;
  });
  CHECK(result == 128 + SIGSEGV);
}

TEST_CASE("a child process that is sent a signal before it calls exec does not tell its parent's loop",
          "[io][signal_set]") {
  const former_effect unchanged(SIGUSR1);
  run_in_time([]() -> weft::task<> {
    weft::signal_set signals(SIGUSR1);
    auto waits = weft::create_task([&signals]() -> weft::task<> { co_await signals.next(); });
    co_await weft::yield();
    CHECK(weft_test::in_child([] {
            ::raise(SIGUSR1);
            return 0;
          }) == 0);
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    CHECK_FALSE(waits.done());
    CHECK(signals.pending() == 0);
    send(SIGUSR1);
    co_await waits;
  });
}

}  // namespace io_signal_set_test
