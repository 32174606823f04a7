// Tests of weft/io/stream_input.hpp: bytes that are received into the memory of the task that waits for them.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/recording_source.hpp"
#include "support/reports.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/race.hpp>
#include <weft/io/stream_input.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/sync/yield.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <exception>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace io_stream_input_landing_test {

using weft::stream_input;
using weft::stream_reader;
using weft_test::event_log;
using weft_test::recording_source;
using weft_test::run_on_virtual_time;

// As a transport feeds: what fits into the memory of the one who waits lands there, the rest goes to the buffer.
void receive(stream_input& in, std::string_view bytes) {
  const std::span<char> room = in.room();
  const std::size_t landed = bytes.copy(room.data(), room.size());
  if (landed > 0) in.feed_landed(landed);
  if (landed < bytes.size()) in.feed_data(bytes.substr(landed));
}

weft::task<std::string> read_some(stream_input& in, std::span<char> memory) {
  stream_reader reader(in);
  const std::size_t n = co_await reader.read_some(memory);
  co_return std::string(memory.data(), n);
}

weft::task<std::string> read_exactly(stream_input& in, std::size_t n) {
  stream_reader reader(in);
  co_return co_await reader.read_exactly(n);
}

TEST_CASE("a task that waits in read_some() offers its memory, until it is woken", "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    CHECK(in.room().empty());
    auto reads = weft::create_task(read_some(in, memory));
    CHECK(in.room().empty());
    co_await weft::yield();
    CHECK(in.room().data() == memory.data());
    CHECK(in.room().size() == memory.size());
    receive(in, "abc");
    CHECK(in.room().empty());
    CHECK(std::string_view(memory.data(), 3) == "abc");
    const std::string got = co_await reads;
    CHECK(got == "abc");
    CHECK(in.room().empty());
  });
}

TEST_CASE("reads that make a string have no memory to offer", "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_exactly(in, 3));
    co_await weft::yield();
    CHECK(in.room().empty());
    receive(in, "abc");
    const std::string got = co_await reads;
    CHECK(got == "abc");
  });
}

TEST_CASE("what has landed counts until it is taken", "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "abc");
    in.feed_eof();
    CHECK(in.size() == 3);
    CHECK(in.view().empty());
    CHECK_FALSE(in.at_eof());
    const std::string got = co_await reads;
    CHECK(got == "abc");
    CHECK(in.size() == 0);
    CHECK(in.at_eof());
  });
}

TEST_CASE("what arrives after what has landed comes with it, as much as there is room for",
          "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 4> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "ab");
    receive(in, "cdef");
    CHECK(in.size() == 6);
    const std::string got = co_await reads;
    CHECK(got == "abcd");
    CHECK(in.view() == "ef");
  });
}

TEST_CASE("what does not fit into a waiting task's memory is there for the next read, in the same pass",
          "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 2> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "abcdef");
    const std::string got = co_await reads;
    CHECK(got == "ab");
    CHECK(in.view() == "cdef");
  });
}

TEST_CASE("a read that is cancelled after bytes have landed leaves them in front of what came later",
          "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "abc");
    receive(in, "def");
    reads.cancel();
    CHECK(in.size() == 6);
    const auto ended = co_await weft::outcome_of(reads);
    CHECK(ended.cancelled());
    CHECK(in.size() == 6);
    CHECK(in.view() == "abcdef");
    memory.fill('-');
    const std::string got = co_await read_some(in, memory);
    CHECK(got == "abcdef");
  });
}

TEST_CASE("a read that is cancelled before anything has landed offers its memory no longer",
          "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    reads.cancel();
    CHECK(in.room().empty());
    receive(in, "abc");
    const auto ended = co_await weft::outcome_of(reads);
    CHECK(ended.cancelled());
    CHECK(in.view() == "abc");
    CHECK(memory[0] == '\0');
  });
}

TEST_CASE("a read that loses a race after bytes have landed leaves them", "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    std::array<char, 8> memory{};
    const auto wins = []() -> weft::task<int> {
      co_await weft::yield();
      co_return 1;
    };
    const auto feeds = [&]() -> weft::task<int> {
      co_await weft::yield();
      receive(in, "abc");
      co_await weft::yield();
      co_await weft::yield();
      co_return 2;
    };
    const auto winner = co_await weft::race(wins(), feeds(), reader.read_some(memory));
    CHECK(winner.index() == 0);
    CHECK(std::string_view(memory.data(), 3) == "abc");
    CHECK(in.view() == "abc");
  });
}

