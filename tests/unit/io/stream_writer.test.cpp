// Tests of weft/io/stream_writer.hpp and stream_transport.hpp: what is written, who waits for a slow peer, and the end.
// SPDX-License-Identifier: MIT
//
// Over streams in memory, whose peers are as slow as a test wants; sockets and pipes are in
// descriptor_transport.test.cpp.
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/failure_of.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/stream.hpp>
#include <weft/sync/yield.hpp>
#include <weft/testing/memory_stream_pair.hpp>
#include <weft/time/wait_for.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <list>
#include <memory>
#include <new>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace io_stream_writer_test {

using namespace std::chrono_literals;
using weft::memory_stream_options;
using weft::memory_stream_pair;
using weft::stream_reader;
using weft::stream_writer;
using weft_test::code_after;
using weft_test::code_of;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;

static_assert(!std::is_copy_constructible_v<stream_writer>);
static_assert(std::is_nothrow_move_constructible_v<stream_writer> && std::is_nothrow_move_assignable_v<stream_writer>);

// A peer that reads nothing ahead: 4 bytes on their way, and more than 2 that nobody has read stop the next ones.
const memory_stream_options slow_peer{.limit = 1, .room = 4, .chunk = 4};

weft::task<> passes(int n) {
  for (int i = 0; i < n; ++i) co_await weft::yield();
}

weft::task<> write_text(stream_writer& writer, std::string text) { co_await writer.write(text); }
weft::task<> flush(stream_writer& writer) { co_await writer.flush(); }
weft::task<> wait_closed(stream_writer& writer) { co_await writer.wait_closed(); }
weft::task<std::string> read_all(stream_reader& reader) { co_return co_await reader.read(); }

weft::task<> wait_by(stream_writer& writer, std::string operation) {
  if (operation == "write") {
    co_await writer.write("more");
  } else if (operation == "flush") {
    co_await writer.flush();
  } else {
    co_await writer.wait_closed();
  }
}
const std::vector<std::string> waits = {"write", "flush", "wait_closed"};

// ---- writing ----

TEST_CASE("all parts of a write arrive in their order", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    const std::string text = "string ";
    const char* pointer = "pointer ";
    co_await a.writer.write("literal ", text, std::string_view("view "), pointer, std::string("temporary"));
    a.writer.close();
    const std::string got = co_await b.reader.read();
    CHECK(got == "literal string view pointer temporary");
  });
}

TEST_CASE("the strings of a range are written in their order", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    std::vector<std::string> lines = {"one\n", "two\n"};
    co_await a.writer.write_lines(lines);
    const std::list<const char*> pointers = {"three\n", "four\n"};
    co_await a.writer.write_lines(pointers);
    const std::vector<std::string_view> none;
    co_await a.writer.write_lines(none);
    const auto longer = [](const std::string& line) { return line != "one\n"; };
    co_await a.writer.write_lines(lines | std::views::filter(longer));
    const auto view_of = [](const std::string& line) { return std::string_view(line).substr(0, 1); };
    co_await a.writer.write_lines(lines | std::views::transform(view_of));
    a.writer.close();
    const std::string got = co_await b.reader.read();
    CHECK(got == "one\ntwo\nthree\nfour\ntwo\not");
  });
}

TEST_CASE("a write takes no loop pass unless the peer is slow", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    weft_test::pass_counter counter;
    co_await a.writer.write("hello");
    co_await a.writer.write("");
    co_await a.writer.write("", "");
    co_await a.writer.flush();
    CHECK(counter.passes() == 0);
    CHECK(a.writer.write_buffer_size() == 0);
    const std::string got = co_await b.reader.read(100);
    CHECK(got == "hello");
  });
}

