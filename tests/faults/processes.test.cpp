// What happens to child processes when memory runs out: operator new fails at the n-th call, for every n.
// SPDX-License-Identifier: MIT
//
// As in allocation.test.cpp. A child that was started must not be left, and no descriptor of its pipes; whoever waits
// for it must be woken all the same.
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/counting_new.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/refuse_system_calls.hpp"

#include <weft/weft.hpp>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>

namespace faults_processes_test {

using namespace std::chrono_literals;
using weft_test::in_child;

weft::process_options all_pipes() {
  weft::process_options options;
  options.standard_input(weft::stdio::pipe).standard_output(weft::stdio::pipe).standard_error(weft::stdio::pipe);
  return options;
}

weft::task<> talk() {
  weft::process child = co_await weft::create_subprocess_exec(all_pipes(), "cat");
  const weft::process_output said = co_await child.communicate("text");
  if (said.output != "text" || child.return_code() != 0) throw std::logic_error("cat has said something else");
}

weft::task<> wait_only() {
  weft::process child = co_await weft::create_subprocess_exec("true");
  co_await child.wait();
}

weft::task<> let_go() {
  weft::process_options options = all_pipes();
  options.grace(20ms);
  { const weft::process child = co_await weft::create_subprocess_exec(options, "sleep", "100"); }
  while (weft_test::has_children()) co_await weft::yield();
}

/// Runs a scenario with allocation n failing, and as many after it as `failures` says. 0: none was left to fail; 1: all
/// went as it should; else what went wrong.
int run_with_failure(weft::task<> (*scenario)(), std::uint64_t n, std::uint64_t failures) {
  const std::int64_t before = weft_test::live_allocations();
  const int descriptors = weft_test::count_descriptors();
  bool happened = false;
  bool clean = true;
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    {
      const weft_test::out_of_memory limit(n, failures);
      try {
        loop.run_until_complete(scenario());
      } catch (const std::bad_alloc&) {
      } catch (...) {
        clean = false;
      }
      happened = limit.happened();
    }
    weft::cancel_all_tasks(loop);
    loop.run_until_complete(wait_only());
  }
  if (!clean) return 2;
  if (weft_test::has_children()) return 3;
  if (weft_test::count_descriptors() != descriptors) return 4;
  if (weft_test::live_allocations() != before) return 5;
  return happened ? 1 : 0;
}

int run_with_each_failure() {
  for (const auto scenario : {talk, wait_only, let_go}) {
    run_with_failure(scenario, 1'000'000, 1);  // what is allocated once only
    for (const std::uint64_t failures : {std::uint64_t{1}, std::uint64_t{1'000'000}}) {
      std::uint64_t n = 0;
      int result = 0;
      while ((result = run_with_failure(scenario, n, failures)) == 1) ++n;
      if (result != 0) return result;
      if (n < 5) return 6;
    }
  }
  return 0;
}

TEST_CASE("memory that runs out while processes are started and run leaves none of them", "[faults]") {
  if (!weft_test::counts_allocations) return;
  CHECK(in_child(run_with_each_failure) == 0);
}

#if defined(SYS_pidfd_open)
TEST_CASE("memory that runs out leaves no process, without pidfds as well", "[faults]") {
  if (!weft_test::counts_allocations) return;
  CHECK(in_child([] {
          if (!weft_test::refuse_system_calls(ENOSYS, SYS_pidfd_open)) return 0;  // not allowed here: nothing to see
          return run_with_each_failure();
        }) == 0);
}
#endif

}  // namespace faults_processes_test
