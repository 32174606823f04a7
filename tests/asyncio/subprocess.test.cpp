// What CPython's tests say of asyncio's child processes.
// SPDX-License-Identifier: MIT
#include "support/cat.hpp"
#include "support/catch.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/shell.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/process.hpp>
#include <weft/io/process_options.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace asyncio_subprocess_test {

using namespace std::chrono_literals;
using weft::process;
using weft::process_options;
using weft::process_output;
using weft::stdio;
using weft_test::run_with_processes;
using weft_test::start_cat;
using weft_test::with_pipes;

constexpr const char* counts = "wc -c";  // the bytes of its input

process_options with_all_pipes() {
  process_options options = with_pipes();
  options.standard_error(stdio::pipe);
  return options;
}

weft::task<process> start_blocked() { return weft::create_subprocess_exec("sleep", "3600"); }

/// With a wait that outlives the object: its child's code.
weft::task<int> code_of(weft::process_exit_awaiter end) { co_return co_await std::move(end); }

// CPython: subprocess SubprocessMixin.test_stdin_stdout
TEST_CASE("what is written to a child comes back from it", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    co_await child.input().write("some data");
    child.input().close();
    const std::string said = co_await child.output().read();
    const int code = co_await child.wait();
    CHECK(said == "some data");
    CHECK(code == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_communicate
TEST_CASE("communicate feeds and reads a child", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    const process_output said = co_await child.communicate("some data");
    CHECK(said.output == "some data");
    CHECK(child.return_code() == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_communicate_none_input
TEST_CASE("communicate without input ends the child's input", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    const process_output said = co_await child.communicate();
    CHECK(said.output.empty());
    CHECK(child.return_code() == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_shell
// CPython: events SubprocessTestsMixin.test_subprocess_exitcode
// CPython: events SubprocessTestsMixin.test_subprocess_close_after_finish
TEST_CASE("a shell's exit code is the child's", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("exit 7");
    CHECK_THROWS_AS(child.input(), weft::usage_error);
    CHECK_THROWS_AS(child.output(), weft::usage_error);
    CHECK_THROWS_AS(child.error_output(), weft::usage_error);
    const int code = co_await child.wait();
    CHECK(code == 7);
  });
}

// CPython: events SubprocessTestsMixin.test_subprocess_shell
TEST_CASE("what a shell command prints can be read to the end", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("echo Python", with_all_pipes());
    child.input().close();
    const std::string said = co_await child.output().read();
    const std::string complained = co_await child.error_output().read();
    const int code = co_await child.wait();
    CHECK(said == "Python\n");
    CHECK(complained.empty());
    CHECK(code == 0);
  });
}

// CPython: events SubprocessTestsMixin.test_subprocess_exec
// CPython: events SubprocessTestsMixin.test_subprocess_interactive
TEST_CASE("a child that echoes can be talked with, and is killed when its object goes", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    weft::task_handle<int> end;
    {
      process child = co_await start_cat();
      end = weft::create_task(code_of(child.wait()));
      co_await weft::yield();
      co_await child.input().write("Python ");
      const std::string first = co_await child.output().read_exactly(7);
      CHECK(first == "Python ");
      co_await child.input().write("The Winner");
      const std::string second = co_await child.output().read_exactly(10);
      CHECK(second == "The Winner");
    }
    const int code = co_await end;
    CHECK(code == -SIGKILL);
  });
}

// CPython: subprocess SubprocessMixin.test_start_new_session
// CPython: events SubprocessTestsMixin.test_subprocess_wait_no_same_group
TEST_CASE("a child in a session of its own ends like any other", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.new_session(true);
    process child = co_await weft::create_subprocess_shell("exit 8", options);
    const int code = co_await child.wait();
    CHECK(code == 8);
  });
}

// CPython: subprocess SubprocessMixin.test_kill
// CPython: events SubprocessTestsMixin.test_subprocess_kill
TEST_CASE("kill ends a child with SIGKILL", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_blocked();
    child.kill();
    const int code = co_await child.wait();
    CHECK(code == -SIGKILL);
  });
}

// CPython: subprocess SubprocessMixin.test_kill_issue43884
TEST_CASE("a shell that is killed has ended, though its own child has not", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    const auto start = std::chrono::steady_clock::now();
    process child = co_await weft::create_subprocess_shell("echo ready; sleep 2; sleep 2", options);
    co_await child.output().read_line();
    child.kill();
    const int code = co_await child.wait();  // asyncio 3.13.0 waits for the pipe as well, which `sleep` holds
    CHECK(code == -SIGKILL);
    CHECK(std::chrono::steady_clock::now() - start < 1500ms);
  });
}