TEST_CASE("what the peer does not take is kept and written later, up to the mark without waiting",
          "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    weft_test::pass_counter counter;
    a.writer.set_write_buffer_limits(20, 5);
    co_await a.writer.write("0123", std::string(10, 'x'), std::string(10, 'y'));
    CHECK(counter.passes() == 0);
    CHECK(a.writer.write_buffer_size() == 20);
    auto writes = weft::create_task(write_text(a.writer, "z"));
    co_await passes(10);  // 4 bytes are on their way, and 4 have arrived
    CHECK_FALSE(writes.done());
    CHECK(a.writer.write_buffer_size() == 17);
    const std::string first = co_await b.reader.read_exactly(8);
    co_await passes(5);
    CHECK_FALSE(writes.done());  // 5 is where it may go on
    CHECK(a.writer.write_buffer_size() == 9);
    const std::string second = co_await b.reader.read_exactly(4);
    co_await passes(5);
    CHECK(a.writer.write_buffer_size() == 5);
    CHECK(writes.done());
    a.writer.close();
    const std::string rest = co_await b.reader.read();
    CHECK(first + second + rest == "0123" + std::string(10, 'x') + std::string(10, 'y') + "z");
  });
}

TEST_CASE("a write that waited goes on in the pass after enough was taken", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair({.room = 4});
    a.writer.set_write_buffer_limits(0, 0);
    weft_test::pass_counter counter;
    co_await a.writer.write("1234567");
    // 1: the peer receives 4. 2: the rest is written, and this task woken. 3: it goes on.
    CHECK(counter.passes() == 3);
    const std::string got = co_await b.reader.read_exactly(7);
    CHECK(got == "1234567");
  });
}

TEST_CASE("tasks that wait for a slow peer go on in their order, and what they write keeps it", "[io][stream_writer]") {
  event_log log;
  run_on_virtual_time([&]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    a.writer.set_write_buffer_limits(0);
    const auto writes = [](stream_writer& w, event_log& l, std::string name) -> weft::task<> {
      co_await w.write(name, name, name, name, name, name, name, name, name);
      l(name);
    };
    auto first = weft::create_task(writes(a.writer, log, "a"));
    auto second = weft::create_task(writes(a.writer, log, "b"));
    auto third = weft::create_task(writes(a.writer, log, "c"));
    co_await passes(5);
    CHECK(log.text().empty());
    const std::string got = co_await b.reader.read_exactly(27);
    CHECK(got == "aaaaaaaaabbbbbbbbbccccccccc");
    co_await weft::gather(first, second, third);
  });
  CHECK(log.text() == "a b c");
}

TEST_CASE("for a peer that never reads, the mark and one write are kept at most", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair({.limit = 1, .room = 1000});
    std::size_t most = 0;
    std::size_t written = 0;
    const std::string block(10'000, 'x');
    const auto writes = [&]() -> weft::task<> {
      for (;;) {
        co_await a.writer.write(block);
        written += block.size();
        most = std::max(most, a.writer.write_buffer_size());
      }
    };
    auto writer = weft::create_task(writes);
    co_await passes(100);
    CHECK_FALSE(writer.done());
    CHECK(most <= 65'536);
    CHECK(a.writer.write_buffer_size() > 65'536);
    CHECK(a.writer.write_buffer_size() <= 65'536 + block.size());
    writer.cancel();
    co_await passes(2);
  });
}

TEST_CASE("a write of nothing waits for a slow peer, too", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    a.writer.set_write_buffer_limits(0);
    auto first = weft::create_task(write_text(a.writer, std::string(20, 'x')));
    co_await passes(5);
    auto second = weft::create_task(write_text(a.writer, ""));
    co_await passes(5);
    CHECK_FALSE(second.done());
    const std::string got = co_await b.reader.read_exactly(20);
    co_await weft::gather(first, second);
  });
}

