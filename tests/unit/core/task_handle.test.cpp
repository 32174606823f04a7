// Tests of weft/core/task_handle.hpp: create_task, what handles tell and do, who looks at exceptions, done callbacks.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace core_task_handle_test {

using namespace std::chrono_literals;
using weft_test::census;
using weft_test::contains;
using weft_test::event_log;
using weft_test::pass_counter;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

static_assert(std::is_nothrow_copy_constructible_v<weft::task_ref> &&
              std::is_copy_constructible_v<weft::task_handle<int>>);
static_assert(std::is_convertible_v<weft::task_handle<int>, weft::task_ref>);
static_assert(!std::is_convertible_v<weft::task_ref, weft::task_handle<int>>);

template <class T>
weft::task<T> gives(T value) {
  co_return value;
}
weft::task<> nothing() { co_return; }
weft::task<> yields(int times) {
  for (int i = 0; i < times; ++i) co_await weft::yield();
}
weft::task<> sleeps(std::chrono::milliseconds time) { co_await weft::sleep_for(time); }
weft::task<int> fails(std::string what, int passes = 0) {
  for (int i = 0; i < passes; ++i) co_await weft::yield();
  throw std::runtime_error(what);
}
weft::task<> logs(event_log& log, std::string word) {
  log(word);
  co_return;
}

// ---- create_task, results ----

TEST_CASE("create_task runs nothing at once; the tasks start in the next pass, in order", "[core][task_handle]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    pass_counter counter;
    auto a = weft::create_task(logs(log, "a"));
    auto b = weft::create_task(logs(log, "b"));
    log("created");
    CHECK_FALSE(a.done());
    co_await weft::yield();
    log("later");
    CHECK(a.done());
    CHECK(b.done());
    CHECK(counter.passes() == 1);
  });
  CHECK(log.text() == "created a b later");
}

TEST_CASE("the loop owns its tasks: a dropped handle does not stop one", "[core][task_handle]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [&]() -> weft::task<> {
      co_await weft::sleep_for(1s);
      log("ran");
    };
    weft::create_task(child);
    co_await weft::sleep_for(2s);
    log("end");
  });
  CHECK(log.text() == "ran end");
}

TEST_CASE("result() and exception() say what there is: pending, value, failure, cancelled", "[core][task_handle]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto value = weft::create_task(gives(3));
    auto failing = weft::create_task(fails("broken"));
    auto cancelled = weft::create_task(sleeps(1s));
    cancelled.cancel();
    CHECK_THROWS_AS(value.result(), weft::invalid_state_error);
    CHECK_THROWS_AS(value.exception(), weft::invalid_state_error);
    CHECK_FALSE(value.cancelled());
    co_await weft::yield();
    CHECK(value.done());
    CHECK(value.result() == 3);
    CHECK(value.exception() == nullptr);
    CHECK(failing.done());
    CHECK_FALSE(failing.cancelled());
    CHECK(failing.exception() != nullptr);
    CHECK(failing.exception() == failing.exception());
    CHECK_THROWS_WITH(failing.result(), "broken");
    CHECK(cancelled.done());
    CHECK(cancelled.cancelled());
    CHECK_THROWS_AS(cancelled.result(), weft::cancelled_error);
    CHECK_THROWS_AS(cancelled.exception(), weft::cancelled_error);
    CHECK(cancelled.exception_retrieved());
    const int moved = std::move(value).result();
    CHECK(moved == 3);
  });
}

