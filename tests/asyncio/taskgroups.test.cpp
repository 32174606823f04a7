// What CPython's tests of asyncio.TaskGroup say, for with_task_group: results, failures, cancelling, and what starts
// when.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/outcome.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/exception_group.hpp>
#include <weft/flow/finally.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/task_group.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace asyncio_taskgroups_test {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using weft_test::event_log;
using weft_test::now_ms;
using weft_test::run_on_virtual_time;
using weft_test::says_goodbye;

weft::task<int> gives(int value, milliseconds after) {
  co_await weft::sleep_for(after);
  co_return value;
}
weft::task<> fails(std::string what, milliseconds after) {
  co_await weft::sleep_for(after);
  throw std::runtime_error(what);
}
weft::task<> naps(milliseconds time) { co_await weft::sleep_for(time); }
// Says when it is cancelled.
weft::task<> sleeps(event_log& log, std::string name) {
  try {
    co_await weft::sleep_for(1h);
  } catch (const weft::cancelled_error&) {
    log(name + "_cancelled");
    throw;
  }
}
// Takes two seconds to end when it is cancelled.
weft::task<> tidies_up() {
  co_await weft::finally(weft::sleep_for(10s), [] { return naps(2s); });
}
// Fails when it is cancelled.
weft::task<> breaks_when_cancelled() {
  try {
    co_await weft::sleep_for(10s);
  } catch (const weft::cancelled_error&) {
    throw std::runtime_error("broke");
  }
}
// Starts `runner` as a task, cancels it after 100 ms, and says how it has ended.
template <class Runner>
weft::task<weft::outcome<>> cancelled_after_100_ms(Runner& runner) {
  auto task = weft::create_task(runner);
  co_await weft::sleep_for(100ms);
  CHECK_FALSE(task.done());
  task.cancel();
  co_return co_await weft::outcome_of(task);
}
// What the group failed with, each error in words: "broken, broken"; a group inside of it in brackets.
std::string errors_of(std::exception_ptr failure) {
  if (failure == nullptr) return "nothing";
  try {
    std::rethrow_exception(failure);
  } catch (const weft::exception_group& group) {
    std::string all;
    for (const std::exception_ptr& error : group.exceptions()) all += (all.empty() ? "" : ", ") + errors_of(error);
    return "[" + all + "]";
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something";
  }
}

// ---- results ----

// CPython: taskgroups TestTaskGroup.test_taskgroup_01
TEST_CASE("a task group is left when its last task has ended, and their results are there", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_handle<int> first;
    weft::task_handle<int> second;
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      first = group.create_task(gives(42, 100ms));
      second = group.create_task(gives(11, 200ms));
      co_return;
    });
    CHECK(now_ms() == 200);
    CHECK(first.result() == 42);
    CHECK(second.result() == 11);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_02
TEST_CASE("the body of a task group may wait and start tasks later", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_handle<int> first;
    weft::task_handle<int> second;
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      first = group.create_task(gives(42, 100ms));
      co_await weft::sleep_for(150ms);
      CHECK(first.done());
      second = group.create_task(gives(11, 200ms));
    });
    CHECK(now_ms() == 350);
    CHECK(first.result() == 42);
    CHECK(second.result() == 11);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_03
TEST_CASE("a task of a group that is cancelled by hand leaves the group and its other tasks alone",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_handle<int> cancelled;
    weft::task_handle<int> other;
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      cancelled = group.create_task(gives(42, 1s));
      co_await weft::sleep_for(150ms);
      cancelled.cancel();
      other = group.create_task(gives(11, 200ms));
    });
    CHECK(cancelled.cancelled());
    CHECK(other.result() == 11);
    CHECK(now_ms() == 350);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_task_name
TEST_CASE("a task of a group has the name that it was given", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::string name;
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      name = group.create_task(naps(0ms), "yolo").name();
      co_return;
    });
    CHECK(name == "yolo");
  });
}

// ---- failures ----

// CPython: taskgroups TestTaskGroup.test_taskgroup_04
TEST_CASE("the first failure in a group cancels the other tasks and is thrown as a group of one",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    weft::task_handle<> other;
    auto runner = weft::create_task([&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
        group.create_task(fails("broken", 100ms));
        other = group.create_task(sleeps(log, "other"));
        co_return;
      });
      log("after_the_group");
    });
    const weft::outcome<> result = co_await weft::outcome_of(runner);
    CHECK(errors_of(result.exception()) == "[broken]");
    CHECK(log.text() == "other_cancelled");
    CHECK(other.cancelled());
    CHECK(now_ms() == 100);
  });
}

