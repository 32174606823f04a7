// Tests of weft/io/stream_reader.hpp: what each read gives, when it goes on, and what it leaves behind.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
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
#include <weft/flow/race.hpp>
#include <weft/io/stream_input.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/wait_for.hpp>
#include <weft/time/with_timeout.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace io_stream_reader_test {

using namespace std::chrono_literals;
using weft::stream_input;
using weft::stream_reader;
using weft_test::contains;
using weft_test::event_log;
using weft_test::run_on_virtual_time;

static_assert(!std::is_copy_constructible_v<stream_reader>);
static_assert(std::is_nothrow_move_constructible_v<stream_reader> && std::is_nothrow_move_assignable_v<stream_reader>);

// Each operation, by its name. All of them are content with "abc\n" and the end.
const std::vector<std::string> operations = {"read",       "read(n)",   "read_some", "read_exactly",
                                             "read_until", "read_line", "next"};

weft::task<std::string> read_by(stream_reader& reader, std::string operation) {
  std::string got;
  if (operation == "read") {
    got = co_await reader.read();
  } else if (operation == "read(n)") {
    got = co_await reader.read(4);
  } else if (operation == "read_some") {
    std::array<char, 4> room{};
    const std::size_t n = co_await reader.read_some(room);
    got.assign(room.data(), n);
  } else if (operation == "read_exactly") {
    got = co_await reader.read_exactly(4);
  } else if (operation == "read_until") {
    got = co_await reader.read_until("\n");
  } else if (operation == "read_line") {
    got = co_await reader.read_line();
  } else {
    const std::optional<std::string> line = co_await reader.next();
    got = line.value_or("nothing");
  }
  co_return got;
}

weft::task<std::string> read_by(stream_input& in, std::string operation) {
  stream_reader reader(in);
  co_return co_await read_by(reader, std::move(operation));
}

weft::task<std::string> read_tracked(stream_input& in, std::string operation, weft_test::tracked) {
  co_return co_await read_by(in, std::move(operation));
}

// ---- what each of them gives ----

TEST_CASE("what is there is read without a loop pass", "[io][stream_reader]") {
  const std::string operation = GENERATE(from_range(operations));
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    in.feed_data("abc\n");
    if (operation == "read") in.feed_eof();
    stream_reader reader(in);
    weft_test::pass_counter counter;
    const std::string got = co_await read_by(reader, operation);
    CHECK(got == "abc\n");
    CHECK(counter.passes() == 0);
    CHECK(reader.buffered() == 0);
  });
}

TEST_CASE("a read that waits goes on one pass after the data has arrived", "[io][stream_reader]") {
  const std::string operation = GENERATE(from_range(operations));
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    weft_test::pass_counter counter;
    int fed = -1;
    const auto feed = [&] {
      in.feed_data("abc\n");
      if (operation == "read") in.feed_eof();
      fed = counter.passes();
    };
    const weft::callback_handle later = weft::event_loop::current().call_soon(feed);
    const std::string got = co_await read_by(in, operation);
    CHECK(got == "abc\n");
    CHECK(fed == 1);
    CHECK(counter.passes() == 2);
  });
}

TEST_CASE("a read that is not content with what has arrived waits on, and its coroutine does not run",
          "[io][stream_reader]") {
  const std::string operation = GENERATE("read", "read_exactly", "read_until", "read_line", "next");
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_by(in, operation));
    co_await weft::yield();
    for (const char* piece : {"a", "b", "c"}) {
      in.feed_data(piece);
      co_await weft::yield();
      CHECK_FALSE(reads.done());
    }
    CHECK(in.view() == "abc");
    in.feed_data("\n");
    in.feed_eof();
    co_await weft::yield();
    REQUIRE(reads.done());
    CHECK(reads.result() == "abc\n");
  });
}

TEST_CASE("a read goes on once, however much arrives in a pass", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_by(in, "read(n)"));
    co_await weft::yield();
    in.feed_data("a");
    in.feed_data("b");
    in.feed_data("cdef");
    const std::string got = co_await reads;
    CHECK(got == "abcd");
    CHECK(in.view() == "ef");
  });
}

