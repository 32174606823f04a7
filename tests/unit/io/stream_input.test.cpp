// Tests of weft/io/stream_input.hpp: what is fed, when its source is told to pause, and who is told what at the end.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/event_log.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/recording_source.hpp"
#include "support/reports.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/stream_input.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/sync/yield.hpp>

#include <cstddef>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace io_stream_input_test {

using weft::stream_input;
using weft::stream_reader;
using weft_test::contains;
using weft_test::event_log;
using weft_test::recording_source;
using weft_test::run_on_virtual_time;

static_assert(!std::is_copy_constructible_v<stream_input> && !std::is_move_constructible_v<stream_input>);

// Feeds from within resume_reading(), as a source may that has data at hand.
class eager_source final : public weft::stream_source {
 public:
  void pause_reading() noexcept override {}
  void resume_reading() noexcept override { input->feed_data("0123456789"); }
  stream_input* input = nullptr;
};

// An operation that is not one of stream_reader's: waits for a number of bytes and leaves them there.
class peek {
 public:
  static constexpr const char* what = "a look";
  static constexpr bool takes_anything = false;
  explicit peek(std::size_t n) noexcept : n_(n) {}
  bool ready(const stream_input& in) const noexcept { return in.size() >= n_; }
  std::string take(stream_input& in) const { return std::string(in.view().substr(0, n_)); }

 private:
  std::size_t n_;
};

weft::task<> read_into(stream_input& in, event_log& log, std::size_t n, weft_test::tracked) {
  stream_reader reader(in);
  log(co_await reader.read_exactly(n));
}

weft::task<std::string> read_exactly(stream_input& in, std::size_t n) {
  stream_reader reader(in);
  co_return co_await reader.read_exactly(n);
}

TEST_CASE("an input holds what is fed until it is taken", "[io][stream_input]") {
  stream_input in;
  CHECK(in.limit() == weft::default_stream_limit);
  CHECK(in.size() == 0);
  CHECK_FALSE(in.at_eof());
  in.feed_data("one");
  in.feed_data("");
  in.feed_data("two");
  CHECK(in.view() == "onetwo");
  in.consume(3);
  CHECK(in.view() == "two");
  in.feed_eof();
  CHECK(in.ended());
  CHECK_FALSE(in.at_eof());
  in.consume(3);
  CHECK(in.at_eof());
  CHECK(in.exception() == nullptr);
}

TEST_CASE("a limit of nothing, or of less, is refused", "[io][stream_input]") {
  CHECK_THROWS_AS(stream_input(0), std::invalid_argument);
  CHECK_THROWS_WITH(stream_input(0), contains("limit"));
  const int negative = -1;
  CHECK_THROWS_AS(stream_input(static_cast<std::size_t>(negative)), std::invalid_argument);
  CHECK_THROWS_WITH(stream_input(static_cast<std::size_t>(negative)), contains("negative"));
}

TEST_CASE("data after the end is a mistake, a second end is not", "[io][stream_input]") {
  stream_input in;
  in.feed_data("x");
  in.feed_eof();
  in.feed_eof();
  CHECK_THROWS_AS(in.feed_data("y"), weft::usage_error);
  CHECK_THROWS_AS(in.feed_data(""), weft::usage_error);
  CHECK(in.view() == "x");
}

TEST_CASE("a source pauses at more than twice the limit and goes on at the limit", "[io][stream_input]") {
  event_log log;
  recording_source source(log);
  stream_input in(4, &source);
  in.feed_data("12345678");
  CHECK(log.text().empty());
  in.feed_data("9");
  CHECK(log.text() == "pause");
  in.feed_data("0");  // it did not listen; it is not told twice
  CHECK(log.text() == "pause");
  in.consume(5);
  CHECK(log.text() == "pause");
  in.consume(1);
  CHECK(log.text() == "pause resume");
  in.consume(4);
  in.feed_data("123456789");
  in.consume(9);
  CHECK(log.text() == "pause resume pause resume");
}