// CPython: subprocess SubprocessMixin.test_terminate
// CPython: events SubprocessTestsMixin.test_subprocess_terminate
TEST_CASE("terminate ends a child with SIGTERM", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_blocked();
    child.terminate();
    const int code = co_await child.wait();
    CHECK(code == -SIGTERM);
  });
}

// CPython: subprocess SubprocessMixin.test_send_signal
// CPython: events SubprocessTestsMixin.test_subprocess_send_signal
TEST_CASE("any signal can be sent to a child", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    process child = co_await weft::create_subprocess_shell("echo sleeping; exec sleep 3600", options);
    const std::string line = co_await child.output().read_line();
    CHECK(line == "sleeping\n");
    child.send_signal(SIGHUP);
    const int code = co_await child.wait();
    CHECK(code == -SIGHUP);
  });
}

// CPython: subprocess SubprocessMixin.test_stdin_broken_pipe
TEST_CASE("writing to a child that has gone fails with a broken pipe", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("head -c 1 >/dev/null", with_pipes());
    const std::string large(4'000'000, 'x');
    std::error_code error;
    try {
      co_await child.input().write(large);
    } catch (const std::system_error& e) {
      error = e.code();
    }
    CHECK(error == std::errc::broken_pipe);
    co_await child.wait();
  });
}

// CPython: subprocess SubprocessMixin.test_communicate_ignore_broken_pipe
TEST_CASE("communicate does not mind a broken pipe", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_input(stdio::pipe);
    process child = co_await weft::create_subprocess_exec(options, "true");
    co_await child.communicate(std::string(4'000'000, 'x'));
    const int code = co_await child.wait();
    CHECK(code == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_pause_reading
TEST_CASE("reading pauses while a child writes more than the limit, and all arrives", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options = with_pipes();
    options.limit(10);
    process child = co_await weft::create_subprocess_shell("head -c 500000 /dev/zero", options);
    co_await weft::sleep_for(50ms);
    CHECK(child.output().buffered() > 0);
    CHECK(child.output().buffered() <= 65536 + 20);  // one read, and no more until somebody takes it
    CHECK_FALSE(child.return_code().has_value());
    const process_output said = co_await child.communicate();
    CHECK(said.output == std::string(500000, '\0'));
  });
}

// CPython: subprocess SubprocessMixin.test_stdin_not_inheritable
TEST_CASE("another child does not hold a child's input open", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell(counts, with_all_pipes());
    process other = co_await start_cat();
    const process_output said = co_await child.communicate("abc");
    CHECK(std::stoi(said.output) == 3);
    CHECK(child.return_code() == 0);
    CHECK_FALSE(other.return_code().has_value());
  });
}

// CPython: subprocess SubprocessMixin.test_empty_input
TEST_CASE("communicate with empty input ends the child's input", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell(counts, with_all_pipes());
    const process_output said = co_await child.communicate("");
    CHECK(std::stoi(said.output) == 0);
    CHECK(child.return_code() == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_devnull_input
TEST_CASE("a child reads the end at once from the null device", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options = with_all_pipes();
    options.standard_input(stdio::null);
    process child = co_await weft::create_subprocess_shell(counts, options);
    const process_output said = co_await child.communicate();
    CHECK(std::stoi(said.output) == 0);
    CHECK(child.return_code() == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_devnull_output
TEST_CASE("output that goes to the null device is not read", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options = with_all_pipes();
    options.standard_output(stdio::null);
    process child = co_await weft::create_subprocess_shell(counts, options);
    const process_output said = co_await child.communicate("abc");
    CHECK(said.output.empty());
    CHECK_THROWS_AS(child.output(), weft::usage_error);
    CHECK(child.return_code() == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_devnull_error
TEST_CASE("errors that go to the null device are not read", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options = with_all_pipes();
    options.standard_error(stdio::null);
    process child = co_await weft::create_subprocess_shell("wc -c; echo problem >&2", options);
    const process_output said = co_await child.communicate("abc");
    CHECK(said.error.empty());
    CHECK_THROWS_AS(child.error_output(), weft::usage_error);
    CHECK(child.return_code() == 0);
  });
}

// CPython: subprocess SubprocessMixin.test_devstdin_input
TEST_CASE("a child can open its input again by name", "[asyncio][subprocess]") {
#if defined(__linux__)
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("wc -c < /dev/stdin", with_all_pipes());
    const process_output said = co_await child.communicate("abc");
    CHECK(std::stoi(said.output) == 3);
    CHECK(child.return_code() == 0);
  });
#endif
}

// CPython: subprocess SubprocessMixin.test_cancel_process_wait
TEST_CASE("a wait for a child can be cancelled, and the child waited for again", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_blocked();
    auto waits = weft::create_task([&]() -> weft::task<int> { co_return co_await child.wait(); });
    weft::event_loop::current().call_soon([&] { waits.cancel(); });
    const auto end_of_waits = co_await weft::outcome_of(waits);
    CHECK(end_of_waits.cancelled());
    CHECK_FALSE(waits.cancel());
    child.kill();
    const int code = co_await child.wait();
    CHECK(code == -SIGKILL);
  });
}

