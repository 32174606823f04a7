// Tests of weft/io/descriptor_transport.hpp: streams over sockets, pipes and terminals, on each poller.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/failure_of.hpp"
#include "support/loop_steps.hpp"
#include "support/open_descriptors.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/wait_readable.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace io_descriptor_transport_test {

using namespace std::chrono_literals;
using weft::descriptor_transport;
using weft::open_reader;
using weft::open_stream;
using weft::open_writer;
using weft::stream_direction;
using weft::detail::unique_fd;
using weft_test::channel;
using weft_test::code_after;
using weft_test::code_of;
using weft_test::contains;
using weft_test::open_descriptors;

// Runs a body on each poller. A stream that never gets anywhere fails the test, and so does a descriptor that is left.
template <class Body>
void run_on_every_poller(Body body) {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const open_descriptors before;
  {
    const auto poller = weft_test::make_poller(name);
    weft::run({.poller = poller.get()}, std::move(body));
  }
  CHECK(before.unchanged());
}

weft::task<> passes(int n) {
  for (int i = 0; i < n; ++i) co_await weft::yield();
}

weft::task<> write_and_end(weft::stream_writer& writer, std::string text) {
  co_await writer.write(text);
  writer.write_eof();
}
weft::task<> write_for_ever(weft::stream_writer& writer, std::string block) {
  for (;;) co_await writer.write(block);
}
weft::task<> wait_closed(weft::stream_writer& writer) { co_await writer.wait_closed(); }
weft::task<std::string> read_all(weft::stream_reader& reader) { co_return co_await reader.read(); }

template <class F>
std::optional<std::system_error> system_error_of(F&& fn) {
  try {
    fn();
  } catch (const std::system_error& e) {
    return e;
  }
  return std::nullopt;
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

std::string numbers(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += std::to_string(i) + ',';
  return text;
}

// Two connected TCP sockets: unlike a pair of unix sockets they can be reset.
std::pair<unique_fd, unique_fd> tcp_pair() {
  unique_fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  REQUIRE(::bind(listener.get(), any, size) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  REQUIRE(::getsockname(listener.get(), any, &size) == 0);
  unique_fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::connect(client.get(), any, size) == 0);
  unique_fd server(::accept(listener.get(), nullptr, nullptr));
  REQUIRE(server);
  return {std::move(client), std::move(server)};
}

void close_with_reset(unique_fd fd) {
  const linger at_once{1, 0};
  REQUIRE(::setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
}

// A terminal: its master and its slave, which does not change what is written.
std::pair<unique_fd, unique_fd> terminal() {
  unique_fd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(master);
  REQUIRE(::grantpt(master.get()) == 0);
  REQUIRE(::unlockpt(master.get()) == 0);
  unique_fd slave(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(slave);
  termios settings{};
  REQUIRE(::tcgetattr(slave.get(), &settings) == 0);
  ::cfmakeraw(&settings);
  REQUIRE(::tcsetattr(slave.get(), TCSANOW, &settings) == 0);
  return {std::move(master), std::move(slave)};
}

// ---- sockets ----

TEST_CASE("two streams over sockets carry bytes in both directions", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    auto a = open_stream(sockets.reader.release());
    auto b = open_stream(sockets.writer.release());
    CHECK(a.writer.descriptor() == number);
    CHECK((::fcntl(number, F_GETFL) & O_NONBLOCK) != 0);
    CHECK(a.writer.can_write_eof());
    co_await a.writer.write("ping\n");
    std::string got = co_await b.reader.read_line();
    CHECK(got == "ping\n");
    co_await b.writer.write("pong\n");
    got = co_await a.reader.read_line();
    CHECK(got == "pong\n");
    a.writer.close();
    co_await a.writer.wait_closed();
    CHECK_FALSE(is_open(number));
    CHECK(a.writer.descriptor() == -1);
    got = co_await b.reader.read();
    CHECK(got.empty());
  });
}

TEST_CASE("more than sockets hold goes both ways at once", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto a = open_stream(sockets.reader.release(), 1000);
    auto b = open_stream(sockets.writer.release());
    const std::string there = numbers(200'000);
    const std::string back(there.rbegin(), there.rend());
    auto sends = weft::create_task(write_and_end(a.writer, there));
    auto answers = weft::create_task(write_and_end(b.writer, back));
    auto reads = weft::create_task(read_all(a.reader));
    const std::string at_b = co_await b.reader.read();
    const std::string at_a = co_await reads;
    CHECK(at_b == there);
    CHECK(at_a == back);
    co_await weft::gather(sends, answers);
  });
}

