// Tests of weft/testing/memory_stream_pair.hpp: what one side writes the other reads, when, and in which pieces.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/stream.hpp>
#include <weft/sync/yield.hpp>
#include <weft/testing/memory_stream_pair.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace testing_memory_stream_pair_test {

using weft::memory_stream_pair;
using weft_test::contains;
using weft_test::run_on_virtual_time;

weft::task<> passes(int n) {
  for (int i = 0; i < n; ++i) co_await weft::yield();
}

weft::task<> send(weft::stream& side, std::string text) {
  co_await side.writer.write(text);
  side.writer.write_eof();
}

weft::task<> wait_for_a_line(weft::stream_reader& reader) { const std::string line = co_await reader.read_line(); }

TEST_CASE("what one side writes the other reads, in both directions", "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [client, server] = memory_stream_pair();
    co_await client.writer.write("ping\n");
    std::string got = co_await server.reader.read_line();
    CHECK(got == "ping\n");
    co_await server.writer.write("pong\n");
    got = co_await client.reader.read_line();
    CHECK(got == "pong\n");
    CHECK(client.writer.descriptor() == -1);
    CHECK(client.writer.can_write_eof());
  });
}

TEST_CASE("bytes arrive one pass after they were written, and are read in the next", "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    weft_test::pass_counter counter;
    co_await a.writer.write("x");
    CHECK(b.reader.buffered() == 0);
    const std::string got = co_await b.reader.read(1);
    CHECK(got == "x");
    CHECK(counter.passes() == 2);
  });
}

TEST_CASE("with a chunk of one, bytes arrive one by one, a pass each", "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair({.chunk = 1});
    co_await a.writer.write("abc");
    std::vector<std::string> pieces;
    for (int i = 0; i < 3; ++i) pieces.push_back(co_await b.reader.read(100));
    CHECK(pieces == std::vector<std::string>{"a", "b", "c"});
  });
}

TEST_CASE("any room, chunk and limit carry the same bytes", "[testing][memory_stream_pair]") {
  const std::size_t limit = GENERATE(1u, 7u, 65536u);
  const std::size_t room = GENERATE(1u, 3u, 1000u);
  const std::size_t chunk = GENERATE(1u, 2u, 100'000u);
  CAPTURE(limit, room, chunk);
  run_on_virtual_time([&]() -> weft::task<> {
    const weft::memory_stream_options options{.limit = limit, .room = room, .chunk = chunk};
    auto [a, b] = memory_stream_pair(options);
    a.writer.set_write_buffer_limits(50, 10);
    std::string there;
    for (int i = 0; i < 2000; ++i) there += static_cast<char>(i * 7);
    const std::string back(there.rbegin(), there.rend());
    auto sends = weft::create_task(send(a, there));
    auto answers = weft::create_task(send(b, back));
    const std::string at_b = co_await b.reader.read();
    const std::string at_a = co_await a.reader.read();
    co_await weft::gather(sends, answers);
    CHECK(at_b == there);
    CHECK(at_a == back);
  });
}

TEST_CASE("more than a receive buffer arrives in several pieces", "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair({.room = 1'000'000});
    const std::string large(300'000, 'x');
    co_await a.writer.write(large);
    const std::string got = co_await b.reader.read_exactly(large.size());
    CHECK(got == large);
  });
}

TEST_CASE("who does not read stops the writer: the room and twice the limit are all that goes",
          "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair({.limit = 5, .room = 20, .chunk = 1});
    co_await a.writer.write(std::string(100, 'x'));
    co_await passes(200);
    CHECK(b.reader.buffered() == 11);
    CHECK(a.writer.write_buffer_size() == 69);
  });
}

TEST_CASE("two sides that wait for each other are a deadlock, which names them", "[testing][memory_stream_pair]") {
  const auto both_wait = []() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    auto first = weft::create_task(wait_for_a_line(a.reader));
    const std::string got = co_await b.reader.read_exactly(1);
    co_await first;
  };
  weft_test::reports told;
  CHECK_THROWS_AS(run_on_virtual_time(both_wait), weft::deadlock_error);
  CHECK_THROWS_WITH(run_on_virtual_time(both_wait),
                    contains("a line of a stream") && contains("a number of bytes of a stream"));
}

TEST_CASE("a side that goes lets the other one read what was sent, and then the end", "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::optional<weft::memory_streams> pair(memory_stream_pair({.chunk = 2}));
    co_await pair->first.writer.write("abcde");
    { const weft::stream gone = std::move(pair->first); }
    const std::string got = co_await pair->second.reader.read();
    CHECK(got == "abcde");
    const auto failed = co_await weft::outcome_of(pair->second.writer.write("x"));
    try {
      failed.value();
      FAIL("nobody is there");
    } catch (const std::system_error& e) {
      CHECK(e.code().value() == EPIPE);
      CHECK_THAT(e.what(), contains("a stream in memory"));
    }
  });
}

TEST_CASE("options that are zero are refused", "[testing][memory_stream_pair]") {
  run_on_virtual_time([]() -> weft::task<> {
    CHECK_THROWS_AS(memory_stream_pair({.room = 0}), std::invalid_argument);
    CHECK_THROWS_AS(memory_stream_pair({.chunk = 0}), std::invalid_argument);
    CHECK_THROWS_AS(memory_stream_pair({.limit = 0}), std::invalid_argument);
    co_return;
  });
}

TEST_CASE("without a running loop there are no streams in memory", "[testing][memory_stream_pair]") {
  CHECK_THROWS_AS(memory_stream_pair(), weft::usage_error);
}

TEST_CASE("streams in memory give back all of it", "[testing][memory_stream_pair]") {
  const auto round = []() -> weft::task<> {
    for (int i = 0; i < 3; ++i) {
      auto [a, b] = memory_stream_pair();
      co_await a.writer.write(std::string(200'000, 'x'));
      const std::string got = co_await b.reader.read_exactly(100'000);
      if (i == 1) co_await passes(5);
    }
  };
  run_on_virtual_time(round);  // the pool of frames has what it needs from now on
  const std::int64_t before = weft_test::live_allocations();
  run_on_virtual_time(round);
  CHECK(weft_test::live_allocations() == before);
}

TEST_CASE("quiet connections hold no memory for data", "[testing][memory_stream_pair]") {
  if (!weft_test::counts_allocations) return;
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    co_await a.writer.write("warm");
    std::string got = co_await b.reader.read_exactly(4);
    const std::int64_t before = weft_test::live_allocations();
    co_await a.writer.write(std::string(50'000, 'x'));
    got = co_await b.reader.read_exactly(50'000);
    got = std::string();
    CHECK(weft_test::live_allocations() <= before);
  });
}

}  // namespace testing_memory_stream_pair_test
