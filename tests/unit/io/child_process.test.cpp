// Tests of weft/io/child_process.hpp: how a child's end is seen, signals, and that none is left when nobody wants it.
// SPDX-License-Identifier: MIT
#include "support/child_process.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/pass_counter.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/refuse_system_calls.hpp"
#include "support/shell.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/process.hpp>
#include <weft/io/process_options.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io_child_process_test {

using namespace std::chrono_literals;
using weft::process;
using weft::process_options;
using weft::stdio;
using weft_test::event_log;
using weft_test::in_child;
using weft_test::run_with_processes;

/// Runs until its standard input is closed.
weft::task<process> start_cat(weft::duration grace = 0s) {
  process_options options;
  options.standard_input(stdio::pipe).standard_output(stdio::pipe).grace(grace);
  return weft::create_subprocess_exec(options, "cat");
}

/// Says "ready", and ignores SIGTERM. It ends when its standard input does, or is killed.
weft::task<process> start_stubborn(weft::duration grace) {
  process_options options;
  options.standard_input(stdio::pipe).standard_output(stdio::pipe).grace(grace);
  process child =
      co_await weft::create_subprocess_shell("trap '' TERM; echo ready; while :; do sleep 0.01; done", options);
  const std::string ready = co_await child.output().read_line();
  CHECK(ready == "ready\n");
  co_return child;
}

bool is_there(int pid) { return ::kill(pid, 0) == 0; }

weft::duration since(std::chrono::steady_clock::time_point start) { return std::chrono::steady_clock::now() - start; }

weft::task<> say_code(process& child, event_log& log, std::string name) {
  const int code = co_await child.wait();
  log(name + std::to_string(code));
}

// ---- the end ----

TEST_CASE("a child's end is seen with its code, on each poller", "[io][child_process]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const weft_test::nothing_left_behind check;
  const auto poller = weft_test::make_poller(name);
  weft::run({.poller = poller.get()}, []() -> weft::task<> {
    for (const int expected : {0, 1, 7, 127, 255}) {
      process child = co_await weft::create_subprocess_shell("exit " + std::to_string(expected));
      const int code = co_await child.wait();
      CHECK(code == expected);
      CHECK(child.return_code() == expected);
    }
  });
}

TEST_CASE("a child that a signal has ended has the negative number as its code", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    for (const int number : {SIGTERM, SIGKILL, SIGINT, SIGUSR1}) {
      process child = co_await weft::create_subprocess_shell("kill -" + std::to_string(number) + " $$");
      const int code = co_await child.wait();
      CHECK(code == -number);
      CHECK(child.return_code() == -number);
    }
  });
}

TEST_CASE("there is no code while a child runs", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    CHECK(is_there(child.pid()));
    co_await weft::sleep_for(20ms);
    CHECK_FALSE(child.return_code().has_value());
    child.input().close();
    const int code = co_await child.wait();
    CHECK(code == 0);
    CHECK_FALSE(is_there(child.pid()));
  });
}

TEST_CASE("a child is reaped although nobody waits for it", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec("true");
    while (!child.return_code()) co_await weft::sleep_for(1ms);
    CHECK(child.return_code() == 0);
    CHECK_FALSE(weft_test::has_children());
  });
}

TEST_CASE("several tasks wait for one child, and go on in the order in which they came", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    event_log log;
    process child = co_await start_cat();
    auto a = weft::create_task(say_code(child, log, "a"));
    auto b = weft::create_task(say_code(child, log, "b"));
    auto c = weft::create_task(say_code(child, log, "c"));
    co_await weft::yield();
    child.kill();
    co_await weft::gather(a, b, c);
    CHECK(log.text() == "a-9 b-9 c-9");
  });
}

TEST_CASE("waiting for a child that has ended takes no pass", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("exit 3");
    co_await child.wait();
    const weft_test::pass_counter counter;
    for (int i = 0; i < 3; ++i) {
      const int code = co_await child.wait();
      CHECK(code == 3);
    }
    CHECK(counter.passes() == 0);
  });
}

TEST_CASE("a wait that is cancelled changes nothing for the child, nor for others who wait", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    event_log log;
    process child = co_await start_cat();
    auto a = weft::create_task(say_code(child, log, "a"));
    auto b = weft::create_task(say_code(child, log, "b"));
    co_await weft::yield();
    a.cancel();
    const auto end_of_a = co_await weft::outcome_of(a);
    CHECK(end_of_a.cancelled());
    CHECK_FALSE(child.return_code().has_value());
    child.input().close();
    co_await b;
    CHECK(log.text() == "b0");
    const int code = co_await child.wait();
    CHECK(code == 0);
  });
}