TEST_CASE("a write of many parts, also of empty ones, arrives whole", "[io][descriptor_transport]") {
  const bool is_pipe = GENERATE(true, false);
  const std::size_t count = GENERATE(1u, 63u, 64u, 65u, 200u);
  CAPTURE(is_pipe, count);
  run_on_every_poller([&]() -> weft::task<> {
    channel ends(is_pipe ? channel::pipe : channel::sockets);
    auto reader = open_reader(ends.reader.release());
    auto writer = open_writer(ends.writer.release());
    std::vector<std::string> parts;
    std::string expected;
    for (std::size_t i = 0; i < count; ++i) {
      parts.push_back(i % 3 == 0 ? "" : std::to_string(i) + ',');
      expected += parts.back();
    }
    co_await writer.write_lines(parts);
    const std::vector<std::string> empty(count);
    co_await writer.write_lines(empty);
    std::vector<std::string> late(count);  // more empty ones than the system takes at once, and then a byte
    late.push_back("end");
    co_await writer.write_lines(late);
    const std::string got = co_await reader.read_exactly(expected.size() + 3);
    CHECK(got == expected + "end");
  });
}

TEST_CASE("parts that the system takes in part are continued where it stopped", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto a = open_stream(sockets.reader.release());
    auto b = open_stream(sockets.writer.release());
    const std::string one = numbers(30'000);
    const std::string two(one.rbegin(), one.rend());
    const auto writes = [&]() -> weft::task<> {
      co_await a.writer.write(one, two, one, "", two);
      a.writer.close();
    };
    auto writer = weft::create_task(writes);
    const std::string got = co_await b.reader.read();
    CHECK(got == one + two + one + two);
    co_await writer;
  });
}

TEST_CASE("a socket whose data nobody reads is read up to twice the limit, and then left alone",
          "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto a = open_stream(sockets.reader.release(), 1000);
    auto b = open_stream(sockets.writer.release());
    b.writer.set_write_buffer_limits(10'000);
    auto writer = weft::create_task(write_for_ever(b.writer, std::string(5000, 'x')));
    co_await passes(200);
    CHECK(a.reader.buffered() <= 2000 + 65'536);
    CHECK(a.reader.buffered() > 2000);
    CHECK(b.writer.write_buffer_size() <= 10'000 + 5000);
    const std::size_t before = a.reader.buffered();
    CHECK_FALSE(weft::event_loop::current().is_watched(a.writer.descriptor(), weft::interest::read));
    std::string got = co_await a.reader.read_exactly(before - 1000);
    CHECK(weft::event_loop::current().is_watched(a.writer.descriptor(), weft::interest::read));
    got = co_await a.reader.read_exactly(100'000);  // more than twice the limit
    CHECK(got == std::string(100'000, 'x'));
    writer.cancel();
    co_await passes(1);
  });
}

TEST_CASE("after a half-close of a socket the other direction goes on, and the loop sleeps",
          "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto a = open_stream(sockets.reader.release());
    auto b = open_stream(sockets.writer.release());
    co_await a.writer.write("question");
    a.writer.write_eof();
    std::string got = co_await b.reader.read();
    CHECK(got == "question");
    CHECK_FALSE(b.writer.is_closing());
    // Its end stays readable for ever: nobody may watch it any more.
    CHECK_FALSE(weft::event_loop::current().is_watched(b.writer.descriptor(), weft::interest::both));
    co_await b.writer.write("answer");
    b.writer.close();
    got = co_await a.reader.read();
    CHECK(got == "answer");
  });
}

TEST_CASE("a peer that resets its connection is an error that names it", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    auto [client, server] = tcp_pair();
    const int number = client.get();
    auto a = open_stream(client.release());
    auto reads = weft::create_task(read_all(a.reader));
    auto closes = weft::create_task(wait_closed(a.writer));
    co_await passes(2);
    close_with_reset(std::move(server));
    const auto unread = co_await weft::outcome_of(reads);
    CHECK(code_of(unread) == ECONNRESET);
    CHECK_THROWS_WITH(unread.value(), contains("reading a stream of descriptor " + std::to_string(number)));
    const int closed = co_await code_after(closes);
    CHECK(closed == ECONNRESET);
    const int written = co_await code_after(a.writer.write("x"));
    CHECK(written == ECONNRESET);
    CHECK_FALSE(is_open(number));
  });
}

