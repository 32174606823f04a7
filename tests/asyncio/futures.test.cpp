// What CPython's test_futures states, on weft: how a future ends, its done callbacks, what is reported.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/callback.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/task.hpp>
#include <weft/sync/future.hpp>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

namespace asyncio_futures_test {

using weft_test::event_log;
using weft_test::loop_on_virtual_time;
using weft_test::reports;
using weft_test::run_on_virtual_time;
using weft_test::run_one_pass;

const std::runtime_error boom("boom");

// A future that is done stays as it is.
void check_closed(const weft::future<int>& f) {
  CHECK(f.done());
  CHECK_THROWS_AS(f.set_result(1), weft::invalid_state_error);
  CHECK_THROWS_AS(f.set_exception(boom), weft::invalid_state_error);
  CHECK_FALSE(f.cancel());
}

// ---- how it ends ----

// CPython: futures BaseFutureTests.test_initial_state
TEST_CASE("a new future is neither done nor cancelled", "[asyncio][futures]") {
  loop_on_virtual_time on;
  const weft::future<int> f(on.loop);
  CHECK_FALSE(f.done());
  CHECK_FALSE(f.cancelled());
  f.cancel();
  CHECK(f.cancelled());
}

// CPython: futures BaseFutureTests.test_cancel
TEST_CASE("a cancelled future is done and has neither result nor exception", "[asyncio][futures]") {
  loop_on_virtual_time on;
  const weft::future<int> f(on.loop);
  CHECK(f.cancel());
  CHECK(f.cancelled());
  CHECK_THROWS_AS(f.result(), weft::cancelled_error);
  CHECK_THROWS_AS(f.exception(), weft::cancelled_error);
  check_closed(f);
  CHECK(f.cancelled());
}

// CPython: futures BaseFutureTests.test_result
TEST_CASE("a future with a result is done for good and has no exception", "[asyncio][futures]") {
  loop_on_virtual_time on;
  const weft::future<int> f(on.loop);
  CHECK_THROWS_AS(f.result(), weft::invalid_state_error);
  f.set_result(42);
  CHECK_FALSE(f.cancelled());
  CHECK(f.result() == 42);
  CHECK(f.exception() == nullptr);
  check_closed(f);
  CHECK(f.result() == 42);
}

// CPython: futures BaseFutureTests.test_exception
TEST_CASE("a future with an exception is done for good, and result() throws it each time", "[asyncio][futures]") {
  loop_on_virtual_time on;
  const weft::future<int> f(on.loop);
  CHECK_THROWS_AS(f.exception(), weft::invalid_state_error);
  const std::exception_ptr failure = std::make_exception_ptr(boom);
  f.set_exception(failure);
  CHECK_FALSE(f.cancelled());
  CHECK_THROWS_WITH(f.result(), "boom");
  CHECK_THROWS_WITH(f.result(), "boom");
  CHECK(f.exception() == failure);
  check_closed(f);
}

// CPython: futures BaseFutureTests.test_set_result_unless_cancelled
TEST_CASE("a result that comes too late does a cancelled future no harm", "[asyncio][futures]") {
  loop_on_virtual_time on;
  const weft::future<int> f(on.loop);
  on.loop.call_soon([f] {
    if (!f.done()) f.set_result(2);
  });
  f.cancel();
  run_one_pass(on.loop);
  CHECK(f.cancelled());
}

// What asyncio does where two futures are chained.
void copy_state(const weft::future<int>& from, const weft::future<int>& to) {
  if (from.cancelled()) {
    to.cancel();
  } else if (const std::exception_ptr failure = from.exception()) {
    to.set_exception(failure);
  } else {
    to.set_result(from.result());
  }
}

// CPython: futures BaseFutureTests.test_copy_state
TEST_CASE("a result, an exception and a cancellation can be handed on to another future", "[asyncio][futures]") {
  loop_on_virtual_time on;
  const weft::future<int> from[]{weft::future<int>(on.loop), weft::future<int>(on.loop), weft::future<int>(on.loop)};
  const weft::future<int> to[]{weft::future<int>(on.loop), weft::future<int>(on.loop), weft::future<int>(on.loop)};
  from[0].set_result(10);
  from[1].set_exception(boom);
  from[2].cancel();
  for (int i = 0; i < 3; ++i) copy_state(from[i], to[i]);
  CHECK(to[0].result() == 10);
  CHECK_THROWS_WITH(to[1].result(), "boom");
  CHECK(to[1].exception() == from[1].exception());
  CHECK(to[2].cancelled());
}

// CPython: futures BaseFutureTests.test_wrap_future
TEST_CASE("a future takes a result that another thread has found", "[asyncio][futures]") {
  const weft_test::time_limit limit;
  std::thread::id found_by;
  std::thread worker;
  const std::string result = run_on_virtual_time([&]() -> weft::task<std::string> {
    weft::future<std::string> answer;
    auto work = [&found_by, &answer, loop = weft::event_loop::current().remote()] {
      found_by = std::this_thread::get_id();
      loop.call_soon_threadsafe([&answer] { answer.set_result("hi"); });
    };
    worker = std::thread(work);
    co_return co_await answer;
  });
  worker.join();
  CHECK(result == "hi");
  CHECK(found_by != std::this_thread::get_id());
}

// ---- what is reported ----

// What is told when the last reference to a future goes, after `use` has had it.
template <class Use>
std::string told_after(Use use) {
  reports told;
  loop_on_virtual_time on;
  told.listen(on.loop);
  {
    const weft::future<int> f(on.loop);
    use(f);
  }
  run_one_pass(on.loop);
  return told.text();
}

// CPython: futures BaseFutureTests.test_tb_logger_abandoned
TEST_CASE("a future that is dropped while it is pending is not reported", "[asyncio][futures]") {
  CHECK(told_after([](const weft::future<int>&) {}).empty());
}

// CPython: futures BaseFutureTests.test_tb_logger_result_unretrieved
// CPython: futures BaseFutureTests.test_tb_logger_result_retrieved
TEST_CASE("a result is not reported, whether or not anybody has looked at it", "[asyncio][futures]") {
  const bool look = GENERATE(false, true);
  CHECK(told_after([=](const weft::future<int>& f) {
          f.set_result(42);
          if (look) CHECK(f.result() == 42);
        }).empty());
}

// CPython: futures BaseFutureTests.test_tb_logger_exception_unretrieved
// CPython: futures BaseFutureTests.test_future_exception_never_retrieved
TEST_CASE("an exception that nobody has looked at is reported when the future goes", "[asyncio][futures]") {
  const std::string told = told_after([](const weft::future<int>& f) { f.set_exception(boom); });
  CHECK(told == "Future exception was never retrieved: boom");
}

// Here weft differs on purpose: asyncio's cancel() makes it forget the exception.
TEST_CASE("a cancel that comes too late does not keep an exception from being reported", "[asyncio][futures]") {
  const std::string told = told_after([](const weft::future<int>& f) {
    f.set_exception(boom);
    CHECK_FALSE(f.cancel());
  });
  CHECK(told == "Future exception was never retrieved: boom");
}

// CPython: futures BaseFutureTests.test_tb_logger_exception_retrieved
TEST_CASE("an exception counts as looked at once exception() has given it", "[asyncio][futures]") {
  CHECK(told_after([](const weft::future<int>& f) {
          f.set_exception(boom);
          CHECK(f.exception() != nullptr);
        }).empty());
}

// CPython: futures BaseFutureTests.test_tb_logger_exception_result_retrieved
TEST_CASE("an exception counts as looked at once result() has thrown it", "[asyncio][futures]") {
  CHECK(told_after([](const weft::future<int>& f) {
          f.set_exception(boom);
          CHECK_THROWS_WITH(f.result(), "boom");
        }).empty());
}

// ---- done callbacks ----

// A future with three callbacks, which write their numbers.
struct watched_future {
  loop_on_virtual_time on;
  event_log log;
  weft::future<int> f{on.loop};
  weft::callback_handle callbacks[3] = {watch("1"), watch("2"), watch("3")};

