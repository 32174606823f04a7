// What CPython's tests of asyncio's event loop on Unix say: signal handlers.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/signals.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/detail/config.hpp>
#include <weft/io/add_signal_handler.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>

namespace asyncio_unix_events_test {

using weft_test::disposition_of;
using weft_test::event_log;
using weft_test::run_one_pass;
using weft_test::send;

struct loop_with_signals {
  const weft_test::time_limit limit;
  const weft_test::former_effect hup{SIGHUP};
  const weft_test::former_effect chld{SIGCHLD};
  event_log log;
  weft::event_loop loop;
};

// CPython: unix_events SelectorEventLoopSignalTests.test_check_signal
TEST_CASE_METHOD(loop_with_signals, "a number that is no signal's is refused when a handler is added or removed",
                 "[asyncio][unix_events]") {
  CHECK_THROWS_AS(weft::add_signal_handler(loop, NSIG + 1, [] {}), std::invalid_argument);
  CHECK_THROWS_AS(weft::remove_signal_handler(loop, NSIG + 1), std::invalid_argument);
}

// CPython: unix_events SelectorEventLoopSignalTests.test_handle_signal_no_handler
TEST_CASE_METHOD(loop_with_signals, "a signal whose handler is gone when the loop hears of it is no matter",
                 "[asyncio][unix_events]") {
  weft::add_signal_handler(loop, SIGHUP, [this] { log("hup"); });
  weft::add_signal_handler(loop, SIGCHLD, [this] { log("chld"); });
  send(SIGHUP);
  send(SIGCHLD);
  weft::remove_signal_handler(loop, SIGHUP);
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(log.text() == "chld");
}

// CPython: unix_events SelectorEventLoopSignalTests.test_add_signal_handler_setup_error
TEST_CASE_METHOD(loop_with_signals, "a signal handler cannot be added in another thread than the main one",
                 "[asyncio][unix_events]") {
  std::thread([&] { CHECK_THROWS_AS(weft::add_signal_handler(loop, SIGHUP, [] {}), weft::usage_error); }).join();
  CHECK_FALSE(hup.taken_over());
}

// CPython: unix_events SelectorEventLoopSignalTests.test_add_signal_handler
TEST_CASE_METHOD(loop_with_signals, "a signal handler that is added is kept, and called", "[asyncio][unix_events]") {
  weft_test::census counts;
  weft::add_signal_handler(loop, SIGHUP, [this, t = weft_test::tracked(counts)] { log("hup"); });
  CHECK(counts.alive == 1);
  CHECK(hup.taken_over());
  for (int i = 0; i < 2; ++i) {
    send(SIGHUP);
    run_one_pass(loop);
    run_one_pass(loop);
  }
  CHECK(log.text() == "hup hup");
  CHECK(weft::remove_signal_handler(loop, SIGHUP));
  CHECK(counts.alive == 0);
}

// CPython: unix_events SelectorEventLoopSignalTests.test_add_signal_handler_install_error
TEST_CASE("an error of the system while a signal handler is added is thrown on, and nothing was added",
          "[asyncio][unix_events]") {
  if (WEFT_ASAN) return;  // with it runs UBSan, which needs a pipe of its own to look at the exception
  const int result = weft_test::in_child([] {
    weft::event_loop loop;
    const int lowest = ::dup(0);
    ::close(lowest);
    rlimit limits{};
    ::getrlimit(RLIMIT_NOFILE, &limits);
    const rlimit none{static_cast<rlim_t>(lowest), limits.rlim_max};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
    try {
      weft::add_signal_handler(loop, SIGINT, [] {});
      return 2;
    } catch (const std::system_error& e) {
      if (e.code() != std::errc::too_many_files_open) return 3;
    }
    if (weft::remove_signal_handler(loop, SIGINT)) return 4;
    return disposition_of(SIGINT) == SIG_DFL ? 0 : 5;
  });
  CHECK(result == 0);
}

// CPython: unix_events SelectorEventLoopSignalTests.test_remove_signal_handler
TEST_CASE_METHOD(loop_with_signals, "a signal handler that is removed leaves the signal with its default effect",
                 "[asyncio][unix_events]") {
  CHECK(disposition_of(SIGHUP) == SIG_DFL);
  weft::add_signal_handler(loop, SIGHUP, [] {});
  CHECK(weft::remove_signal_handler(loop, SIGHUP));
  CHECK(disposition_of(SIGHUP) == SIG_DFL);
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);  // the loop does not wait for signals any more
}

// CPython: unix_events SelectorEventLoopSignalTests.test_remove_signal_handler_2
TEST_CASE_METHOD(loop_with_signals, "when the handler of SIGINT is removed, others work on", "[asyncio][unix_events]") {
  const weft_test::former_effect unchanged(SIGINT);
  weft::add_signal_handler(loop, SIGINT, [this] { log("int"); });
  weft::add_signal_handler(loop, SIGHUP, [this] { log("hup"); });
  CHECK(unchanged.taken_over());
  CHECK(weft::remove_signal_handler(loop, SIGINT));
  CHECK_FALSE(unchanged.taken_over());
  send(SIGHUP);
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(log.text() == "hup");
}

// CPython: unix_events SelectorEventLoopSignalTests.test_close
TEST_CASE_METHOD(loop_with_signals, "a loop that goes removes its signal handlers", "[asyncio][unix_events]") {
  weft_test::census counts;
  {
    weft::event_loop other;
    weft::add_signal_handler(other, SIGHUP, [t = weft_test::tracked(counts)] {});
    weft::add_signal_handler(other, SIGCHLD, [t = weft_test::tracked(counts)] {});
    CHECK(counts.alive == 2);
    CHECK((hup.taken_over() && chld.taken_over()));
  }
  CHECK(counts.alive == 0);
  CHECK_FALSE((hup.taken_over() || chld.taken_over()));
}

}  // namespace asyncio_unix_events_test
