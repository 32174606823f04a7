// What CPython's test_tasks states about asyncio.run_coroutine_threadsafe(), on weft's loop.remote(), from which it is
// made here in a few lines.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/future.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>
#include <exception>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace {

using namespace std::chrono_literals;
using weft_test::run_on_virtual_time;

// A coroutine that another thread has submitted: that thread waits for the answer, and may ask for its cancellation.
class submission {
 public:
  template <class F>
  submission(const weft::remote_loop& loop, F fn) : loop_(loop) {
    loop.call_soon_threadsafe([state = state_, fn] {
      state->task = weft::create_task(fn);
      state->task.add_done_callback([state](const weft::task_ref&) { state->tell(); });
    });
  }
  bool ready() const { return answer_.wait_for(0s) == std::future_status::ready; }
  int get() { return answer_.get(); }
  void cancel() const {
    loop_.call_soon_threadsafe([state = state_] { state->task.cancel(); });
  }

 private:
  struct shared {
    std::promise<int> answer;
    weft::task_handle<int> task;  // the loop's thread only

    void tell() {
      try {
        answer.set_value(std::exchange(task, {}).result());
      } catch (...) {
        answer.set_exception(std::current_exception());
      }
    }
  };

  weft::remote_loop loop_;
  std::shared_ptr<shared> state_ = std::make_shared<shared>();
  std::future<int> answer_ = state_->answer.get_future();
};

// Runs talk(remote) in another thread, and a loop in this one until it has returned; gives what it returns.
template <class Talk>
std::string talk_from_another_thread(Talk talk) {
  const weft_test::time_limit limit;
  std::thread thread;
  const std::string said = run_on_virtual_time([&]() -> weft::task<std::string> {
    weft::future<std::string> heard;
    auto body = [&heard, &talk, loop = weft::event_loop::current().remote()] {
      const std::string words = talk(loop);
      loop.call_soon_threadsafe([&heard, words] { heard.set_result(words); });
    };
    thread = std::thread(body);
    const std::string words = co_await heard;
    CHECK(weft::all_tasks().size() == 1);  // nobody is left behind
    co_return words;
  });
  thread.join();
  return said;
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe
TEST_CASE("another thread may submit a coroutine and wait for its result", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) {
    submission sum(loop, []() -> weft::task<int> {
      co_await weft::sleep_for(50ms);
      co_return 1 + 2;
    });
    return std::to_string(sum.get());
  });
  CHECK(said == "3");
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_exception
TEST_CASE("the exception of a submitted coroutine reaches the thread that waits for it", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) -> std::string {
    submission sum(loop, []() -> weft::task<int> {
      co_await weft::sleep_for(50ms);
      throw std::runtime_error("Fail!");
    });
    try {
      sum.get();
    } catch (const std::runtime_error& e) {
      return e.what();
    }
    return "no exception";
  });
  CHECK(said == "Fail!");
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_with_timeout
TEST_CASE("a thread that waits no longer can cancel what it has submitted", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) -> std::string {
    submission never(loop, []() -> weft::task<int> {
      weft::future<int> nobody_sets_it;
      co_return co_await nobody_sets_it;
    });
    if (never.ready()) return "ready";
    never.cancel();
    try {
      never.get();
    } catch (const weft::cancelled_error&) {
      return "cancelled";
    }
    return "not cancelled";
  });
  CHECK(said == "cancelled");
}

// CPython: tasks RunCoroutineThreadsafeTests.test_run_coroutine_threadsafe_task_cancelled
TEST_CASE("a submitted coroutine that cancels itself is cancelled for the thread that waits, too", "[asyncio][tasks]") {
  const std::string said = talk_from_another_thread([](const weft::remote_loop& loop) -> std::string {
    submission sum(loop, []() -> weft::task<int> {
      weft::current_task().cancel();
      co_await weft::yield();
      co_return 1 + 2;
    });
    try {
      sum.get();
    } catch (const weft::cancelled_error&) {
      return "cancelled";
    }
    return "not cancelled";
  });
  CHECK(said == "cancelled");
}

}  // namespace