TEST_CASE("the marks can be set", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    CHECK_THROWS_AS(a.writer.set_write_buffer_limits(1, 2), std::invalid_argument);
    CHECK_THROWS_WITH(a.writer.set_write_buffer_limits(1, 2), contains("low-water mark"));
    co_await a.writer.write("12345678901234567890");
    CHECK(a.writer.write_buffer_size() == 16);
    a.writer.set_write_buffer_limits(15);  // it is full at once; 3 let it go on
    auto writes = weft::create_task(write_text(a.writer, ""));
    co_await passes(5);
    CHECK_FALSE(writes.done());
    std::string got = co_await b.reader.read_exactly(4);
    co_await passes(5);
    CHECK(a.writer.write_buffer_size() == 8);
    CHECK_FALSE(writes.done());
    got = co_await b.reader.read_exactly(8);
    co_await passes(5);
    CHECK(a.writer.write_buffer_size() == 0);
    CHECK(writes.done());
  });
}

TEST_CASE("a write that is cancelled while it waits has happened", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    a.writer.set_write_buffer_limits(0);
    const auto late = co_await weft::outcome_of(weft::wait_for(a.writer.write("1234567890"), 1s));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    auto second = weft::create_task(write_text(a.writer, "abc"));
    co_await weft::yield();
    second.cancel();
    co_await weft::yield();
    CHECK(second.cancelled());
    const std::string got = co_await b.reader.read_exactly(13);
    CHECK(got == "1234567890abc");
  });
}

// ---- flush ----

TEST_CASE("a flush waits until everything was handed over", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    co_await a.writer.write("1234567890");
    auto first = weft::create_task(flush(a.writer));
    auto second = weft::create_task(flush(a.writer));
    co_await passes(10);
    CHECK(a.writer.write_buffer_size() == 2);
    CHECK_FALSE(first.done());
    second.cancel();
    const std::string got = co_await b.reader.read_exactly(4);
    co_await first;
    CHECK(a.writer.write_buffer_size() == 0);
    CHECK(second.cancelled());
    const std::string rest = co_await b.reader.read_exactly(6);
    CHECK(got + rest == "1234567890");
  });
}

// ---- half-close ----

TEST_CASE("after write_eof() the peer reads what was written and the end, and may answer", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    CHECK(a.writer.can_write_eof());
    co_await a.writer.write("a question");
    a.writer.write_eof();
    CHECK_FALSE(a.writer.is_closing());
    const std::string asked = co_await b.reader.read();
    CHECK(asked == "a question");
    CHECK(b.reader.at_eof());
    co_await b.writer.write("an answer");
    b.writer.close();
    const std::string answered = co_await a.reader.read();
    CHECK(answered == "an answer");
  });
}

TEST_CASE("nothing can be written after write_eof(), but that may be said again", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    a.writer.write_eof();
    a.writer.write_eof();
    const auto refused = co_await weft::outcome_of(a.writer.write("x"));
    CHECK_THROWS_AS(refused.value(), weft::stream_closed_error);
    CHECK_THROWS_WITH(refused.value(), contains("write_eof()"));
    co_await a.writer.flush();
    const std::string nothing = co_await b.reader.read();
    CHECK(nothing.empty());
  });
}

TEST_CASE("write_eof() of a stream that is closed, or being closed, does nothing", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    co_await a.writer.write("1234567890");
    a.writer.close();
    a.writer.write_eof();
    const std::string got = co_await b.reader.read();
    CHECK(got == "1234567890");
    co_await a.writer.wait_closed();
    a.writer.write_eof();
    b.writer.abort();
    b.writer.write_eof();
    co_await b.writer.wait_closed();
    b.writer.write_eof();
  });
}

// ---- the end ----

