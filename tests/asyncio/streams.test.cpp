// What CPython's tests of asyncio's streams say of a StreamReader that is fed by hand, for weft/io/stream_reader.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/pipe.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/wait.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/stream_input.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/sync/yield.hpp>

#include <unistd.h>

#include <cstddef>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asyncio_streams_test {

using weft::stream_input;
using weft::stream_reader;
using weft_test::contains;
using weft_test::run_on_virtual_time;

const std::string three_lines = "line1\nline2\nline3\n";

// Calls a function in the next pass, when the read that follows waits already.
weft::callback_handle soon(const std::function<void()>& feed) { return weft::event_loop::current().call_soon(feed); }

weft::task<std::string> read_line(stream_input& in) {
  stream_reader reader(in);
  co_return co_await reader.read_line();
}

std::exception_ptr value_error() { return std::make_exception_ptr(std::invalid_argument("value")); }

// ---- feeding ----

// CPython: streams StreamTests.test_feed_empty_data
TEST_CASE("feeding nothing changes nothing", "[asyncio][streams]") {
  stream_input in;
  in.feed_data("");
  CHECK(in.view().empty());
}

// CPython: streams StreamTests.test_feed_nonempty_data
TEST_CASE("what is fed is there to be read", "[asyncio][streams]") {
  stream_input in;
  in.feed_data(three_lines);
  CHECK(in.view() == three_lines);
}

// CPython: streams StreamTests.test_invalid_limit
TEST_CASE("a limit of zero is refused", "[asyncio][streams]") {
  CHECK_THROWS_AS(stream_input(0), std::invalid_argument);
  CHECK_THROWS_WITH(stream_input(0), contains("limit"));
}

// CPython: streams StreamTests.test_at_eof
TEST_CASE("a reader is at the end when that has come and everything was read", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    CHECK_FALSE(reader.at_eof());
    in.feed_data("some data\n");
    CHECK_FALSE(reader.at_eof());
    co_await reader.read_line();
    CHECK_FALSE(reader.at_eof());
    in.feed_data("some data\n");
    in.feed_eof();
    co_await reader.read_line();
    CHECK(reader.at_eof());
  });
}

// ---- read ----

// CPython: streams StreamTests.test_read_zero
TEST_CASE("reading zero bytes takes none", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data(three_lines);
    stream_reader reader(in);
    const std::string data = co_await reader.read(0);
    CHECK(data.empty());
    CHECK(in.view() == three_lines);
  });
}

// CPython: streams StreamTests.test_read
TEST_CASE("a read of more than will come gives what has come", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    const auto later = soon([&] { in.feed_data(three_lines); });
    const std::string data = co_await reader.read(30);
    CHECK(data == three_lines);
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_read_line_breaks
TEST_CASE("a read takes no more than was asked for", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("line1");
    in.feed_data("line2");
    stream_reader reader(in);
    const std::string data = co_await reader.read(5);
    CHECK(data == "line1");
    CHECK(in.view() == "line2");
  });
}

// CPython: streams StreamTests.test_read_eof
TEST_CASE("a read ends with nothing at the end of the stream", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    const auto later = soon([&] { in.feed_eof(); });
    const std::string data = co_await reader.read(1024);
    CHECK(data.empty());
  });
}

// CPython: streams StreamTests.test_read_until_eof
TEST_CASE("a read without a number reads up to the end of the stream", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    const auto later = soon([&] {
      in.feed_data("chunk1\n");
      in.feed_data("chunk2");
      in.feed_eof();
    });
    const std::string data = co_await reader.read();
    CHECK(data == "chunk1\nchunk2");
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_read_exception
TEST_CASE("a read throws the exception of the stream", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("line\n");
    stream_reader reader(in);
    const std::string data = co_await reader.read(2);
    CHECK(data == "li");
    in.set_exception(value_error());
    const auto failed = co_await weft::outcome_of(reader.read(2));
    CHECK_THROWS_AS(failed.value(), std::invalid_argument);
  });
}