// CPython: subprocess SubprocessMixin.test_cancel_make_subprocess_transport_exec
// CPython: subprocess SubprocessMixin.test_cancel_post_init
TEST_CASE("a task that starts a child can be cancelled, and leaves none", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    auto starts = weft::create_task(start_blocked());
    weft::event_loop::current().call_soon([&] { starts.cancel(); });
    bool cancelled = false;
    try {
      const process started = co_await std::move(starts);
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
    CHECK_FALSE(cancelled);  // starting takes no pass here: it was too late, and the process goes with its object
    while (weft_test::has_children()) co_await weft::sleep_for(1ms);
    auto at_once = weft::create_task(start_blocked());
    at_once.cancel();
    const auto end_of_at_once = co_await weft::outcome_of(at_once);
    CHECK(end_of_at_once.cancelled());
    CHECK_FALSE(weft_test::has_children());
  });
}

// CPython: subprocess SubprocessMixin.test_close_kill_running
TEST_CASE("a child that runs is killed when its object goes", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    std::optional<process> child;
    child.emplace(co_await start_blocked());
    auto end = weft::create_task(code_of(child->wait()));
    co_await weft::yield();
    CHECK_FALSE(child->return_code().has_value());
    child.reset();
    const int code = co_await end;
    CHECK(code == -SIGKILL);
  });
}

// CPython: subprocess SubprocessMixin.test_close_dont_kill_finished
// CPython: unix_events ChildWatcherTestsMixin.test_sigchld_child_reaped_elsewhere
TEST_CASE("a child that others have reaped is nobody's to kill, and has ended with 255", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_blocked();
    child.kill();
    int status = 0;
    CHECK(::waitpid(child.pid(), &status, 0) == child.pid());
    CHECK_FALSE(child.return_code().has_value());  // the loop has not looked yet
    child.kill();
    const int code = co_await child.wait();
    CHECK(code == 255);
  });
}

// CPython: subprocess SubprocessMixin.test_popen_error
// CPython: subprocess SubprocessMixin.test_popen_error_with_stdin_pipe
TEST_CASE("a child that cannot be started leaves no descriptor", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    const int before = weft_test::count_descriptors();
    const auto plain = co_await weft::outcome_of(weft::create_subprocess_exec("/nonexistent"));
    CHECK_THROWS_AS(plain.value(), std::system_error);
    const auto piped = co_await weft::outcome_of(weft::create_subprocess_exec(with_all_pipes(), "/nonexistent"));
    CHECK_THROWS_AS(piped.value(), std::system_error);
    CHECK(weft_test::count_descriptors() == before);
    CHECK_FALSE(weft_test::has_children());
  });
}

// CPython: subprocess SubprocessMixin.test_read_stdout_after_process_exit
TEST_CASE("what a child has printed can be read slowly after its end", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    process child = co_await weft::create_subprocess_shell("head -c 262144 /dev/zero; exit 1", options);
    std::size_t read = 0;
    for (;;) {
      const std::string part = co_await child.output().read(65536);
      if (part.empty()) break;
      read += part.size();
      co_await weft::sleep_for(10ms);
    }
    CHECK(read == 262144);
    const int code = co_await child.wait();
    CHECK(code == 1);
  });
}

// CPython: subprocess SubprocessMixin.test_create_subprocess_env_shell
// CPython: subprocess SubprocessMixin.test_create_subprocess_env_exec
TEST_CASE("an environment can be given to a shell and to a program", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe).environment({"FOO=bar", std::string("PATH=") + std::getenv("PATH")});
    process shell = co_await weft::create_subprocess_shell("printf %s \"$FOO\"", options);
    const process_output said = co_await shell.communicate();
    CHECK(said.output == "bar");
    CHECK(shell.return_code() == 0);
    process program = co_await weft::create_subprocess_exec(options, "sh", "-c", "printf %s \"$FOO\"");
    const process_output also = co_await program.communicate();
    CHECK(also.output == "bar");
    auto again = weft::create_task([&]() -> weft::task<int> { co_return co_await program.wait(); });
    co_await weft::yield();
    CHECK(again.result() == 0);  // at once
  });
}

// CPython: subprocess SubprocessMixin.test_subprocess_concurrent_wait
TEST_CASE("many tasks can wait for one child", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    const process_output said = co_await child.communicate("some data");
    CHECK(said.output == "some data");
    std::vector<weft::task<int>> waits;
    const auto wait = [&]() -> weft::task<int> { co_return co_await child.wait(); };
    for (int i = 0; i < 10; ++i) waits.push_back(wait());
    const std::vector<int> codes = co_await weft::gather(std::move(waits));
    CHECK(codes == std::vector<int>(10, 0));
  });
}