TEST_CASE("a peer that goes while much is kept for it is an error for those who write", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    auto [client, server] = tcp_pair();
    auto a = open_stream(client.release());
    auto writer = weft::create_task(write_for_ever(a.writer, std::string(100'000, 'x')));
    while (a.writer.write_buffer_size() == 0) co_await weft::yield();
    close_with_reset(std::move(server));
    const auto failed = co_await weft::outcome_of(writer);
    const int code = code_of(failed);
    CHECK((code == ECONNRESET || code == EPIPE));
    CHECK(a.writer.write_buffer_size() == 0);
  });
}

TEST_CASE("a writer that goes lets a slow peer have everything first", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const std::string text = numbers(100'000);
    auto b = open_stream(sockets.writer.release(), 1000);
    {
      auto a = open_stream(sockets.reader.release());
      a.writer.set_write_buffer_limits(10'000'000);
      co_await a.writer.write(text);
      CHECK(a.writer.write_buffer_size() > 0);
    }
    const std::string got = co_await b.reader.read();
    CHECK(got == text);
  });
}

TEST_CASE("an aborted stream closes its socket in the next pass", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    auto a = open_stream(sockets.reader.release());
    a.writer.set_write_buffer_limits(10'000'000);
    co_await a.writer.write(std::string(1'000'000, 'x'));
    a.writer.abort();
    CHECK(is_open(number));
    co_await passes(2);
    CHECK_FALSE(is_open(number));
  });
}

TEST_CASE("loops that go close the descriptors of their streams", "[io][descriptor_transport]") {
  const open_descriptors before;
  weft_test::reports told;
  {
    std::optional<weft::stream> kept;
    {
      weft::event_loop loop;
      told.listen(loop);
      const auto owns = [&]() -> weft::task<> {
        channel sockets(channel::sockets);
        kept.emplace(open_stream(sockets.reader.release()));
        auto own = open_stream(sockets.writer.release());
        own.writer.set_write_buffer_limits(10'000'000);
        co_await own.writer.write(std::string(1'000'000, 'x'));
        co_await own.reader.read();
      };
      loop.create_task(owns());
      for (int i = 0; i < 5; ++i) weft_test::run_one_pass(loop);
    }
    CHECK(before.unchanged());
    CHECK(kept->writer.descriptor() == -1);
    CHECK(kept->writer.is_closing());
  }
  CHECK(before.unchanged());
}

// ---- pipes ----

TEST_CASE("a pipe is written and read through streams of one direction", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    const int number = pipe.reader.get();
    auto reader = open_reader(pipe.reader.release(), 1000);
    auto writer = open_writer(pipe.writer.release());
    const std::string text = numbers(100'000);
    auto writes = weft::create_task(write_and_end(writer, text));
    const std::string got = co_await reader.read();
    CHECK(got == text);
    co_await writes;
    CHECK(writer.is_closing());  // the end of a pipe is that it is closed
    co_await writer.wait_closed();
    CHECK(reader.at_eof());
    co_await passes(2);
    CHECK_FALSE(is_open(number));
  });
}

TEST_CASE("a pipe's reader that goes closes it, and its writer is told without a signal",
          "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto writer = open_writer(pipe.writer.release());
    { const auto gone = open_reader(pipe.reader.release()); }
    co_await passes(2);
    const auto failed = co_await weft::outcome_of(writer.write("x"));
    CHECK(code_of(failed) == EPIPE);
    CHECK_THROWS_WITH(failed.value(), contains("writing a stream of descriptor"));
  });
}

TEST_CASE("a pipe that nobody reads any more closes its writer by itself", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto writer = open_writer(pipe.writer.release());
    co_await writer.write("never read");
    pipe.reader.reset();
    co_await writer.wait_closed();
    co_await writer.flush();  // all was handed over
  });
}

