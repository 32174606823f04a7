// Tests of weft/io/wait_readable.hpp: when those who wait for a descriptor go on, and that nothing is left of them.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/wait_readable.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace io_wait_readable_test {

using namespace std::chrono_literals;
using weft::interest;
using weft_test::channel;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;

// Runs a body on each poller; a descriptor that never becomes ready fails the test.
template <class Body>
void run_on_every_poller(Body body) {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const auto poller = weft_test::make_poller(name);
  weft::run({.poller = poller.get()}, std::move(body));
}

weft::task<> read_and_say(int fd, event_log& log, std::string name) {
  co_await weft::wait_readable(fd);
  char c;
  log(::read(fd, &c, 1) == 1 ? name + c : name + " nothing");
}

TEST_CASE("a task waits until a descriptor can be read from, and the loop with it", "[io][wait_readable]") {
  event_log log;
  const channel p;
  run_on_every_poller([&]() -> weft::task<> {
    std::thread writer([&] {
      std::this_thread::sleep_for(20ms);
      p.send();
    });
    co_await read_and_say(p.reader.get(), log, "got ");
    writer.join();
    CHECK_FALSE(weft::event_loop::current().is_watched(p.reader.get(), interest::both));
  });
  CHECK(log.text() == "got x");
}

TEST_CASE("what is ready already is waited for two passes, as with add_reader and a future", "[io][wait_readable]") {
  const channel p(channel::sockets);
  p.send();
  run_on_every_poller([&]() -> weft::task<> {
    weft_test::pass_counter counter;
    co_await weft::wait_readable(p.reader.get());
    CHECK(counter.passes() == 2);
    co_await weft::wait_readable(p.reader.get());  // nobody has read: it is ready still
    CHECK(counter.passes() == 4);
    co_await weft::wait_writable(p.reader.get());
    CHECK(counter.passes() == 6);
  });
}

TEST_CASE("a task waits until a descriptor can be written to", "[io][wait_readable]") {
  const channel p;
  run_on_every_poller([&]() -> weft::task<> {
    const int fd = p.writer.get();
    ::fcntl(fd, F_SETFL, O_NONBLOCK);
    const std::string block(4096, 'x');
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    bool written = false;
    const auto writes = [&]() -> weft::task<> {
      co_await weft::wait_writable(fd);
      written = ::write(fd, "y", 1) == 1;
    };
    auto writer = weft::create_task(writes);
    for (int i = 0; i < 5; ++i) co_await weft::yield();
    CHECK_FALSE(writer.done());
    std::string taken(block.size(), ' ');
    CHECK(::read(p.reader.get(), taken.data(), taken.size()) == static_cast<ssize_t>(taken.size()));
    co_await writer;
    CHECK(written);
  });
}

TEST_CASE("two tasks wait for the two sides of one descriptor", "[io][wait_readable]") {
  const channel p(channel::sockets);
  event_log log;
  run_on_every_poller([&]() -> weft::task<> {
    const int fd = p.reader.get();
    auto reader = weft::create_task(read_and_say(fd, log, "read "));
    const auto writes = [&]() -> weft::task<> {
      co_await weft::wait_writable(fd);
      log("writable");
    };
    co_await weft::create_task(writes);
    CHECK_FALSE(reader.done());
    p.send();
    co_await reader;
  });
  CHECK(log.text() == "writable read x");
}

TEST_CASE("the end of the other side, and errors, count as ready", "[io][wait_readable]") {
  run_on_every_poller([]() -> weft::task<> {
    event_log log;
    channel ended;
    ended.writer.reset();
    co_await read_and_say(ended.reader.get(), log, "end:");
    CHECK(log.text() == "end: nothing");
    channel nobody_reads;
    nobody_reads.reader.reset();
    co_await weft::wait_writable(nobody_reads.writer.get());
    co_await weft::wait_readable(nobody_reads.writer.get());
  });
}

TEST_CASE("those who wait for descriptors go on in the order of the loop's passes", "[io][wait_readable]") {
  const channel a;
  const channel b;
  event_log log;
  run_on_every_poller([&]() -> weft::task<> {
    auto first = weft::create_task(read_and_say(a.reader.get(), log, "a"));
    auto second = weft::create_task(read_and_say(b.reader.get(), log, "b"));
    co_await weft::yield();
    b.send();
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    a.send();
    co_await weft::gather(first, second);
  });
  CHECK(log.text() == "bx ax");
}

TEST_CASE("a side of a descriptor that somebody waits for is refused to others", "[io][wait_readable]") {
  const channel p(channel::sockets);
  event_log log;
  run_on_every_poller([&]() -> weft::task<> {
    const int fd = p.reader.get();
    auto first = weft::create_task(read_and_say(fd, log, "first "));
    co_await weft::yield();
    const auto refused = co_await weft::outcome_of(weft::wait_readable(fd));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
    CHECK_THROWS_WITH(refused.value(), contains("descriptor " + std::to_string(fd)) && contains("already"));
    p.send();
    co_await first;
    p.send();
    co_await read_and_say(fd, log, "second ");  // it is free again
  });
  CHECK(log.text() == "first x second x");
}