// CPython: taskgroups TestTaskGroup.test_cancel_children_on_child_error
TEST_CASE("a failure cancels the body of the group, too, and all that fail in the same pass are thrown together",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    auto runner = weft::create_task([&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
        for (const char* name : {"a", "b", "c"}) group.create_task(fails(name, 100ms));
        group.create_task(sleeps(log, "task"));
        co_await sleeps(log, "body");
      });
      log("after_the_group");
    });
    const weft::outcome<> result = co_await weft::outcome_of(runner);
    CHECK(errors_of(result.exception()) == "[a, b, c]");
    CHECK(log.text() == "task_cancelled body_cancelled");
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_09
TEST_CASE("a failure of the body cancels the tasks of the group and waits for them", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_handle<int> first;
    weft::task_handle<int> second;
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
          first = group.create_task(gives(42, 1s));
          second = group.create_task(gives(11, 2s));
          co_await weft::sleep_for(100ms);
          throw std::runtime_error("body");
        }));
    CHECK(errors_of(result.exception()) == "[body]");
    CHECK(first.cancelled());
    CHECK(second.cancelled());
    CHECK(now_ms() == 100);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_10
TEST_CASE("tasks of a group whose body fails before they have begun never run", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    bool ran = false;
    const auto runs = [&]() -> weft::task<> {
      ran = true;
      co_return;
    };
    weft::task_handle<> child;
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
          child = group.create_task(runs);
          throw std::runtime_error("body");
          co_return;
        }));
    CHECK(errors_of(result.exception()) == "[body]");
    CHECK(child.cancelled());
    CHECK_FALSE(ran);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_13
TEST_CASE("a failure in an outer group ends the inner group, and only the outer one reports it",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::outcome<> inner;
    const weft::outcome<> outer =
        co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& outside) -> weft::task<> {
          outside.create_task(fails("outer", 100ms));
          inner = co_await weft::outcome_of(weft::with_task_group([](weft::task_group& inside) -> weft::task<> {
            inside.create_task(fails("inner", 10s));
            co_return;
          }));
          inner.value();
        }));
    CHECK(inner.cancelled());
    CHECK(errors_of(outer.exception()) == "[outer]");
    CHECK(now_ms() == 100);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_14
TEST_CASE("a failure in an inner group is a failure of the outer group's body: a group in a group",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::outcome<> outer =
        co_await weft::outcome_of(weft::with_task_group([](weft::task_group& outside) -> weft::task<> {
          outside.create_task(fails("outer", 10s));
          co_await weft::with_task_group([](weft::task_group& inside) -> weft::task<> {
            inside.create_task(fails("inner", 100ms));
            co_return;
          });
        }));
    CHECK(errors_of(outer.exception()) == "[[inner]]");
    CHECK(now_ms() == 100);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_19
TEST_CASE("a body that fails while a task's failure cancels it adds its error to the group's",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([](weft::task_group& group) -> weft::task<> {
          group.create_task(fails("task", 100ms));
          co_await breaks_when_cancelled();
        }));
    CHECK(errors_of(result.exception()) == "[task, broke]");
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_context_manager_exit_raises
TEST_CASE("a body that replaces the group's cancellation by an error leaves no request behind",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([](weft::task_group& group) -> weft::task<> {
          group.create_task(fails("task", 0ms));
          try {
            co_await weft::sleep_for(1s);
          } catch (const weft::cancelled_error&) {
            CHECK(weft::current_task().cancelling() == 1);
            throw std::runtime_error("the database is gone");
          }
        }));
    CHECK(weft::current_task().cancelling() == 0);
    CHECK(errors_of(result.exception()) == "[task, the database is gone]");
    co_await weft::sleep_for(1ms);  // nothing is left to be delivered
    CHECK(now_ms() == 1);
  });
}

// CPython: taskgroups TestTaskGroup.test_cancelling_level_preserved
TEST_CASE("a group that has cancelled its own body takes the request back", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([](weft::task_group& group) -> weft::task<> {
          group.create_task(fails("broken", 0ms));
          co_return;
        }));
    CHECK(errors_of(result.exception()) == "[broken]");
    CHECK(weft::current_task().cancelling() == 0);
    co_await weft::yield();
  });
}

// CPython: taskgroups TestTaskGroup.test_nested_groups_both_cancelled
TEST_CASE("when two nested groups fail at once the inner one leaves the outer one's request alone",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::outcome<> inner;
    bool cancelled_again = false;
    const weft::outcome<> outer =
        co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& outside) -> weft::task<> {
          inner = co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& inside) -> weft::task<> {
            inside.create_task(fails("inner", 0ms));
            outside.create_task(fails("outer", 0ms));
            co_return;
          }));
          CHECK(weft::current_task().cancelling() == 1);
          try {
            co_await weft::sleep_for(1h);
          } catch (const weft::cancelled_error&) {
            cancelled_again = true;
            throw;
          }
        }));
    CHECK(errors_of(inner.exception()) == "[inner]");
    CHECK(errors_of(outer.exception()) == "[outer]");
    CHECK(cancelled_again);
    CHECK(weft::current_task().cancelling() == 0);
  });
}

