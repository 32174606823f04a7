// Tests of weft/io/stream.hpp: the pair of handles, and the functions that make streams over descriptors.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/open_descriptors.hpp"
#include "support/pipe.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/io/stream.hpp>
#include <weft/sync/yield.hpp>
#include <weft/testing/memory_stream_pair.hpp>

#include <fcntl.h>

#include <cstddef>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace io_stream_test {

using weft_test::channel;
using weft_test::contains;
using weft_test::open_descriptors;

static_assert(!std::is_copy_constructible_v<weft::stream>);
static_assert(std::is_nothrow_move_constructible_v<weft::stream> && std::is_nothrow_move_assignable_v<weft::stream>);

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

// On the real clock; no descriptor may be left.
template <class Body>
void run(Body body) {
  const weft_test::time_limit limit;
  const open_descriptors before;
  weft::run(std::move(body));
  CHECK(before.unchanged());
}

TEST_CASE("a stream comes apart into its reader and its writer", "[io][stream]") {
  run([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto [reader, writer] = weft::open_stream(sockets.reader.release());
    weft::stream peer = weft::open_stream(sockets.writer.release());
    co_await writer.write("hello");
    writer.write_eof();
    const std::string got = co_await peer.reader.read();
    CHECK(got == "hello");
    co_await peer.writer.write("bye");
    peer.writer.close();
    const std::string answer = co_await reader.read();
    CHECK(answer == "bye");
  });
}

TEST_CASE("one end of a stream may be handed to another owner", "[io][stream]") {
  run([]() -> weft::task<> {
    auto [a, b] = weft::memory_stream_pair();
    weft::stream_reader reader = std::move(a.reader);
    weft::stream_writer writer = std::move(b.writer);
    co_await writer.write("x");
    const std::string got = co_await reader.read(1);
    CHECK(got == "x");
    CHECK_FALSE(a.writer.is_closing());
  });
}

TEST_CASE("a stream that goes closes its descriptor", "[io][stream]") {
  run([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    { const weft::stream gone = weft::open_stream(sockets.reader.release()); }
    CHECK(is_open(number));
    co_await weft::yield();
    CHECK_FALSE(is_open(number));
  });
}

TEST_CASE("what cannot become a stream is closed", "[io][stream]") {
  run([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    CHECK_THROWS_AS(weft::open_stream(sockets.reader.release(), 0), std::invalid_argument);
    CHECK_FALSE(is_open(number));
    channel pipe;
    CHECK_THROWS_AS(weft::open_stream(pipe.reader.release()), std::system_error);
    CHECK_THROWS_WITH(weft::open_reader(-1), contains("descriptor -1"));
    co_return;
  });
}

TEST_CASE("without a running loop there are no streams, and the descriptor is closed", "[io][stream]") {
  channel sockets(channel::sockets);
  const int reading = sockets.reader.get();
  const int writing = sockets.writer.get();
  CHECK_THROWS_AS(weft::open_reader(sockets.reader.release()), weft::usage_error);
  CHECK_THROWS_AS(weft::open_writer(sockets.writer.release()), weft::usage_error);
  CHECK_FALSE(is_open(reading));
  CHECK_FALSE(is_open(writing));
  channel more(channel::sockets);
  CHECK_THROWS_AS(weft::open_stream(more.reader.release()), weft::usage_error);
}

TEST_CASE("a stream whose limit is negative is refused, and its descriptor closed", "[io][stream]") {
  run([]() -> weft::task<> {
    channel sockets(channel::sockets);
    const int number = sockets.reader.get();
    const int negative = -1;
    CHECK_THROWS_AS(weft::open_stream(sockets.reader.release(), static_cast<std::size_t>(negative)),
                    std::invalid_argument);
    CHECK_FALSE(is_open(number));
    co_return;
  });
}

TEST_CASE("the limit of a stream is that of its reader", "[io][stream]") {
  run([]() -> weft::task<> {
    channel sockets(channel::sockets);
    auto [reader, writer] = weft::open_stream(sockets.reader.release(), 3);
    auto peer = weft::open_stream(sockets.writer.release());
    co_await peer.writer.write("abc\nabcd\n");
    const std::string got = co_await reader.read_line();
    CHECK(got == "abc\n");
    bool too_long = false;
    try {
      const std::string line = co_await reader.read_line();
    } catch (const weft::limit_overrun_error&) {
      too_long = true;
    }
    CHECK(too_long);
  });
}

}  // namespace io_stream_test