TEST_CASE("the end of the stream ends every read", "[io][stream_reader]") {
  const bool waits = GENERATE(true, false);
  CAPTURE(waits);
  run_on_virtual_time([&]() -> weft::task<> {
    for (const std::string& operation : operations) {
      CAPTURE(operation);
      stream_input in;
      if (!waits) in.feed_eof();
      auto reads = weft::create_task(read_by(in, operation));
      co_await weft::yield();
      if (waits) in.feed_eof();
      const auto ended = co_await weft::outcome_of(reads);
      if (operation == "read_exactly" || operation == "read_until") {
        CHECK_THROWS_AS(ended.value(), weft::incomplete_read_error);
      } else {
        CHECK(ended.value() == (operation == "next" ? "nothing" : ""));
      }
      CHECK(in.at_eof());
    }
  });
}

TEST_CASE("reads follow one another on what has arrived", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("one\ntwo\r\nthree");
    in.feed_eof();
    stream_reader reader(in);
    weft_test::pass_counter counter;
    CHECK(reader.buffered() == 14);
    std::string got = co_await reader.read_line();
    CHECK(got == "one\n");
    got = co_await reader.read_until("\r\n");
    CHECK(got == "two\r\n");
    got = co_await reader.read_exactly(2);
    CHECK(got == "th");
    got = co_await reader.read(2);
    CHECK(got == "re");
    CHECK_FALSE(reader.at_eof());
    got = co_await reader.read();
    CHECK(got == "e");
    CHECK(reader.at_eof());
    got = co_await reader.read();
    CHECK(got.empty());
    CHECK(counter.passes() == 0);
  });
}

TEST_CASE("reading nothing takes nothing and does not wait", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    std::string got = co_await reader.read(0);
    CHECK(got.empty());
    got = co_await reader.read_exactly(0);
    CHECK(got.empty());
    const std::size_t n = co_await reader.read_some(std::span<char>());
    CHECK(n == 0);
    in.feed_data("x");
    got = co_await reader.read(0);
    CHECK(reader.buffered() == 1);
  });
}

TEST_CASE("memory of the caller is filled with what there is", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    in.feed_data("abcdef");
    std::array<char, 4> chars{};
    std::size_t n = co_await reader.read_some(chars);
    CHECK(std::string_view(chars.data(), n) == "abcd");
    std::array<std::byte, 4> bytes{};
    n = co_await reader.read_some(bytes);
    CHECK(n == 2);
    CHECK(bytes[0] == std::byte{'e'});
    CHECK(bytes[1] == std::byte{'f'});
    in.feed_eof();
    n = co_await reader.read_some(bytes);
    CHECK(n == 0);
  });
}

TEST_CASE("bytes are bytes: NUL and all others arrive as they are", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    stream_input in;
    in.feed_data(all);
    stream_reader reader(in);
    const std::string first = co_await reader.read_until(std::string_view("\0", 1));
    CHECK(first == std::string(1, '\0'));
    const std::string line = co_await reader.read_line();
    CHECK(line == all.substr(1, 10));
    const std::string rest = co_await reader.read(1000);
    CHECK(rest == all.substr(11));
  });
}

TEST_CASE("an exact amount may be more than the limit", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(2);
    auto reads = weft::create_task(read_by(in, "read_exactly"));
    in.feed_data("abc");
    co_await weft::yield();
    in.feed_data("defg");
    const std::string got = co_await reads;
    CHECK(got == "abcd");
  });
}

TEST_CASE("a stream that ends too early tells what there was, and has given it away", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("abc");
    in.feed_eof();
    stream_reader reader(in);
    const auto failed = co_await weft::outcome_of(reader.read_exactly(10));
    try {
      failed.value();
      FAIL("it ended too early");
    } catch (const weft::incomplete_read_error& e) {
      CHECK(e.partial() == "abc");
      CHECK(e.expected() == 10u);
      CHECK_THAT(e.what(), contains("3 bytes") && contains("10"));
    }
    CHECK(reader.at_eof());
    stream_input other;
    other.feed_data("no separator");
    other.feed_eof();
    stream_reader second(other);
    const auto none = co_await weft::outcome_of(second.read_until(";"));
    try {
      none.value();
      FAIL("there was no separator");
    } catch (const weft::incomplete_read_error& e) {
      CHECK(e.partial() == "no separator");
      CHECK_FALSE(e.expected().has_value());
      CHECK_THAT(e.what(), contains("separator"));
    }
    CHECK(second.at_eof());
  });
}

