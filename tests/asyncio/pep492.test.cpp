// What CPython's test_pep492 states, on weft: `async with`, which is a lock object in a scope of its own.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/task.hpp>
#include <weft/sync/condition_variable.hpp>
#include <weft/sync/mutex.hpp>
#include <weft/sync/semaphore.hpp>
#include <weft/time/sleep.hpp>

#include <chrono>

namespace asyncio_pep492_test {

using namespace std::chrono_literals;

template <class Primitive>
auto enter(Primitive& primitive) {
  if constexpr (requires { primitive.lock(); }) {
    return primitive.lock();
  } else {
    return primitive.acquire();
  }
}

template <class Primitive>
void check_locked_inside_of_the_scope_only() {
  Primitive primitive;
  weft_test::run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::sleep_for(10ms);
    CHECK_FALSE(primitive.locked());
    {
      const auto held = co_await enter(primitive);
      CHECK(static_cast<bool>(held));
      CHECK(primitive.locked());
      co_await weft::sleep_for(10ms);
      CHECK(primitive.locked());
    }
    CHECK_FALSE(primitive.locked());
  });
  CHECK_FALSE(primitive.locked());
}

// CPython: pep492 LockTests.test_context_manager_async_with
TEST_CASE("a lock is held to the end of the scope in which it was taken", "[asyncio][pep492]") {
  SECTION("mutex") { check_locked_inside_of_the_scope_only<weft::mutex>(); }
  SECTION("condition_variable") { check_locked_inside_of_the_scope_only<weft::condition_variable>(); }
  SECTION("semaphore") { check_locked_inside_of_the_scope_only<weft::semaphore>(); }
  SECTION("bounded_semaphore") { check_locked_inside_of_the_scope_only<weft::bounded_semaphore>(); }
}

}  // namespace asyncio_pep492_test
