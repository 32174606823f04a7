// Fuzzes cancellation in the middle of reads and writes: nothing is lost, nothing comes twice, nothing hangs.
// SPDX-License-Identifier: MIT
//
// Two streams in memory, with the room, the chunk, the limit and the marks that the input says; then its steps, each
// for one of the two directions: start a write or a read, cancel one, let some passes go by. What a cancelled write had
// handed over has to arrive once; what a cancelled read did not take has to be there for the next.
#include "fuzz_input.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/exception_handler.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/sync/yield.hpp>
#include <weft/testing/memory_stream_pair.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using weft_fuzz::check;
using weft_fuzz::fuzz_input;

// One direction. Its bytes count up, so that each tells where it belongs.
class direction {
 public:
  direction(weft::stream_writer& writer, weft::stream_reader& reader) noexcept : writer_(&writer), reader_(&reader) {}

  void start_write(std::size_t size, bool in_parts) {
    if (!aborted_) writes_.push_back(weft::create_task(write(size, in_parts)));
  }
  void start_flush() { writes_.push_back(weft::create_task(flush())); }
  void start_read(std::size_t kind, std::size_t n) {
    if (reads_.empty() || reads_.back().done()) reads_.push_back(weft::create_task(read(kind, n)));
  }
  void cancel_write(std::size_t which) {
    if (!writes_.empty()) writes_[which % writes_.size()].cancel();
  }
  void cancel_read() {
    if (!reads_.empty()) reads_.back().cancel();
  }
  void abort() {
    aborted_ = true;
    writer_->abort();
  }

  // To the end: whatever was handed over has arrived.
  void write_eof() {
    if (!writer_->is_closing()) writer_->write_eof();
    ended_ = true;
  }
  weft::task<> finish() {
    for (auto& one : reads_) one.cancel();
    for (auto& one : reads_) {
      try {
        co_await one;
      } catch (const weft::cancelled_error&) {
        if (!one.cancelled()) throw;  // it was this task, by the end of the program
      }
    }
    try {
      received_ += co_await reader_->read();
      check(reader_->at_eof(), "there is something behind the end");
    } catch (const std::exception&) {
      check(lost_, "a stream that ended in good order is an error for its reader");
    }
    for (auto& one : writes_) {
      try {
        co_await one;
      } catch (const weft::cancelled_error&) {
        if (!one.cancelled()) throw;  // it was this task, by the end of the program
      }
    }
    const std::string_view handed = handed_;
    if (lost_) {
      check(handed.starts_with(received_), "what arrived before the abort is not what was written");
    } else {
      check(received_ == handed, "what arrived is not what was written");
      check(writer_->write_buffer_size() == 0, "something is kept though all has arrived");
    }
  }
  // The other direction was aborted, and the connection with it.
  void may_lose() noexcept { lost_ = true; }

  std::size_t unfinished() const noexcept {
    std::size_t count = 0;
    for (const auto& one : writes_) count += one.done() ? 0U : 1U;
    for (const auto& one : reads_) count += one.done() ? 0U : 1U;
    return count;
  }

 private:
  weft::task<> write(std::size_t size, bool in_parts) {
    if (ended_ || writer_->is_closing()) co_return;
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>((handed_.size() + i) % 251);
    handed_ += text;
    try {
      if (in_parts) {
        const std::string_view all = text;
        co_await writer_->write(all.substr(0, size / 3), "", all.substr(size / 3));
      } else {
        co_await writer_->write(text);
      }
    } catch (const weft::stream_closed_error&) {
      check(lost_ || aborted_, "a write was refused though nobody has closed the stream");
    } catch (const std::exception&) {
      check(lost_, "a write failed though the peer is there");
    }
  }

  weft::task<> flush() {
    const std::size_t before = handed_.size();
    try {
      co_await writer_->flush();
      check(handed_.size() - writer_->write_buffer_size() >= before, "flush() came too early");
    } catch (const weft::stream_closed_error&) {
      check(lost_ || aborted_, "a flush failed though nobody has closed the stream");
    } catch (const std::exception&) {
      check(lost_, "a flush failed though the peer is there");
    }
  }

