// What happens when the system calls of processes and signals fail: see fault_sweep.hpp.
// SPDX-License-Identifier: MIT
#include "faults/fault_sweep.hpp"
#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/pipe.hpp"
#include "support/signals.hpp"

#include <weft/weft.hpp>

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace faults_io_processes_test {

using namespace std::chrono_literals;
using weft_test::call;
using weft_test::channel;
using weft_test::expect;
using weft_test::expect_cancelled;
using weft_test::failing_call;
using weft_test::pace;
using weft_test::scenario;
using weft_test::send;
using weft_test::shows_as;

weft::process_options with_pipes() {
  weft::process_options options;
  options.standard_input(weft::stdio::pipe).standard_output(weft::stdio::pipe);
  return options;
}

weft::process_options quiet() {
  weft::process_options options;
  options.standard_input(weft::stdio::null).standard_output(weft::stdio::null).standard_error(weft::stdio::null);
  return options;
}

// Communicates with one that says what it hears.
weft::task<> talk_to_cat() {
  weft::process_options options = with_pipes();
  options.standard_error(weft::stdio::pipe);
  weft::process cat = co_await weft::create_subprocess_exec(options, "cat");
  const weft::process_output said = co_await cat.communicate("text");
  if (said.output.size() < 4) throw weft::incomplete_read_error(said.output, 4);  // it was not told
  expect(said.output == "text" && said.error.empty(), "cat has said something else");
  expect(cat.return_code() == 0, "cat has failed");
}

weft::task<> terminate_sleeper() {
  weft::process sleeper = co_await weft::create_subprocess_exec(quiet(), "sleep", "100");
  expect(!sleeper.return_code(), "it has ended already");
  sleeper.terminate();
  const int code = co_await sleeper.wait();
  expect(code == -SIGTERM, "something else has ended it");
  sleeper.kill();  // nobody
}

const std::vector<scenario> with_processes{
    {"a process is written to and read from", talk_to_cat},
    {"a process is written to and read from, without pidfds",
     []() -> weft::task<> {
       const failing_call none(call::pidfd_open, ENOSYS, 0, 1'000'000);
       co_await talk_to_cat();
     },
     shows_as::lost_connection, pace::real_time},
    {"lines of a shell as they come",
     []() -> weft::task<> {
       weft::process_options options;
       options.standard_output(weft::stdio::pipe).standard_error(weft::stdio::standard_output);
       weft::process shell = co_await weft::create_subprocess_shell("echo one; echo two >&2; exit 3", options);
       std::string all;
       while (true) {
         const auto line = co_await shell.output().next();
         if (!line) break;
         all += *line;
       }
       const int code = co_await shell.wait();
       expect(all == "one\ntwo\n" && code == 3, "the shell has done something else");
     },
     shows_as::itself},
    {"a process is terminated", terminate_sleeper, shows_as::itself},
    {"a process is terminated, without pidfds",
     []() -> weft::task<> {
       const failing_call none(call::pidfd_open, ENOSYS, 0, 1'000'000);
       co_await terminate_sleeper();
     },
     shows_as::itself, pace::real_time},
    {"a process that is dropped while it runs, and has time to end",
     []() -> weft::task<> {
       weft::process_options options = quiet();
       options.grace(10s);
       std::optional<weft::process> sleeper(co_await weft::create_subprocess_exec(options, "sleep", "100"));
       sleeper.reset();
       while (weft_test::has_children()) co_await weft::sleep_for(1ms);
     },
     shows_as::itself, pace::real_time},
    {"a process that is waited for too long, and killed",
     []() -> weft::task<> {
       weft::process sleeper = co_await weft::create_subprocess_exec(quiet(), "sleep", "100");
       bool late = false;
       try {
         co_await weft::wait_for(sleeper.wait(), 5ms);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "it has ended by itself");
       sleeper.kill();
       const int code = co_await sleeper.wait();
       expect(code == -SIGKILL, "something else has ended it");
     },
     shows_as::itself, pace::real_time},
    {"a process whose task is cancelled",
     []() -> weft::task<> {
       const auto works = []() -> weft::task<> {
         weft::process sleeper = co_await weft::create_subprocess_exec(with_pipes(), "sleep", "100");
         co_await sleeper.communicate();
       };
       auto working = weft::create_task(works());
       co_await weft::sleep_for(1ms);
       working.cancel();
       const auto ended = co_await weft::outcome_of(working);
       expect_cancelled(ended, "it has ended by itself");
     },
     shows_as::itself},
    {"two processes with a pipe between them",
     []() -> weft::task<> {
       channel between;
       weft::process_options first;
       first.standard_output(weft::stdio::descriptor(between.writer.get()));
       weft::process_options second;
       second.standard_input(weft::stdio::descriptor(between.reader.get())).standard_output(weft::stdio::pipe);
       weft::process speaker = co_await weft::create_subprocess_exec(first, "echo", "hello");
       weft::process listener = co_await weft::create_subprocess_exec(second, "cat");
       between.reader.reset();
       between.writer.reset();
       const weft::process_output heard = co_await listener.communicate();
       const int code = co_await speaker.wait();
       expect(code == 0 && heard.output == "hello\n", "one has said something else");
     },
     shows_as::itself},
    {"processes in a group of tasks, of which one fails",
     []() -> weft::task<> {
       bool failed = false;
       const auto waits = []() -> weft::task<> {
         weft::process sleeper = co_await weft::create_subprocess_exec(quiet(), "sleep", "100");
         co_await sleeper.wait();
       };
       const auto fails = []() -> weft::task<> {
         weft::process not_true = co_await weft::create_subprocess_exec(quiet(), "false");
         const int code = co_await not_true.wait();
         expect(code == 1, "false is true");
         throw weft::invalid_state_error("on purpose");
       };
       const auto body = [&](weft::task_group& group) -> weft::task<> {
         group.create_task(waits());
         group.create_task(fails());
         co_return;
       };
       try {
         co_await weft::with_task_group(body);
       } catch (const weft::exception_group& all) {
         if (!all.contains<weft::invalid_state_error>()) throw;
         failed = true;
       }
       expect(failed, "nothing has failed");
     },
     shows_as::itself},
};

const std::vector<scenario> with_signals{
    {"a task waits for signals",
     []() -> weft::task<> {
       weft::signal_set signals(SIGUSR1, SIGUSR2);
       const auto sends = []() -> weft::task<> {
         co_await weft::yield();
         send(SIGUSR2);
         send(SIGUSR1);
         co_await weft::sleep_for(1ms);
         send(SIGUSR1);
       };
       int sum = 0;
       const auto waits = [&]() -> weft::task<> {
         for (int i = 0; i < 3; ++i) sum += co_await signals.next();
       };
       co_await weft::gather(waits(), sends());
       expect(sum == SIGUSR1 + SIGUSR1 + SIGUSR2 && signals.pending() == 0, "other signals have come");
     },
     shows_as::itself},
    {"signals call functions",
     []() -> weft::task<> {
       weft::event done;
       std::string order;
       const auto waits = [&]() -> weft::task<> {
         weft::add_signal_handler(SIGUSR1, [&] { order += "1"; });
         weft::add_signal_handler(SIGUSR2, [&] {
           order += "2";
           done.set();
         });
         send(SIGUSR1);
         send(SIGUSR1);
         send(SIGUSR2);
         co_await done.wait();
       };
       const auto clears = []() -> weft::task<> {
         weft::remove_signal_handler(SIGUSR1);
         weft::remove_signal_handler(SIGUSR2);
         co_return;
       };
       co_await weft::finally(waits(), clears);
       expect(order == "112", "they were called in another order");
     },
     shows_as::itself},
    {"a signal that does not come in time, then comes",
     []() -> weft::task<> {
       weft::signal_set signals(SIGUSR1);
       bool late = false;
       try {
         co_await weft::wait_for(signals.next(), 1h);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "a signal has come from nowhere");
       send(SIGUSR1);
       const int number = co_await signals.next();
       expect(number == SIGUSR1, "another signal has come");
     },
     shows_as::itself},
    {"a process sends signals to who has started it",
     []() -> weft::task<> {
       weft::signal_set signals(SIGUSR1);
       weft::process shell = co_await weft::create_subprocess_shell("kill -USR1 $PPID", quiet());
       const int number = co_await signals.next();
       const int code = co_await shell.wait();
       expect(number == SIGUSR1 && code == 0, "the shell has done something else");
     },
     shows_as::itself},
};

TEST_CASE("a system call of processes that fails anywhere gives its error, or none", "[faults][io]") {
  CHECK(weft_test::sweep(with_processes) >= 100);
}

TEST_CASE("a system call of signals that fails anywhere gives its error, or none", "[faults][io]") {
  const weft_test::former_effect first(SIGUSR1);
  const weft_test::former_effect second(SIGUSR2);
  CHECK(weft_test::sweep(with_signals) >= 30);
}

TEST_CASE("pipes, processes and pidfds that run out are an error or none, not a hang", "[faults][io]") {
  for (const auto* scenarios : {&with_processes, &with_signals}) {
    weft_test::sweep_for_good(*scenarios, {call::pipe2, EMFILE, false});
    weft_test::sweep_for_good(*scenarios, {call::posix_spawnp, EAGAIN, false});
    weft_test::sweep_for_good(*scenarios, {call::open, ENFILE, false});
  }
  weft_test::sweep_byte_by_byte(with_processes);
  weft_test::sweep_byte_by_byte(with_signals);
}

}  // namespace faults_io_processes_test