TEST_CASE("writing to a pipe that nobody reads any more is a broken pipe, also when that was noticed before",
          "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto writer = open_writer(pipe.writer.release());
    pipe.reader.reset();
    auto waits = weft::create_task(code_after(writer.wait_writable()));
    while (!writer.is_closing()) co_await weft::yield();
    const auto first = co_await weft::outcome_of(writer.write("x"));
    CHECK(code_of(first) == EPIPE);
    CHECK_THROWS_WITH(first.value(), contains("writing a stream of descriptor"));
    const int waited = co_await waits;
    CHECK(waited == EPIPE);
    co_await writer.wait_closed();
    writer.close();
    const int second = co_await code_after(writer.write("x"));
    CHECK(second == EPIPE);
    co_await writer.wait_closed();  // in good order, as in asyncio
  });
}

TEST_CASE("a pipe that was closed before its reader went is closed, not broken", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto writer = open_writer(pipe.writer.release());
    writer.close();
    pipe.reader.reset();
    co_await writer.wait_closed();
    const auto refused = co_await weft::outcome_of(writer.write("x"));
    CHECK_THROWS_AS(refused.value(), weft::stream_closed_error);
  });
}

TEST_CASE("a pipe that nobody reads any more is an error if something is kept for it", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto writer = open_writer(pipe.writer.release());
    writer.set_write_buffer_limits(1'000'000);
    co_await writer.write(std::string(200'000, 'x'));
    pipe.reader.reset();
    const auto failed = co_await weft::outcome_of(writer.wait_closed());
    CHECK(code_of(failed) == EPIPE);
    CHECK_THROWS_WITH(failed.value(), contains("writing a stream of descriptor"));
  });
}

TEST_CASE("a pipe is read to its end though its other end was closed meanwhile", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto reader = open_reader(pipe.reader.release(), 2);
    pipe.send();
    pipe.send();
    pipe.send();
    pipe.writer.reset();
    co_await passes(10);
    const std::string got = co_await reader.read();
    CHECK(got == "xxx");
    CHECK(reader.at_eof());
  });
}

TEST_CASE("data from a thread arrives while the loop sleeps", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto reader = open_reader(pipe.reader.release());
    std::thread sender([&] {
      std::this_thread::sleep_for(10ms);
      pipe.send();
    });
    const std::string got = co_await reader.read(10);
    CHECK(got == "x");
    sender.join();
  });
}

// ---- terminals ----

TEST_CASE("a terminal is read and written through streams", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    auto [master, slave] = terminal();
    auto keyboard = open_writer(::dup(master.get()));
    auto screen = open_reader(master.release());
    auto input = open_reader(::dup(slave.get()));
    auto output = open_writer(slave.release());
    co_await keyboard.write("typed\n");
    std::string got = co_await input.read_line();
    CHECK(got == "typed\n");
    co_await output.write("shown\n");
    got = co_await screen.read_line();
    CHECK(got == "shown\n");
  });
}

#if defined(__linux__)
TEST_CASE("a terminal whose other side goes is an error on Linux", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    auto [master, slave] = terminal();
    auto screen = open_reader(master.release());
    auto reads = weft::create_task(read_all(screen));
    co_await passes(2);
    slave.reset();
    const int read = co_await code_after(reads);
    CHECK(read == EIO);
  });
}
#endif

// ---- one end of a socket ----

TEST_CASE("a socket that is only read is closed when its reader goes", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    {
      auto reader = open_reader(sockets.reader.release());
      sockets.send();
      const std::string got = co_await reader.read(1);
      CHECK(got == "x");
      CHECK(is_open(number));
    }
    co_await passes(2);
    CHECK_FALSE(is_open(number));
  });
}

TEST_CASE("a socket that is only read is closed at its end", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    auto reader = open_reader(sockets.reader.release());
    sockets.send();
    sockets.writer.reset();
    const std::string got = co_await reader.read();
    CHECK(got == "x");
    co_await passes(2);
    CHECK_FALSE(is_open(number));
  });
}

TEST_CASE("a socket that is only written drops what comes, and goes on after the peer's half-close",
          "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto writer = open_writer(sockets.reader.release());
    auto peer = open_stream(sockets.writer.release());
    peer.writer.set_write_buffer_limits(10'000'000);
    co_await peer.writer.write(std::string(1'000'000, 'x'));
    co_await peer.writer.flush();
    peer.writer.write_eof();
    co_await passes(5);
    co_await writer.write("still here");
    writer.write_eof();
    const std::string got = co_await peer.reader.read();
    CHECK(got == "still here");
    CHECK_FALSE(writer.is_closing());
  });
}