// CPython: events SubprocessTestsMixin.test_subprocess_stderr
// CPython: subprocess SubprocessMixin.test_subprocess_protocol_events
TEST_CASE("output and errors come apart, and both end", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child =
        co_await weft::create_subprocess_shell("read a; printf OUT:$a; printf ERR:$a >&2", with_all_pipes());
    co_await child.input().write("test\n");
    const std::string said = co_await child.output().read();
    const std::string complained = co_await child.error_output().read();
    const int code = co_await child.wait();
    CHECK(said == "OUT:test");
    CHECK(complained == "ERR:test");
    CHECK(child.output().at_eof());
    CHECK(child.error_output().at_eof());
    CHECK(code == 0);
  });
}

// CPython: events SubprocessTestsMixin.test_subprocess_stderr_redirect_to_stdout
TEST_CASE("errors can be read with the output", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process_options options = with_pipes();
    options.standard_error(stdio::standard_output);
    process child = co_await weft::create_subprocess_shell("read a; printf OUT:$a; printf ERR:$a >&2", options);
    const process_output said = co_await child.communicate("test\n");
    CHECK(said.output == "OUT:testERR:test");
    CHECK(said.error.empty());
    CHECK(child.return_code() == 0);
  });
}

// CPython: events SubprocessTestsMixin.test_subprocess_close_client_stream
TEST_CASE("a child whose output nobody reads any more gets a broken pipe", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell(
        "trap '' PIPE; while read a; do printf OUT:$a || echo failed >&2; done 2>&2", with_all_pipes());
    co_await child.input().write("test\n");
    const std::string said = co_await child.output().read_exactly(8);
    CHECK(said == "OUT:test");
    { const weft::stream_reader gone = std::move(child.output()); }
    co_await weft::sleep_for(5ms);  // it is closed in the background
    co_await child.input().write("xxx\n");
    std::string complaint;
    while (complaint != "failed\n") complaint = co_await child.error_output().read_line();
    CHECK(complaint == "failed\n");
  });
}

// CPython: subprocess SubprocessMixin.test_subprocess_communicate_stdout
TEST_CASE("several children can be read at once", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    std::vector<weft::task<std::string>> all;
    std::vector<std::string> expected;
    for (int i = 0; i < 10; ++i) {
      expected.push_back("foo" + std::to_string(i) + "\n");
      all.push_back(weft_test::said_by(process_options(), "echo foo" + std::to_string(i)));
    }
    const std::vector<std::string> said = co_await weft::gather(std::move(all));
    CHECK(said == expected);
  });
}

// CPython: subprocess SubprocessMixin.test_subprocess_send_signal_race
TEST_CASE("a signal at the moment of a child's end takes its code from nobody", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    for (int i = 0; i < 10; ++i) {
      process child = co_await weft::create_subprocess_exec("sleep", "0.02");
      co_await weft::sleep_for(20ms + std::chrono::microseconds(300 * i));
      child.send_signal(SIGUSR1);
      const int code = co_await child.wait();
      CHECK((code == 0 || code == -SIGUSR1));
    }
  });
}

// CPython: unix_events ChildWatcherTestsMixin.test_sigchld
// CPython: unix_events ChildWatcherTestsMixin.test_sigchld_two_children
TEST_CASE("each of two children ends with its own code, one after the other", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process first = co_await weft::create_subprocess_shell("read a; kill -9 $$", with_pipes());
    process second = co_await weft::create_subprocess_shell("read a; exit 108", with_pipes());
    first.input().close();
    int code = co_await first.wait();
    CHECK(code == -9);
    CHECK_FALSE(second.return_code().has_value());
    second.input().close();
    code = co_await second.wait();
    CHECK(code == 108);
  });
}

// CPython: unix_events ChildWatcherTestsMixin.test_sigchld_two_children_terminating_together
// CPython: unix_events ChildWatcherTestsMixin.test_sigchld_race_condition
TEST_CASE("children that have ended before anybody looked are seen, together", "[asyncio][subprocess]") {
  run_with_processes([]() -> weft::task<> {
    process first = co_await weft::create_subprocess_shell("exit 78");
    process second = co_await weft::create_subprocess_shell("kill -5 $$");
    siginfo_t info{};
    for (const int pid : {first.pid(), second.pid()}) {
      CHECK(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
    }
    const auto wait = [](process& child) -> weft::task<int> { co_return co_await child.wait(); };
    auto codes = co_await weft::gather(wait(first), wait(second));
    CHECK(std::get<0>(codes) == 78);
    CHECK(std::get<1>(codes) == -5);
  });
}

}  // namespace asyncio_subprocess_test
