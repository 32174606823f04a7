// Tests of weft/core/loop_locals.hpp: one object of each type a loop, from the first question to the loop's end.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/event_log.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/loop_locals.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/event.hpp>

#include <stdexcept>
#include <string>

namespace core_loop_locals_test {

using weft_test::event_log;
using weft_test::run_on_virtual_time;

struct counter {
  int n = 0;
};
struct other {
  std::string text = "new";
};

TEST_CASE("a loop has one object of each type, made when it is first asked for", "[core][loop_locals]") {
  weft::event_loop first;
  weft::event_loop second;
  ++first.local<counter>().n;
  ++first.local<counter>().n;
  CHECK(first.local<counter>().n == 2);
  CHECK(second.local<counter>().n == 0);
  CHECK(first.local_or_null<other>() == nullptr);
  CHECK(first.local<other>().text == "new");
  CHECK(first.local_or_null<other>() == &first.local<other>());
}

event_log* log_of_ends = nullptr;
template <char Name>
struct says_its_end {
  says_its_end() = default;
  says_its_end(const says_its_end&) = delete;
  says_its_end& operator=(const says_its_end&) = delete;
  ~says_its_end() { (*log_of_ends)(std::string(1, Name)); }
};

TEST_CASE("what a loop owns goes with it, the newest first, after the tasks that use it", "[core][loop_locals]") {
  event_log log;
  log_of_ends = &log;
  {
    weft::event_loop loop;
    loop.set_exception_handler([](const weft::exception_context&) {});
    loop.local<says_its_end<'a'>>();
    loop.local<says_its_end<'b'>>();
    const auto body = [](event_log& l) -> weft::task<> {
      struct at_end {
        event_log& end;
        ~at_end() { end("task"); }
      } guard{l};
      weft::event never;
      co_await never.wait();
    };
    loop.create_task(body(log));
    loop.stop();
    loop.run_forever();
  }
  CHECK(log.text() == "task b a");
}

struct asks_for_more {
  weft::loop_locals* owner = nullptr;
  ~asks_for_more() {
    if (owner != nullptr) owner->get<says_its_end<'b'>>();
  }
};

TEST_CASE("what is made while a loop's objects go goes, too", "[core][loop_locals]") {
  event_log log;
  log_of_ends = &log;
  {
    weft::loop_locals locals;
    locals.get<says_its_end<'a'>>();
    locals.get<asks_for_more>().owner = &locals;
  }
  CHECK(log.text() == "b a");
}

TEST_CASE("what nobody has asked for can be looked for without making it", "[core][loop_locals]") {
  weft::event_loop loop;
  CHECK(loop.local_or_null<counter>() == nullptr);
  loop.local<counter>().n = 7;
  REQUIRE(loop.local_or_null<counter>() != nullptr);
  CHECK(loop.local_or_null<counter>()->n == 7);
  CHECK(loop.local_or_null<other>() == nullptr);
}

struct never_made {
  never_made() { throw std::runtime_error("not today"); }
};

TEST_CASE("an object that cannot be made is not there", "[core][loop_locals]") {
  weft::loop_locals locals;
  CHECK_THROWS_AS(locals.get<never_made>(), std::runtime_error);
  CHECK_THROWS_AS(locals.get<never_made>(), std::runtime_error);
  CHECK(locals.get<counter>().n == 0);
}

}  // namespace core_loop_locals_test
