// Tests of weft/core/run.hpp: SIGINT, in child processes.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/pollers.hpp"
#include "support/witness.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace core_run_interrupt_test {

using namespace std::chrono_literals;
using weft_test::in_child;
using weft_test::witness;
using weft_test::words;

weft::task<int> answer() { co_return 42; }

void interrupt() { ::raise(SIGINT); }

using handler = void (*)(int);

handler disposition() {
  struct sigaction action {};
  ::sigaction(SIGINT, nullptr, &action);
  return action.sa_handler;
}

// What main(log) does in a child process with SIGINT in its default state: the log must be as expected, the end of
// run() the last entry of it. Zero if so; otherwise the child says on stderr what was different.
template <class Main>
int run_in_child(Main main, const words& expected) {
  return in_child([&] {
    words log;
    try {
      weft::run(main, std::ref(log));
      log.emplace_back("returned");
    } catch (const weft::keyboard_interrupt&) {
      log.emplace_back("keyboard_interrupt");
    } catch (const weft::cancelled_error&) {
      log.emplace_back("cancelled_error");
    } catch (const std::exception& e) {
      log.emplace_back(e.what());
    }
    if (disposition() != SIG_DFL) log.emplace_back("and SIGINT was not given back");
    if (log == expected) return 0;
    for (const std::string& entry : log) std::fprintf(stderr, "child: %s\n", entry.c_str());
    return 1;
  });
}

weft::task<> sleeper(words& log, std::string name) {
  const witness w(log, std::move(name));
  co_await weft::sleep_for(1h);
}

TEST_CASE("the first SIGINT cancels main, which tidies up, and run throws keyboard_interrupt",
          "[core][run][interrupt]") {
  const auto main = [](words& log) -> weft::task<> {
    weft::create_task(sleeper(log, "other"));
    co_await weft::yield();
    bool cancelled = false;
    try {
      interrupt();
      log.emplace_back("the step goes on");
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    if (cancelled) co_await weft::sleep_for(1ms);
    log.emplace_back("main is tidy");
    if (cancelled) throw weft::cancelled_error();
  };
  CHECK(run_in_child(main, {"the step goes on", "main is tidy", "other", "keyboard_interrupt"}) == 0);
}

TEST_CASE("a main task that swallows the cancellation returns normally", "[core][run][interrupt]") {
  const auto main = [](words& log) -> weft::task<> {
    try {
      interrupt();
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      log.emplace_back("swallowed");
    }
  };
  CHECK(run_in_child(main, {"swallowed", "returned"}) == 0);
}

TEST_CASE("what main throws instead of the cancellation is what run throws", "[core][run][interrupt]") {
  const auto main = [](words&) -> weft::task<> {
    try {
      interrupt();
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      throw std::runtime_error("broken");
    }
  };
  CHECK(run_in_child(main, {"broken"}) == 0);
}

TEST_CASE("if main was cancelled by others, too, run throws cancelled_error", "[core][run][interrupt]") {
  const auto main = [](words&) -> weft::task<> {
    auto self = weft::current_task();
    weft::event_loop::current().call_later(5ms, [self]() mutable { self.cancel(); });
    bool again = false;
    try {
      interrupt();
      co_await weft::sleep_for(1h);
    } catch (const weft::cancelled_error&) {
      again = true;
    }
    if (again) co_await weft::sleep_for(1h);
  };
  CHECK(run_in_child(main, {"cancelled_error"}) == 0);
}

TEST_CASE("the second SIGINT ends the loop at once, though a task keeps it busy", "[core][run][interrupt]") {
  const auto busy = [](words& log) -> weft::task<> {
    const witness w(log, "busy");
    for (;;) co_await weft::yield();
  };
  const auto main = [&busy](words& log) -> weft::task<> {
    weft::create_task(busy(log));
    for (int interrupts = 0; interrupts < 2; ++interrupts) {
      try {
        interrupt();
        for (;;) co_await weft::yield();
      } catch (const weft::cancelled_error&) {
        log.emplace_back("swallowed");
      }
    }
    log.emplace_back("main goes on");
  };
  // The second one is not swallowed as the first was: the loop ends, and the end of all tasks cancels main again.
  CHECK(run_in_child(main, {"swallowed", "busy", "swallowed", "main goes on", "keyboard_interrupt"}) == 0);
}

TEST_CASE("two SIGINTs within one pass are two", "[core][run][interrupt]") {
  const auto main = [](words& log) -> weft::task<> {
    const witness w(log, "main");
    interrupt();
    interrupt();
    co_await weft::sleep_for(1h);
  };
  CHECK(run_in_child(main, {"main", "keyboard_interrupt"}) == 0);
}

TEST_CASE("the third SIGINT ends a program that does not want to end, and its objects are destroyed",
          "[core][run][interrupt]") {
  const auto main = [](words& log) -> weft::task<> {
    const witness w(log, "main");
    int turns = 0;
    for (;;) {
      try {
        if (++turns % 10 == 0) interrupt();
        co_await weft::yield();
      } catch (const weft::cancelled_error&) {
      }
    }
  };
  CHECK(run_in_child(main, {"main", "keyboard_interrupt"}) == 0);
}

TEST_CASE("SIGINT while run() waits for the tasks that are left ends that wait, and destroys them",
          "[core][run][interrupt]") {
  const auto tidies_up_for_long = [](words& log) -> weft::task<> {
    const witness w(log, "other");
    try {
      co_await weft::sleep_for(1h);
      log.emplace_back("not reached");
    } catch (const weft::cancelled_error&) {
    }
    weft::event_loop::current().call_later(1ms, interrupt);
    co_await weft::sleep_for(1h);
    log.emplace_back("not reached");
  };
  SECTION("after main has returned") {
    const auto main = [&](words& log) -> weft::task<> {
      weft::create_task(tidies_up_for_long(log));
      co_await weft::yield();
    };
    CHECK(run_in_child(main, {"other", "keyboard_interrupt"}) == 0);
  }
  SECTION("after main was interrupted, too") {
    const auto main = [&](words& log) -> weft::task<> {
      const witness w(log, "main");
      weft::create_task(tidies_up_for_long(log));
      co_await weft::yield();
      interrupt();
      co_await weft::sleep_for(1h);
    };
    CHECK(run_in_child(main, {"main", "other", "keyboard_interrupt"}) == 0);
  }
}

TEST_CASE("the third SIGINT kills a program whose loop has not come round to the first", "[core][run][interrupt]") {
  const auto main = [](words&) -> weft::task<> {
    for (int i = 0; i < 3; ++i) interrupt();
    co_return;
  };
  CHECK(run_in_child(main, {}) == 128 + SIGINT);
}

TEST_CASE("SIGINT in the last moments of main is not lost", "[core][run][interrupt]") {
  SECTION("in its last step") {
    const auto main = [](words&) -> weft::task<> {
      interrupt();
      co_return;
    };
    CHECK(run_in_child(main, {"keyboard_interrupt"}) == 0);
  }
  SECTION("in the loop's last pass") {
    const auto main = [](words&) -> weft::task<> {
      weft::current_task().add_done_callback([](const weft::task_ref&) { interrupt(); });
      co_return;
    };
    CHECK(run_in_child(main, {"keyboard_interrupt"}) == 0);
  }
}

TEST_CASE("SIGINT ends a long wait promptly, on any poller", "[core][run][interrupt]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const int result = in_child([&] {
    const auto poller = weft_test::make_poller(name);
    std::thread sender;
    const auto main = [&]() -> weft::task<> {
      sender = std::thread([] {
        std::this_thread::sleep_for(30ms);
        ::kill(::getpid(), SIGINT);
      });
      co_await weft::sleep_for(1h);
    };
    int end = 1;
    try {
      weft::run(main(), {.poller = poller.get()});
    } catch (const weft::keyboard_interrupt&) {
      end = 0;
    }
    sender.join();
    return end;
  });
  CHECK(result == 0);
}