TEST_CASE("a stream that is closed writes what is kept first, and then the peer reads the end", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    co_await a.writer.write("1234567890");
    a.writer.close();
    a.writer.close();
    CHECK(a.writer.is_closing());
    auto closes = weft::create_task(wait_closed(a.writer));
    co_await passes(10);
    CHECK_FALSE(closes.done());
    const auto refused = co_await weft::outcome_of(a.writer.write("x"));
    CHECK_THROWS_AS(refused.value(), weft::stream_closed_error);
    CHECK_THROWS_WITH(refused.value(), contains("is closed"));
    const std::string got = co_await b.reader.read();
    CHECK(got == "1234567890");
    co_await closes;
    co_await a.writer.wait_closed();  // it is
    co_await a.writer.flush();        // and all was written
    CHECK(a.writer.is_closing());
  });
}

TEST_CASE("closing takes one pass, and waiting for it another", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    weft_test::pass_counter counter;
    a.writer.close();
    co_await a.writer.wait_closed();
    CHECK(counter.passes() == 2);
    co_await a.writer.wait_closed();
    CHECK(counter.passes() == 2);
  });
}

TEST_CASE("a read that waits ends when its stream is closed, and what has arrived can still be read",
          "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    co_await b.writer.write("arrived");
    auto reads = weft::create_task(read_all(a.reader));
    co_await passes(2);
    a.writer.close();
    const std::string got = co_await reads;
    CHECK(got == "arrived");
    CHECK(a.reader.at_eof());
  });
}

TEST_CASE("wait_closed() waits for whoever closes, and can be cancelled", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    auto first = weft::create_task(wait_closed(a.writer));
    auto second = weft::create_task(wait_closed(a.writer));
    co_await passes(2);
    first.cancel();
    co_await passes(1);
    CHECK(first.cancelled());
    CHECK_FALSE(a.writer.is_closing());
    a.writer.close();
    co_await second;
  });
}

TEST_CASE("an aborted stream loses what was kept, and says so to those who waited for it", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    a.writer.set_write_buffer_limits(0);
    auto writes = weft::create_task(write_text(a.writer, "1234567890abcdef"));
    co_await passes(10);
    auto flushes = weft::create_task(flush(a.writer));
    auto closes = weft::create_task(wait_closed(a.writer));
    auto reads = weft::create_task(read_all(a.reader));
    co_await passes(1);
    a.writer.abort();
    a.writer.abort();
    CHECK(a.writer.is_closing());
    const auto unwritten = co_await weft::outcome_of(writes);
    CHECK_THROWS_AS(unwritten.value(), weft::stream_closed_error);
    CHECK_THROWS_WITH(unwritten.value(), contains("before all was written"));
    const auto unflushed = co_await weft::outcome_of(flushes);
    CHECK_THROWS_AS(unflushed.value(), weft::stream_closed_error);
    const auto later = co_await weft::outcome_of(a.writer.flush());
    CHECK_THROWS_AS(later.value(), weft::stream_closed_error);
    co_await closes;
    const std::string nothing = co_await reads;
    CHECK(nothing.empty());
    const std::string got = co_await b.reader.read();
    CHECK(got == "12345678");  // what was on its way
  });
}

TEST_CASE("an aborted stream that had written everything is closed in good order", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    co_await a.writer.write("all");
    a.writer.abort();
    co_await a.writer.flush();
    co_await a.writer.wait_closed();
    const std::string got = co_await b.reader.read();
    CHECK(got == "all");
  });
}

TEST_CASE("a writer that goes closes its stream, and what it wrote still arrives", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    {
      const stream_writer gone = std::move(a.writer);
      auto reader = std::move(a.reader);
      co_await weft::yield();
    }
    const std::string nothing = co_await b.reader.read();
    CHECK(nothing.empty());
    auto [c, d] = memory_stream_pair(slow_peer);
    {
      weft::stream gone = std::move(c);
      co_await gone.writer.write("written and left");
    }
    const std::string got = co_await d.reader.read();
    CHECK(got == "written and left");
  });
}