TEST_CASE("a loop that goes after bytes have landed leaves them to the next reader", "[io][stream_input][landing]") {
  stream_input in;
  std::array<char, 8> memory{};
  weft_test::reports told;
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    on.loop.create_task(read_some(in, memory));
    weft_test::run_one_pass(on.loop);
    receive(in, "abc");
  }
  CHECK(told.count() == 1);
  CHECK(in.view() == "abc");
  weft_test::loop_on_virtual_time on;
  CHECK(on.loop.run_until_complete(read_exactly(in, 3)) == "abc");
}

TEST_CASE("what nobody will read is dropped, also where it has landed", "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "abc");
    in.ignore_rest();
    CHECK(in.size() == 0);
    const auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(failed.value(), weft::stream_closed_error);
    CHECK(in.size() == 0);
  });
}

TEST_CASE("a source pauses for what has landed as for the rest, and goes on when it is taken",
          "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    recording_source source(log);
    stream_input in(2, &source);
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "1234");
    CHECK(log.text().empty());
    std::string got = co_await reads;
    CHECK(got == "1234");
    reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "12345");
    CHECK(log.text() == "pause");
    got = co_await reads;
    CHECK(got == "12345");
    CHECK(log.text() == "pause resume");
  });
}

TEST_CASE("a source that was paused by what has landed stays so when it goes back", "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    event_log log;
    recording_source source(log);
    stream_input in(2, &source);
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "12345");
    CHECK(log.text() == "pause");
    reads.cancel();
    const auto ended = co_await weft::outcome_of(reads);
    CHECK(ended.cancelled());
    CHECK(log.text() == "pause");
    CHECK(in.view() == "12345");
    in.consume(3);
    CHECK(log.text() == "pause resume");
  });
}

TEST_CASE("bytes that have landed and go back without memory for them are lost with the stream",
          "[io][stream_input][landing]") {
  if (!weft_test::counts_allocations) return;
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    receive(in, "abc");
    reads.cancel();
    {
      const weft_test::out_of_memory none;
      co_await weft::yield();
    }
    const auto ended = co_await weft::outcome_of(reads);
    CHECK(ended.cancelled());
    const auto failed = co_await weft::outcome_of(read_some(in, memory));
    CHECK_THROWS_AS(failed.value(), std::bad_alloc);
  });
}

// ---- data, and then an error ----

TEST_CASE("a read that was woken by data gives it, and the error that came after is for the next one",
          "[io][stream_input][landing]") {
  const bool lands = GENERATE(true, false);
  CAPTURE(lands);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    std::array<char, 8> memory{};
    auto reads = weft::create_task(read_some(in, memory));
    co_await weft::yield();
    if (lands) {
      receive(in, "abc");
    } else {
      in.feed_data("abc");
    }
    in.set_exception(std::make_exception_ptr(std::domain_error("broken")));
    in.set_exception(std::make_exception_ptr(std::domain_error("broken again")));
    const std::string got = co_await reads;
    CHECK(got == "abc");
    const auto failed = co_await weft::outcome_of(read_some(in, memory));
    CHECK_THROWS_WITH(failed.value(), "broken again");
  });
}

TEST_CASE("a read that was woken by less than it needs, and then by an error, throws the error",
          "[io][stream_input][landing]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto enough = weft::create_task(read_exactly(in, 3));
    co_await weft::yield();
    in.feed_data("abc");
    in.set_exception(std::make_exception_ptr(std::domain_error("broken")));
    const std::string got = co_await enough;
    CHECK(got == "abc");

    stream_input other;
    auto too_little = weft::create_task(read_exactly(other, 4));
    co_await weft::yield();
    other.feed_data("abc");
    other.set_exception(std::make_exception_ptr(std::domain_error("broken")));
    const auto failed = co_await weft::outcome_of(too_little);
    CHECK_THROWS_WITH(failed.value(), "broken");
    CHECK(other.view() == "abc");
  });
}

}  // namespace io_stream_input_landing_test