// CPython: streams StreamTests.test_read_limit
TEST_CASE("a read may be longer than the limit", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("chunk");
    stream_reader reader(in);
    const std::string data = co_await reader.read(5);
    CHECK(data == "chunk");
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_read_all_from_pipe_reader
TEST_CASE("all that another process wrote into a pipe is read, though it is more than twice the limit",
          "[asyncio][streams]") {
  const weft_test::time_limit limit;
  weft_test::channel pipe;
  const auto writes = [&] { return ::write(pipe.writer.get(), "data", 4) == 4 ? 0 : 1; };
  weft::run([&]() -> weft::task<> {
    stream_reader reader = weft::open_reader(pipe.reader.release(), 1);
    const int status = weft_test::in_child(writes);
    CHECK(status == 0);
    pipe.writer.reset();
    const std::string data = co_await reader.read();
    CHECK(data == "data");
  });
}

// ---- read_line ----

// CPython: streams StreamTests.test_readline
TEST_CASE("a line is put together from what arrives", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("chunk1 ");
    stream_reader reader(in);
    const auto later = soon([&] {
      in.feed_data("chunk2 ");
      in.feed_data("chunk3 ");
      in.feed_data("\n chunk4");
    });
    const std::string line = co_await reader.read_line();
    CHECK(line == "chunk1 chunk2 chunk3 \n");
    CHECK(in.view() == " chunk4");
  });
}

// CPython: streams StreamTests.test_readline_limit_with_existing_data
TEST_CASE("a line that has arrived and is too long is an error, and what follows it stays", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("li");
    in.feed_data("ne1\nline2\n");
    auto failed = co_await weft::outcome_of(read_line(in));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(in.view() == "line2\n");

    stream_input unended(3);
    unended.feed_data("li");
    unended.feed_data("ne1");
    unended.feed_data("li");
    failed = co_await weft::outcome_of(read_line(unended));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(unended.view().empty());
  });
}

// CPython: streams StreamTests.test_readline_limit
TEST_CASE("a line that arrives and is too long is an error; one of just the limit is not", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input one(7);
    auto later = soon([&] {
      one.feed_data("chunk1");
      one.feed_data("chunk2");
      one.feed_data("chunk3\n");
      one.feed_eof();
    });
    auto failed = co_await weft::outcome_of(read_line(one));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(one.view().empty());

    stream_input two(7);
    later = soon([&] {
      two.feed_data("chunk1");
      two.feed_data("chunk2\n");
      two.feed_data("chunk3\n");
      two.feed_eof();
    });
    failed = co_await weft::outcome_of(read_line(two));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(two.view() == "chunk3\n");

    stream_input strict(7);
    strict.feed_data("1234567\n");
    const std::string line = co_await read_line(strict);
    CHECK(line == "1234567\n");
    CHECK(strict.view().empty());
    strict.feed_data("12345678\n");
    failed = co_await weft::outcome_of(read_line(strict));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(strict.view().empty());
    strict.feed_data("12345678");
    failed = co_await weft::outcome_of(read_line(strict));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(strict.view().empty());
  });
}

// CPython: streams StreamTests.test_readline_nolimit_nowait
TEST_CASE("a line that has arrived in pieces is read, and what follows it stays", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data(three_lines.substr(0, 6));
    in.feed_data(three_lines.substr(6));
    const std::string line = co_await read_line(in);
    CHECK(line == "line1\n");
    CHECK(in.view() == "line2\nline3\n");
  });
}

// CPython: streams StreamTests.test_readline_eof
TEST_CASE("the last line may lack its end", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("some data");
    in.feed_eof();
    const std::string line = co_await read_line(in);
    CHECK(line == "some data");
  });
}

// CPython: streams StreamTests.test_readline_empty_eof
TEST_CASE("at the end there is an empty line", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_eof();
    const std::string line = co_await read_line(in);
    CHECK(line.empty());
  });
}

// CPython: streams StreamTests.test_readline_read_byte_count
TEST_CASE("lines and numbers of bytes can be read in turn", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data(three_lines);
    stream_reader reader(in);
    co_await reader.read_line();
    const std::string data = co_await reader.read(7);
    CHECK(data == "line2\nl");
    CHECK(in.view() == "ine3\n");
  });
}

