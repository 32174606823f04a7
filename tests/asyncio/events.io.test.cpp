// What CPython's tests of asyncio's event loops say of callbacks for descriptors and signals.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/loop_steps.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/signals.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/io/add_reader.hpp>
#include <weft/io/add_signal_handler.hpp>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace asyncio_events_io_test {

using namespace std::chrono_literals;
using weft_test::channel;
using weft_test::former_effect;
using weft_test::send;

struct loop_on_every_poller {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  const weft_test::time_limit limit;
  std::unique_ptr<weft::poller> poller = weft_test::make_poller(name);
  weft::event_loop loop{{.poller = poller.get()}};
};

// CPython: events EventLoopTestsMixin.test_reader_callback
TEST_CASE_METHOD(loop_on_every_poller, "a reader is called for what arrives, and for the end", "[asyncio][events]") {
  CAPTURE(name);
  channel p(channel::sockets);
  const int fd = p.reader.get();
  ::fcntl(fd, F_SETFL, O_NONBLOCK);
  std::string got;
  bool removed = false;
  weft::add_reader(loop, fd, [&] {
    char buffer[16];
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n > 0) {
      got.append(buffer, static_cast<std::size_t>(n));
    } else if (n == 0) {
      removed = weft::remove_reader(fd);
      loop.stop();
      return;
    }
    if (got.size() == 6) p.writer.reset();
  });
  const auto write = [&p](const char* text) { CHECK(::write(p.writer.get(), text, 3) == 3); };
  loop.call_soon(write, "abc");
  loop.call_later(2ms, write, "def");
  loop.run_forever();
  CHECK(got == "abcdef");
  CHECK(removed);
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
}

// CPython: events EventLoopTestsMixin.test_writer_callback
TEST_CASE_METHOD(loop_on_every_poller, "a writer is called with its arguments, and removed once", "[asyncio][events]") {
  CAPTURE(name);
  const channel p(channel::sockets);
  const int fd = p.writer.get();
  const std::string data(1024, 'x');
  weft::add_writer(
      loop, fd,
      [&](const std::string& text) {
        CHECK(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
        loop.stop();
      },
      data);
  loop.run_forever();
  CHECK(weft::remove_writer(loop, fd));
  CHECK_FALSE(weft::remove_writer(loop, fd));
  std::string got(2 * data.size(), ' ');
  const auto n = ::read(p.reader.get(), got.data(), got.size());
  CHECK(got.substr(0, static_cast<std::size_t>(n)) == data);
}

// CPython: events EventLoopTestsMixin.test_add_signal_handler
TEST_CASE("signal handlers: numbers that are refused, a signal that is caught, the former effect afterwards",
          "[asyncio][events]") {
  const weft_test::time_limit limit;
  const former_effect unchanged(SIGINT);
  weft::event_loop loop;
  int caught = 0;
  const auto handler = [&] { ++caught, loop.stop(); };
  for (const int number : {NSIG + 1, 0, -1}) {
    CHECK_THROWS_AS(weft::add_signal_handler(loop, number, handler), std::invalid_argument);
    CHECK_THROWS_AS(weft::remove_signal_handler(loop, number), std::invalid_argument);
  }
  CHECK_THROWS_AS(weft::add_signal_handler(loop, SIGKILL, handler), weft::usage_error);
  CHECK_FALSE(weft::remove_signal_handler(loop, SIGKILL));
  weft::add_signal_handler(loop, SIGINT, handler);
  send(SIGINT);
  loop.run_forever();
  CHECK(caught == 1);
  CHECK(weft::remove_signal_handler(loop, SIGINT));
  CHECK_FALSE(unchanged.taken_over());
  CHECK_FALSE(weft::remove_signal_handler(loop, SIGINT));
}

// CPython: events EventLoopTestsMixin.test_signal_handling_while_selecting
TEST_CASE_METHOD(loop_on_every_poller, "a signal handler is called while the loop waits for descriptors",
                 "[asyncio][events]") {
  CAPTURE(name);
  const former_effect unchanged(SIGUSR1);
  int caught = 0;
  weft::add_signal_handler(loop, SIGUSR1, [&] { ++caught, loop.stop(); });
  std::thread sender([] {
    std::this_thread::sleep_for(10ms);
    send(SIGUSR1);
  });
  loop.call_later(60s, [&] { loop.stop(); });
  loop.run_forever();
  sender.join();
  CHECK(caught == 1);
  CHECK(weft::remove_signal_handler(loop, SIGUSR1));
}

// CPython: events EventLoopTestsMixin.test_signal_handling_args
TEST_CASE("a signal handler gets its arguments", "[asyncio][events]") {
  const weft_test::time_limit limit;
  const former_effect unchanged(SIGUSR1);
  weft::event_loop loop;
  int got = 0;
  weft::add_signal_handler(
      loop, SIGUSR1, [&](int n) { got = n, loop.stop(); }, 42);
  loop.call_later(5ms, [] { send(SIGUSR1); });
  loop.call_later(60s, [&] { loop.stop(); });
  loop.run_forever();
  CHECK(got == 42);
}

}  // namespace asyncio_events_io_test