TEST_CASE("an empty handle refuses everything with advice", "[core][task_handle]") {
  weft::task_handle<int> handle;
  weft::task_ref ref;
  CHECK_FALSE(static_cast<bool>(handle));
  CHECK_FALSE(static_cast<bool>(ref));
  CHECK(weft::task_ref(handle) == ref);
  CHECK_THROWS_WITH(handle.done(), contains("create_task"));
  CHECK_THROWS_AS(handle.cancel(), weft::invalid_state_error);
  CHECK_THROWS_AS(handle.result(), weft::invalid_state_error);
  CHECK_THROWS_AS(ref.name(), weft::invalid_state_error);
  CHECK_THROWS_AS(ref.exception(), weft::invalid_state_error);
  CHECK_THROWS_AS(ref.add_done_callback([](const weft::task_ref&) {}), weft::invalid_state_error);
  bool refused = false;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await handle;
    } catch (const weft::invalid_state_error&) {
      refused = true;
    }
  });
  CHECK(refused);
}

TEST_CASE("handles are equal when they refer to the same task; a moved one is empty", "[core][task_handle]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto a = weft::create_task(nothing());
    auto b = weft::create_task(nothing());
    auto copy = a;
    CHECK(copy == a);
    CHECK_FALSE(a == b);
    weft::task_ref ref = a;
    CHECK(ref == a);
    CHECK_FALSE(ref == weft::task_ref());
    auto moved = std::move(copy);
    CHECK(moved == a);
    CHECK_FALSE(static_cast<bool>(copy));  // NOLINT(bugprone-use-after-move): this is what is tested
    moved = b;
    CHECK(moved == b);
    co_return;
  });
}

TEST_CASE("handles can be kept in an unordered set", "[core][task_handle]") {
  std::unordered_set<weft::task_handle<int>> handles;
  std::unordered_set<weft::task_ref> refs{weft::task_ref()};
  run_on_virtual_time([&]() -> weft::task<> {
    for (int i = 0; i < 3; ++i) {
      auto handle = weft::create_task(gives(i));
      handles.insert(handle);
      handles.insert(handle);
      refs.insert(handle);
      handle.add_done_callback([&handles](const weft::task_handle<int>& h) { handles.erase(h); });
    }
    CHECK(handles.size() == 3);
    CHECK(refs.size() == 4);
    co_await yields(2);
    CHECK(handles.empty());
  });
}

TEST_CASE("frame and task are destroyed when the task has ended and the last handle is gone", "[core][task_handle]") {
  census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [&](tracked) -> weft::task<tracked> {
      co_await weft::yield();
      co_return tracked(counts);
    };
    {
      auto handle = weft::create_task(body(tracked(counts)));
      co_await handle;
      CHECK(counts.alive == 1);  // the result: parameters end with the coroutine
      auto copy = handle;
    }
    CHECK(counts.alive == 0);
    weft::create_task(body(tracked(counts)));
    co_await yields(3);
    CHECK(counts.alive == 0);
  });
}

// ---- names, current_task, all_tasks ----

TEST_CASE("tasks are numbered by their loop, unless they are given a name", "[core][task_handle]") {
  run_on_virtual_time([]() -> weft::task<> {
    CHECK(weft::current_task().name() == "Task-1");
    auto named = weft::create_task(nothing(), "worker");
    auto numbered = weft::create_task(nothing());
    auto from_function = weft::create_task(weft::make_task(nothing), "function");
    CHECK(named.name() == "worker");
    CHECK(numbered.name() == "Task-3");
    CHECK(from_function.name() == "function");
    numbered.set_name("renamed");
    weft::task_ref ref = numbered;
    CHECK(ref.name() == "renamed");
    ref.set_name("");
    CHECK(numbered.name() == "");
    co_await yields(2);
    CHECK(named.name() == "worker");  // also when it is done
  });
}

TEST_CASE("current_task is the task that runs, in whatever coroutine; there is none in callbacks",
          "[core][task_handle]") {
  CHECK_FALSE(static_cast<bool>(weft::current_task()));
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::task_ref main = weft::current_task();
    auto child = [&]() -> weft::task<> {
      log(weft::current_task() == main ? "main" : weft::current_task().name());
      co_await weft::yield();
      log(weft::current_task() == main ? "main" : weft::current_task().name());
    };
    co_await child();
    co_await weft::create_task(child(), "child");
    weft::event_loop::current().call_soon([&] { log(weft::current_task() ? "task" : "none"); });
    co_await weft::yield();
    CHECK(weft::current_task() == main);
  });
  CHECK(log.text() == "main main child child none");
  CHECK_FALSE(static_cast<bool>(weft::current_task()));
}

