// Tests of weft/io/process.hpp: talking with a child process, and many at once.
// SPDX-License-Identifier: MIT
#include "support/cat.hpp"
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/shell.hpp"

#include <weft/core/error.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/process.hpp>
#include <weft/io/process_options.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io_process_test {

using namespace std::chrono_literals;
using weft::process;
using weft::process_options;
using weft::process_output;
using weft::stdio;
using weft_test::contains;
using weft_test::run_with_processes;
using weft_test::start_cat;
using weft_test::with_pipes;

// ---- communicate ----

TEST_CASE("communicate writes the input, reads both outputs to the end, and waits", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process_options options = with_pipes();
    options.standard_error(stdio::pipe);
    process child = co_await weft::create_subprocess_shell("cat; echo problem >&2; exit 5", options);
    const process_output said = co_await child.communicate("text");
    CHECK(said.output == "text");
    CHECK(said.error == "problem\n");
    CHECK(child.return_code() == 5);
  });
}

TEST_CASE("communicate carries more than pipes and limits hold, both ways at once", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    std::string large(5'000'000, '.');
    for (std::size_t i = 0; i < large.size(); i += 97) large[i] = static_cast<char>('a' + i % 26);
    process_options options = with_pipes();
    options.standard_error(stdio::pipe).limit(1000);
    process child = co_await weft::create_subprocess_exec(options, "tee", "/dev/stderr");
    const process_output said = co_await child.communicate(large);
    CHECK(said.output == large);
    CHECK(said.error == large);
    CHECK(child.return_code() == 0);
  });
}

TEST_CASE("communicate minds no child that does not read its input", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    for (const char* command : {"exit 3", "head -c 1 >/dev/null; exit 3", "exec <&-; sleep 0.05; exit 3"}) {
      CAPTURE(command);
      for (const std::size_t size : {std::size_t{0}, std::size_t{10}, std::size_t{1'000'000}}) {
        process child = co_await weft::create_subprocess_shell(command, with_pipes());
        const process_output said = co_await child.communicate(std::string(size, 'x'));
        CHECK(said.output.empty());
        CHECK(child.return_code() == 3);
      }
      process ended = co_await weft::create_subprocess_shell(command, with_pipes());
      ended.input().close();
      co_await ended.wait();
      co_await weft::sleep_for(5ms);
      co_await ended.communicate("too late");
    }
  });
}

TEST_CASE("communicate leaves alone what is no pipe", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_input(stdio::null);
    process child = co_await weft::create_subprocess_shell("cat; exit 2", options);
    const process_output said = co_await child.communicate("for nobody");
    CHECK(said.output.empty());
    CHECK(said.error.empty());
    CHECK(child.return_code() == 2);
  });
}

TEST_CASE("communicate can be called again: there is nothing more", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    co_await child.communicate("text");
    const process_output said = co_await child.communicate("more");
    CHECK(said.output.empty());
  });
}

TEST_CASE("communicate reads what was not read before", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    co_await child.input().write("one\n");
    const std::string line = co_await child.output().read_line();
    CHECK(line == "one\n");
    co_await child.input().write("two\n");
    const process_output said = co_await child.communicate("three\n");
    CHECK(said.output == "two\nthree\n");
  });
}

TEST_CASE("communicate that is cancelled has happened in part, and the child goes on", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("echo ready; exec sleep 100", with_pipes());
    auto talks = weft::create_task(child.communicate(std::string(1'000'000, 'x')));
    co_await weft::sleep_for(20ms);
    talks.cancel();
    const auto end_of_talks = co_await weft::outcome_of(talks);
    CHECK(end_of_talks.cancelled());
    CHECK_FALSE(child.return_code().has_value());
    CHECK(child.input().write_buffer_size() > 0);
    child.kill();
    const process_output said = co_await child.communicate();
    CHECK(said.output == "ready\n");
    CHECK(child.return_code() == -SIGKILL);
  });
}

TEST_CASE("communicate fails where another task reads, and nothing of it goes on", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await start_cat();
    auto reads = weft::create_task([&]() -> weft::task<std::string> { co_return co_await child.output().read_line(); });
    co_await weft::yield();
    const auto talk = co_await weft::outcome_of(child.communicate());
    CHECK_THROWS_AS(talk.value(), weft::usage_error);
    child.kill();
    const std::string line = co_await reads;
    CHECK(line.empty());
    co_await child.wait();
  });
}

TEST_CASE("communicate is destroyed with its loop, and the child with it", "[io][process]") {
  const weft_test::time_limit limit;
  const weft_test::nothing_left_behind check;
  weft::event_loop loop;
  loop.set_exception_handler([](const weft::exception_context&) {});  // that a task was pending
  auto talks = loop.create_task([&]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec(with_pipes(), "sleep", "100");
    loop.call_later(20ms, [&] { loop.stop(); });
    co_await child.communicate(std::string(1'000'000, 'x'));
  });
  loop.run_forever();
  CHECK_FALSE(talks.done());
  CHECK(weft_test::has_children());
}

// ---- streams ----

TEST_CASE("a task can talk with a child line by line", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child =
        co_await weft::create_subprocess_shell("while read a b; do echo $((a + b)); done; exit 1", with_pipes());
    for (int i = 0; i < 50; ++i) {
      const std::string number = std::to_string(i);
      co_await child.input().write(number, " ", number, "\n");
      const std::string line = co_await child.output().read_line();
      CHECK(line == std::to_string(2 * i) + "\n");
    }
    child.input().write_eof();
    const std::string end = co_await child.output().read();
    CHECK(end.empty());
    const int code = co_await child.wait();
    CHECK(code == 1);
  });
}

