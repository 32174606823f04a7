// Tests of weft/core/awaitable.hpp: what a program's own awaiters may do, and what the promise does for all of them.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/pass_counter.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/awaitable.hpp>
#include <weft/core/cancel_walk.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

namespace core_awaitable_test {

using weft_test::event_log;
using weft_test::pass_counter;
using weft_test::run_on_virtual_time;

// The whole awaiter of the header's example.
class turn {
 public:
  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) const { waiting.wake(); }
  void await_resume() const noexcept {}
};

// Waits until somebody opens it; what asyncio.Future is to asyncio's primitives.
class gate : public weft::waitable {
 public:
  explicit gate(event_log& log) : log_(log) {}
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;
  ~gate() {
    if (waiting_ != nullptr) log_("destroyed_while_waiting");
  }

  void open() {
    if (weft::task_state* waiting = std::exchange(waiting_, nullptr)) waiting->wake();
  }
  bool is_waited_for() const noexcept { return waiting_ != nullptr; }

  class waiter {
   public:
    explicit waiter(gate& g) : gate_(g) {}
    waiter(const waiter&) = delete;
    waiter& operator=(const waiter&) = delete;
    bool await_ready() const noexcept { return false; }
    void await_suspend(weft::task_state& waiting) {
      gate_.waiting_ = &waiting;
      waiting.wait_on(gate_);
    }
    int await_resume() const {
      gate_.log_("resumed");
      return 7;
    }
    void await_cancelled() noexcept { gate_.log_("undone"); }

   private:
    gate& gate_;
  };
  waiter operator co_await() { return waiter(*this); }

  bool cancel(weft::cancel_walk&) noexcept override {
    if (waiting_ == nullptr) return false;
    log_("cancel");
    std::exchange(waiting_, nullptr)->wake_cancelled();
    return true;
  }
  std::string describe() const override { return "a gate of the tests"; }

 private:
  event_log& log_;
  weft::task_state* waiting_ = nullptr;
};

static_assert(weft::awaiter<turn> && weft::awaiter<turn&> && !weft::makes_awaiter<turn>);
static_assert(weft::makes_awaiter<gate&> && !weft::awaiter<gate>);
static_assert(weft::makes_awaiter<weft::task_handle<int>> && weft::makes_awaiter<weft::task_ref>);
static_assert(!weft::awaiter<weft::task<>> && !weft::makes_awaiter<weft::task<>>);
static_assert(!weft::awaiter<int> && !weft::makes_awaiter<int>);

TEST_CASE("an awaiter of one's own takes one pass when it wakes its task at once", "[core][awaitable]") {
  int passes = -1;
  run_on_virtual_time([&]() -> weft::task<> {
    pass_counter counter;
    co_await turn();
    passes = counter.passes();
  });
  CHECK(passes == 1);
}

// Ready: 0 as await_ready() says, 1 as await_suspend() says, 2 not at all.
class countdown {
 public:
  explicit countdown(int how) : how_(how) {}
  bool await_ready() const noexcept { return how_ == 0; }
  bool await_suspend(weft::task_state& waiting) const {
    if (how_ == 1) return false;
    waiting.wake();
    return true;
  }
  int await_resume() const noexcept { return how_; }

 private:
  int how_;
};

TEST_CASE("an awaiter that is ready, or whose await_suspend returns false, takes no pass", "[core][awaitable]") {
  std::string seen;
  run_on_virtual_time([&]() -> weft::task<> {
    pass_counter counter;
    for (int how = 0; how < 3; ++how) {
      const int result = co_await countdown(how);
      seen += std::to_string(result) + ":" + std::to_string(counter.passes()) + " ";
    }
  });
  CHECK(seen == "0:0 1:0 2:1 ");
}

class throws_in {
 public:
  explicit throws_in(std::string where) : where_(std::move(where)) {}
  bool await_ready() const {
    if (where_ == "ready") throw std::runtime_error("from ready");
    return where_ == "ready_resume";
  }
  void await_suspend(weft::task_state& waiting) const {
    if (where_ == "suspend") throw std::runtime_error("from suspend");
    waiting.wake();
  }
  void await_resume() const { throw std::runtime_error("from resume"); }

 private:
  std::string where_;
};

TEST_CASE("an exception from any part of an awaiter arrives at the co_await, and the task goes on",
          "[core][awaitable]") {
  std::string caught;
  run_on_virtual_time([&]() -> weft::task<> {
    for (const char* where : {"ready", "suspend", "resume", "ready_resume"}) {
      throws_in awaiter(where);
      try {
        co_await std::move(awaiter);
      } catch (const std::runtime_error& e) {
        caught += e.what();
        caught += ' ';
      }
      co_await weft::yield();
    }
  });
  CHECK(caught == "from ready from suspend from resume from resume ");
}

TEST_CASE("a waitable is woken once and gives its result", "[core][awaitable]") {
  event_log log;
  gate g(log);
  run_on_virtual_time([&]() -> weft::task<> {
    auto wait = [&]() -> weft::task<int> { co_return co_await g; };
    weft::task_handle<int> waiting = weft::create_task(wait);
    co_await weft::yield();
    CHECK(g.is_waited_for());
    g.open();
    CHECK_FALSE(waiting.done());  // in the next pass
    const int result = co_await waiting;
    CHECK(result == 7);
  });
  CHECK(log.text() == "resumed");
}