TEST_CASE("the destructors of a task's parameters still run inside it, also if it never started",
          "[core][task_handle]") {
  class asks_who {
   public:
    asks_who(event_log& log) : log_(&log) {}
    asks_who(asks_who&& other) noexcept : log_(std::exchange(other.log_, nullptr)) {}
    ~asks_who() {
      if (log_ != nullptr) (*log_)(weft::current_task() ? weft::current_task().name() : "none");
    }

   private:
    event_log* log_;
  };
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto child = [](asks_who) -> weft::task<> { co_return; };
    co_await weft::create_task(child(asks_who(log)), "ran");
    auto never = weft::create_task(child(asks_who(log)), "never");
    never.cancel();
    co_await weft::yield();
  });
  CHECK(log.text() == "ran never");
}

TEST_CASE("all_tasks lists the tasks that are not done in the order of their creation", "[core][task_handle]") {
  CHECK_THROWS_AS(weft::all_tasks(), weft::usage_error);
  run_on_virtual_time([]() -> weft::task<> {
    auto names = [] {
      std::string all;
      for (const weft::task_ref& t : weft::all_tasks()) all += t.name() + " ";
      return all;
    };
    auto a = weft::create_task(sleeps(2ms), "a");
    auto b = weft::create_task(sleeps(1ms), "b");
    auto c = weft::create_task(sleeps(3ms), "c");
    CHECK(names() == "Task-1 a b c ");
    co_await b;
    CHECK(names() == "Task-1 a c ");
    a.cancel();
    CHECK(names() == "Task-1 a c ");  // not done yet
    co_await weft::yield();
    CHECK(names() == "Task-1 c ");
    CHECK(weft::all_tasks(weft::event_loop::current()).size() == 2);
    co_await c;
    CHECK(names() == "Task-1 ");
  });
}

TEST_CASE("a loop's create_task works before the loop runs, and run_until_complete takes tasks and handles",
          "[core][task_handle]") {
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  auto handle = loop.create_task(gives(std::string("a text that is too long for the small buffer")), "early");
  CHECK(handle.name() == "early");
  CHECK(weft::all_tasks(loop).size() == 1);
  const std::string copy = loop.run_until_complete(handle);
  CHECK(copy == handle.result());  // a handle that is kept keeps its result
  CHECK(loop.run_until_complete(gives(4)) == 4);
  CHECK(loop.run_until_complete(loop.create_task(gives(5))) == 5);
  int changed = 0;
  auto change = [](int& n, std::unique_ptr<int> by) -> weft::task<int> {
    co_await weft::yield();
    co_return n += *by;
  };
  auto changing = loop.create_task(change, std::ref(changed), std::make_unique<int>(6));
  CHECK(loop.run_until_complete(changing) == 6);
  CHECK(loop.run_until_complete(change, std::ref(changed), std::make_unique<int>(1)) == 7);
  CHECK_THROWS_WITH(loop.run_until_complete(fails("broken")), "broken");
}

// ---- who looks at exceptions ----

// What is reported when a task that fails after `passes` has been treated like this.
template <class Treat>
std::string reported_after(Treat treat) {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    {
      auto handle = weft::create_task(fails("lost", 1), "worker");
      co_await treat(handle);
      co_await yields(3);
      CHECK(handle.done());
    }
    co_await yields(1);
  });
  return told.text();
}

constexpr const char* never_retrieved = "Task exception was never retrieved: 'worker': lost";