TEST_CASE("those who wait when the writer goes still learn how it ended", "[io][stream_writer]") {
  const std::string operation = GENERATE(from_range(waits));
  const bool reader_stays = GENERATE(true, false);
  CAPTURE(operation, reader_stays);
  run_on_virtual_time([&]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    auto writer = std::make_unique<stream_writer>(std::move(a.writer));
    auto reader = std::make_unique<stream_reader>(std::move(a.reader));
    co_await writer->write("1234567890");
    writer->set_write_buffer_limits(0);
    auto waiting = weft::create_task(wait_by(*writer, operation));
    co_await passes(5);
    if (!reader_stays) reader.reset();
    writer.reset();
    co_await passes(5);
    CHECK_FALSE(waiting.done());
    const std::string got = co_await b.reader.read();
    CHECK(got == (operation == "write" ? "1234567890more" : "1234567890"));
    co_await waiting;
  });
}

TEST_CASE("those who wait when the writer goes and the stream fails get the error", "[io][stream_writer]") {
  const std::string operation = GENERATE(from_range(waits));
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    auto own = std::make_unique<weft::stream>(std::move(a));
    co_await own->writer.write("1234567890");
    own->writer.set_write_buffer_limits(0);
    auto waiting = weft::create_task(wait_by(own->writer, operation));
    co_await passes(5);
    own.reset();
    b.writer.abort();
    const auto failed = co_await weft::outcome_of(waiting);
    CHECK(code_of(failed) == EPIPE);
    CHECK_THROWS_WITH(failed.value(), contains("writing a stream of a stream in memory"));
  });
}

TEST_CASE("a stream that fails throws the same error everywhere", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    a.writer.set_write_buffer_limits(0);
    auto writes = weft::create_task(write_text(a.writer, "1234567890abcd"));
    co_await passes(5);
    auto flushes = weft::create_task(flush(a.writer));
    auto closes = weft::create_task(wait_closed(a.writer));
    co_await passes(1);
    b.writer.abort();
    std::vector<int> codes;
    codes.push_back(co_await code_after(writes));
    codes.push_back(co_await code_after(flushes));
    codes.push_back(co_await code_after(closes));
    codes.push_back(co_await code_after(a.writer.write("x")));
    codes.push_back(co_await code_after(a.writer.flush()));
    codes.push_back(co_await code_after(a.writer.wait_closed()));
    codes.push_back(co_await code_after(a.reader.read()));
    CHECK(codes == std::vector<int>(7, EPIPE));
    a.writer.write_eof();  // says nothing, as in asyncio
    a.writer.close();
    CHECK(a.writer.is_closing());
  });
}

TEST_CASE("a write that fails when there is no memory to say so has failed for want of it", "[io][stream_writer]") {
  if (!weft_test::counts_allocations) return;
  run_on_virtual_time([]() -> weft::task<> {
    auto at_once = memory_stream_pair();
    at_once.second.writer.abort();
    co_await at_once.second.writer.wait_closed();
    auto later = memory_stream_pair(slow_peer);
    co_await later.first.writer.write("1234567890");
    auto flushes = weft::create_task(flush(later.first.writer));
    co_await passes(5);
    later.second.writer.abort();
    auto operation = at_once.first.writer.write("x");
    bool failed = false;
    {
      const weft_test::out_of_memory nothing_left;
      try {
        co_await std::move(operation);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
      for (int i = 0; i < 5; ++i) co_await weft::yield();
    }
    CHECK(failed);
    for (stream_writer* writer : {&at_once.first.writer, &later.first.writer}) {
      CHECK(writer->is_closing());
      const auto closed = co_await weft::outcome_of(writer->wait_closed());
      CHECK_THROWS_AS(closed.value(), std::bad_alloc);
    }
    const auto unsent = co_await weft::outcome_of(flushes);
    CHECK_THROWS_AS(unsent.value(), std::bad_alloc);
  });
}

TEST_CASE("a write to a peer that has gone throws at once, and closes the stream", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    b.writer.close();
    co_await b.writer.wait_closed();
    weft_test::pass_counter counter;
    const auto failed = co_await weft::outcome_of(write_text(a.writer, "x"));
    CHECK(code_of(failed) == EPIPE);
    CHECK_THROWS_WITH(failed.value(), contains("a stream in memory"));
    CHECK(a.writer.is_closing());
    const int code = co_await code_after(wait_closed(a.writer));
    CHECK(code == EPIPE);
  });
}

