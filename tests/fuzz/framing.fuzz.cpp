// Fuzzes the framing of weft/io/stream_reader.hpp: any reads of any bytes that arrive in any pieces, against a model
// that looks at all that has arrived, afresh each time.
// SPDX-License-Identifier: MIT
//
// An input is a limit, the reads, and then the pieces: each a length, whether it comes in the same pass as the next
// one, and bytes. After the last piece comes the end.
#include "fuzz_input.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/io/stream_input.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/sync/yield.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using weft_fuzz::check;
using weft_fuzz::fuzz_input;

enum class read_kind : unsigned char { all, at_most, into, exactly, until, until_either, line, next };

struct read_step {
  read_kind kind = read_kind::all;
  std::size_t n = 0;
  std::vector<std::string> separators;
};

enum class ending : unsigned char { pending, taken, incomplete, overrun };

struct result {
  ending how = ending::pending;
  std::string bytes;       // what was taken
  std::size_t number = 0;  // of an overrun: how much could be consumed
  bool operator==(const result&) const = default;
};

// ---- the model ----

result find_separator(const read_step& step, std::string_view there, bool ended, std::size_t limit) {
  std::size_t longest = 0;
  for (const std::string& s : step.separators) longest = std::max(longest, s.size());
  for (std::size_t end = 1; end <= there.size(); ++end) {
    std::size_t shortest = 0;
    for (const std::string& s : step.separators) {
      if (there.substr(0, end).ends_with(s) && (shortest == 0 || s.size() < shortest)) shortest = s.size();
    }
    if (shortest == 0) continue;
    const std::size_t begin = end - shortest;
    if (begin > limit)
      return {ending::overrun, step.kind == read_kind::line ? std::string(there.substr(0, end)) : "", begin};
    return {ending::taken, std::string(there.substr(0, end)), 0};
  }
  const std::size_t searched = there.size() < longest ? 0 : there.size() + 1 - longest;
  if (searched > limit) {
    return {ending::overrun, step.kind == read_kind::line ? std::string(there) : "", searched};
  }
  if (!ended) return {};
  return {step.kind == read_kind::line ? ending::taken : ending::incomplete, std::string(there), 0};
}

result expected(const read_step& step, std::string_view there, bool ended, std::size_t limit) {
  const std::string some(there.substr(0, step.n));
  switch (step.kind) {
    case read_kind::all:
      return ended ? result{ending::taken, std::string(there), 0} : result{};
    case read_kind::at_most:
    case read_kind::into:
      return step.n == 0 || !there.empty() || ended ? result{ending::taken, some, 0} : result{};
    case read_kind::exactly:
      if (there.size() >= step.n) return {ending::taken, some, 0};
      return ended ? result{ending::incomplete, some, 0} : result{};
    default:
      return find_separator(step, there, ended, limit);
  }
}

// ---- what is tried ----

class bytes_that_arrive final : public weft::stream_source {
 public:
  explicit bytes_that_arrive(fuzz_input input) : input_(input), in_(1 + input_.below(16), this) {
    const std::size_t count = input_.below(16);
    for (std::size_t i = 0; i < count; ++i) steps_.push_back(make_step());
  }

  weft::task<> run() {
    weft::task_handle<void> reads = weft::create_task(read_all_steps());
    while (!input_.empty()) {
      co_await wait_until_wanted();
      const std::size_t head = input_.below(256);
      const std::string piece = input_.text(head % 64);
      fed_ += piece;
      in_.feed_data(piece);
      if (head < 128) co_await settle();
    }
    co_await settle();
    co_await wait_until_wanted();
    ended_ = true;
    in_.feed_eof();
    co_await settle();
    check(done_, "a read waits after the end has come");
    co_await reads;
  }

 private:
  read_step make_step() {
    read_step step;
    step.kind = static_cast<read_kind>(input_.below(8));
    std::size_t separators = 0;
    switch (step.kind) {
      case read_kind::at_most:
      case read_kind::into:
      case read_kind::exactly:
        step.n = input_.below(48);
        break;
      case read_kind::until:
        separators = 1;
        break;
      case read_kind::until_either:
        separators = 2;
        break;
      case read_kind::line:
      case read_kind::next:
        step.separators = {"\n"};
        break;
      case read_kind::all:
        break;
    }
    for (std::size_t i = 0; i < separators; ++i) {
      const std::string separator = input_.text(1 + input_.below(4));
      step.separators.push_back(separator.empty() ? "a" : separator);
    }
    return step;
  }

