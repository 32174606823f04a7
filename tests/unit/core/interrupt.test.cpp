// Tests of weft/core/interrupt.hpp: when SIGINT is taken over, what it does then, and that it is given back.
// SPDX-License-Identifier: MIT
//
// All in child processes: Catch2 handles SIGINT itself, and a signal too many would end the tests.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/loop_steps.hpp"
#include "support/pollers.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/interrupt.hpp>
#include <weft/core/runnable.hpp>

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace core_interrupt_test {

using namespace std::chrono_literals;
using weft_test::in_child;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

static_assert(!std::is_copy_constructible_v<weft::interrupt_guard>);

using handler = void (*)(int);

handler disposition() {
  struct sigaction action {};
  ::sigaction(SIGINT, nullptr, &action);
  return action.sa_handler;
}

volatile sig_atomic_t handled_by_user = 0;
void user_handler(int) { handled_by_user = handled_by_user + 1; }

struct response final : weft::runnable {
  explicit response(std::function<void()> f) : function(std::move(f)) {}
  void run() override { function(); }
  std::function<void()> function;
};

TEST_CASE("SIGINT is taken over while a guard lives, and given back", "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    {
      const weft::interrupt_guard guard(loop);
      if (disposition() == SIG_DFL) return 1;
      ::raise(SIGINT);
      if (loop.inbox().take_interrupts() != 1) return 2;
      ::raise(SIGINT);
      ::raise(SIGINT);
      if (loop.inbox().take_interrupts() != 2) return 3;
    }
    if (disposition() != SIG_DFL) return 4;
    weft::interrupt_guard again(loop);
    if (disposition() == SIG_DFL) return 5;
    again.restore();
    if (disposition() != SIG_DFL) return 6;
    again.restore();
    return disposition() == SIG_DFL ? 0 : 7;
  });
  CHECK(result == 0);
}

TEST_CASE("after the guard SIGINT ends the program again", "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    { const weft::interrupt_guard guard(loop); }
    ::raise(SIGINT);
    return 0;
  });
  CHECK(result == 128 + SIGINT);
}

TEST_CASE("who handles or ignores SIGINT already is left alone", "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    ::signal(SIGINT, user_handler);
    {
      const weft::interrupt_guard guard(loop);
      if (disposition() != user_handler) return 1;
      ::raise(SIGINT);
      if (handled_by_user != 1) return 2;
      if (loop.inbox().take_interrupts() != 0) return 3;
    }
    if (disposition() != user_handler) return 4;
    ::signal(SIGINT, SIG_IGN);
    {
      const weft::interrupt_guard guard(loop);
      if (disposition() != SIG_IGN) return 5;
    }
    return disposition() == SIG_IGN ? 0 : 6;
  });
  CHECK(result == 0);
}

TEST_CASE("a handler that the program installs while a guard lives stays", "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    {
      const weft::interrupt_guard guard(loop);
      ::signal(SIGINT, user_handler);
    }
    if (disposition() != user_handler) return 1;
    ::raise(SIGINT);
    return handled_by_user == 1 ? 0 : 2;
  });
  CHECK(result == 0);
}

TEST_CASE("a handler that was put over a guard's can tell whether the guard has gone", "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    struct sigaction guards {};
    {
      const weft::interrupt_guard guard(loop);
      struct sigaction own {};
      own.sa_handler = user_handler;
      ::sigaction(SIGINT, &own, &guards);
      if (weft::interrupt_guard::has_gone(guards)) return 1;
      if (weft::interrupt_guard::has_gone(own)) return 2;
    }
    if (!weft::interrupt_guard::has_gone(guards)) return 3;
    return disposition() == user_handler ? 0 : 4;
  });
  CHECK(result == 0);
}

TEST_CASE("SIGINT is taken over in the main thread only", "[core][interrupt]") {
  const int result = in_child([] {
    int wrong = 0;
    std::thread([&] {
      weft::event_loop loop;
      const weft::interrupt_guard guard(loop);
      wrong = disposition() != SIG_DFL;
    }).join();
    return wrong;
  });
  CHECK(result == 0);
}

TEST_CASE("the loop's interrupt handler is called once a signal, before the callbacks of the pass",
          "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    std::string log;
    response on_interrupt([&] { log += "i"; });
    loop.set_interrupt_handler(&on_interrupt);
    const weft::interrupt_guard guard(loop);
    loop.call_soon([&] {
      log += "a";
      ::raise(SIGINT);
      ::raise(SIGINT);
      loop.call_soon([&] { log += "c"; });
      log += "b";
    });
    run_until_idle(loop);
    if (log != "abiic") return 1;
    loop.set_interrupt_handler(nullptr);
    loop.call_soon([] { ::raise(SIGINT); });
    run_until_idle(loop);  // nobody asked: nothing happens
    return log == "abiic" ? 0 : 2;
  });
  CHECK(result == 0);
}

TEST_CASE("what the interrupt handler throws leaves run_forever, and nothing is lost", "[core][interrupt]") {
  const int result = in_child([] {
    weft::event_loop loop;
    response on_interrupt([] { throw 5; });
    loop.set_interrupt_handler(&on_interrupt);
    const weft::interrupt_guard guard(loop);
    int calls = 0;
    loop.call_soon([&] {
      loop.call_soon([&] { ++calls; });
      loop.call_later(0s, [&] { ++calls; });
      loop.remote().call_soon_threadsafe([&] { ++calls; });
      ::raise(SIGINT);
    });
    try {
      loop.run_forever();
      return 1;
    } catch (int thrown) {
      if (thrown != 5) return 2;
    }
    if (loop.is_running() || weft::event_loop::current_or_null() != nullptr) return 3;
    if (calls != 0) return 4;
    run_until_idle(loop);
    return calls == 3 ? 0 : 5;
  });
  CHECK(result == 0);
}

TEST_CASE("SIGINT wakes a loop that waits", "[core][interrupt]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const int result = in_child([&] {
    const auto poller = weft_test::make_poller(name);
    weft::event_loop loop({.poller = poller.get()});
    response on_interrupt([&] { loop.stop(); });
    loop.set_interrupt_handler(&on_interrupt);
    const weft::interrupt_guard guard(loop);
    loop.call_later(1h, [] {});
    std::thread sender([] {
      std::this_thread::sleep_for(20ms);
      ::kill(::getpid(), SIGINT);
    });
    loop.run_forever();
    sender.join();
    return 0;
  });
  CHECK(result == 0);
}

}  // namespace core_interrupt_test