// ---- cancelled from outside ----

// CPython: taskgroups TestTaskGroup.test_cancellation
TEST_CASE("cancelling a task that waits at the end of a group cancels the group's tasks and then itself",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto runner = [&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
        for (int i = 0; i < 5; ++i) group.create_task(sleeps(log, "child"));
        co_return;
      });
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(result.cancelled());
    CHECK(log.text() == "child_cancelled child_cancelled child_cancelled child_cancelled child_cancelled");
    CHECK(now_ms() == 100);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_22
TEST_CASE("a cancelled group waits for tasks that take their time to end", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto runner = [&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
        group.create_task(sleeps(log, "quick"));
        group.create_task(tidies_up());
        co_return;
      });
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(result.cancelled());
    CHECK(log.text() == "quick_cancelled");
    CHECK(now_ms() == 2100);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_07
TEST_CASE("cancelling a task in the body of its group cancels the body first and then the group's tasks",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto runner = [&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
        for (int i = 0; i < 3; ++i) group.create_task(sleeps(log, "child"));
        co_await sleeps(log, "body");
      });
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(result.cancelled());
    CHECK(log.text() == "body_cancelled child_cancelled child_cancelled child_cancelled");
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_17
TEST_CASE("a group without tasks passes the cancellation of its body on", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto runner = [&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group&) -> weft::task<> { co_await sleeps(log, "body"); });
      log("after_the_group");
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(result.cancelled());
    CHECK(log.text() == "body_cancelled");
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_08
TEST_CASE("errors of tasks that a cancelled group cancels win over the cancellation, and cancel nobody once more",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::task_handle<> tidy;
    const auto runner = [&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
        for (int i = 0; i < 5; ++i) group.create_task(breaks_when_cancelled());
        tidy = group.create_task(tidies_up());
        co_await weft::sleep_for(10s);
      });
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(errors_of(result.exception()) == "[broke, broke, broke, broke, broke]");
    CHECK(tidy.cancelling() == 1);
    CHECK(now_ms() == 2100);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_11