TEST_CASE("SIGINT works on virtual time, too", "[core][run][interrupt]") {
  const int result = in_child([] {
    weft::virtual_clock time;
    const auto main = []() -> weft::task<> {
      for (int i = 0; i < 1'000'000; ++i) {
        if (i == 10) interrupt();
        co_await weft::sleep_for(1ms);
      }
    };
    try {
      weft::run(main(), {.clock = &time});
      return 1;
    } catch (const weft::keyboard_interrupt&) {
      return time.now() < weft::time_point{1s} ? 0 : 2;
    }
  });
  CHECK(result == 0);
}

TEST_CASE("run leaves a program's own SIGINT handler alone", "[core][run][interrupt]") {
  const int result = in_child([] {
    static volatile sig_atomic_t handled = 0;
    const auto own = [](int) { handled = handled + 1; };
    ::signal(SIGINT, own);
    const auto main = []() -> weft::task<int> {
      interrupt();
      co_await weft::sleep_for(1ms);
      co_return 7;
    };
    if (weft::run(main()) != 7) return 1;
    if (handled != 1) return 2;
    if (disposition() != static_cast<handler>(own)) return 3;

    // One that main installs itself stays as well.
    ::signal(SIGINT, SIG_DFL);
    const auto installs = []() -> weft::task<> {
      ::signal(SIGINT, SIG_IGN);
      co_return;
    };
    weft::run(installs());
    return disposition() == SIG_IGN ? 0 : 4;
  });
  CHECK(result == 0);
}

TEST_CASE("after an interrupted run another one works, and can be interrupted, too", "[core][run][interrupt]") {
  const int result = in_child([] {
    for (int round = 0; round < 3; ++round) {
      try {
        const auto main = []() -> weft::task<> {
          interrupt();
          co_await weft::sleep_for(1h);
        };
        weft::run(main());
        return 1;
      } catch (const weft::keyboard_interrupt&) {
      }
      if (weft::run(answer()) != 42) return 2;
    }
    return 0;
  });
  CHECK(result == 0);
}

}  // namespace core_run_interrupt_test