TEST_CASE("a stream for whose data there is no memory has failed: half of it may be with the peer",
          "[io][stream_writer]") {
  if (!weft_test::counts_allocations) return;
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    const std::string large(10'000, 'x');
    co_await a.writer.write("12");
    co_await passes(5);
    bool refused = false;
    {
      const weft_test::out_of_memory none;
      try {
        co_await a.writer.write("34", large);
      } catch (const std::bad_alloc&) {
        refused = true;
      }
    }
    CHECK(refused);
    CHECK(a.writer.is_closing());
    const auto failed = co_await weft::outcome_of(wait_closed(a.writer));
    CHECK_THROWS_AS(failed.value(), std::bad_alloc);
  });
}

// ---- the handles ----

TEST_CASE("a writer that was moved from says so", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    stream_writer second(std::move(a.writer));
    CHECK_THROWS_AS(a.writer.write("x"), weft::invalid_state_error);
    CHECK_THROWS_AS(a.writer.flush(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.writer.close(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.writer.abort(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.writer.wait_closed(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.writer.write_eof(), weft::invalid_state_error);
    CHECK_THROWS_AS(a.writer.descriptor(), weft::invalid_state_error);
    CHECK_THROWS_WITH(a.writer.is_closing(), contains("moved from"));
    co_await second.write("x");
    CHECK(second.descriptor() == -1);
    const std::string got = co_await b.reader.read(1);
    CHECK(got == "x");
  });
}

TEST_CASE("a writer or reader that is assigned to lets go of what it had", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    auto [c, d] = memory_stream_pair();
    stream_writer& itself = a.writer;
    a.writer = std::move(itself);
    CHECK_FALSE(a.writer.is_closing());
    a = std::move(c);
    std::string got = co_await b.reader.read();
    CHECK(got.empty());
    co_await a.writer.write("x");
    got = co_await d.reader.read(1);
    CHECK(got == "x");
    co_await d.writer.write("y");
    got = co_await a.reader.read(1);
    CHECK(got == "y");
  });
}

TEST_CASE("a reader may go while the writer goes on: what the peer sends is dropped", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair(slow_peer);
    co_await b.writer.write("nobody will read this, however long it is");
    co_await passes(5);
    CHECK(b.writer.write_buffer_size() > 0);
    { const stream_reader gone = std::move(a.reader); }
    co_await b.writer.flush();
    CHECK(b.writer.write_buffer_size() == 0);
    co_await a.writer.write("still here");
    const std::string got = co_await b.reader.read_exactly(10);
    CHECK(got == "still here");
  });
}

TEST_CASE("a task that reads when the reader goes learns it", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    auto reader = std::make_unique<stream_reader>(std::move(a.reader));
    auto reads = weft::create_task(read_all(*reader));
    co_await passes(2);
    reader.reset();
    const auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(failed.value(), weft::stream_closed_error);
    co_await a.writer.write("on");
    const std::string got = co_await b.reader.read(2);
    CHECK(got == "on");
  });
}