TEST_CASE("a negative amount is a mistake that is told at once", "[io][stream_reader]") {
  stream_input in;
  in.feed_data("abc");
  stream_reader reader(in);
  const int negative = -1;
  CHECK_THROWS_AS(reader.read_exactly(static_cast<std::size_t>(negative)), std::invalid_argument);
  CHECK_THROWS_AS(reader.read(static_cast<std::size_t>(negative)), std::invalid_argument);
  CHECK_THROWS_WITH(reader.read(static_cast<std::size_t>(negative)), contains("read() reads to the end"));
  CHECK(in.view() == "abc");
}

// ---- separators and lines ----

TEST_CASE("of several separators that counts which ends first, and of these the longest", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("ABCDEFG.a\r\nb\n");
    stream_reader reader(in);
    std::string got = co_await reader.read_until("DEF", "BCDE");
    CHECK(got == "ABCDE");
    got = co_await reader.read_until(std::string("."), std::string_view("G."), "x");
    CHECK(got == "FG.");
    got = co_await reader.read_until("\n", "\r\n");
    CHECK(got == "a\r\n");
  });
}

TEST_CASE("an empty separator is a mistake that is told at once", "[io][stream_reader]") {
  stream_input in;
  stream_reader reader(in);
  CHECK_THROWS_AS(reader.read_until(""), std::invalid_argument);
  CHECK_THROWS_AS(reader.read_until("a", std::string()), std::invalid_argument);
}

TEST_CASE("the separators are copied: they need not stay", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    stream_reader reader(in);
    auto separator = std::make_unique<std::string>("a separator that is too long for a string without memory");
    auto waits = reader.read_until(*separator);
    const std::string expected = "x" + *separator;
    in.feed_data(expected);
    separator.reset();
    const std::string got = co_await std::move(waits);
    CHECK(got == expected);
  });
}

TEST_CASE("a separator that is longer than the limit's rest is found all the same", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("abcSEPARATOR");
    stream_reader reader(in);
    const std::string got = co_await reader.read_until("SEPARATOR");
    CHECK(got == "abcSEPARATOR");
  });
}

TEST_CASE("too much before a separator is an error that takes nothing", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("abcd;e");
    stream_reader reader(in);
    const auto consumed_by = [](const auto& failed) -> std::size_t {
      try {
        failed.value();
      } catch (const weft::limit_overrun_error& e) {
        return e.consumed();
      }
      return 0;
    };
    auto failed = co_await weft::outcome_of(reader.read_until(";"));
    CHECK(consumed_by(failed) == 4);
    CHECK_THROWS_WITH(failed.value(), contains("was found"));
    CHECK(in.view() == "abcd;e");
    // As the contract says, as much can be read.
    std::string got = co_await reader.read_exactly(4);
    got = co_await reader.read_until(";");
    CHECK(got == ";");
    in.feed_data("fghi");
    failed = co_await weft::outcome_of(reader.read_until("--"));
    CHECK(consumed_by(failed) == 4);
    CHECK_THROWS_WITH(failed.value(), contains("no separator"));
    CHECK(in.view() == "efghi");
  });
}

TEST_CASE("a line that is too long is dropped as far as it is there, and the next one can be read",
          "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in(3);
    in.feed_data("abc\nabcd\nab\nabcde");
    stream_reader reader(in);
    std::string got = co_await reader.read_line();
    CHECK(got == "abc\n");
    auto failed = co_await weft::outcome_of(reader.read_line());
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK_THROWS_WITH(failed.value(), contains("longer than the limit"));
    got = co_await reader.read_line();
    CHECK(got == "ab\n");
    failed = co_await weft::outcome_of(reader.read_line());
    CHECK_THROWS_AS(failed.value(), weft::limit_overrun_error);
    CHECK(reader.buffered() == 0);
    in.feed_data("fg\n");
    in.feed_eof();
    got = co_await reader.read_line();
    CHECK(got == "fg\n");
  });
}

TEST_CASE("a loop over lines gets each, the last without its end, too", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("one\n\nthree");
    in.feed_eof();
    stream_reader reader(in);
    std::vector<std::string> lines;
    while (auto line = co_await reader.next()) lines.push_back(*line);
    CHECK(lines == std::vector<std::string>{"one\n", "\n", "three"});
    const std::optional<std::string> more = co_await reader.next();
    CHECK_FALSE(more.has_value());
  });
}

