// Tests of weft/io/add_reader.hpp: when callbacks of descriptors are called, and what they may do.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/add_reader.hpp>
#include <weft/io/wait_readable.hpp>

#include <unistd.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

namespace io_add_reader_test {

using weft::interest;
using weft_test::channel;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_one_pass;

struct loop_on_every_poller {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  const weft_test::time_limit limit;
  std::unique_ptr<weft::poller> poller = weft_test::make_poller(name);
  weft::event_loop loop{{.poller = poller.get()}};
  event_log log;
};

TEST_CASE_METHOD(loop_on_every_poller, "a reader is called in each pass in which its descriptor is ready",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p;
  const int fd = p.reader.get();
  weft::add_reader(loop, fd, [&] { log("called"); });
  run_one_pass(loop);
  CHECK(log.text().empty());
  p.send();
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(log.text() == "called called");
  CHECK(weft::remove_reader(loop, fd));
  run_one_pass(loop);
  CHECK(log.text() == "called called");
  CHECK_FALSE(weft::remove_reader(loop, fd));
  CHECK_FALSE(loop.is_watched(fd, interest::both));
}

TEST_CASE_METHOD(loop_on_every_poller, "readers and writers of a descriptor are apart, and readers come first",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p(channel::sockets);
  const int fd = p.reader.get();
  p.send();
  weft::add_writer(loop, fd, [&] { log("w"); });
  weft::add_reader(loop, fd, [&] { log("r"); });
  run_one_pass(loop);
  CHECK(log.text() == "r w");
  CHECK(weft::remove_writer(loop, fd));
  CHECK_FALSE(weft::remove_writer(loop, fd));
  run_one_pass(loop);
  CHECK(log.text() == "r w r");
  CHECK(weft::remove_reader(loop, fd));
}

TEST_CASE_METHOD(loop_on_every_poller, "the arguments of a reader are kept, and handed over each time",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p;
  p.send();
  int sum = 0;
  std::string text = "a long text that is no small string";
  weft::add_reader(
      loop, p.reader.get(),
      [](const std::string& kept, int& total, int step) { total += step + static_cast<int>(kept.size()); }, text,
      std::ref(sum), 5);
  text.clear();
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(sum == 2 * (5 + 35));
  weft::remove_reader(loop, p.reader.get());
}

TEST_CASE_METHOD(loop_on_every_poller, "a reader that is added again replaces the one before, which is destroyed",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p;
  p.send();
  weft_test::census counts;
  weft::add_reader(loop, p.reader.get(), [&log = log, t = weft_test::tracked(counts)] { log("first"); });
  CHECK(counts.alive == 1);
  weft::add_reader(loop, p.reader.get(), [&log = log] { log("second"); });
  CHECK(counts.alive == 0);
  run_one_pass(loop);
  CHECK(log.text() == "second");
  weft::remove_reader(loop, p.reader.get());
}

TEST_CASE_METHOD(loop_on_every_poller, "a reader may remove or replace itself while it is called", "[io][add_reader]") {
  CAPTURE(name);
  const channel p;
  const int fd = p.reader.get();
  p.send();
  weft_test::census counts;
  weft::add_reader(loop, fd, [this, fd, t = weft_test::tracked(counts), &counts] {
    log("first");
    weft::add_reader(fd, [this, fd, kept = t, &counts] {
      log("second");
      CHECK(weft::remove_reader(fd));
      CHECK_FALSE(weft::remove_reader(fd));
      CHECK(counts.alive == 1);  // itself, until it returns
    });
    CHECK(counts.alive == 2);
  });
  for (int i = 0; i < 4; ++i) run_one_pass(loop);
  CHECK(log.text() == "first second");
  CHECK(counts.alive == 0);
}

TEST_CASE_METHOD(loop_on_every_poller, "a callback that is removed is not called, though it was about to be",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel a;
  const channel b;
  a.send();
  b.send();
  weft::add_reader(loop, a.reader.get(), [&] { log("one"), weft::remove_reader(b.reader.get()); });
  weft::add_reader(loop, b.reader.get(), [&] { log("one"), weft::remove_reader(a.reader.get()); });
  run_one_pass(loop);
  CHECK(log.text() == "one");
  CHECK(weft::remove_reader(loop, a.reader.get()) != weft::remove_reader(loop, b.reader.get()));
}

TEST_CASE_METHOD(loop_on_every_poller, "one that is replaced when it was about to be called is not called",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p(channel::sockets);
  const int fd = p.reader.get();
  p.send();
  weft::add_reader(loop, fd, [&] {
    log("reader");
    weft::add_writer(fd, [&] { log("new"), weft::remove_writer(fd); });
    weft::remove_reader(fd);
  });
  weft::add_writer(loop, fd, [&] { log("old"); });
  run_one_pass(loop);
  CHECK(log.text() == "reader");
  run_one_pass(loop);
  CHECK(log.text() == "reader new");
}

TEST_CASE_METHOD(loop_on_every_poller, "what a reader throws goes to the exception handler, and it is called again",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p;
  p.send();
  weft_test::reports told;
  told.listen(loop);
  weft::add_reader(loop, p.reader.get(), [] { throw std::runtime_error("broken"); });
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(told.text() == "Exception in callback: broken | Exception in callback: broken");
  weft::remove_reader(loop, p.reader.get());
}

TEST_CASE_METHOD(loop_on_every_poller, "the loop waits while there is a reader, and not when it has gone",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p;
  weft::add_reader(loop, p.reader.get(), [&] { log("called"), weft::remove_reader(p.reader.get()); });
  std::thread writer([&] { p.send(); });
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  writer.join();
  CHECK(log.text() == "called");
}

TEST_CASE_METHOD(loop_on_every_poller, "readers are given up when the loop goes", "[io][add_reader]") {
  CAPTURE(name);
  const channel p(channel::sockets);
  weft_test::census counts;
  const auto other_poller = weft_test::make_poller(name);
  {
    weft::event_loop other({.poller = other_poller.get()});
    // What it owns asks about it when it goes.
    const auto asks = [&log = log, &other, fd = p.reader.get()](int*) {
      log(weft::remove_writer(other, fd) ? "there" : "gone");
    };
    int owned = 0;
    std::shared_ptr<int> shared(&owned, asks);
    weft::add_reader(other, p.reader.get(), [kept = std::move(shared), t = weft_test::tracked(counts)] {});
    weft::add_writer(other, p.reader.get(), [t = weft_test::tracked(counts)] {});
    run_one_pass(other);
    CHECK(counts.alive == 2);
  }
  CHECK(counts.alive == 0);
  CHECK(log.text() == "gone");
  CHECK_FALSE(other_poller->forget(p.reader.get()));
}

TEST_CASE_METHOD(loop_on_every_poller, "a descriptor that cannot be watched is an error, and nothing is kept",
                 "[io][add_reader]") {
  CAPTURE(name);
  weft_test::census counts;
  CHECK_THROWS_AS(weft::add_reader(loop, -1, [t = weft_test::tracked(counts)] {}), std::system_error);
  CHECK_THROWS_WITH(weft::add_writer(loop, -1, [] {}), contains("descriptor -1"));
  CHECK(counts.alive == 0);
  CHECK_FALSE(weft::remove_reader(loop, -1));
  const int closed = ::dup(0);
  ::close(closed);
  CHECK_THROWS_WITH(weft::add_reader(loop, closed, [] {}), contains("descriptor " + std::to_string(closed)));
  CHECK_FALSE(weft::remove_reader(loop, closed));
  CHECK_FALSE(loop.is_watched(closed, interest::both));
}

TEST_CASE_METHOD(loop_on_every_poller, "a side for which a task waits is refused to callbacks, and the other way round",
                 "[io][add_reader]") {
  CAPTURE(name);
  const channel p(channel::sockets);
  const int fd = p.reader.get();
  const auto waits = [fd]() -> weft::task<> { co_await weft::wait_readable(fd); };
  auto waiting = loop.create_task(waits);
  run_one_pass(loop);
  CHECK_THROWS_AS(weft::add_reader(loop, fd, [] {}), weft::usage_error);
  CHECK_THROWS_WITH(weft::add_reader(loop, fd, [] {}), contains("descriptor " + std::to_string(fd)));
  CHECK_FALSE(weft::remove_reader(loop, fd));
  weft::add_writer(loop, fd, [] {});
  const auto refused = [fd]() -> weft::task<> {
    const auto outcome = co_await weft::outcome_of(weft::wait_writable(fd));
    CHECK_THROWS_AS(outcome.value(), weft::usage_error);
  };
  loop.run_until_complete(refused);
  CHECK(weft::remove_writer(loop, fd));
  p.send();
  loop.run_until_complete(waiting);
}

TEST_CASE("callbacks for descriptors are for the loop's own thread", "[io][add_reader]") {
  const channel p;
  CHECK_THROWS_AS(weft::add_reader(p.reader.get(), [] {}), weft::usage_error);  // no loop runs
  CHECK_THROWS_AS(weft::remove_writer(p.reader.get()), weft::usage_error);
  weft::event_loop loop;
  loop.call_soon([&] {
    std::thread([&] {
      CHECK_THROWS_AS(weft::add_reader(loop, p.reader.get(), [] {}), weft::usage_error);
      CHECK_THROWS_AS(weft::remove_reader(loop, p.reader.get()), weft::usage_error);
    }).join();
  });
  run_one_pass(loop);
}

}  // namespace io_add_reader_test