TEST_CASE("a wait that is cancelled after the end is cancelled all the same", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    event_log log;
    process child = co_await start_cat();
    weft::task_ref second;
    auto first = weft::create_task([&]() -> weft::task<> {
      co_await child.wait();
      second.cancel();  // woken as well, and not resumed yet
    });
    auto waits = weft::create_task(say_code(child, log, "second"));
    second = waits;
    co_await weft::yield();
    child.input().close();
    co_await first;
    const auto end_of_waits = co_await weft::outcome_of(waits);
    CHECK(end_of_waits.cancelled());
    CHECK(log.text().empty());
  });
}

TEST_CASE("a wait can have a time limit", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    const auto wait = [&]() -> weft::task<int> { co_return co_await child.wait(); };
    bool late = false;
    try {
      co_await weft::with_timeout(10ms, wait);
    } catch (const weft::timeout_error&) {
      late = true;
    }
    CHECK(late);
    child.terminate();
    const int code = co_await child.wait();
    CHECK(code == -SIGTERM);
  });
}

TEST_CASE("a loop that is destroyed takes its children and those who wait for them with it", "[io][child_process]") {
  const weft_test::time_limit limit;
  const weft_test::nothing_left_behind check;
  int pid = 0;
  event_log log;
  {
    weft::event_loop loop;
    std::optional<process> child;
    auto waits = loop.create_task([&]() -> weft::task<> {
      child.emplace(co_await start_cat());
      pid = child->pid();
      const weft_test::says_goodbye goodbye(log, "goodbye");
      loop.stop();
      co_await child->wait();
      log("never");
    });
    loop.run_forever();
    CHECK(is_there(pid));
    CHECK(child->return_code() == std::nullopt);
    loop.set_exception_handler([](const weft::exception_context&) {});  // that a task was pending
    child.reset();
    CHECK(is_there(pid));  // killed, and not reaped yet
  }
  CHECK_FALSE(is_there(pid));
  CHECK(log.text() == "goodbye");
}

TEST_CASE("a process can outlive its loop: it has ended then", "[io][child_process]") {
  process child = run_with_processes([]() -> weft::task<process> { return start_cat(); });
  CHECK(child.return_code() == -SIGKILL);
  child.terminate();
  child.kill();
  CHECK(child.pid() > 0);
}

TEST_CASE("a loop that goes kills its children before it closes their pipes: they never see the end of their input",
          "[io][child_process]") {
  const std::vector<process> children = run_with_processes([]() -> weft::task<std::vector<process>> {
    std::vector<process> started;
    for (int i = 0; i < 50; ++i) started.push_back(co_await start_cat());
    co_return started;
  });
  for (const process& child : children) CHECK(child.return_code() == -SIGKILL);
}

TEST_CASE("a wait for a child that was moved from says so, and one that is awaited again gives the code again",
          "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("exit 3");
    auto first = child.wait();
    auto second = std::move(first);
    int code = co_await std::move(second);
    CHECK(code == 3);
    code = co_await std::move(second);
    CHECK(code == 3);
    const auto empty = co_await weft::outcome_of(std::move(first));
    CHECK_THROWS_AS(empty.value(), weft::invalid_state_error);
    CHECK_THROWS_WITH(empty.value(), weft_test::contains("moved from"));
  });
}

TEST_CASE("who waits for a child says so in reports", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    const weft::process_exit_awaiter waits = child.wait();
    CHECK(waits.describe() == "process " + std::to_string(child.pid()) + " to end");
  });
}

TEST_CASE("one that somebody else has reaped has ended with 255", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    child.kill();
    int status = 0;
    CHECK(::waitpid(child.pid(), &status, 0) == child.pid());
    child.kill();  // nobody is hit, nothing is thrown
    const int code = co_await child.wait();
    CHECK(code == 255);
  });
}

TEST_CASE("where SIGCHLD is ignored all children end with 255", "[io][child_process]") {
  CHECK(in_child([] {
          ::signal(SIGCHLD, SIG_IGN);
          const int bad = weft::run([]() -> weft::task<int> {
            process quick = co_await weft::create_subprocess_exec("true");
            process slow = co_await start_cat();
            const int code = co_await quick.wait();
            slow.kill();
            const int other = co_await slow.wait();
            process dropped = co_await start_cat();
            co_return code == 255 && other == 255 ? 0 : 1;
          });
          return bad + (weft_test::has_children() ? 2 : 0);
        }) == 0);
}

// ---- signals ----