  weft::task<> read(std::size_t kind, std::size_t n) {
    try {
      std::string taken;
      switch (kind) {
        case 0:
          taken = co_await reader_->read(n);
          check(taken.size() <= n, "a read took more than it was asked for");
          break;
        case 1:
          taken = co_await reader_->read_exactly(n);
          check(taken.size() == n, "a read of an exact amount took another one");
          break;
        case 2: {
          const std::string separator(1, static_cast<char>(n));
          taken = co_await reader_->read_until(separator);
          check(taken.ends_with(separator), "a read up to a separator ends without it");
          break;
        }
        default:
          taken = co_await reader_->read();
          break;
      }
      received_ += taken;
    } catch (const weft::incomplete_read_error& e) {
      received_ += e.partial();
    } catch (const weft::limit_overrun_error&) {
      // Nothing was taken.
    } catch (const std::exception&) {
      check(lost_, "a read failed though nobody has aborted the stream");
    }
  }

  weft::stream_writer* writer_;
  weft::stream_reader* reader_;
  std::vector<weft::task_handle<void>> writes_;
  std::vector<weft::task_handle<void>> reads_;
  std::string handed_;
  std::string received_;
  bool ended_ = false;
  bool aborted_ = false;
  bool lost_ = false;
};

weft::task<> passes(std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) co_await weft::yield();
}

weft::task<> close(weft::stream_writer& writer, bool aborted) {
  writer.close();
  try {
    co_await writer.wait_closed();
  } catch (const std::exception&) {
    check(aborted, "a stream could not be closed in good order");
  }
}

// The loop still does its work.
weft::task<> check_usable() {
  auto [a, b] = weft::memory_stream_pair();
  co_await a.writer.write("ping\n");
  const std::string line = co_await b.reader.read_line();
  check(line == "ping\n", "the loop is not usable any more");
}

weft::task<> try_steps(fuzz_input input) {
  weft::event_loop::current().set_exception_handler([](const weft::exception_context& context) {
    std::fprintf(stderr, "fuzz: %s\n", context.message.c_str());
    check(false, "the loop was told of an error");
  });
  const weft::memory_stream_options options{
      .limit = 1 + input.below(16), .room = 1 + input.below(32), .chunk = 1 + input.below(16)};
  auto [a, b] = weft::memory_stream_pair(options);
  const std::size_t high = input.below(32);
  const std::size_t low = input.below(1 + high);
  a.writer.set_write_buffer_limits(high, low);
  b.writer.set_write_buffer_limits(high, low);
  direction there(a.writer, b.reader);
  direction back(b.writer, a.reader);
  bool aborted = false;
  while (!input.empty()) {
    const std::size_t step = input.below(256);
    direction& one = step % 2 == 0 ? there : back;
    switch (step / 2 % 10) {
      case 0:
      case 1:
        one.start_write(input.below(64), step >= 128);
        break;
      case 2:
      case 3:
        one.start_read(input.below(4), input.below(64));
        break;
      case 4:
        one.cancel_read();
        break;
      case 5:
        one.cancel_write(input.below(256));
        break;
      case 6:
        one.start_flush();
        break;
      case 7:
        co_await passes(1 + input.below(4));
        break;
      case 8:
        if (step < 200) break;
        one.write_eof();
        break;
      default:
        if (step < 200) break;  // not too often: it ends the rest
        aborted = true;
        there.may_lose();
        back.may_lose();
        one.abort();
        break;
    }
  }
  there.write_eof();
  back.write_eof();
  if (aborted) {
    // Both are closed, and all that was pending has ended, or could be cancelled.
    a.writer.abort();
    b.writer.abort();
  }
  co_await there.finish();
  co_await back.finish();
  co_await passes(3);
  check(there.unfinished() + back.unfinished() == 0, "a task has not ended");
  co_await close(a.writer, aborted);
  co_await close(b.writer, aborted);
  co_await check_usable();
}

// Ends in the middle: the tasks that wait then are cancelled by the end of run().
weft::task<> leave_in_the_middle(fuzz_input input) {
  weft::task_handle<void> tried = weft::create_task(try_steps(input));
  co_await passes(input.below(32));
}

weft::task<> run_steps(fuzz_input input) { return input.below(8) == 7 ? leave_in_the_middle(input) : try_steps(input); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  weft::virtual_clock time(/*pass_limit=*/100'000);
  weft::run(run_steps(fuzz_input(data, size)), {.clock = &time});
  return 0;
}