TEST_CASE("a cancelled waitable is told so, and await_cancelled is called instead of await_resume",
          "[core][awaitable]") {
  event_log log;
  gate g(log);
  run_on_virtual_time([&]() -> weft::task<> {
    auto wait = [&]() -> weft::task<> {
      try {
        co_await g;
      } catch (const weft::cancelled_error&) {
        log("cancelled");
        throw;
      }
    };
    auto waiting = weft::create_task(wait);
    co_await weft::yield();
    CHECK(waiting.cancel());
    log("requested");
    co_await weft::yield();
    co_await weft::yield();
    CHECK(waiting.cancelled());
  });
  CHECK(log.text() == "cancel requested undone cancelled");
}

TEST_CASE("a request that comes after the waitable woke its task is delivered instead of the result",
          "[core][awaitable]") {
  event_log log;
  gate g(log);
  run_on_virtual_time([&]() -> weft::task<> {
    auto wait = [&]() -> weft::task<> { co_await g; };
    auto waiting = weft::create_task(wait);
    co_await weft::yield();
    g.open();
    CHECK(waiting.cancel());
    co_await weft::yield();
    CHECK(waiting.cancelled());
  });
  CHECK(log.text() == "undone");  // the gate was not asked: nobody waits for it any more
}

// Says that it cannot be cancelled; wakes its task later all the same.
class stubborn : public weft::waitable {
 public:
  void open() { waiting_->wake(); }
  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) {
    waiting_ = &waiting;
    waiting.wait_on(*this);
  }
  void await_resume() const noexcept {}
  bool cancel(weft::cancel_walk&) noexcept override {
    ++asked;
    return false;
  }
  std::string describe() const override { return "something stubborn"; }

  int asked = 0;

 private:
  weft::task_state* waiting_ = nullptr;
};

TEST_CASE("a waitable that refuses to be cancelled delays the request until it is over", "[core][awaitable]") {
  stubborn s;
  bool delivered = false;
  run_on_virtual_time([&]() -> weft::task<> {
    auto wait = [&]() -> weft::task<> {
      try {
        co_await std::move(s);
      } catch (const weft::cancelled_error&) {
        delivered = true;
      }
    };
    auto waiting = weft::create_task(wait);
    co_await weft::yield();
    CHECK(waiting.cancel());
    for (int i = 0; i < 5; ++i) co_await weft::yield();
    CHECK_FALSE(delivered);
    s.open();
    co_await waiting;
  });
  CHECK(delivered);
  CHECK(s.asked == 1);
}

class stays_where_it_is {
 public:
  explicit stays_where_it_is(const void*& at_suspend) : at_suspend_(at_suspend) {}
  stays_where_it_is(const stays_where_it_is&) = delete;
  stays_where_it_is& operator=(const stays_where_it_is&) = delete;
  bool await_ready() const noexcept { return false; }
  void await_suspend(weft::task_state& waiting) {
    at_suspend_ = this;
    waiting.wake();
  }
  const void* await_resume() const noexcept { return this; }

 private:
  const void*& at_suspend_;
};

TEST_CASE("an awaiter that can neither move nor be copied is awaited where it was made", "[core][awaitable]") {
  const void* at_suspend = nullptr;
  const void* at_resume = &at_suspend;
  run_on_virtual_time([&]() -> weft::task<> { at_resume = co_await stays_where_it_is(at_suspend); });
  CHECK(at_suspend == at_resume);
}

TEST_CASE("an awaiter may return a reference or something that only moves", "[core][awaitable]") {
  class gives {
   public:
    explicit gives(int& to) : to_(to) {}
    bool await_ready() const noexcept { return true; }
    void await_suspend(weft::task_state&) const noexcept {}
    int& await_resume() const noexcept { return to_; }

   private:
    int& to_;
  };
  class makes {
   public:
    bool await_ready() const noexcept { return true; }
    void await_suspend(weft::task_state&) const noexcept {}
    std::unique_ptr<int> await_resume() const { return std::make_unique<int>(5); }
  };
  int target = 1;
  int made = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    int& reference = co_await gives(target);
    reference = 2;
    std::unique_ptr<int> owned = co_await makes();
    made = *owned;
  });
  CHECK(target == 2);
  CHECK(made == 5);
}

TEST_CASE("a deadlock report says what a task waits for in the waitable's own words", "[core][awaitable]") {
  event_log log;
  {
    gate g(log);
    auto wait = [&]() -> weft::task<> { co_await g; };
    CHECK_THROWS_WITH(run_on_virtual_time(wait), weft_test::contains("waits for a gate of the tests"));
    CHECK(log.text() == "cancel undone");  // run() cancels what is left, as asyncio does
  }
  CHECK(log.text() == "cancel undone");
}

TEST_CASE("an awaiter is destroyed with the frame in which it waits", "[core][awaitable]") {
  class waits_for_ever {
   public:
    explicit waits_for_ever(event_log& log) : log_(log) {}
    waits_for_ever(const waits_for_ever&) = delete;
    waits_for_ever& operator=(const waits_for_ever&) = delete;
    ~waits_for_ever() { log_("~"); }
    bool await_ready() const noexcept { return false; }
    void await_suspend(weft::task_state&) { log_("suspended"); }
    void await_resume() const { log_("resumed"); }

   private:
    event_log& log_;
  };
  event_log log;
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    auto wait = [&]() -> weft::task<> { co_await waits_for_ever(log); };
    loop.create_task(wait());
    CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
    CHECK(log.text() == "suspended");
  }
  CHECK(log.text() == "suspended ~");
}

}  // namespace core_awaitable_test