TEST_CASE("signals reach the child", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    process child = co_await weft::create_subprocess_shell(
        "trap 'echo usr1' USR1; trap 'echo term; exit 4' TERM; echo ready; while :; do sleep 0.01; done", options);
    std::string line = co_await child.output().read_line();
    CHECK(line == "ready\n");
    child.send_signal(0);  // asks only whether one could be sent
    child.send_signal(SIGUSR1);
    line = co_await child.output().read_line();
    CHECK(line == "usr1\n");
    child.terminate();
    line = co_await child.output().read_line();
    CHECK(line == "term\n");
    const int code = co_await child.wait();
    CHECK(code == 4);
  });
}

TEST_CASE("a child that has ended gets no signals", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec("true");
    siginfo_t info{};
    CHECK(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT) == 0);
    child.terminate();  // it is a zombie, which the loop has not seen yet
    child.kill();
    const int code = co_await child.wait();
    CHECK(code == 0);
    child.terminate();
    child.kill();
    child.send_signal(SIGUSR1);
  });
}

TEST_CASE("a signal that does not exist is refused while the child runs", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    for (const int number : {-1, 1000}) {
      std::error_code code;
      std::string what;
      try {
        child.send_signal(number);
      } catch (const std::system_error& e) {
        code = e.code();
        what = e.what();
      }
      CHECK(code == std::errc::invalid_argument);
      CHECK_THAT(what, weft_test::contains("signal " + std::to_string(number)));
    }
    child.input().close();
    const int ended = co_await child.wait();
    CHECK(ended == 0);
    child.send_signal(1000);  // there is nobody to send it to
  });
}

// ---- nobody wants it any more ----

TEST_CASE("a process that goes is killed at once, and reaped by the loop", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    int pid = 0;
    {
      const process child = co_await start_stubborn(0s);
      pid = child.pid();
    }
    const auto start = std::chrono::steady_clock::now();
    while (is_there(pid)) co_await weft::sleep_for(1ms);
    CHECK(since(start) < 5s);
    CHECK_FALSE(weft_test::has_children());
  });
}

TEST_CASE("one with a grace time is told to terminate first", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    const weft_test::nothing_left_behind check;
    weft_test::channel out;
    {
      process_options options;
      options.standard_input(stdio::pipe).standard_output(stdio::pipe).grace(20s);
      options.standard_error(stdio::descriptor(out.writer.get()));
      process child = co_await weft::create_subprocess_shell(
          "trap 'echo bye >&2; exit' TERM; echo ready; while :; do sleep 0.01; done", options);
      const std::string ready = co_await child.output().read_line();
      CHECK(ready == "ready\n");
    }
    const auto start = std::chrono::steady_clock::now();
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);
    CHECK(since(start) < 10s);
    out.receive();  // from "bye"
  });
}

TEST_CASE("one that ignores that is killed when its grace time has passed", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    std::chrono::steady_clock::time_point start;
    {
      const process child = co_await start_stubborn(100ms);
      start = std::chrono::steady_clock::now();
    }
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);
    CHECK(since(start) >= 100ms);
    CHECK(since(start) < 5s);
  });
}

TEST_CASE("one that has ended is not told anything, with or without a grace time", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    for (const weft::duration grace : {weft::duration(0s), weft::duration(10s)}) {
      process child = co_await start_cat(grace);
      child.input().close();
      co_await child.wait();
    }
  });
}

TEST_CASE("a process goes with the task that owns it", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    int pid = 0;
    auto owner = weft::create_task([&]() -> weft::task<> {
      process child = co_await start_stubborn(0s);
      pid = child.pid();
      co_await child.wait();
    });
    while (pid == 0) co_await weft::sleep_for(1ms);
    owner.cancel();
    const auto end_of_owner = co_await weft::outcome_of(owner);
    CHECK(end_of_owner.cancelled());
    while (is_there(pid)) co_await weft::sleep_for(1ms);
    CHECK_FALSE(weft_test::has_children());
  });
}

TEST_CASE("a process whose start is not awaited is never started", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    { const weft::task<process> unstarted = start_cat(); }
    auto cancelled = weft::create_task(start_cat());
    cancelled.cancel();
    const auto end_of_cancelled = co_await weft::outcome_of(cancelled);
    CHECK(end_of_cancelled.cancelled());
    CHECK_FALSE(weft_test::has_children());
  });
}

TEST_CASE("a process that nobody takes from its task goes with it", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    {
      auto started = weft::create_task(start_cat());
      while (!started.done()) co_await weft::yield();
      CHECK(weft_test::has_children());
    }
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);
  });
}