TEST_CASE("the largest limit pauses nobody", "[io][stream_input]") {
  event_log log;
  recording_source source(log);
  stream_input in(std::numeric_limits<std::size_t>::max() / 2, &source);
  in.feed_data("x");
  CHECK(log.text().empty());
}

TEST_CASE("who waits for more than twice the limit gets it: the source goes on", "[io][stream_input]") {
  event_log log;
  recording_source source(log);
  run_on_virtual_time([&]() -> weft::task<> {
    stream_input in(2, &source);
    in.feed_data("12345");
    CHECK(log.text() == "pause");
    auto reads = weft::create_task(read_exactly(in, 11));
    co_await weft::yield();
    CHECK(log.text() == "pause resume");
    in.feed_data("67890");
    CHECK(log.text() == "pause resume pause");
    co_await weft::yield();
    CHECK(log.text() == "pause resume pause resume");
    in.feed_data("1");
    const std::string got = co_await reads;
    CHECK(got == "12345678901");
  });
}

TEST_CASE("a source may feed as soon as it is told to go on", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    eager_source source;
    stream_input in(1, &source);
    source.input = &in;
    in.feed_data("abc");
    const std::string got = co_await read_exactly(in, 33);
    CHECK(got == "abc012345678901234567890123456789");
  });
}

TEST_CASE("an input whose rest is ignored drops what is there and what comes, and lets its source go on",
          "[io][stream_input]") {
  event_log log;
  recording_source source(log);
  stream_input in(2, &source);
  in.feed_data("12345");
  in.ignore_rest();
  CHECK(log.text() == "pause resume");
  CHECK(in.size() == 0);
  in.feed_data("more than twice the limit");
  CHECK(in.size() == 0);
  CHECK(log.text() == "pause resume");
  in.feed_eof();
  CHECK(in.at_eof());
}

TEST_CASE("who waits for an input whose rest is ignored learns that nothing will come", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_exactly(in, 3));
    co_await weft::yield();
    in.ignore_rest();
    in.feed_data("abc");
    const auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(failed.value(), weft::stream_closed_error);
  });
}

TEST_CASE("an error is for every read from then on, also if there is data", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    in.feed_data("data");
    in.set_exception(std::make_exception_ptr(std::domain_error("broken")));
    CHECK(in.exception() != nullptr);
    for (int i = 0; i < 2; ++i) {
      const auto failed = co_await weft::outcome_of(read_exactly(in, 1));
      CHECK_THROWS_WITH(failed.value(), "broken");
    }
    CHECK(in.view() == "data");
  });
}

TEST_CASE("an error that is none is refused, and who reads waits on", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_exactly(in, 1));
    co_await weft::yield();
    CHECK_THROWS_AS(in.set_exception(nullptr), std::invalid_argument);
    CHECK_THROWS_WITH(in.set_exception(nullptr), contains("set_exception"));
    co_await weft::yield();
    CHECK_FALSE(reads.done());
    in.feed_data("x");
    const std::string got = co_await reads;
    CHECK(got == "x");
  });
}

TEST_CASE("an input for which there is no memory has not changed, and its reader waits on", "[io][stream_input]") {
  if (!weft_test::counts_allocations) return;
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    auto reads = weft::create_task(read_exactly(in, 5));
    co_await weft::yield();
    bool refused = false;
    {
      const weft_test::out_of_memory none;
      try {
        in.feed_data("lost");
      } catch (const std::bad_alloc&) {
        refused = true;
      }
    }
    CHECK(refused);
    CHECK(in.size() == 0);
    in.feed_data("found");
    const std::string got = co_await reads;
    CHECK(got == "found");
  });
}