// ---- what is refused ----

TEST_CASE("a regular file is refused with an error that names it, and closed", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    char path[] = "/tmp/weft-descriptor-XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    ::unlink(path);
    const auto failed = system_error_of([&] { static_cast<void>(open_reader(fd)); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EPERM);
    CHECK_THAT(failed->what(), contains("descriptor " + std::to_string(fd)) && contains("to_thread()"));
    CHECK_FALSE(is_open(fd));
    co_return;
  });
}

TEST_CASE("a pipe is refused for both directions, and each of its ends for the wrong one",
          "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    const int reading = pipe.reader.release();
    const int writing = pipe.writer.release();
    auto failed = system_error_of([&] { static_cast<void>(open_stream(::dup(reading))); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EINVAL);
    CHECK_THAT(failed->what(), contains("open_reader()"));
    failed = system_error_of([&] { static_cast<void>(open_writer(reading)); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EBADF);
    CHECK_THAT(failed->what(), contains("descriptor " + std::to_string(reading)) && contains("cannot be written"));
    CHECK_FALSE(is_open(reading));
    failed = system_error_of([&] { static_cast<void>(open_reader(writing)); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EBADF);
    CHECK_THAT(failed->what(), contains("descriptor " + std::to_string(writing)) && contains("cannot be read"));
    CHECK_FALSE(is_open(writing));
    co_return;
  });
}

TEST_CASE("a socket that carries datagrams is refused, and closed", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    for (const auto direction : {stream_direction::read, stream_direction::write, stream_direction::both}) {
      const int fd = ::socket(AF_UNIX, SOCK_DGRAM, 0);
      const auto failed = system_error_of([&] {
        static_cast<void>(
            descriptor_transport::over(weft::event_loop::current(), unique_fd(fd), "datagrams", direction));
      });
      REQUIRE(failed.has_value());
      CHECK(failed->code().value() == EPROTOTYPE);
      CHECK_THAT(failed->what(), contains("datagrams") && contains("SOCK_STREAM"));
      CHECK_FALSE(is_open(fd));
    }
    co_return;
  });
}

TEST_CASE("what is not open is refused", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    const auto failed = system_error_of([] { static_cast<void>(open_stream(-1)); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EBADF);
    CHECK_THAT(failed->what(), contains("descriptor -1"));
    co_return;
  });
}

#if defined(__linux__)
TEST_CASE("a device that cannot be waited for is refused, and closed", "[io][descriptor_transport]") {
  const weft_test::time_limit limit;
  weft_test::run_on_virtual_time([]() -> weft::task<> {
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const auto failed = system_error_of([&] { static_cast<void>(open_reader(fd)); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EPERM);
    CHECK_THAT(failed->what(), contains("descriptor " + std::to_string(fd)));
    CHECK_FALSE(is_open(fd));
    co_return;
  });
}
#endif

TEST_CASE("the end of a stream that is only read cannot be written", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    const weft::stream one_way(descriptor_transport::over(weft::event_loop::current(), unique_fd(pipe.reader.release()),
                                                          "a pipe", stream_direction::read));
    CHECK_FALSE(one_way.writer.can_write_eof());
    auto writer = weft::stream_writer(descriptor_transport::over(
        weft::event_loop::current(), unique_fd(::dup(pipe.writer.get())), "a pipe", stream_direction::write));
    CHECK(writer.can_write_eof());
    co_return;
  });
}

TEST_CASE("write_eof() of a stream that cannot is an error that names it", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    weft::stream_writer writer(descriptor_transport::over(weft::event_loop::current(), unique_fd(pipe.reader.release()),
                                                          "a pipe", stream_direction::read));
    const auto failed = system_error_of([&] { writer.write_eof(); });
    REQUIRE(failed.has_value());
    CHECK(failed->code().value() == EOPNOTSUPP);
    CHECK_THAT(failed->what(), contains("a pipe"));
    co_return;
  });
}

TEST_CASE("the end of a pipe may be written as often as one likes", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel pipe;
    auto writer = open_writer(pipe.writer.release());
    auto reader = open_reader(pipe.reader.release());
    co_await writer.write("all");
    writer.write_eof();
    writer.write_eof();
    const std::string got = co_await reader.read();
    CHECK(got == "all");
    co_await writer.wait_closed();
    writer.write_eof();
  });
}

// ---- memory ----