// CPython: streams StreamTests.test_readline_exception
TEST_CASE("reading a line throws the exception of the stream", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("line\n");
    const std::string line = co_await read_line(in);
    CHECK(line == "line\n");
    in.set_exception(value_error());
    const auto failed = co_await weft::outcome_of(read_line(in));
    CHECK_THROWS_AS(failed.value(), std::invalid_argument);
    CHECK(in.view().empty());
  });
}

// ---- read_until ----

// CPython: streams StreamTests.test_readuntil_separator
TEST_CASE("an empty separator is refused", "[asyncio][streams]") {
  stream_input in;
  stream_reader reader(in);
  CHECK_THROWS_AS(reader.read_until(""), std::invalid_argument);
  CHECK_THROWS_AS(reader.read_until("", "x"), std::invalid_argument);
  CHECK_THROWS_WITH(reader.read_until(""), contains("separator must not be empty"));
}

// CPython: streams StreamTests.test_readuntil_multi_chunks
TEST_CASE("reading up to a separator takes it, and leaves what follows", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    for (const char* rest : {"", "", "xxx"}) {
      in.feed_data(std::string("lineAAA") + rest);
      const std::string data = co_await reader.read_until("AAA");
      CHECK(data == "lineAAA");
      CHECK(in.view() == rest);
    }
  });
}

// CPython: streams StreamTests.test_readuntil_multi_chunks_1
TEST_CASE("a separator may come in pieces", "[asyncio][streams]") {
  const std::vector<std::string> pieces = GENERATE(values<std::vector<std::string>>(
      {{"QWEaa", "XYaa", "a"}, {"QWEaa", "XYa", "aa"}, {"aaa"}, {"Xaaa"}, {"XXX", "a", "a", "a"}}));
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    std::string all;
    for (const std::string& piece : pieces) {
      in.feed_data(piece);
      all += piece;
    }
    stream_reader reader(in);
    const std::string data = co_await reader.read_until("aaa");
    CHECK(data == all);
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_readuntil_eof
TEST_CASE("the end before a separator is an error that has what there was", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("some dataAA");
    in.feed_eof();
    stream_reader reader(in);
    const auto failed = co_await weft::outcome_of(reader.read_until("AAA"));
    try {
      failed.value();
      FAIL("there is no separator");
    } catch (const weft::incomplete_read_error& e) {
      CHECK(e.partial() == "some dataAA");
      CHECK_FALSE(e.expected().has_value());
    }
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_readuntil_limit_found_sep
TEST_CASE("too much before a separator is an error, whether that was found or not, and takes nothing",
          "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("some dataAA");
    stream_reader reader(in);
    auto failed = co_await weft::outcome_of(reader.read_until("AAA"));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK_THROWS_WITH(failed.value(), contains("no separator was found"));
    CHECK(in.view() == "some dataAA");
    in.feed_data("A");
    failed = co_await weft::outcome_of(reader.read_until("AAA"));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK_THROWS_WITH(failed.value(), contains("a separator was found"));
    CHECK(in.view() == "some dataAAA");
  });
}

// CPython: streams StreamTests.test_readuntil_multi_separator
TEST_CASE("of several separators the one that ends first counts", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("line 1\nline 2\r");
    stream_reader reader(in);
    std::string data = co_await reader.read_until("\r", "\n");
    CHECK(data == "line 1\n");
    data = co_await reader.read_until("\r", "\n");
    CHECK(data == "line 2\r");
    CHECK(in.view().empty());
    in.feed_data("ABCDEFG");
    data = co_await reader.read_until("DEF", "BCDE");
    CHECK(data == "ABCDE");
    CHECK(in.view() == "FG");
  });
}

// CPython: streams StreamTests.test_readuntil_multi_separator_limit
TEST_CASE("of separators that end together the shorter one is weighed against the limit", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("some dataA");
    stream_reader reader(in);
    const auto failed = co_await weft::outcome_of(reader.read_until("A", "ome dataA"));
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK_THROWS_WITH(failed.value(), contains("a separator was found"));
    CHECK(in.view() == "some dataA");
  });
}