TEST_CASE("a descriptor that cannot be watched is an error that has its number", "[io][wait_readable]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
#if defined(__linux__)
    const weft::detail::unique_fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    CHECK(file);
    const auto regular = co_await weft::outcome_of(weft::wait_readable(file.get()));
    CHECK_THROWS_WITH(regular.value(), contains("descriptor " + std::to_string(file.get())));
    const auto code_of = [](const auto& failed) {
      try {
        failed.value();
      } catch (const std::system_error& e) {
        return e.code().value();
      }
      return 0;
    };
    CHECK(code_of(regular) == EPERM);
    const int closed = ::dup(0);
    ::close(closed);
    const auto not_open = co_await weft::outcome_of(weft::wait_writable(closed));
    CHECK_THROWS_WITH(not_open.value(), contains("descriptor " + std::to_string(closed)));
    CHECK(code_of(not_open) == EBADF);
#endif
    const auto negative = co_await weft::outcome_of(weft::wait_readable(-1));
    CHECK_THROWS_WITH(negative.value(), contains("descriptor -1"));
    CHECK_THROWS_AS(negative.value(), std::system_error);
  });
}

TEST_CASE("a task that is cancelled while it waits for a descriptor does not watch it any more",
          "[io][wait_readable]") {
  const channel p;
  event_log log;
  run_on_every_poller([&]() -> weft::task<> {
    const int fd = p.reader.get();
    auto waits = weft::create_task(read_and_say(fd, log, "never"));
    co_await weft::yield();
    CHECK(weft::event_loop::current().is_watched(fd, interest::read));
    waits.cancel();
    CHECK_FALSE(weft::event_loop::current().is_watched(fd, interest::both));
    co_await weft::yield();
    CHECK(waits.cancelled());
    // It may be waited for again, also by the same task.
    bool again = false;
    const auto persists = [&]() -> weft::task<> {
      try {
        co_await weft::wait_readable(fd);
      } catch (const weft::cancelled_error&) {
        again = true;
      }
      if (again) co_await read_and_say(fd, log, "again ");
    };
    auto second = weft::create_task(persists);
    co_await weft::yield();
    second.cancel();
    p.send();
    co_await second;
  });
  CHECK(log.text() == "again x");
}

TEST_CASE("a task for whose descriptor the loop has heard already can be cancelled", "[io][wait_readable]") {
  const channel p;
  event_log log;
  run_on_every_poller([&]() -> weft::task<> {
    p.send();
    auto waits = weft::create_task(read_and_say(p.reader.get(), log, "never"));
    co_await weft::yield();  // it waits
    co_await weft::yield();  // the loop has heard, the task is on its way
    waits.cancel();
    co_await weft::yield();
    CHECK(waits.cancelled());
  });
  CHECK(log.text().empty());
}

TEST_CASE("a time limit ends a wait for a descriptor", "[io][wait_readable]") {
  const channel p;
  run_on_every_poller([&]() -> weft::task<> {
    const auto late = co_await weft::outcome_of(weft::with_timeout(5ms, weft::wait_readable(p.reader.get())));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    CHECK_FALSE(weft::event_loop::current().is_watched(p.reader.get(), interest::both));
  });
}

TEST_CASE("a loop may go in any pass around those who wait for a descriptor", "[io][wait_readable]") {
  for (int passes = 0; passes < 4; ++passes) {
    INFO(passes);
    const auto poller = weft_test::make_poller(weft_test::poller_names.back());
    const channel p;
    p.send();
    weft_test::census counts;
    weft_test::reports told;
    const auto body = [&](weft_test::tracked) -> weft::task<> { co_await weft::wait_readable(p.reader.get()); };
    {
      weft::event_loop loop({.poller = poller.get()});
      told.listen(loop);
      loop.create_task(body(weft_test::tracked(counts)));
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(loop);
    }
    CHECK(counts.alive == 0);
    CHECK_FALSE(poller->forget(p.reader.get()));  // the poller outlives the loop, and knows nothing of it any more
    CHECK(told.count() == (passes < 3 ? 1u : 0u));
  }
}

TEST_CASE("waiting for a descriptor allocates nothing but a place in the loop's table", "[io][wait_readable]") {
  const channel p;
  p.send();
  std::uint64_t allocated = 1;
  run_on_virtual_time([&]() -> weft::task<> {
    co_await weft::wait_readable(p.reader.get());
    const std::uint64_t before = weft_test::allocations();
    for (int i = 0; i < 3; ++i) co_await weft::wait_readable(p.reader.get());
    allocated = weft_test::allocations() - before;
  });
  CHECK(allocated == 0);
}

TEST_CASE("a wait for a descriptor that is not awaited does nothing, and may move before", "[io][wait_readable]") {
  const channel p;
  p.send();
  run_on_virtual_time([&]() -> weft::task<> {
    auto first = weft::wait_readable(p.reader.get());
    auto moved = std::move(first);
    CHECK_FALSE(weft::event_loop::current().is_watched(p.reader.get(), interest::both));
    CHECK(moved.describe() == "descriptor " + std::to_string(p.reader.get()) + " to be readable");
    co_await std::move(moved);
  });
}

}  // namespace io_wait_readable_test