TEST_CASE("an exception that nobody looks at is reported when the last handle goes", "[core][task_handle]") {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto handle = weft::create_task(fails("lost"), "worker");
    auto copy = handle;
    co_await yields(2);
    CHECK_FALSE(handle.exception_retrieved());
    handle = {};
    CHECK(told.count() == 0);
    copy = {};
    CHECK(told.text() == never_retrieved);
    weft::create_task(fails("dropped"), "other");
    co_await yields(2);
    CHECK(told.count() == 2);
  });
  CHECK(told.text() == std::string(never_retrieved) + " | Task exception was never retrieved: 'other': dropped");
}

TEST_CASE("result(), exception() and co_await look at an exception", "[core][task_handle]") {
  using handle = weft::task_handle<int>;
  CHECK(reported_after([](handle) -> weft::task<> { co_return; }) == never_retrieved);
  CHECK(reported_after([](handle h) -> weft::task<> {
          co_await yields(2);
          CHECK_THROWS_WITH(h.result(), "lost");
        }) == "");
  CHECK(reported_after([](handle h) -> weft::task<> {
          co_await yields(2);
          CHECK(h.exception() != nullptr);
          CHECK(h.exception_retrieved());
        }) == "");
  CHECK(reported_after([](handle h) -> weft::task<> {
          try {
            co_await h;
          } catch (const std::runtime_error&) {
          }
        }) == "");
  CHECK(reported_after([](handle h) -> weft::task<> {
          const weft::task_ref untyped = h;
          try {
            co_await untyped;
          } catch (const std::runtime_error&) {
          }
        }) == "");
}

TEST_CASE(
    "asking a task that is not done, its state or its name, looking over its shoulder, is no look at its exception",
    "[core][task_handle]") {
  using handle = weft::task_handle<int>;
  CHECK(reported_after([](handle h) -> weft::task<> {
          CHECK_THROWS_AS(h.result(), weft::invalid_state_error);
          co_return;
        }) == never_retrieved);
  CHECK(reported_after([](handle h) -> weft::task<> {
          CHECK_THROWS_AS(std::move(h).result(), weft::invalid_state_error);
          co_return;
        }) == never_retrieved);
  CHECK(reported_after([](handle h) -> weft::task<> {
          CHECK_THROWS_AS(h.exception(), weft::invalid_state_error);
          co_return;
        }) == never_retrieved);
  CHECK(reported_after([](handle h) -> weft::task<> {
          h.add_done_callback([](const weft::task_ref& t) { CHECK(t.done()); });
          co_await yields(2);
          CHECK(h.done());
          CHECK_FALSE(h.cancelled());
          CHECK_FALSE(h.exception_retrieved());
          CHECK_FALSE(h.cancel());  // in weft, refusing to cancel does not count as a look
        }) == never_retrieved);
}

TEST_CASE("a task that was cancelled is never reported", "[core][task_handle]") {
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto handle = weft::create_task(sleeps(1s));
    co_await weft::yield();
    handle.cancel();
    co_await yields(2);
    CHECK(handle.cancelled());
    handle = {};
  });
  CHECK(told.text() == "");
}

TEST_CASE("a failed task's report says its name, and where create_task was called or which coroutine it is",
          "[core][task_handle]") {
  std::vector<std::string> told;
  unsigned line = 0;
  auto listen = [&](weft::event_loop& loop) {
    loop.set_exception_handler([&](const weft::exception_context& c) { told.push_back(c.task); });
  };
  run_on_virtual_time([&]() -> weft::task<> {
    listen(weft::event_loop::current());
    line = __LINE__ + 1;
    weft::create_task(fails("lost"), "worker");
    weft::create_task(fails, std::string("lost"), 0);
    co_await yields(2);
  });
  CHECK(told.size() == 2);
  CHECK_THAT(told.at(0), contains("'worker', created at "));
  CHECK_THAT(told.at(0), contains("task_handle.test.cpp:" + std::to_string(line) + " ("));
  CHECK_THAT(told.at(1), contains("'Task-3', coroutine "));
  CHECK_THAT(told.at(1), contains("task_handle.test.cpp:"));
  CHECK_THAT(told.at(1), contains("fails"));

  told.clear();
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  listen(loop);
  line = __LINE__ + 1;
  loop.create_task(fails("lost"), "on a loop");
  weft_test::run_one_pass(loop);
  CHECK(told.size() == 1);
  CHECK_THAT(told.at(0), contains("'on a loop', created at "));
  CHECK_THAT(told.at(0), contains("task_handle.test.cpp:" + std::to_string(line) + " ("));
}