// ---- against a model ----

class small_random {
 public:
  explicit small_random(unsigned seed) noexcept : state_(seed * 2654435761u + 1) {}
  std::size_t up_to(std::size_t most) noexcept {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<std::size_t>(state_ >> 33) % (most + 1);
  }
  std::string text(std::size_t length) {
    std::string made(length, ' ');
    for (char& c : made) c = "ab\n"[up_to(2)];
    return made;
  }

 private:
  unsigned long long state_;
};

// What read_until() and read_line() have to do, said as plainly as can be: no offset is kept, nothing waits.
class model {
 public:
  model(std::size_t limit, std::vector<std::string> arrivals) : limit_(limit), arrivals_(std::move(arrivals)) {}

  std::string read_until(const std::vector<std::string>& separators) {
    std::size_t longest = 0;
    std::size_t shortest = ~std::size_t{0};
    for (const std::string& s : separators) longest = std::max(longest, s.size());
    for (const std::string& s : separators) shortest = std::min(shortest, s.size());
    for (;;) {
      begin = std::string::npos;
      end = std::string::npos;
      for (std::size_t e = 1; e <= buffer.size() && end == std::string::npos; ++e) {
        for (const std::string& s : separators) {  // the longest that ends here begins first
          if (s.size() > e || buffer.compare(e - s.size(), s.size(), s) != 0) continue;
          if (end == std::string::npos || e - s.size() > begin) begin = e - s.size();
          end = e;
        }
      }
      if (end != std::string::npos) return begin > limit_ ? overrun(begin) : "found " + take(end);
      const std::size_t searched = buffer.size() + 1 > longest ? buffer.size() + 1 - longest : 0;
      if (buffer.size() >= shortest && searched > limit_) return overrun(searched);
      if (next_ == arrivals_.size()) return "ended " + take(buffer.size());
      buffer += arrivals_[next_++];
    }
  }

  std::string read_line() {
    const std::string what = read_until({"\n"});
    if (what.starts_with("overrun")) return "too long " + take(std::min(end, buffer.size()));
    return what;
  }

  std::string take(std::size_t n) {
    std::string taken = buffer.substr(0, n);
    buffer.erase(0, n);
    return taken;
  }
  bool ended() const { return next_ == arrivals_.size() && buffer.empty(); }

  std::string buffer;
  std::size_t begin = 0;
  std::size_t end = 0;

 private:
  static std::string overrun(std::size_t consumed) { return "overrun " + std::to_string(consumed); }

  std::size_t limit_;
  std::vector<std::string> arrivals_;
  std::size_t next_ = 0;
};

weft::task<std::string> read_until(stream_reader& reader, const std::vector<std::string>& separators) {
  if (separators.size() == 1) co_return co_await reader.read_until(separators[0]);
  co_return co_await reader.read_until(separators[0], separators[1]);
}

weft::task<std::string> read_until_in_words(stream_reader& reader, const std::vector<std::string>& separators) {
  const auto ended = co_await weft::outcome_of(read_until(reader, separators));
  try {
    co_return "found " + ended.value();
  } catch (const weft::incomplete_read_error& e) {
    co_return "ended " + e.partial();
  } catch (const weft::limit_overrun_error& e) {
    co_return "overrun " + std::to_string(e.consumed());
  }
}

weft::task<std::string> read_line_in_words(stream_reader& reader, bool& too_long) {
  const auto ended = co_await weft::outcome_of(reader.read_line());
  too_long = false;
  try {
    co_return ended.value();
  } catch (const weft::limit_overrun_error&) {
    too_long = true;
  }
  co_return std::string();
}

weft::task<> feed_pieces(stream_input& in, const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) {
    for (int i = 0; i < 3; ++i) co_await weft::yield();  // until the reader waits again
    in.feed_data(piece);
  }
  for (int i = 0; i < 3; ++i) co_await weft::yield();
  in.feed_eof();
}