// CPython: streams StreamTests.test_readuntil_multi_separator_negative_offset
TEST_CASE("less data than the longest separator is searched for the shortest", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("data");
    stream_reader reader(in);
    const auto first = soon([&] { in.feed_data("Z"); });
    const auto second = soon([&] { in.feed_data("Aaaa"); });
    const std::string data = co_await reader.read_until("A", "long sep");
    CHECK(data == "dataZA");
    CHECK(in.view() == "aaa");
  });
}

// ---- read_exactly ----

// CPython: streams StreamTests.test_readexactly_zero_or_less
TEST_CASE("exactly zero bytes are nothing, and less than that is refused", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data(three_lines);
    stream_reader reader(in);
    const std::string data = co_await reader.read_exactly(0);
    CHECK(data.empty());
    const int less = -1;
    CHECK_THROWS_AS(reader.read_exactly(static_cast<std::size_t>(less)), std::invalid_argument);
    CHECK_THROWS_WITH(reader.read_exactly(static_cast<std::size_t>(less)), contains("negative"));
    CHECK(in.view() == three_lines);
  });
}

// CPython: streams StreamTests.test_readexactly
TEST_CASE("an exact number of bytes is waited for", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    const auto later = soon([&] {
      for (int i = 0; i < 3; ++i) in.feed_data(three_lines);
    });
    const std::string data = co_await reader.read_exactly(2 * three_lines.size());
    CHECK(data == three_lines + three_lines);
    CHECK(in.view() == three_lines);
  });
}

// CPython: streams StreamTests.test_readexactly_limit
TEST_CASE("an exact number of bytes may be more than the limit", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("chunk");
    stream_reader reader(in);
    const std::string data = co_await reader.read_exactly(5);
    CHECK(data == "chunk");
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_readexactly_eof
TEST_CASE("the end before an exact number of bytes is an error that has what there was", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    const auto later = soon([&] {
      in.feed_data(three_lines);
      in.feed_eof();
    });
    const auto failed = co_await weft::outcome_of(reader.read_exactly(2 * three_lines.size()));
    try {
      failed.value();
      FAIL("there was less");
    } catch (const weft::incomplete_read_error& e) {
      CHECK(e.partial() == three_lines);
      CHECK(e.expected() == 2 * three_lines.size());
      CHECK_THAT(e.what(), contains("18") && contains("36"));
    }
    CHECK(in.view().empty());
  });
}

// CPython: streams StreamTests.test_readexactly_exception
TEST_CASE("reading an exact number of bytes throws the exception of the stream", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("line\n");
    stream_reader reader(in);
    const std::string data = co_await reader.read_exactly(2);
    CHECK(data == "li");
    in.set_exception(value_error());
    const auto failed = co_await weft::outcome_of(reader.read_exactly(2));
    CHECK_THROWS_AS(failed.value(), std::invalid_argument);
  });
}

// ---- exceptions ----

// CPython: streams StreamTests.test_exception
TEST_CASE("the exception that was set can be asked for", "[asyncio][streams]") {
  stream_input in;
  CHECK(in.exception() == nullptr);
  const std::exception_ptr error = value_error();
  in.set_exception(error);
  CHECK(in.exception() == error);
}

// CPython: streams StreamTests.test_exception_waiter
TEST_CASE("an exception that is set ends the read that waits", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    const auto sets_error = [&]() -> weft::task<> {
      in.set_exception(value_error());
      co_return;
    };
    auto reads = weft::create_task(read_line(in));
    auto sets = weft::create_task(sets_error);
    std::vector<weft::task_ref> both;
    both.push_back(reads);
    both.push_back(sets);
    co_await weft::wait(both);
    CHECK_THROWS_AS(reads.result(), std::invalid_argument);
  });
}

// CPython: streams StreamTests.test_exception_cancel
TEST_CASE("an exception may be set after the read that waited was cancelled", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_line(in));
    co_await weft::yield();
    reads.cancel();
    co_await weft::yield();
    in.set_exception(std::make_exception_ptr(std::runtime_error("message")));
    co_await weft::yield();
    CHECK(reads.cancelled());
  });
}

}  // namespace asyncio_streams_test
