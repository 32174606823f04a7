// Tests of weft/core/typed_task_state.hpp: how the result gets there, and a state that is used again.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/loop_steps.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/core/typed_task_state.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace core_typed_task_state_test {

using weft_test::run_on_virtual_time;

/// Throws at its last move.
class throws_when_moved {
 public:
  explicit throws_when_moved(int& moves_left) noexcept : moves_left_(&moves_left) {}
  throws_when_moved(throws_when_moved&& other) : moves_left_(other.moves_left_) {
    if (--*moves_left_ == 0) throw std::runtime_error("moved");
  }
  throws_when_moved& operator=(throws_when_moved&&) = delete;

 private:
  int* moves_left_;
};

weft::task<throws_when_moved> gives_throwing(int& moves_left) { co_return throws_when_moved(moves_left); }
weft::task<int> gives(int value) { co_return value; }

TEST_CASE("a result that throws on its way fails the task, wherever that happens", "[core][typed_task_state]") {
  int failures = 0;
  int task_failures = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (int last = 1;; ++last) {
      int moves_left = last;
      auto handle = weft::create_task(gives_throwing(moves_left));
      try {
        co_await std::move(handle);
        break;
      } catch (const std::runtime_error& e) {
        ++failures;
        CHECK(std::string(e.what()) == "moved");
      }
    }
    int moves_left = 2;  // into the promise, into the task
    auto handle = weft::create_task(gives_throwing(moves_left));
    try {
      co_await handle;
    } catch (const std::runtime_error&) {
      ++task_failures;
    }
    CHECK(handle.exception() != nullptr);
  });
  CHECK(failures >= 2);
  CHECK(task_failures == 1);
}

TEST_CASE("the state of a task that has ended becomes another one without its result", "[core][typed_task_state]") {
  weft::event_loop loop;
  auto& state = *new weft::typed_task_state<int>(loop, gives(1).release());
  state.retain();
  state.start();
  weft_test::run_one_pass(loop);
  CHECK(state.result.value() == 1);
  CHECK(state.left_behind());

  state.restart(gives(2).release(), 7);
  CHECK_FALSE(state.done());
  CHECK(state.result.pending());
  CHECK(state.label().name() == "Task-7");
  CHECK(&loop.tenants().front() == &state);
  state.start();
  weft_test::run_one_pass(loop);
  CHECK(state.result.value() == 2);
  state.release();
  CHECK(loop.tenants().empty());
}

}  // namespace core_typed_task_state_test
