// Random programs, each run twice: once the gathers start their children themselves, once they adopt tasks that were
// created before. What happens, in which order, at which time and under which names must be the same.
// SPDX-License-Identifier: MIT
//
// The second way is the one that the programs of tests/conformance compare with CPython's asyncio.
#include "support/catch.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/gather_child.hpp>
#include <weft/flow/race.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <chrono>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace flow_gather_launch_random_test {

using namespace std::chrono_literals;

enum class way { launched, adopted };

enum class action {
  yield,
  sleep,
  say,
  call_soon,
  gather,
  gather_outcomes,
  race,
  background,
  look_around,
  cancel_one,
  watch_one,
  limited,
  protect,
  fail,
  give_up,
  count_,
};

struct statement {
  action what;
  std::size_t number;
  std::vector<std::vector<statement>> bodies;
};
using body = std::vector<statement>;

body random_body(std::mt19937& random, int depth, bool may_fail = true) {
  const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
  body result;
  for (std::size_t left = below(5); left > 0; --left) {
    statement s{static_cast<action>(below(static_cast<std::size_t>(action::count_))), below(7), {}};
    if (s.what == action::fail && !may_fail) s.what = action::say;
    const bool nests = (s.what >= action::gather && s.what <= action::background) || s.what == action::limited ||
                       s.what == action::protect;
    if (nests && depth == 0) continue;
    const bool many = s.what >= action::gather && s.what <= action::race;
    for (std::size_t n = !nests ? 0 : many ? 1 + below(4) : 1; n > 0; --n) {
      s.bodies.push_back(random_body(random, depth - 1, may_fail));
    }
    result.push_back(std::move(s));
  }
  return result;
}

class interpreter {
 public:
  interpreter(weft::event_loop& loop, way how) : loop_(loop), how_(how) {}

  const std::string& text() const noexcept { return text_; }

  weft::task<int> run(const body& statements) {
    say("begins");
    try {
      co_await run_all(statements);
    } catch (const weft::cancelled_error&) {
      say("cancelled " + std::to_string(weft::current_task().cancelling()));
      throw;
    } catch (const std::exception& e) {
      say(std::string("failed ") + e.what());
      throw;
    }
    say("ends");
    co_return static_cast<int>(statements.size());
  }

 private:
  void say(const std::string& what) {
    const weft::task_ref task = weft::current_task();
    text_ +=
        std::to_string(loop_.time().time_since_epoch() / 1ms) + " " + (task ? task.name() : "-") + " " + what + "\n";
  }

  // One of the tasks that are not done, or an empty one.
  weft::task_ref one_of_all(std::size_t number) {
    const std::vector<weft::task_ref> all = weft::all_tasks(loop_);
    return all[number % all.size()];
  }

  std::vector<weft::gather_child<int>> children(const std::vector<body>& bodies) {
    std::vector<weft::gather_child<int>> result;
    for (const body& b : bodies) {
      if (how_ == way::launched) {
        result.push_back(run(b));
      } else {
        result.push_back(weft::adopt(weft::create_task(run(b))));
      }
    }
    return result;
  }

  static std::string to_text(const std::vector<int>& values) {
    std::string text;
    for (const int v : values) text += " " + std::to_string(v);
    return text;
  }

  weft::task<> run_all(const body& statements) {
    for (const statement& s : statements) co_await run_one(s);
  }