// One stream of random bytes in random pieces, read by random operations; returns how often the limit was overrun.
weft::task<int> compare_with_model(unsigned seed) {
  small_random random(seed);
  const std::size_t limit = 1 + random.up_to(7);
  std::vector<std::string> pieces;
  for (std::size_t i = random.up_to(30); i > 0; --i) pieces.push_back(random.text(1 + random.up_to(4)));
  model expected(limit, pieces);
  stream_input in(limit);
  stream_reader reader(in);
  auto feeder = weft::create_task(feed_pieces(in, pieces));
  int overruns = 0;
  for (int step = 0; !reader.at_eof(); ++step) {
    CAPTURE(step);
    if (random.up_to(2) == 0) {
      bool too_long = false;
      const std::string got = co_await read_line_in_words(reader, too_long);
      const std::string wanted = expected.read_line();
      if (too_long) {
        CHECK(wanted.starts_with("too long "));
        ++overruns;
      } else {
        CHECK(wanted.substr(6) == got);  // after "found " or "ended "
      }
    } else {
      std::vector<std::string> separators;
      for (std::size_t i = random.up_to(1) + 1; i > 0; --i) separators.push_back(random.text(1 + random.up_to(2)));
      const std::string got = co_await read_until_in_words(reader, separators);
      CHECK(got == expected.read_until(separators));
      if (got.starts_with("overrun")) {
        const std::size_t blocking = std::stoul(got.substr(8));
        const std::string skipped = co_await reader.read_exactly(blocking);
        CHECK(skipped == expected.take(blocking));
        ++overruns;
      }
    }
    CHECK(in.view() == expected.buffer);
  }
  co_await feeder;
  CHECK(expected.ended());
  co_return overruns;
}

TEST_CASE("reading lines and up to separators does what a simple model does, in whatever pieces data arrives",
          "[io][stream_reader]") {
  int overruns = 0;
  run_on_virtual_time([&]() -> weft::task<> {
    for (unsigned seed = 0; seed < 1000; ++seed) {
      CAPTURE(seed);
      overruns += co_await compare_with_model(seed);
    }
  });
  CHECK(overruns > 300);  // they were tried, too
}

// ---- cancelled and destroyed while waiting ----

TEST_CASE("a read that is cancelled while it waits has taken nothing", "[io][stream_reader]") {
  const std::string operation = GENERATE(from_range(operations));
  const bool data_is_there = GENERATE(true, false);
  CAPTURE(operation, data_is_there);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_by(in, operation));
    co_await weft::yield();
    if (data_is_there) in.feed_data("abc\n");
    reads.cancel();
    if (!data_is_there) in.feed_data("abc\n");
    if (operation == "read") in.feed_eof();
    co_await weft::yield();
    CHECK(reads.cancelled());
    CHECK(in.view() == "abc\n");
    const std::string got = co_await read_by(in, operation);
    CHECK(got == "abc\n");
  });
}

TEST_CASE("a read that a time limit ends has taken nothing", "[io][stream_reader]") {
  const std::string operation = GENERATE("read", "read_exactly", "read_until", "read_line", "next");
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    in.feed_data("abc");
    const auto late = co_await weft::outcome_of(weft::wait_for(read_by(in, operation), 1s));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    in.feed_data("\n");
    in.feed_eof();
    const std::string got = co_await read_by(in, operation);
    CHECK(got == "abc\n");
  });
}

TEST_CASE("operations that are awaited together with others leave nothing when they lose", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input slow;
    stream_input quick;
    stream_reader a(slow);
    stream_reader b(quick);
    quick.feed_data("quick\n");
    const auto won = co_await weft::race(a.read_line(), b.read_line());
    CHECK(won.index() == 1);
    slow.feed_data("slow\n");
    quick.feed_data("again\n");
    auto [first, second] = co_await weft::gather(a.read_line(), b.read_line());
    CHECK(first == "slow\n");
    CHECK(second == "again\n");
    const auto late = co_await weft::outcome_of(weft::with_timeout(1s, a.read_line()));
    CHECK_THROWS_AS(late.value(), weft::timeout_error);
    slow.feed_data("late\n");
    const std::string got = co_await a.read_line();
    CHECK(got == "late\n");
  });
}

