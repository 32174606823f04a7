// Tests of weft/core/promise.hpp: what a coroutine may return and throw, and how that reaches the one who awaits it.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/promise.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/config.hpp>
#include <weft/sync/yield.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace core_promise_test {

using weft_test::census;
using weft_test::event_log;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;
using weft_test::tracked;

struct shape {
  virtual ~shape() = default;
  virtual int corners() const { return 0; }
};
struct square : shape {
  int corners() const override { return 4; }
};
struct pair {
  int a = 0;
  int b = 0;
};

weft::task<std::string> returns_a_literal() { co_return "text"; }
weft::task<std::unique_ptr<shape>> returns_a_derived() { co_return std::make_unique<square>(); }
weft::task<std::optional<int>> returns_nullopt() { co_return std::nullopt; }
weft::task<pair> returns_braces() { co_return {1, 2}; }
weft::task<std::vector<int>> returns_a_local() {
  std::vector<int> local(3, 7);
  co_return local;
}

TEST_CASE("co_return converts as return does", "[core][promise]") {
  run_on_virtual_time([]() -> weft::task<> {
    const std::string text = co_await returns_a_literal();
    CHECK(text == "text");
    const std::unique_ptr<shape> derived = co_await returns_a_derived();
    CHECK(derived->corners() == 4);
    const std::optional<int> nothing = co_await returns_nullopt();
    CHECK_FALSE(nothing.has_value());
    const pair both = co_await returns_braces();
    CHECK(both.a + both.b == 3);
    const std::vector<int> local = co_await returns_a_local();
    CHECK(local.size() == 3);
  });
}

TEST_CASE("a task may return a reference, to const or not, and it stays one", "[core][promise]") {
  int number = 1;
  const std::string text = "constant";
  run_on_virtual_time([&]() -> weft::task<> {
    auto to_number = [&]() -> weft::task<int&> { co_return number; };
    auto to_text = [&]() -> weft::task<const std::string&> { co_return text; };
    int& n = co_await to_number();
    n = 2;
    const std::string& t = co_await to_text();
    CHECK(&n == &number);
    CHECK(&t == &text);
  });
  CHECK(number == 2);
}

TEST_CASE("a result with the strictest ordinary alignment is kept aligned", "[core][promise]") {
  struct alignas(__STDCPP_DEFAULT_NEW_ALIGNMENT__) strict {
    explicit strict(double d) : value(d) {}
    bool aligned() const { return reinterpret_cast<std::uintptr_t>(this) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0; }
    double value;
  };
  run_on_virtual_time([]() -> weft::task<> {
    auto give = []() -> weft::task<strict> { co_return strict(1.5); };
    const strict direct = co_await give();
    CHECK(direct.value == 1.5);
    weft::task_handle<strict> handle = weft::create_task(give());
    const strict& kept = co_await handle;
    CHECK(kept.value == 1.5);
    CHECK(kept.aligned());
  });
}

weft::task<> throws_an_int() {
  throw 42;
  co_return;
}

TEST_CASE("any exception reaches the one who awaits, as the very same object", "[core][promise]") {
  int caught = 0;
  const std::exception* thrown = nullptr;
  const std::exception* seen = nullptr;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await throws_an_int();
    } catch (int n) {
      caught = n;
    }
    auto fails = [&]() -> weft::task<> {
      try {
        throw std::runtime_error("it");
      } catch (const std::exception& e) {
        thrown = &e;
        throw;
      }
      co_return;
    };
    try {
      co_await fails();
    } catch (const std::exception& e) {
      seen = &e;
    }
  });
  CHECK(caught == 42);
  CHECK(thrown == seen);
}

weft::task<> throws_cancelled() {
  throw weft::cancelled_error();
  co_return;
}
weft::task<> rethrows_cancelled() {
  std::exception_ptr kept;
  try {
    throw weft::cancelled_error();
  } catch (...) {
    kept = std::current_exception();
  }
  std::rethrow_exception(kept);
  co_return;
}
weft::task<> fails_while_cancelled_is_handled() {
  try {
    throw weft::cancelled_error();
  } catch (const weft::cancelled_error&) {
    throw std::runtime_error("instead");
  }
  co_return;
}
weft::task<> is_cancelled_while_a_failure_is_handled() {
  try {
    throw std::runtime_error("first");
  } catch (const std::runtime_error&) {
    throw weft::cancelled_error();
  }
  co_return;
}

