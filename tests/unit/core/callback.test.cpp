// Tests of weft/core/callback.hpp: how functions and arguments are kept, and what handles do before, during and after.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/loop_steps.hpp"

#include <weft/core/callback.hpp>
#include <weft/core/event_loop.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace core_callback_test {

using namespace std::chrono_literals;
using weft_test::loop_on_virtual_time;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

static_assert(std::is_copy_constructible_v<weft::callback_handle> && std::is_copy_constructible_v<weft::timer_handle>);
static_assert(std::is_nothrow_move_constructible_v<weft::timer_handle>);

struct counter {
  int value = 0;
  int add(int n) { return value += n; }
};

TEST_CASE_METHOD(loop_on_virtual_time, "arguments are kept as copies and handed over as rvalues", "[core][callback]") {
  std::string text = "before";
  std::string seen;
  loop.call_soon([&](std::string&& s) { seen = std::move(s); }, text);
  text = "after";
  run_one_pass(loop);
  CHECK(seen == "before");
}

TEST_CASE_METHOD(loop_on_virtual_time, "a callback takes move-only functions and arguments, references, and members",
                 "[core][callback]") {
  auto owned = std::make_unique<int>(1);
  int seen = 0;
  loop.call_soon([&seen, owned = std::move(owned)](std::unique_ptr<int> other) { seen = *owned + *other; },
                 std::make_unique<int>(2));
  int changed = 0;
  loop.call_soon([](int& n) { n = 7; }, std::ref(changed));
  counter c;
  loop.call_soon(&counter::add, &c, 5);
  run_one_pass(loop);
  CHECK(seen == 3);
  CHECK(changed == 7);
  CHECK(c.value == 5);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a function that copies its captures is called on the loop's own copy",
                 "[core][callback]") {
  const auto shared = std::make_shared<int>(0);
  const auto function = [shared] { ++*shared; };
  loop.call_soon(function);
  loop.call_soon(function);
  CHECK(shared.use_count() == 4);
  run_one_pass(loop);
  CHECK(*shared == 2);
  CHECK(shared.use_count() == 2);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a function is destroyed as soon as it has been called, not with its handle",
                 "[core][callback]") {
  auto owned = std::make_shared<int>();
  const auto handle = loop.call_soon([owned] {});
  CHECK(owned.use_count() == 2);
  run_one_pass(loop);
  CHECK(owned.use_count() == 1);
  CHECK_FALSE(handle.cancelled());
}

TEST_CASE_METHOD(loop_on_virtual_time, "a function that throws is destroyed, too", "[core][callback]") {
  loop.set_exception_handler([](const weft::exception_context&) {});
  auto owned = std::make_shared<int>();
  loop.call_soon([owned] { throw 1; });
  run_one_pass(loop);
  CHECK(owned.use_count() == 1);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a cancelled callback is not called and gives its function up at once",
                 "[core][callback]") {
  auto owned = std::make_shared<int>();
  bool called = false;
  auto handle = loop.call_soon([owned, &called] { called = true; });
  const auto copy = handle;
  CHECK_FALSE(handle.cancelled());
  handle.cancel();
  CHECK(handle.cancelled());
  CHECK(copy.cancelled());
  CHECK(owned.use_count() == 1);
  handle.cancel();  // once more changes nothing
  run_until_idle(loop);
  CHECK_FALSE(called);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a cancelled timer leaves nothing behind", "[core][callback]") {
  auto owned = std::make_shared<int>();
  auto handle = loop.call_later(1h, [owned] {});
  CHECK(loop.armed_timers() == 1);
  CHECK(handle.when() == weft::time_point{1h});
  handle.cancel();
  CHECK(loop.armed_timers() == 0);
  CHECK(owned.use_count() == 1);
  CHECK(handle.cancelled());
  CHECK(handle.when() == weft::time_point{1h});
  run_until_idle(loop);
  CHECK(loop.time() == weft::time_point{});
}

TEST_CASE_METHOD(loop_on_virtual_time, "a callback that is due in this pass can still be cancelled by an earlier one",
                 "[core][callback]") {
  std::vector<std::string> ran;
  weft::callback_handle soon;
  weft::timer_handle later;
  loop.call_soon([&] {
    ran.emplace_back("first");
    soon.cancel();
    later.cancel();
  });
  soon = loop.call_soon([&] { ran.emplace_back("soon"); });
  later = loop.call_at(loop.time(), [&] { ran.emplace_back("later"); });
  run_until_idle(loop);
  CHECK(ran == std::vector<std::string>{"first"});
  CHECK(soon.cancelled());
  CHECK(later.cancelled());
}