// ---- done callbacks ----

TEST_CASE("done callbacks run in the pass after the end, in the order of their registration", "[core][task_handle]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    pass_counter counter;
    auto handle = weft::create_task(logs(log, "task"));
    for (const char* word : {"a", "b", "c"}) {
      handle.add_done_callback([&, word](const weft::task_ref& t) {
        CHECK(t == handle);
        CHECK(counter.passes() == 2);
        log(word);
      });
    }
    co_await weft::yield();
    log("done");
    co_await weft::yield();
    log("called");
  });
  // The callbacks were queued while the task ran, before this one was: they run first.
  CHECK(log.text() == "task done a b c called");
}

TEST_CASE("a done callback of a typed handle may take that handle, and ask for the result", "[core][task_handle]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(gives(3));
    handle.add_done_callback([&](weft::task_handle<int> h) { log(std::to_string(h.result())); });
    handle.add_done_callback([&](auto h) { log(std::to_string(h.result() + 1)); });
    handle.add_done_callback([&](weft::task_ref t) { log(t.done() ? "done" : "pending"); });
    co_await yields(2);
  });
  CHECK(log.text() == "3 4 done");
}

TEST_CASE("a done callback that is added after the end runs in the next pass", "[core][task_handle]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(nothing());
    co_await handle;
    handle.add_done_callback([&](const weft::task_ref&) { log("callback"); });
    log("added");
    co_await weft::yield();
    log("end");
  });
  CHECK(log.text() == "added callback end");
}

TEST_CASE("a done callback can be taken back, before the end and also by another callback", "[core][task_handle]") {
  event_log log;
  census counts;
  run_on_virtual_time([&]() -> weft::task<> {
    auto handle = weft::create_task(sleeps(1ms));
    auto first = handle.add_done_callback([&, kept = tracked(counts)](const weft::task_ref&) { log("first"); });
    weft::callback_handle third;
    handle.add_done_callback([&](const weft::task_ref&) {
      log("second");
      third.cancel();
    });
    third = handle.add_done_callback([&](const weft::task_ref&) { log("third"); });
    handle.add_done_callback([&](const weft::task_ref&) { log("fourth"); });
    CHECK(counts.alive == 1);
    first.cancel();
    CHECK(counts.alive == 0);  // the function is gone at once
    first.cancel();
    co_await handle;
    co_await weft::yield();
  });
  CHECK(log.text() == "second fourth");
}

TEST_CASE("a done callback that throws is reported, and the others run", "[core][task_handle]") {
  event_log log;
  reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    auto handle = weft::create_task(nothing());
    handle.add_done_callback([&](const weft::task_ref&) { log("first"); });
    handle.add_done_callback([&](const weft::task_ref&) { throw std::runtime_error("bad callback"); });
    handle.add_done_callback([&](const weft::task_ref&) { log("third"); });
    co_await handle;
    log("awaited");
  });
  CHECK(log.text() == "first third awaited");
  CHECK(told.text() == "Exception in callback: bad callback");
}

TEST_CASE("done callbacks see the task's end whatever it was, and may start and cancel tasks", "[core][task_handle]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto tell = [&](const weft::task_ref& t) {
      log(t.cancelled() ? "cancelled" : t.exception() ? "failed" : "value");
      weft::create_task(logs(log, "started"));
    };
    auto victim = weft::create_task(sleeps(1s));
    weft::create_task(gives(1)).add_done_callback(tell);
    weft::create_task(fails("seen")).add_done_callback(tell);
    victim.add_done_callback(tell);
    weft::create_task(nothing()).add_done_callback([&](const weft::task_ref&) { victim.cancel(); });
    co_await yields(6);
  });
  CHECK(log.text() == "value failed started started cancelled started");
}