TEST_CASE("a loop may go in any pass around a read", "[io][stream_reader]") {
  const std::string operation = GENERATE(from_range(operations));
  CAPTURE(operation);
  for (int passes = 0; passes < 4; ++passes) {
    CAPTURE(passes);
    weft_test::census counts;
    weft_test::reports told;
    stream_input in;
    {
      weft_test::loop_on_virtual_time on;
      told.listen(on.loop);
      on.loop.create_task(read_tracked(in, operation, weft_test::tracked(counts)));
      const auto feed = [&] {
        in.feed_data("abc\n");
        in.feed_eof();
      };
      on.loop.call_soon(feed);
      for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    }
    CHECK(counts.alive == 0);
    CHECK(told.count() == (passes < 2 ? 1u : 0u));
    CHECK(in.size() == (passes == 1 ? 4u : 0u));  // fed in the first pass, read in the second
  }
}

// ---- errors ----

TEST_CASE("an error of the stream is thrown by the read that waits and by those to come", "[io][stream_reader]") {
  const std::string operation = GENERATE(from_range(operations));
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_by(in, operation));
    co_await weft::yield();
    weft_test::pass_counter counter;
    in.set_exception(std::make_exception_ptr(std::domain_error("the line is cut")));
    auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_WITH(failed.value(), "the line is cut");
    CHECK(counter.passes() == 2);
    failed = co_await weft::outcome_of(read_by(in, operation));
    CHECK_THROWS_AS(failed.value(), std::domain_error);
  });
}

TEST_CASE("a stream has one reader at a time", "[io][stream_reader]") {
  const std::string operation = GENERATE(from_range(operations));
  CAPTURE(operation);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in;
    auto first = weft::create_task(read_by(in, operation));
    co_await weft::yield();
    const auto refused = co_await weft::outcome_of(read_by(in, operation));
    CHECK_THROWS_AS(refused.value(), weft::usage_error);
    CHECK_THROWS_WITH(refused.value(), contains("one reader at a time"));
    in.feed_data("abc\n");
    in.feed_eof();
    // The first one is on its way: what has arrived is for it.
    const auto robbed = co_await weft::outcome_of(read_by(in, operation));
    CHECK_THROWS_AS(robbed.value(), weft::usage_error);
    const std::string got = co_await first;
    CHECK(got == "abc\n");
  });
}

TEST_CASE("a reader that was moved from says so", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("abc");
    stream_reader first(in);
    stream_reader second(std::move(first));
    CHECK_THROWS_AS(first.read(), weft::invalid_state_error);
    CHECK_THROWS_AS(first.read_line(), weft::invalid_state_error);
    CHECK_THROWS_AS(first.at_eof(), weft::invalid_state_error);
    CHECK_THROWS_WITH(first.buffered(), contains("moved from"));
    std::string got = co_await second.read(1);
    CHECK(got == "a");
    first = std::move(second);
    got = co_await first.read(1);
    CHECK(got == "b");
    stream_reader& itself = first;
    first = std::move(itself);
    got = co_await first.read(1);
    CHECK(got == "c");
  });
}

TEST_CASE("an operation that is awaited again says so, whatever became of it", "[io][stream_reader]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("hello world");
    stream_reader reader(in);
    auto done = reader.read(5);
    const std::string got = co_await std::move(done);
    CHECK(got == "hello");
    const auto again = co_await weft::outcome_of(std::move(done));
    CHECK_THROWS_AS(again.value(), weft::invalid_state_error);
    CHECK_THROWS_WITH(again.value(), contains("awaited before"));

    auto late = reader.read_exactly(100);
    auto waits = weft::create_task([&]() -> weft::task<> { co_await std::move(late); });
    co_await weft::yield();
    waits.cancel();
    co_await weft::yield();
    CHECK(waits.cancelled());
    const auto later = co_await weft::outcome_of(std::move(late));
    CHECK_THROWS_AS(later.value(), weft::invalid_state_error);
    const std::string rest = co_await reader.read(100);
    CHECK(rest == " world");
  });
}

TEST_CASE("what a task waits for shows in reports", "[io][stream_reader]") {
  stream_input in;
  stream_reader reader(in);
  CHECK(reader.read().describe() == "the end of a stream");
  CHECK(reader.read(1).describe() == "data of a stream");
  CHECK(reader.read_exactly(1).describe() == "a number of bytes of a stream");
  CHECK(reader.read_until("x").describe() == "a separator of a stream");
  CHECK(reader.read_line().describe() == "a line of a stream");
  CHECK(reader.next().describe() == "a line of a stream");
}

}  // namespace io_stream_reader_test