// CPython: taskgroups TestTaskGroup.test_taskgroup_12
TEST_CASE("errors of a cancelled inner group come out of the outer group as one group, with or without other tasks",
          "[asyncio][taskgroups]") {
  const bool outer_has_a_task = GENERATE(false, true);
  run_on_virtual_time([&]() -> weft::task<> {
    event_log log;
    const auto runner = [&]() -> weft::task<> {
      co_await weft::with_task_group([&](weft::task_group& outer) -> weft::task<> {
        if (outer_has_a_task) outer.create_task(sleeps(log, "other"));
        co_await weft::with_task_group([](weft::task_group& inner) -> weft::task<> {
          for (int i = 0; i < 5; ++i) inner.create_task(breaks_when_cancelled());
          co_await weft::sleep_for(10s);
        });
      });
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(errors_of(result.exception()) == "[[broke, broke, broke, broke, broke]]");
    CHECK(log.text() == (outer_has_a_task ? "other_cancelled" : ""));
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_15
// CPython: taskgroups TestTaskGroup.test_taskgroup_16
TEST_CASE("a task of a group that fails while the cancelled body tidies up is reported, also through another task",
          "[asyncio][taskgroups]") {
  const bool through_another_task = GENERATE(false, true);
  run_on_virtual_time([&]() -> weft::task<> {
    const auto with_group = []() -> weft::task<> {
      co_await weft::with_task_group([](weft::task_group& group) -> weft::task<> {
        group.create_task(fails("failed", 300ms));
        co_await weft::finally(weft::sleep_for(10s), [] { return naps(500ms); });
      });
    };
    const auto runner = [&]() -> weft::task<> {
      if (through_another_task) {
        co_await weft::create_task(with_group);
      } else {
        co_await with_group();
      }
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(errors_of(result.exception()) == "[failed]");
    CHECK(now_ms() == 300);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_18
TEST_CASE("a body that answers an outside cancellation with an error ends the group with that error",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto runner = []() -> weft::task<> {
      co_await weft::with_task_group([](weft::task_group&) -> weft::task<> { co_await breaks_when_cancelled(); });
    };
    const weft::outcome<> result = co_await cancelled_after_100_ms(runner);
    CHECK(errors_of(result.exception()) == "[broke]");
  });
}

// CPython: taskgroups TestTaskGroup.test_error_and_cancel
TEST_CASE(
    "when a task fails and the group's owner is cancelled at once both are told: the error, then the cancellation",
    "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    weft::event about_to_fail;
    event_log log;
    const auto fails_soon = [&]() -> weft::task<> {
      about_to_fail.set();
      co_await weft::yield();
      throw std::runtime_error("failed");
    };
    auto owner = weft::create_task([&]() -> weft::task<> {
      const weft::outcome<> group =
          co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& g) -> weft::task<> {
            g.create_task(fails_soon);
            co_await weft::sleep_for(1s);
            log("not_cancelled");
          }));
      CHECK(errors_of(group.exception()) == "[failed]");
      CHECK(weft::current_task().cancelling() == 1);
      log("group_failed");
      co_await sleeps(log, "later_wait");
    });
    co_await about_to_fail.wait();
    CHECK(owner.cancelling() == 0);
    owner.cancel();
    CHECK(owner.cancelling() == 1);
    const weft::outcome<> result = co_await weft::outcome_of(owner);
    CHECK(result.cancelled());
    CHECK(owner.cancelled());
    CHECK(log.text() == "group_failed later_wait_cancelled");
    CHECK(now_ms() == 0);
  });
}

// ---- when tasks may start ----

// CPython: taskgroups TestTaskGroup.test_taskgroup_23
TEST_CASE("a group keeps nothing of tasks that have ended", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    co_await weft::with_task_group([](weft::task_group& group) -> weft::task<> {
      std::size_t most = 0;
      for (int i = 0; i < 10; ++i) {
        co_await weft::sleep_for(100ms);
        group.create_task(naps(300ms));
        most = std::max(most, group.size());
      }
      CHECK(most < 5);
      co_await weft::sleep_for(1350ms);
      CHECK(group.size() == 0);
    });
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_24
TEST_CASE("a task of a group may start others in it when the body has ended long ago", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    const auto root = [](weft::task_group& group) -> weft::task<> {
      co_await weft::sleep_for(100ms);
      group.create_task(naps(100ms));
      group.create_task(naps(200ms));
    };
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      group.create_task(root, std::ref(group));
      co_return;
    });
    CHECK(now_ms() == 300);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_25
TEST_CASE("a group whose tasks go on starting others ends all the same when one fails", "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    int heads = 0;
    std::function<weft::task<>(weft::task_group&)> hydra = [&](weft::task_group& group) -> weft::task<> {
      ++heads;
      co_await weft::sleep_for(10ms);
      group.create_task(hydra(group));
      group.create_task(hydra(group));
    };
    const auto hercules = [&]() -> weft::task<> {
      while (heads < 10) co_await weft::sleep_for(15ms);
      throw std::runtime_error("done");
    };
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
          group.create_task(hydra(group));
          group.create_task(hercules);
          co_return;
        }));
    CHECK(errors_of(result.exception()) == "[done]");
    CHECK(heads >= 10);
    CHECK(now_ms() == 45);
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_no_create_task_after_failure
TEST_CASE("a group that is cancelling its tasks starts no more, and destroys what it was given",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto owner = [](says_goodbye) -> weft::task<> { co_return; };
    const auto starts_when_cancelled = [&](weft::task_group& group) -> weft::task<> {
      try {
        co_await weft::sleep_for(1s);
      } catch (const weft::cancelled_error&) {
        CHECK_THROWS_AS(group.create_task(owner(says_goodbye(log, "destroyed"))), weft::usage_error);
        log("refused");
      }
    };
    const weft::outcome<> result =
        co_await weft::outcome_of(weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
          group.create_task(fails("broken", 1ms));
          group.create_task(starts_when_cancelled, std::ref(group));
          co_return;
        }));
    CHECK(errors_of(result.exception()) == "[broken]");
    CHECK(log.text() == "destroyed refused");
  });
}

// CPython: taskgroups TestTaskGroup.test_taskgroup_finished
// CPython: taskgroups TestTaskGroup.test_coro_closed_when_tg_closed
TEST_CASE("a group whose body and last task have ended starts no more, and destroys what it was given",
          "[asyncio][taskgroups]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    const auto owner = [](says_goodbye) -> weft::task<> { co_return; };
    co_await weft::with_task_group([&](weft::task_group& group) -> weft::task<> {
      // The callback runs after the group was told, and one pass before the body's task goes on.
      group.create_task(naps(1ms)).add_done_callback([&](const weft::task_ref&) {
        CHECK(group.size() == 0);
        CHECK_THROWS_AS(group.create_task(owner(says_goodbye(log, "destroyed"))), weft::usage_error);
        log("refused");
      });
      co_return;
    });
    CHECK(log.text() == "destroyed refused");
  });
}

}  // namespace asyncio_taskgroups_test