  weft::callback_handle watch(const std::string& word) {
    return f.add_done_callback([this, word](const weft::future<int>&) { log(word); });
  }
  // What the callbacks write once the future has its result, and none of them before that.
  std::string told() {
    f.set_result(7);
    CHECK(log.text().empty());
    run_one_pass(on.loop);
    CHECK(f.result() == 7);
    return log.text();
  }
};

// CPython: futures BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_result
TEST_CASE("a result calls the done callbacks in the next pass, in their order", "[asyncio][futures]") {
  watched_future w;
  CHECK(w.told() == "1 2 3");
}

// CPython: futures BaseFutureDoneCallbackTests.test_callbacks_invoked_on_set_exception
TEST_CASE("an exception calls the done callbacks in the next pass, in their order", "[asyncio][futures]") {
  watched_future w;
  w.f.set_exception(boom);
  CHECK(w.log.text().empty());
  run_one_pass(w.on.loop);
  CHECK(w.log.text() == "1 2 3");
  CHECK(w.f.exception() != nullptr);
}

// CPython: futures BaseFutureDoneCallbackTests.test_callbacks_remove_first_callback
TEST_CASE("a done callback that is taken back is not called; to take it back twice does no harm",
          "[asyncio][futures]") {
  watched_future w;
  w.callbacks[0].cancel();
  w.callbacks[0].cancel();
  CHECK(w.told() == "2 3");
}

// CPython: futures BaseFutureDoneCallbackTests.test_callbacks_remove_first_and_second_callback
TEST_CASE("of three done callbacks two can be taken back", "[asyncio][futures]") {
  watched_future w;
  w.callbacks[0].cancel();
  w.callbacks[1].cancel();
  w.callbacks[0].cancel();
  CHECK(w.told() == "3");
}

// CPython: futures BaseFutureDoneCallbackTests.test_callbacks_remove_third_callback
TEST_CASE("the last done callback can be taken back", "[asyncio][futures]") {
  watched_future w;
  w.callbacks[2].cancel();
  w.callbacks[2].cancel();
  CHECK(w.told() == "1 2");
}

// CPython: futures BaseFutureDoneCallbackTests.test_remove_done_callback
TEST_CASE("a done callback that was taken back can be added again, at the end", "[asyncio][futures]") {
  watched_future w;
  weft::callback_handle never_added;
  never_added.cancel();
  w.callbacks[0].cancel();
  CHECK(w.callbacks[0].cancelled());
  CHECK_FALSE(w.callbacks[1].cancelled());
  w.watch("1");
  CHECK(w.told() == "2 3 1");
}

// CPython: futures BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_1
TEST_CASE("done callbacks may take back others that come after them", "[asyncio][futures]") {
  loop_on_virtual_time on;
  event_log log;
  weft::callback_handle later[2];
  const weft::future<int> f(on.loop);
  f.add_done_callback([&](const weft::future<int>&) {
    log("mutator");
    for (weft::callback_handle& c : later) c.cancel();
  });
  for (weft::callback_handle& c : later) c = f.add_done_callback([&](const weft::future<int>&) { log("later"); });
  f.set_result(1);
  run_one_pass(on.loop);
  // asyncio calls the later ones all the same; in weft a handle that was cancelled in time never runs, on purpose.
  CHECK(log.text() == "mutator");
}

// CPython: futures BaseFutureDoneCallbackTests.test_schedule_callbacks_list_mutation_2
TEST_CASE("callbacks that are added while others are taken back are called as well", "[asyncio][futures]") {
  watched_future w;
  // The function of a callback is destroyed when that is taken back: here that adds another one.
  struct adds_another {
    watched_future* w;
    explicit adds_another(watched_future& of) : w(&of) {}
    adds_another(adds_another&& other) noexcept : w(other.w) { other.w = nullptr; }
    adds_another& operator=(adds_another&&) = delete;
    ~adds_another() {
      if (w != nullptr) w->watch("added");
    }
    void operator()(const weft::future<int>&) const {}
  };
  weft::callback_handle evil = w.f.add_done_callback(adds_another(w));
  w.watch("5");
  evil.cancel();
  CHECK(w.told() == "1 2 3 5 added");
}

}  // namespace asyncio_futures_test