  weft::task<> read_all_steps() {
    for (const read_step& step : steps_) {
      current_ = &step;
      const result got = co_await read(step);
      current_ = nullptr;
      result wanted = expected(line_is_line(step), not_read(), ended_, in_.limit());
      check(wanted.how != ending::pending, "a read resumed before it could");
      check(got.how == wanted.how, "a read ended in another way than the model's");
      // What a line that was too long is dropped with is not told, but shows in what is left.
      if (got.how != ending::overrun) check(got.bytes == wanted.bytes, "a read took other bytes than the model's");
      check(got.number == number_of(step, wanted), "an overrun tells another number than the model's");
      position_ += wanted.bytes.size();
      check_left();
    }
    done_ = true;
  }

  // next() is read_line() with another result.
  static read_step line_is_line(read_step step) {
    if (step.kind == read_kind::next) step.kind = read_kind::line;
    return step;
  }
  static std::size_t number_of(const read_step& step, const result& wanted) {
    const bool drops = step.kind == read_kind::line || step.kind == read_kind::next;
    return drops && wanted.how == ending::overrun ? wanted.bytes.size() : wanted.number;
  }

  weft::task<result> read(const read_step& step) {
    result got;
    weft::stream_reader reader(in_);
    got.how = ending::taken;
    try {
      switch (step.kind) {
        case read_kind::all:
          got.bytes = co_await reader.read();
          break;
        case read_kind::at_most:
          got.bytes = co_await reader.read(step.n);
          break;
        case read_kind::into: {
          std::array<char, 48> room;
          const std::size_t n = co_await reader.read_some(std::span<char>(room.data(), step.n));
          got.bytes.assign(room.data(), n);
          break;
        }
        case read_kind::exactly:
          got.bytes = co_await reader.read_exactly(step.n);
          break;
        case read_kind::until:
          got.bytes = co_await reader.read_until(step.separators[0]);
          break;
        case read_kind::until_either:
          got.bytes = co_await reader.read_until(step.separators[0], step.separators[1]);
          break;
        case read_kind::line:
          got.bytes = co_await reader.read_line();
          break;
        case read_kind::next: {
          const std::optional<std::string> line = co_await reader.next();
          if (line) check(!line->empty(), "next() gave an empty line");
          got.bytes = line.value_or("");
          break;
        }
      }
    } catch (const weft::incomplete_read_error& e) {
      got.how = ending::incomplete;
      got.bytes = e.partial();
    } catch (const weft::limit_overrun_error& e) {
      got.how = ending::overrun;
      got.number = e.consumed();
    }
    co_return got;
  }

  // A pass: whoever can read has read.
  weft::task<> settle() {
    co_await weft::yield();
    check_left();
    if (current_ == nullptr) co_return;
    const result possible = expected(line_is_line(*current_), not_read(), ended_, in_.limit());
    check(possible.how == ending::pending, "a read waits though it could resume");
  }

  // A source that has been told to pause sends nothing while somebody reads: so nobody may wait for it then.
  weft::task<> wait_until_wanted() {
    for (int passes = 0; paused_ && !done_; ++passes) {
      check(passes < 1000, "the source is paused, and a read waits for it");
      co_await weft::yield();
    }
  }

  std::string_view not_read() const { return std::string_view(fed_).substr(position_); }
  void check_left() const {
    check(in_.view() == not_read(), "what is left is not what was not read");
    check(!paused_ || in_.size() > in_.limit(), "the source stays paused below the limit");
  }

  void pause_reading() noexcept override {
    check(!paused_, "the source is paused twice");
    paused_ = true;
  }
  void resume_reading() noexcept override {
    check(paused_, "the source is resumed twice");
    paused_ = false;
  }

  fuzz_input input_;
  weft::stream_input in_;
  std::vector<read_step> steps_;
  const read_step* current_ = nullptr;  // that waits
  std::string fed_;
  std::size_t position_ = 0;
  bool paused_ = false;
  bool ended_ = false;
  bool done_ = false;
};

weft::task<> read_what_arrives(fuzz_input input) {
  bytes_that_arrive tried(input);
  co_await tried.run();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::virtual_clock time(/*pass_limit=*/100'000);
  weft::run(read_what_arrives(fuzz_input(data, size)), {.clock = &time});
  return 0;
}