TEST_CASE("a callback that waits for its turn keeps the task alive, and no longer", "[core][task_handle]") {
  census counts;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    auto body = [](tracked t) -> weft::task<tracked> { co_return t; };
    loop.create_task(body(tracked(counts))).add_done_callback([](const weft::task_ref&) {});
    weft_test::run_one_pass(loop);
    CHECK(counts.alive == 1);  // the result
    weft_test::run_one_pass(loop);
    CHECK(counts.alive == 0);
    loop.create_task(body(tracked(counts))).add_done_callback([kept = tracked(counts)](const weft::task_ref&) {});
    CHECK(counts.alive == 2);
  }
  CHECK(counts.alive == 0);  // the loop went before either ran
}

// ---- the end of the loop, and of memory ----

TEST_CASE("handles may outlive their loop: results stay, and nothing can be scheduled any more",
          "[core][task_handle]") {
  weft::task_handle<int> value;
  weft::task_handle<int> failed;
  weft::task_handle<> pending;
  weft::task_handle<> unstarted;
  weft::callback_handle callback;
  reports told;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    told.listen(loop);
    value = loop.create_task(gives(1), "value");
    failed = loop.create_task(fails("broken"));
    pending = loop.create_task(sleeps(1s), "pending");
    weft_test::run_one_pass(loop);
    unstarted = loop.create_task(nothing(), "unstarted");
    callback = pending.add_done_callback([](const weft::task_ref&) { FAIL("called"); });
  }
  CHECK(told.text() ==
        "Task was destroyed but it is pending: 'unstarted' | Task was destroyed but it is pending: 'pending'");
  CHECK(value.result() == 1);
  CHECK(value.name() == "value");
  CHECK_FALSE(value.cancel());
  CHECK_THROWS_WITH(failed.result(), "broken");
  for (weft::task_ref gone : {weft::task_ref(pending), weft::task_ref(unstarted)}) {
    CHECK(gone.done());
    CHECK(gone.cancelled());
    CHECK_FALSE(gone.cancel());
    CHECK(gone.cancelling() == 0);
    CHECK(gone.uncancel() == 0);
    CHECK_THROWS_AS(gone.exception(), weft::cancelled_error);
    CHECK_THROWS_AS(gone.add_done_callback([](const weft::task_ref&) {}), weft::loop_closed_error);
  }
  callback.cancel();
  int again = 0;
  bool cancelled = false;
  run_on_virtual_time([&]() -> weft::task<> {
    again = co_await value;
    try {
      co_await pending;
    } catch (const weft::cancelled_error&) {
      cancelled = true;
    }
  });
  CHECK(again == 1);
  CHECK(cancelled);
}

TEST_CASE("create_task without memory throws std::bad_alloc and leaves nothing behind", "[core][task_handle]") {
  if (!weft_test::counts_allocations) return;
  census counts;
  int failures = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    auto body = [](tracked t) -> weft::task<tracked> { co_return t; };
    const std::string name = "a name that is too long for the small buffer";
    for (std::uint64_t allowed = 0;; ++allowed) {
      weft::task<tracked> coroutine = body(tracked(counts));
      std::string own = name;
      weft::task_handle<tracked> handle;
      try {
        const weft_test::out_of_memory limit(allowed);
        handle = weft::create_task(std::move(coroutine), std::move(own));
      } catch (const std::bad_alloc&) {
        ++failures;
        CHECK(counts.alive == 0);
        CHECK(weft::all_tasks().size() == 1);
        continue;
      }
      co_await handle;
      break;
    }
  });
  CHECK(failures > 0);
  CHECK(counts.alive == 0);
}

}  // namespace core_task_handle_test