TEST_CASE("a connection that is lost when there is no memory to say so has failed for want of it",
          "[io][descriptor_transport]") {
  if (!weft_test::counts_allocations) return;
  run_on_every_poller([]() -> weft::task<> {
    auto [client, server] = tcp_pair();
    auto a = open_stream(client.release());
    CHECK(::send(server.get(), "x", 1, 0) == 1);
    const std::string first = co_await a.reader.read(1);  // the loop has room for an event from now on
    CHECK(first == "x");
    auto reads = weft::create_task(read_all(a.reader));
    co_await passes(2);
    close_with_reset(std::move(server));
    bool happened = false;
    {
      const weft_test::out_of_memory nothing_left;
      for (int i = 0; i < 3; ++i) co_await weft::yield();
      happened = nothing_left.happened();
    }
    CHECK(happened);
    CHECK(a.writer.is_closing());
    const auto unread = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(unread.value(), std::bad_alloc);
    const auto unwritten = co_await weft::outcome_of(a.writer.write("x"));
    CHECK_THROWS_AS(unwritten.value(), std::bad_alloc);
  });
}

TEST_CASE("what fits is received into the memory of the task that waits, and the rest waits for its next read",
          "[io][descriptor_transport]") {
  const bool sockets = GENERATE(true, false);
  CAPTURE(sockets);
  run_on_every_poller([=]() -> weft::task<> {
    channel ends(sockets ? channel::sockets : channel::pipe);
    weft::stream_reader reader = open_reader(ends.reader.release());
    std::array<char, 4> room{};
    const auto sends = [&]() -> weft::task<> {
      co_await weft::yield();
      const std::string_view all = "0123456789";
      CHECK(::write(ends.writer.get(), all.data(), all.size()) == 10);
    };
    auto sent = weft::create_task(sends());
    std::size_t n = co_await reader.read_some(room);
    CHECK(std::string_view(room.data(), n) == "0123");
    CHECK(reader.buffered() == 6);
    n = co_await reader.read_some(room);
    CHECK(std::string_view(room.data(), n) == "4567");
    const std::string rest = co_await reader.read(10);
    CHECK(rest == "89");
    co_await sent;
  });
}

TEST_CASE("into a large memory no more is received at once than 64 KiB", "[io][descriptor_transport]") {
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    weft::stream_reader reader = open_reader(sockets.reader.release());
    weft::stream_writer writer = open_writer(sockets.writer.release());
    std::vector<char> room(1 << 20);
    const std::string sent(std::size_t{3} << 16, 'x');
    const auto sends = [&]() -> weft::task<> {
      co_await weft::yield();
      co_await writer.write(sent);
      writer.close();
    };
    auto sending = weft::create_task(sends());
    std::size_t largest = 0;
    std::size_t all = 0;
    while (const std::size_t n = co_await reader.read_some(room)) {
      largest = std::max(largest, n);
      all += n;
    }
    CHECK(all == sent.size());
    CHECK(largest <= 65536);
    co_await sending;
  });
}

TEST_CASE("without memory to receive into a stream fails, and the loop goes on", "[io][descriptor_transport]") {
  if (!weft_test::counts_allocations) return;
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto a = open_stream(sockets.reader.release());
    auto reads = weft::create_task(read_all(a.reader));
    const channel other;
    other.send();
    co_await weft::wait_readable(other.reader.get());  // the loop has its memory for events now
    sockets.send();
    {
      const weft_test::out_of_memory none;
      for (int i = 0; i < 2; ++i) co_await weft::yield();
    }
    const auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(failed.value(), std::bad_alloc);
  });
}

TEST_CASE("bytes that go through a stream allocate nothing once it is warm", "[io][descriptor_transport]") {
  if (!weft_test::counts_allocations) return;
  run_on_every_poller([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto a = open_stream(sockets.reader.release());
    auto b = open_stream(sockets.writer.release());
    std::array<char, 16> room{};
    std::size_t read = 0;
    std::uint64_t before = 0;
    for (int i = 0; i < 10; ++i) {
      if (i == 3) before = weft_test::allocations();
      co_await a.writer.write("0123456789");
      read += co_await b.reader.read_some(room);
    }
    const std::uint64_t allocated = weft_test::allocations() - before;
    CHECK(allocated == 0);
    CHECK(read == 100);
  });
}

}  // namespace io_descriptor_transport_test
