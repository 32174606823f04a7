// What happens when the system calls of the loop itself fail: when it is made, and while it waits. See fault_sweep.hpp.
// SPDX-License-Identifier: MIT
#include "faults/fault_sweep.hpp"
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/failing_calls.hpp"
#include "support/failure.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/time_limit.hpp"

#include <weft/weft.hpp>

#include <signal.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

namespace faults_io_loop_test {

using namespace std::chrono_literals;
using weft_test::call;
using weft_test::expect;
using weft_test::failing_call;
using weft_test::fault;
using weft_test::live_allocations;
using weft_test::pace;
using weft_test::scenario;
using weft_test::shows_as;

// std::jthread, which not all libraries have yet.
class joined_thread {
 public:
  template <class Fn>
  explicit joined_thread(Fn fn) : thread_(std::move(fn)) {}
  ~joined_thread() { thread_.join(); }

 private:
  std::thread thread_;
};

const std::vector<scenario> scenarios{
    {"a task that sleeps in real time",
     []() -> weft::task<> {
       const auto before = std::chrono::steady_clock::now();
       co_await weft::sleep_for(3ms);
       co_await weft::sleep_for(2ms);
       expect(std::chrono::steady_clock::now() - before >= 5ms, "it woke too early");
     },
     shows_as::itself, pace::real_time},
    {"a thread that has work for the loop",
     []() -> weft::task<> {
       weft::event_loop& loop = weft::event_loop::current();
       weft::event done;
       int sum = 0;
       const joined_thread worker([&, remote = loop.remote()] {
         for (int i = 1; i <= 3; ++i) {
           remote.call_soon_threadsafe([&sum, i] { sum += i; });
           std::this_thread::sleep_for(1ms);
         }
         remote.call_soon_threadsafe([&done] { done.set(); });
       });
       co_await done.wait();
       expect(sum == 6, "something was not called");
     },
     shows_as::itself, pace::real_time},
    {"tasks in threads, of which one is waited for in vain",
     []() -> weft::task<> {
       const auto sleeps = [](int ms) {
         std::this_thread::sleep_for(std::chrono::milliseconds(ms));
         return ms;
       };
       bool late = false;
       try {
         co_await weft::wait_for(weft::to_thread(sleeps, 20), 2ms);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "a thread was too fast");
       const auto [one, two] = co_await weft::gather(weft::to_thread(sleeps, 1), weft::to_thread(sleeps, 2));
       expect(one + two == 3, "the threads have done something else");
     },
     shows_as::itself, pace::real_time},
};

TEST_CASE("a loop that cannot be made says why, and leaves nothing", "[faults][io]") {
  const weft_test::nothing_left_behind check;
  const std::vector<fault> faults{
      {call::epoll_create1, EMFILE, false}, {call::epoll_create1, ENFILE, false}, {call::epoll_create1, ENOMEM, false},
      {call::eventfd, EMFILE, false},       {call::eventfd, ENFILE, false},       {call::eventfd, ENOMEM, false},
      {call::epoll_ctl, ENOMEM, false},     {call::epoll_ctl, ENOSPC, false},
  };
  const auto make = [] { const weft::event_loop loop; };
  for (const fault& f : faults) {
    int code = 0;
    std::int64_t leaked = 0;
    for (int i = 0; i < 2; ++i) {  // the second time without what is allocated once only
      const std::int64_t before = live_allocations();
      const failing_call failing(f.which, f.error);
      code = weft_test::error_of(make).code.value();
      leaked = live_allocations() - before;
    }
    INFO(weft_test::describe(f));
    CHECK(code == f.error);
    CHECK(leaked == 0);
  }
  make();
}

TEST_CASE("a system call with which the loop waits fails anywhere, and it waits on", "[faults][io]") {
  CHECK(weft_test::sweep(scenarios) >= 8);
}

// A signal is caught from when somebody wants it, and the loop's pipe, which tells the loop of it, is made after that.
TEST_CASE("a signal that comes before the loop's first pipe is heard by a signal_set", "[faults][io]") {
  const weft_test::nothing_left_behind check;
  const weft_test::time_limit limit(30);
  const failing_call first_pipe(call::pipe2, weft_test::after_signal);
  const int heard = weft::run([]() -> weft::task<int> {
    weft::signal_set signals(SIGUSR1);
    co_return co_await signals.next();
  });
  CHECK(heard == SIGUSR1);
  CHECK(first_pipe.happened() == 1);
}

TEST_CASE("a signal that comes before the loop's first pipe calls its handler", "[faults][io]") {
  const weft_test::nothing_left_behind check;
  const weft_test::time_limit limit(30);
  const failing_call first_pipe(call::pipe2, weft_test::after_signal);
  weft::run([]() -> weft::task<> {
    weft::event called;
    weft::add_signal_handler(SIGUSR1, [&called] { called.set(); });
    co_await called.wait();
    weft::remove_signal_handler(SIGUSR1);
  });
  CHECK(first_pipe.happened() == 1);
}

}  // namespace faults_io_loop_test