  weft::task<> run_one(const statement& s) {
    switch (s.what) {
      case action::yield:
        for (std::size_t i = 0; i < s.number; ++i) co_await weft::yield();
        break;
      case action::sleep:
        co_await weft::sleep_for(std::chrono::milliseconds(s.number));
        break;
      case action::say:
        say("says");
        break;
      case action::call_soon:
        loop_.call_soon([this, n = s.number] { say("call " + std::to_string(n)); });
        break;
      case action::gather: {
        const std::vector<int> values = co_await weft::gather(children(s.bodies));
        say("gathered" + to_text(values));
        break;
      }
      case action::gather_outcomes: {
        std::string text;
        for (const weft::outcome<int>& o : co_await weft::gather_outcomes(children(s.bodies))) {
          text += o ? " " + std::to_string(*o) : o.cancelled() ? " cancelled" : " failed";
        }
        say("outcomes" + text);
        break;
      }
      case action::race: {
        const weft::first_result<int> first = co_await weft::race(children(s.bodies));
        say("won " + std::to_string(first.index) + " " + std::to_string(first.value));
        break;
      }
      case action::background:
        weft::create_task(run(s.bodies.front()));
        break;
      case action::look_around: {
        std::string names;
        for (const weft::task_ref& t : weft::all_tasks(loop_)) names += " " + t.name();
        say("sees" + names);
        break;
      }
      case action::cancel_one: {
        const weft::task_ref task = one_of_all(s.number);
        say("cancels " + task.name());
        task.cancel();
        break;
      }
      case action::watch_one: {
        const weft::task_ref task = one_of_all(s.number);
        say("watches " + task.name());
        task.add_done_callback([this](const weft::task_ref& t) { say("done " + t.name()); });
        break;
      }
      case action::limited:
        try {
          co_await weft::with_timeout(std::chrono::milliseconds(s.number), run_all(s.bodies.front()));
        } catch (const weft::timeout_error&) {
          say("out of time");
        }
        break;
      case action::protect:
        try {
          co_await run_all(s.bodies.front());
        } catch (const weft::cancelled_error&) {
          say("ignores");
        } catch (const std::exception& e) {
          say(std::string("caught ") + e.what());
        }
        break;
      case action::fail:
        throw std::runtime_error(weft::current_task().name());
      case action::give_up:
        if (s.number == 0) throw weft::cancelled_error();
        break;
      case action::count_:
        break;
    }
  }

  weft::event_loop& loop_;
  way how_;
  std::string text_;
};

// What happens; if `passes` is not negative, in so many passes, after which the loop goes.
std::string run_program(const body& program, way how, int passes) {
  weft_test::reports told;
  std::string text;
  {
    weft::virtual_clock time(/*pass_limit=*/10'000);
    weft::event_loop loop({.clock = &time});
    told.listen(loop);
    interpreter in(loop, how);
    loop.create_task(in.run(program));
    if (passes < 0) {
      weft_test::run_until_idle(loop);
      weft::shut_down(loop);
    } else {
      for (int i = 0; i < passes; ++i) {
        loop.call_soon([] {});  // so that it does not wait for ever
        weft_test::run_one_pass(loop);
      }
    }
    text = in.text();
  }
  return text + told.text();
}

TEST_CASE("tasks that a gather starts do what tasks do that it adopts, in 3000 random programs",
          "[flow][gather_launch]") {
  std::size_t events = 0, looks = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    body program;
    for (int i = 0; i < 3; ++i) {
      for (statement& s : random_body(random, 3)) program.push_back(std::move(s));
    }
    const std::string expected = run_program(program, way::adopted, -1);
    REQUIRE(run_program(program, way::launched, -1) == expected);
    for (const char c : expected) events += c == '\n' ? 1 : 0;
    looks += expected.find(" sees ") != std::string::npos ? 1 : 0;
  }
  CHECK(events > 40'000);
  CHECK(looks > 500);
}

TEST_CASE("a loop that goes in any pass reports and destroys the tasks that a gather starts as those that it adopts",
          "[flow][gather_launch]") {
  for (unsigned seed = 0; seed < 300; ++seed) {
    INFO("seed " << seed);
    std::mt19937 random(seed);
    const body program = random_body(random, 3, /*may_fail=*/false);  // who is lost after the loop is told to stderr
    for (int passes = 0; passes < 10; ++passes) {
      INFO("passes " << passes);
      const std::string expected = run_program(program, way::adopted, passes);
      REQUIRE(run_program(program, way::launched, passes) == expected);
    }
  }
}

}  // namespace flow_gather_launch_random_test