TEST_CASE("what a child has written can be read after its end", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec(with_pipes(), "echo", "text");
    co_await child.wait();
    const std::string said = co_await child.output().read();
    CHECK(said == "text\n");
  });
}

TEST_CASE("the end of a child is seen though its own child holds its output open", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_shell("exec 3<&0; cat <&3 & exit 4", with_pipes());
    const int code = co_await child.wait();  // asyncio 3.13.0 waits for the pipe as well (gh-119710)
    CHECK(code == 4);
    CHECK_FALSE(child.output().at_eof());
    co_await child.input().write("from the grandchild\n");
    const std::string line = co_await child.output().read_line();
    CHECK(line == "from the grandchild\n");
  });
}

TEST_CASE("streams that are no pipes are refused, with what to write", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec("true");
    CHECK_THROWS_AS(child.input(), weft::usage_error);
    CHECK_THROWS_WITH(child.input(), contains("standard_input(weft::stdio::pipe)"));
    CHECK_THROWS_WITH(child.output(), contains("standard_output(weft::stdio::pipe)"));
    CHECK_THROWS_WITH(child.error_output(), contains("standard_error(weft::stdio::pipe)"));
    co_await child.wait();
  });
}

TEST_CASE("an error of a stream says of which program", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec(with_pipes(), "sleep", "100");
    auto writes = weft::create_task([&]() -> weft::task<> {
      const std::string much(1'000'000, 'x');
      co_await child.input().write(much);
    });
    co_await weft::yield();
    child.kill();
    std::string what;
    try {
      co_await writes;
    } catch (const std::system_error& e) {
      what = e.what();
      CHECK(e.code() == std::errc::broken_pipe);
    }
    CHECK_THAT(what, contains("standard input of 'sleep'"));
    co_await child.wait();
  });
}

TEST_CASE("writing to a child that has gone is an error of the system, and its input is closed in good order",
          "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process child = co_await weft::create_subprocess_exec(with_pipes(), "true");
    co_await child.wait();
    while (!child.input().is_closing()) co_await weft::yield();
    child.input().write_eof();
    const auto written = co_await weft::outcome_of(child.input().write("x"));
    CHECK(weft_test::code_of(written) == EPIPE);
    CHECK_THROWS_WITH(written.value(), contains("standard input of 'true'"));
    co_await child.input().wait_closed();
  });
}

// ---- the object ----

TEST_CASE("a process moves, and what it is assigned to lets go of its own", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process a = co_await start_cat();
    process b = co_await weft::create_subprocess_exec(with_pipes(), "sleep", "100");
    const int kept = a.pid();
    const int lost = b.pid();
    auto waits = weft::create_task([&]() -> weft::task<int> { co_return co_await b.wait(); });
    co_await weft::yield();
    b = std::move(a);
    CHECK(b.pid() == kept);
    const int code = co_await waits;
    CHECK(code == -SIGKILL);
    CHECK(::kill(lost, 0) != 0);
    process& itself = b;
    b = std::move(itself);
    process c(std::move(b));
    const process_output said = co_await c.communicate("text");
    CHECK(said.output == "text");
  });
}

TEST_CASE("a process that was moved from says so", "[io][process]") {
  run_with_processes([]() -> weft::task<> {
    process a = co_await start_cat();
    const process b = std::move(a);
    CHECK_THROWS_AS(a.pid(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.return_code(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.wait(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.kill(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.input(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.error_output(), weft::invalid_state_error);
    const auto talk = co_await weft::outcome_of(a.communicate());
    CHECK_THROWS_AS(talk.value(), weft::invalid_state_error);
    CHECK(b.pid() > 0);
  });
}

// ---- many ----

TEST_CASE("a thousand children are fed, read and reaped, fifty at a time", "[io][process]") {
  const weft_test::time_limit limit(100);
  const weft_test::nothing_left_behind check;
  const auto start = std::chrono::steady_clock::now();
  weft::run([]() -> weft::task<> {
    const int before = weft_test::count_descriptors();
    weft::semaphore places(50);
    int running = 0;
    int most = 0;
    int right = 0;
    int most_descriptors = 0;
    const auto talk = [&](int i) -> weft::task<> {
      auto place = co_await places.acquire();
      most = std::max(most, ++running);
      process child = co_await start_cat();
      const std::string text = std::to_string(i) + std::string(1000, '.');
      const process_output said = co_await child.communicate(text);
      if (i % 100 == 0) most_descriptors = std::max(most_descriptors, weft_test::count_descriptors());
      --running;
      if (said.output == text && child.return_code() == 0) ++right;
    };
    std::vector<weft::task<>> all;
    for (int i = 0; i < 1000; ++i) all.push_back(talk(i));
    co_await weft::gather(std::move(all));
    CHECK(right == 1000);
    CHECK(most == 50);
    CHECK(most_descriptors <= before + 50 * 3 + 10);
    CHECK(weft_test::count_descriptors() == before);
    CHECK_FALSE(weft_test::has_children());
  });
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
  UNSCOPED_INFO("1000 children took " << took.count() << " ms");
  CHECK(took < 60s);
}

}  // namespace io_process_test