TEST_CASE("an input that goes tells the task that waits for it", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto in = std::make_unique<stream_input>();
    auto reads = weft::create_task(read_exactly(*in, 3));
    co_await weft::yield();
    weft_test::pass_counter counter;
    in.reset();
    const auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(failed.value(), weft::stream_closed_error);
    CHECK_THROWS_WITH(failed.value(), contains("closed"));
    CHECK(counter.passes() == 2);
  });
}

TEST_CASE("an input that goes between the arrival and its reader's turn leaves nothing to read", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto in = std::make_unique<stream_input>();
    auto reads = weft::create_task(read_exactly(*in, 3));
    co_await weft::yield();
    in->feed_data("abc");
    in.reset();
    const auto failed = co_await weft::outcome_of(reads);
    CHECK_THROWS_AS(failed.value(), weft::stream_closed_error);
  });
}

TEST_CASE("a cancelled read does not mind that its input goes in the same pass", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    auto in = std::make_unique<stream_input>();
    auto reads = weft::create_task(read_exactly(*in, 3));
    co_await weft::yield();
    reads.cancel();
    in.reset();
    const auto ended = co_await weft::outcome_of(reads);
    CHECK(ended.cancelled());
  });
}

TEST_CASE("a loop may go while a task waits for an input, whoever owns that", "[io][stream_input]") {
  const bool owner_first = GENERATE(true, false);
  const int passes = GENERATE(0, 1, 2, 3);
  CAPTURE(owner_first, passes);
  weft_test::census counts;
  weft_test::reports told;
  event_log log;
  std::optional<stream_input> in;
  const auto owns = [&](weft_test::tracked) -> weft::task<> {
    class resets {
     public:
      explicit resets(std::optional<stream_input>& input) : input_(&input) {}
      resets(const resets&) = delete;
      resets& operator=(const resets&) = delete;
      ~resets() { input_->reset(); }

     private:
      std::optional<stream_input>* input_;
    };
    const resets owner(in);
    for (int i = 0; i < 100; ++i) co_await weft::yield();
  };
  in.emplace();
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    if (owner_first) on.loop.create_task(owns(weft_test::tracked(counts)));
    on.loop.create_task(read_into(*in, log, 3, weft_test::tracked(counts)));
    if (!owner_first) on.loop.create_task(owns(weft_test::tracked(counts)));
    for (int i = 0; i < passes; ++i) weft_test::run_one_pass(on.loop);
    if (passes == 3) in->feed_data("abc");  // it is on its way when the loop goes
  }
  CHECK(counts.alive == 0);
  CHECK(log.text().empty());
}

TEST_CASE("after its reader was destroyed an input can be fed and read from by others", "[io][stream_input]") {
  stream_input in;
  event_log log;
  weft_test::census counts;
  weft_test::reports told;
  {
    weft_test::loop_on_virtual_time on;
    told.listen(on.loop);
    on.loop.create_task(read_into(in, log, 3, weft_test::tracked(counts)));
    weft_test::run_one_pass(on.loop);
  }
  CHECK(counts.alive == 0);
  CHECK(told.count() == 1);
  in.feed_data("abc");
  weft_test::loop_on_virtual_time on;
  on.loop.run_until_complete(read_into(in, log, 3, weft_test::tracked(counts)));
  CHECK(log.text() == "abc");
}

TEST_CASE("an operation of one's own can wait for an input", "[io][stream_input]") {
  run_on_virtual_time([]() -> weft::task<> {
    stream_input in;
    const std::size_t wanted = 2;
    const auto looks = [&]() -> weft::task<std::string> { co_return co_await weft::read_awaiter<peek>(in, wanted); };
    auto look = weft::create_task(looks);
    co_await weft::yield();
    in.feed_data("a");
    co_await weft::yield();
    in.feed_data("bc");
    const std::string seen = co_await look;
    CHECK(seen == "ab");
    CHECK(in.view() == "abc");
    CHECK(weft::read_awaiter<peek>(in, wanted).describe() == "a look of a stream");
  });
}

}  // namespace io_stream_input_test