TEST_CASE("a cancelled_error that leaves a coroutine makes it cancelled, however it was thrown", "[core][promise]") {
  run_on_virtual_time([]() -> weft::task<> {
    for (auto* body : {&throws_cancelled, &rethrows_cancelled, &is_cancelled_while_a_failure_is_handled}) {
      bool direct = false;
      try {
        co_await body();
      } catch (const weft::cancelled_error&) {
        direct = true;
      }
      CHECK(direct);
      auto handle = weft::create_task(body());
      co_await weft::yield();
      CHECK(handle.done());
      CHECK(handle.cancelled());
    }
    auto failed = weft::create_task(fails_while_cancelled_is_handled());
    co_await weft::yield();
    CHECK_FALSE(failed.cancelled());
    CHECK(failed.exception() != nullptr);
  });
}

class throws_when_made {
 public:
  throws_when_made(int) { throw std::runtime_error("cannot be made"); }
};
weft::task<throws_when_made> returns_what_cannot_be_made(event_log& log) {
  says_goodbye local(log, "local");
  co_return 1;
}

TEST_CASE("an exception from making the result is the coroutine's", "[core][promise]") {
  event_log log;
  auto body = [&]() -> weft::task<> { co_await returns_what_cannot_be_made(log); };
  CHECK_THROWS_WITH(run_on_virtual_time(body), "cannot be made");
  CHECK(log.text() == "local");
}

class throws_when_moved {
 public:
  explicit throws_when_moved(census& counts, int moves) : object_(counts), moves_left_(moves) {}
  throws_when_moved(throws_when_moved&& other) : object_(other.object_), moves_left_(other.moves_left_ - 1) {
    if (moves_left_ < 0) throw std::runtime_error("cannot be moved");
  }

 private:
  tracked object_;
  int moves_left_;
};
weft::task<throws_when_moved> returns_what_moves(census& counts, int moves) {
  co_return throws_when_moved(counts, moves);
}

TEST_CASE("a result that throws on its way out fails the await or the task, and nothing leaks", "[core][promise]") {
  census counts;
  int failures = 0;
  int successes = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int moves = 0; moves < 6; ++moves) {
      try {
        const throws_when_moved result = co_await returns_what_moves(counts, moves);
        ++successes;
      } catch (const std::runtime_error&) {
        ++failures;
      }
      auto handle = weft::create_task(returns_what_moves(counts, moves));
      try {
        const throws_when_moved& result = co_await handle;
        static_cast<void>(result);
        ++successes;
      } catch (const std::runtime_error&) {
        ++failures;
      }
    }
  });
  CHECK(failures + successes == 12);
  CHECK(failures >= 3);   // not moved often enough
  CHECK(successes >= 6);  // a handful of moves must do
  CHECK(counts.made > 0);
  CHECK(counts.alive == 0);
}

weft::task<> two_locals_then_throw(event_log& log) {
  says_goodbye outer(log, "outer");
  says_goodbye inner(log, "inner");
  co_await weft::yield();
  throw std::runtime_error("broken");
}
weft::task<> awaits_in(event_log& log, says_goodbye) {
  says_goodbye local(log, "awaiting");
  co_await two_locals_then_throw(log);
}

TEST_CASE("an exception unwinds the chain of awaits from leaf to root, each frame once", "[core][promise]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      co_await awaits_in(log, says_goodbye(log, "parameter"));
    } catch (const std::runtime_error&) {
      log("caught");
    }
  });
  // The parameters go with the frame, at the end of the await: before the handler runs.
  CHECK(log.text() == "inner outer awaiting parameter caught");
}

weft::task<int> trivial_child(int n) { co_return n; }

TEST_CASE("awaiting a trivial task allocates nothing once its frame's size is in the pool", "[core][promise]") {
  std::uint64_t allocated = 1;
  int sum = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    sum += co_await trivial_child(1);
    const std::uint64_t before = weft_test::allocations();
    for (int i = 0; i < 1000; ++i) sum += co_await trivial_child(1);
    allocated = weft_test::allocations() - before;
  });
  CHECK(sum == 1001);
  if (WEFT_FRAME_POOL) {
    CHECK(allocated == 0);
  } else {
    CHECK(allocated <= 1000);  // the frame, and nothing else (none at all where the compiler elides it)
  }
}

// Its frame is larger than what the pool keeps. Not inlined: clang would leave the frame out; volatile: and the block.
[[gnu::noinline]] weft::task<int> large_frame(int n) {
  volatile char block[4000];
  block[n] = static_cast<char>(n);
  co_await weft::yield();
  co_return block[n];
}

TEST_CASE("a frame for which there is no memory is the caller's std::bad_alloc", "[core][promise]") {
  if (!weft_test::counts_allocations) return;
  bool caught = false;
  bool alive = false;
  run_on_virtual_time([&]() -> weft::task<> {
    try {
      const weft_test::out_of_memory none;
      auto t = large_frame(3);
      static_cast<void>(t);
    } catch (const std::bad_alloc&) {
      caught = true;
    }
    const int three = co_await large_frame(3);
    alive = three == 3;
  });
  CHECK(caught);
  CHECK(alive);
}

}  // namespace core_promise_test