TEST_CASE("the end of the loop leaves no child: those that run are killed", "[io][child_process]") {
  const auto start = std::chrono::steady_clock::now();
  run_with_processes([]() -> weft::task<> {
    std::vector<process> children;
    for (int i = 0; i < 10; ++i) children.push_back(co_await start_stubborn(0s));
  });
  CHECK(since(start) < 10s);
}

TEST_CASE("the end of the loop waits for the grace time, once for all children", "[io][child_process]") {
  std::chrono::steady_clock::time_point start;
  run_with_processes([&]() -> weft::task<> {
    std::vector<process> children;
    for (int i = 0; i < 8; ++i) children.push_back(co_await start_stubborn(500ms));
    start = std::chrono::steady_clock::now();
  });
  CHECK(since(start) >= 500ms);
  CHECK(since(start) < 2s);  // and not four seconds
}

TEST_CASE("the end of the loop waits no longer than the children need", "[io][child_process]") {
  std::chrono::steady_clock::time_point start;
  run_with_processes([&]() -> weft::task<> {
    std::vector<process> children;
    for (int i = 0; i < 4; ++i) children.push_back(co_await start_cat(30s));
    start = std::chrono::steady_clock::now();
  });
  CHECK(since(start) < 10s);
}

TEST_CASE("a child may be given all the time in the world", "[io][child_process]") {
  run_with_processes([]() -> weft::task<> {
    { const process child = co_await start_cat(weft::duration::max()); }
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);
    const process at_the_end = co_await start_cat(weft::duration::max());
  });
}

// A program with the rights of another user, for instance.
TEST_CASE("the end of the loop does not wait for one that may not be killed", "[io][child_process]") {
#if defined(__linux__)
  const auto start = std::chrono::steady_clock::now();
  CHECK(in_child([] {
          if (!weft_test::refuse_system_calls(EPERM, SYS_kill, SYS_pidfd_send_signal)) return 0;
          return weft::run([]() -> weft::task<int> {
            process_options options;
            options.standard_input(stdio::null);
            process child = co_await weft::create_subprocess_exec(options, "sleep", "3");
            bool refused = false;
            try {
              child.kill();
            } catch (const std::system_error& e) {
              refused = e.code() == std::errc::operation_not_permitted;
            }
            co_return refused ? 0 : 1;
          });
        }) == 0);
  CHECK(since(start) < 2s);
#endif
}

// ---- a kernel without pidfds ----

#if defined(SYS_pidfd_open)
/// Each step of the life of a child; the number of the one that goes wrong, or 0.
int live_without_pidfds(int refused_with) {
  if (!weft_test::refuse_system_calls(refused_with, SYS_pidfd_open)) return 0;  // not allowed here: nothing to see
  const int before = weft_test::count_descriptors();
  const int wrong = weft::run([]() -> weft::task<int> {
    process quick = co_await weft::create_subprocess_shell("exit 7");
    const int code = co_await quick.wait();
    if (code != 7) co_return 1;

    process child = co_await start_cat();
    const weft::process_output said = co_await child.communicate("text");
    if (said.output != "text" || child.return_code() != 0) co_return 2;

    process slow = co_await start_cat();
    slow.terminate();
    const int ended = co_await slow.wait();
    if (ended != -SIGTERM) co_return 3;

    { const process dropped = co_await start_stubborn(0s); }
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);

    const auto start = std::chrono::steady_clock::now();
    { const process patient = co_await start_stubborn(100ms); }
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);
    if (since(start) < 100ms) co_return 4;

    const process at_the_end = co_await start_stubborn(50ms);
    co_return 0;
  });
  if (wrong != 0) return wrong;
  if (weft_test::has_children()) return 5;
  return weft_test::count_descriptors() == before ? 0 : 6;
}

TEST_CASE("without pidfds all is the same, on an older kernel and in a sandbox", "[io][child_process]") {
  CHECK(in_child([] { return live_without_pidfds(ENOSYS); }) == 0);
  CHECK(in_child([] { return live_without_pidfds(EPERM); }) == 0);
  CHECK(in_child([] { return live_without_pidfds(EMFILE); }) == 0);
}

TEST_CASE("where a sandbox knows pidfds but no signals through them, kill() is called", "[io][child_process]") {
  for (const int error : {ENOSYS, EPERM}) {
    CHECK(in_child([error] {
            if (!weft_test::refuse_system_calls(error, SYS_pidfd_send_signal)) return 0;
            return weft::run([]() -> weft::task<int> {
              process child = co_await start_cat();
              child.terminate();
              const int code = co_await child.wait();
              co_return code == -SIGTERM ? 0 : 1;
            });
          }) == 0);
  }
}
#endif

}  // namespace io_child_process_test