TEST_CASE("a loop may go while tasks wait for streams that another task owns", "[io][stream_writer]") {
  const bool owner_first = GENERATE(true, false);
  const int after = GENERATE(0, 1, 2, 3, 5, 8);
  CAPTURE(owner_first, after);
  weft_test::census counts;
  weft_test::reports told;
  const auto round = [&] {
    std::optional<weft::memory_streams> shared;  // the end of the loop still uses it
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    const auto owns = [](std::optional<weft::memory_streams>& made, weft_test::tracked) -> weft::task<> {
      weft::memory_streams own = memory_stream_pair(slow_peer);
      co_await own.first.writer.write("1234567890");
      own.first.writer.set_write_buffer_limits(0);
      made.emplace(std::move(own));
      class resets {
       public:
        explicit resets(std::optional<weft::memory_streams>& s) : streams_(&s) {}
        resets(const resets&) = delete;
        resets& operator=(const resets&) = delete;
        ~resets() { streams_->reset(); }

       private:
        std::optional<weft::memory_streams>* streams_;
      };
      const resets owner(made);
      co_await passes(100);
    };
    const auto waits_by = [](std::optional<weft::memory_streams>& s, std::string operation,
                             weft_test::tracked) -> weft::task<> {
      while (!s.has_value()) co_await weft::yield();
      if (operation == "read") {
        const std::string got = co_await s->first.reader.read();
      } else {
        co_await wait_by(s->first.writer, operation);
      }
    };
    if (owner_first) on.loop.create_task(owns(shared, weft_test::tracked(counts)));
    for (const char* operation : {"read", "write", "flush", "wait_closed"}) {
      on.loop.create_task(waits_by(shared, operation, weft_test::tracked(counts)));
    }
    if (!owner_first) on.loop.create_task(owns(shared, weft_test::tracked(counts)));
    for (int i = 0; i < after; ++i) weft_test::run_one_pass(on.loop);
    if (after == 8) {  // those who wait are on their way when the loop goes
      shared->second.writer.abort();
      for (int i = 0; i < 2; ++i) weft_test::run_one_pass(on.loop);
    }
  };
  round();  // the pool of frames has what it needs from now on
  told.forget();
  const std::int64_t before = weft_test::live_allocations();
  round();
  CHECK(counts.alive == 0);
  told.forget();
  CHECK(weft_test::live_allocations() == before);
}

TEST_CASE("handles that outlive their loop throw, and are harmless", "[io][stream_writer]") {
  std::optional<weft::memory_streams> kept;
  run_on_virtual_time([&]() -> weft::task<> {
    kept.emplace(memory_stream_pair(slow_peer));
    co_await kept->first.writer.write("1234567890");
    co_await passes(5);
  });
  CHECK(kept->first.writer.is_closing());
  CHECK(kept->first.writer.descriptor() == -1);
  run_on_virtual_time([&]() -> weft::task<> {
    for (const std::string& operation : waits) {
      CAPTURE(operation);
      const auto ended = co_await weft::outcome_of(wait_by(kept->first.writer, operation));
      if (operation != "wait_closed") CHECK_THROWS_AS(ended.value(), weft::stream_closed_error);
      CHECK(ended.failed() == (operation != "wait_closed"));
    }
    const auto unread = co_await weft::outcome_of(kept->second.reader.read());
    CHECK_THROWS_AS(unread.value(), weft::stream_closed_error);
  });
  kept->first.writer.write_eof();
  kept->first.writer.close();
  kept->first.writer.abort();
  kept.reset();
}

TEST_CASE("what a task waits for shows in reports of streams", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    CHECK(a.writer.write("x").describe() == "the slow peer of a stream, a stream in memory");
    CHECK(a.writer.flush().describe() == "the slow peer of a stream, a stream in memory");
    CHECK(a.writer.wait_closed().describe() == "a stream to be closed");
    co_return;
  });
}

TEST_CASE("an operation that is not awaited writes nothing, and may move before", "[io][stream_writer]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto [a, b] = memory_stream_pair();
    {
      const auto never = a.writer.write("never");
      static_cast<void>(never);
    }
    auto first = a.writer.write("moved");
    auto second = std::move(first);
    co_await passes(3);
    CHECK(b.reader.buffered() == 0);
    co_await std::move(second);
    const std::string got = co_await b.reader.read(100);
    CHECK(got == "moved");
  });
}

}  // namespace io_stream_writer_test