TEST_CASE_METHOD(loop_on_virtual_time, "cancelling a callback while it runs or afterwards does nothing",
                 "[core][callback]") {
  weft::callback_handle handle;
  int calls = 0;
  auto owned = std::make_shared<int>(3);
  handle = loop.call_soon([&, owned] {
    handle.cancel();
    calls += *owned;  // still there
  });
  run_until_idle(loop);
  CHECK(calls == 3);
  CHECK(owned.use_count() == 1);
  CHECK_FALSE(handle.cancelled());
  handle.cancel();
  CHECK_FALSE(handle.cancelled());
}

TEST_CASE_METHOD(loop_on_virtual_time, "dropping a handle does not cancel", "[core][callback]") {
  int calls = 0;
  {
    const auto handle = loop.call_later(1ms, [&] { ++calls; });
  }
  loop.call_soon([&] { ++calls; });
  run_until_idle(loop);
  CHECK(calls == 2);
}

TEST_CASE_METHOD(loop_on_virtual_time, "an empty handle does nothing", "[core][callback]") {
  weft::callback_handle empty;
  empty.cancel();
  CHECK_FALSE(empty.cancelled());
  weft::timer_handle no_timer;
  no_timer.cancel();
  CHECK(no_timer.when() == weft::time_point{});

  weft::callback_handle handle = loop.call_soon([] {});
  const weft::callback_handle moved = std::move(handle);
  handle.cancel();  // moved from: empty
  CHECK_FALSE(moved.cancelled());
  empty = moved;
  empty.cancel();
  CHECK(moved.cancelled());
}

TEST_CASE_METHOD(loop_on_virtual_time, "a function may own the handle of its own callback", "[core][callback]") {
  struct owner {
    weft::timer_handle own;
    std::shared_ptr<int> alive = std::make_shared<int>();
  };
  auto o = std::make_shared<owner>();
  const std::weak_ptr<int> alive = o->alive;
  o->own = loop.call_later(1s, [o] {});
  auto* raw = o.get();
  o.reset();
  CHECK_FALSE(alive.expired());

  SECTION("and is destroyed when it is cancelled through it") { raw->own.cancel(); }
  SECTION("and is destroyed when it has been called") { run_until_idle(loop); }
  CHECK(alive.expired());
}

TEST_CASE("a handle outlives its loop", "[core][callback]") {
  weft::timer_handle handle;
  weft::timer_handle cancelled;
  auto owned = std::make_shared<int>();
  {
    weft::virtual_clock time;
    weft::event_loop loop({.clock = &time});
    handle = loop.call_later(1s, [owned] {});
    cancelled = loop.call_later(2s, [owned] {});
    cancelled.cancel();
  }
  CHECK(owned.use_count() == 1);
  handle.cancel();
  CHECK_FALSE(handle.cancelled());
  CHECK(cancelled.cancelled());
  CHECK(handle.when() == weft::time_point{1s});
}

struct alignas(64) cache_line {
  unsigned char bytes[64] = {};
};

TEST_CASE_METHOD(loop_on_virtual_time, "what a callback keeps is aligned as its type asks", "[core][callback]") {
  std::uintptr_t misaligned = 0;
  for (int i = 0; i < 8; ++i) {
    loop.call_soon([&](cache_line&& line) { misaligned |= reinterpret_cast<std::uintptr_t>(&line) % 64; },
                   cache_line());
  }
  run_one_pass(loop);
  CHECK(misaligned == 0);
}

TEST_CASE_METHOD(loop_on_virtual_time, "a callback that finds no memory is not scheduled and loses nothing",
                 "[core][callback]") {
  if (!weft_test::counts_allocations) return;
  auto owned = std::make_shared<int>();
  struct big {
    std::shared_ptr<int> owner;
    std::uint64_t fill[256] = {};  // too large for a recycled block
  };
  int refused = 0;
  int made = 0;
  for (std::uint64_t allowed = 0; allowed < 3; ++allowed) {
    const weft_test::out_of_memory guard(allowed);
    try {
      loop.call_later(1s, [b = big{owned}, &made] { made += b.owner != nullptr; });
    } catch (const std::bad_alloc&) {
      ++refused;
    }
  }
  CHECK(refused >= 1);
  CHECK(refused <= 2);  // one for the callback, one for the first entry of the heap
  CHECK(loop.armed_timers() == static_cast<std::size_t>(3 - refused));
  CHECK(owned.use_count() == 1 + 3 - refused);
  run_until_idle(loop);
  CHECK(made == 3 - refused);
  CHECK(owned.use_count() == 1);
}

}  // namespace core_callback_test
