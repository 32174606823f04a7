// What CPython's tests of asyncio's unix loop say of the transports of pipes, for weft/io/descriptor_transport.hpp.
// SPDX-License-Identifier: MIT
//
// CPython replaces the system's calls by mocks. Here the pipes are real: one is full, or empty, or has lost its other
// end, because the test makes it so; between the moment at which a pipe is ready and the one at which it is used, a
// callback of the same pass takes its bytes or its room away.
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/loop_steps.hpp"
#include "support/loopback.hpp"
#include "support/pipe.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/io/add_reader.hpp>
#include <weft/io/descriptor_transport.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace asyncio_unix_events_pipes_test {

using weft::interest;
using weft::stream_direction;
using weft_test::channel;
using weft_test::contains;
using weft_test::loop_on_virtual_time;
using weft_test::run_one_pass;

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// A transport over one end of a pipe; the test has the other one, and a second descriptor of the first.
class transport_of_a_pipe : public loop_on_virtual_time {
 public:
  ~transport_of_a_pipe() { CHECK(told.text().empty()); }

  bool reads() const { return loop.is_watched(fd, interest::read); }
  bool writes() const { return loop.is_watched(fd, interest::write); }
  void passes(int n) {
    for (int i = 0; i < n; ++i) run_one_pass(loop);
  }
  weft_test::outcome_failure failure() const { return weft_test::outcome_failure(transport->failure()); }
  bool closed_with_its_descriptor() const { return transport->is_closed() && !is_open(fd); }

  weft_test::time_limit limit;
  weft_test::reports told;
  channel pipe;
  int fd = -1;
  std::shared_ptr<weft::stream_transport> transport;

 protected:
  void open(weft::detail::unique_fd end, stream_direction direction) {
    fd = end.get();
    transport = weft::descriptor_transport::over(loop, std::move(end), "the pipe", direction, 8);
    told.listen(loop);
  }
};

// What is in a pipe, without waiting; "(end)" behind it if that has been told.
std::string drained(int fd) {
  std::string all;
  char bytes[65536];
  while (true) {
    const ssize_t n = ::read(fd, bytes, sizeof bytes);
    if (n > 0) {
      all.append(bytes, static_cast<std::size_t>(n));
    } else {
      return n == 0 ? all + "(end)" : all;
    }
  }
}

// ---- reading ----

class pipe_that_is_read : public transport_of_a_pipe {
 public:
  pipe_that_is_read() {
    other.reset(::dup(pipe.reader.get()));
    open(std::move(pipe.reader), stream_direction::read);
  }
  void send(std::string_view text) const {
    REQUIRE(::write(pipe.writer.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  std::string_view received() const { return transport->input().view(); }

  weft::detail::unique_fd other;  // the end that is read, once more
};

// CPython: unix_events UnixReadPipeTransportTests.test__read_ready
TEST_CASE_METHOD(pipe_that_is_read, "what is in a pipe is read when it is ready", "[asyncio][unix_events]") {
  CHECK(reads());
  passes(1);
  CHECK(received().empty());
  send("data");
  passes(1);
  CHECK(received() == "data");
  CHECK(reads());
  CHECK_FALSE(transport->can_write_eof());
}

// CPython: unix_events UnixReadPipeTransportTests.test__read_ready_eof
TEST_CASE_METHOD(pipe_that_is_read, "the end of a pipe closes its transport, without an error",
                 "[asyncio][unix_events]") {
  send("data");
  pipe.writer.reset();
  passes(1);
  CHECK(received() == "data");
  CHECK_FALSE(transport->input().ended());
  passes(1);
  CHECK(transport->input().ended());
  CHECK(transport->is_closing());
  CHECK_FALSE(reads());
  CHECK_FALSE(transport->is_closed());
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK(transport->failure() == nullptr);
  CHECK(received() == "data");
}

// CPython: unix_events UnixReadPipeTransportTests.test__read_ready_blocked
TEST_CASE_METHOD(pipe_that_is_read, "a pipe that somebody else has emptied before it is read is waited for on",
                 "[asyncio][unix_events]") {
  send("data");
  std::string stolen;
  const auto steals = loop.call_soon([&] { stolen = drained(other.get()); });
  passes(1);
  CHECK(stolen == "data");
  CHECK(received().empty());
  CHECK(reads());
  CHECK_FALSE(transport->is_closing());
  send("more");
  passes(1);
  CHECK(received() == "more");
}

// CPython: unix_events UnixReadPipeTransportTests.test__read_ready_error
// CPython: unix_events UnixReadPipeTransportTests.test__close
TEST_CASE_METHOD(loop_on_virtual_time, "a read that fails closes the transport with the error, for whoever reads",
                 "[asyncio][unix_events]") {
  const weft_test::time_limit limit;
  weft_test::reports told;
  told.listen(loop);
  // A pipe that can be read never fails; a socket that is only read is treated alike, and can be reset.
  const weft_test::listener there;
  weft::detail::unique_fd mine = weft_test::connect_to(there.address);
  const int fd = mine.get();
  const auto transport = weft::descriptor_transport::over(loop, std::move(mine), "the peer", stream_direction::read);
  weft::detail::unique_fd peer = there.accept();
  weft_test::reset_when_closed(peer.get());
  peer.reset();
  run_one_pass(loop);
  CHECK(transport->is_closing());
  CHECK_FALSE(loop.is_watched(fd, interest::read));
  CHECK(transport->input().exception() == nullptr);
  run_one_pass(loop);
  CHECK(transport->is_closed());
  CHECK_FALSE(is_open(fd));
  const weft_test::outcome_failure told_to_readers(transport->input().exception());
  CHECK(told_to_readers.code == std::errc::connection_reset);
  CHECK_THAT(told_to_readers.what, contains("weft: reading a stream of the peer"));
  CHECK(told.text().empty());
}

// CPython: unix_events UnixReadPipeTransportTests.test_pause_reading
// CPython: unix_events UnixReadPipeTransportTests.test_resume_reading
// CPython: unix_events UnixReadPipeTransportTests.test_pause_reading_on_paused_pipe
// CPython: unix_events UnixReadPipeTransportTests.test_resume_reading_on_paused_pipe
TEST_CASE_METHOD(pipe_that_is_read, "a pipe is not read while reading is paused, and pausing or resuming twice is once",
                 "[asyncio][unix_events]") {
  transport->resume_reading();
  CHECK(reads());
  transport->pause_reading();
  CHECK_FALSE(reads());
  transport->pause_reading();
  CHECK_FALSE(reads());
  send("data");
  passes(3);
  CHECK(received().empty());
  transport->resume_reading();
  CHECK(reads());
  transport->resume_reading();
  passes(1);
  CHECK(received() == "data");
}

TEST_CASE_METHOD(pipe_that_is_read, "a pipe is read up to more than twice the limit, and on from the limit",
                 "[asyncio][unix_events]") {
  send(std::string(16, 'x'));
  passes(1);
  CHECK(reads());
  send("x");
  passes(1);
  CHECK(received().size() == 17);
  CHECK_FALSE(reads());
  transport->input().consume(8);
  CHECK_FALSE(reads());
  transport->input().consume(1);
  CHECK(reads());
}

// CPython: unix_events UnixReadPipeTransportTests.test_close
// CPython: unix_events UnixReadPipeTransportTests.test_close_already_closing
TEST_CASE_METHOD(pipe_that_is_read, "a pipe that is read is closed one pass later, and once",
                 "[asyncio][unix_events]") {
  send("data");
  transport->close();
  CHECK(transport->is_closing());
  CHECK_FALSE(reads());
  transport->close();
  CHECK(is_open(fd));
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK(transport->failure() == nullptr);
  CHECK(transport->input().ended());
  CHECK(received().empty());
  transport->close();
  passes(1);
  CHECK(transport->is_closed());
}

// CPython: unix_events UnixReadPipeTransportTests.test_pause_reading_on_closed_pipe
// CPython: unix_events UnixReadPipeTransportTests.test_resume_reading_on_closed_pipe
TEST_CASE_METHOD(pipe_that_is_read, "pausing and resuming a pipe that is closed does nothing",
                 "[asyncio][unix_events]") {
  transport->close();
  transport->pause_reading();
  transport->resume_reading();
  CHECK_FALSE(reads());
  passes(1);
  REQUIRE(transport->is_closed());
  transport->pause_reading();
  transport->resume_reading();
  CHECK_FALSE(reads());
  passes(1);
  CHECK(transport->failure() == nullptr);
}

// ---- writing ----

class pipe_that_is_written : public transport_of_a_pipe {
 public:
  pipe_that_is_written() {
    other.reset(::dup(pipe.writer.get()));
    ::fcntl(pipe.reader.get(), F_SETFL, O_NONBLOCK);
    open(std::move(pipe.writer), stream_direction::write);
  }
  void write(std::string_view text) {
    const std::vector<std::string_view> parts{text};
    transport->write(parts);
  }
  std::string arrived() const { return drained(pipe.reader.get()); }

  // Until the system takes no more; gives how much that was.
  std::size_t fill() const {
    const std::string block(4096, '-');
    std::size_t all = 0;
    for (std::size_t size = block.size(); size > 0;) {
      const ssize_t n = ::write(other.get(), block.data(), size);
      if (n > 0) all += static_cast<std::size_t>(n);
      if (n < 0) size /= 2;
    }
    return all;
  }
  // With bytes that the system did not take.
  void write_and_keep(std::string_view text) {
    filled = fill();
    write(text);
    REQUIRE(transport->kept() == text.size());
  }
  // Nobody else has an end for writing, so that the reader sees the end.
  void leave_it_alone() { other.reset(); }

  weft::detail::unique_fd other;  // the end that is written, once more
  std::size_t filled = 0;
};

// CPython: unix_events UnixWritePipeTransportTests.test_can_write_eof
// CPython: unix_events UnixWritePipeTransportTests.test_write
// CPython: unix_events UnixWritePipeTransportTests.test_write_no_data
TEST_CASE_METHOD(pipe_that_is_written, "what a pipe takes at once is not kept", "[asyncio][unix_events]") {
  CHECK(transport->can_write_eof());
  write("data");
  CHECK(arrived() == "data");
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  write("");
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  CHECK(arrived().empty());
}

// CPython: unix_events UnixWritePipeTransportTests.test_write_partial
// CPython: unix_events UnixWritePipeTransportTests.test__write_ready_partial
TEST_CASE_METHOD(pipe_that_is_written, "what a pipe does not take at once is kept, and written piece by piece",
                 "[asyncio][unix_events]") {
  const std::size_t room = fill();
  arrived();
  std::string much;
  while (much.size() < 2 * room + 1000) much += std::to_string(much.size()) + " ";
  write(much);
  CHECK(transport->kept() == much.size() - room);
  CHECK(writes());
  std::string all = arrived();
  passes(1);
  CHECK(transport->kept() == much.size() - 2 * room);
  CHECK(writes());
  all += arrived();
  passes(1);
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  all += arrived();
  CHECK(all == much);
}

// CPython: unix_events UnixWritePipeTransportTests.test_write_again
// CPython: unix_events UnixWritePipeTransportTests.test_write_buffer
// CPython: unix_events UnixWritePipeTransportTests.test__write_ready
TEST_CASE_METHOD(pipe_that_is_written, "what is written to a full pipe is kept in order, and written when it has room",
                 "[asyncio][unix_events]") {
  write_and_keep("previous");
  CHECK(writes());
  write("data");
  CHECK(transport->kept() == 12);
  passes(3);
  CHECK(transport->kept() == 12);
  CHECK(arrived() == std::string(filled, '-'));
  write("!");  // there is room, but it must not overtake
  CHECK(arrived().empty());
  passes(1);
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  CHECK(arrived() == "previousdata!");
}

// CPython: unix_events UnixWritePipeTransportTests.test__write_ready_again
TEST_CASE_METHOD(pipe_that_is_written, "a pipe that somebody else has filled before it is written is waited for on",
                 "[asyncio][unix_events]") {
  write_and_keep("data");
  arrived();
  std::size_t stolen = 0;
  const auto steals = loop.call_soon([&] { stolen = fill(); });
  passes(1);
  CHECK(stolen == filled);
  CHECK(transport->kept() == 4);
  CHECK(writes());
  CHECK(arrived() == std::string(stolen, '-'));
  passes(1);
  CHECK(arrived() == "data");
  CHECK_FALSE(writes());
}

// CPython: unix_events UnixWritePipeTransportTests.test_write_err
TEST_CASE_METHOD(pipe_that_is_written, "a write that fails closes the pipe, and each later one has the same error",
                 "[asyncio][unix_events]") {
  pipe.reader.reset();
  CHECK_THROWS_WITH(write("data"), contains("weft: writing a stream of the pipe"));
  CHECK(failure().code == std::errc::broken_pipe);
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  for (int i = 0; i < 5; ++i) CHECK_THROWS_AS(transport->check_writable(), std::system_error);
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK_THROWS_AS(transport->check_writable(), std::system_error);
  transport->close();
}

// CPython: unix_events UnixWritePipeTransportTests.test__read_ready
// CPython: unix_events UnixWritePipeTransportTests.test_write_close
TEST_CASE_METHOD(pipe_that_is_written, "a pipe that nobody reads any more is closed, and cannot be written to",
                 "[asyncio][unix_events]") {
  pipe.reader.reset();
  passes(1);
  CHECK(transport->is_closing());
  CHECK_FALSE(reads());
  CHECK_FALSE(writes());
  CHECK_THROWS_AS(transport->check_writable(), std::system_error);
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK(transport->failure() == nullptr);
  CHECK_FALSE(transport->has_lost_data());
  CHECK_THROWS_AS(transport->check_writable(), std::system_error);
}

// CPython: unix_events UnixWritePipeTransportTests.test__write_ready_err
TEST_CASE_METHOD(pipe_that_is_written, "what is kept for a pipe that nobody reads any more is lost, with an error",
                 "[asyncio][unix_events]") {
  write_and_keep("data");
  pipe.reader.reset();
  passes(1);
  CHECK_FALSE(writes());
  CHECK_FALSE(reads());
  CHECK(transport->kept() == 0);
  CHECK(transport->is_closing());
  CHECK(failure().code == std::errc::broken_pipe);
  CHECK_FALSE(transport->is_closed());
  passes(1);
  CHECK(closed_with_its_descriptor());
}

// CPython: unix_events UnixWritePipeTransportTests.test__write_ready_closing
TEST_CASE_METHOD(pipe_that_is_written, "a pipe that is being closed is closed when what is kept was written",
                 "[asyncio][unix_events]") {
  write_and_keep("data");
  leave_it_alone();
  transport->close();
  passes(2);
  CHECK(writes());
  CHECK_FALSE(transport->is_closed());
  arrived();
  passes(1);
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  CHECK_FALSE(reads());
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK(transport->failure() == nullptr);
  CHECK(arrived() == "data(end)");
}

// CPython: unix_events UnixWritePipeTransportTests.test_abort
TEST_CASE_METHOD(pipe_that_is_written, "a pipe that is aborted drops what is kept", "[asyncio][unix_events]") {
  write_and_keep("data");
  leave_it_alone();
  transport->abort();
  CHECK(transport->is_closing());
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  CHECK_FALSE(reads());
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK(transport->failure() == nullptr);
  CHECK(transport->has_lost_data());
  CHECK(arrived() == std::string(filled, '-') + "(end)");
}

// CPython: unix_events UnixWritePipeTransportTests.test_close
// CPython: unix_events UnixWritePipeTransportTests.test_close_closing
// CPython: unix_events UnixWritePipeTransportTests.test_write_eof
TEST_CASE_METHOD(pipe_that_is_written, "the end of a pipe is that it is closed, by either call, and once",
                 "[asyncio][unix_events]") {
  leave_it_alone();
  const bool by_eof = GENERATE(false, true);
  write("data");
  by_eof ? transport->write_eof() : transport->close();
  CHECK(transport->is_closing());
  CHECK_FALSE(reads());
  CHECK_FALSE(transport->is_closed());
  transport->close();
  transport->write_eof();
  passes(1);
  CHECK(closed_with_its_descriptor());
  CHECK(transport->failure() == nullptr);
  CHECK(arrived() == "data(end)");
  transport->close();
  transport->write_eof();
}

// CPython: unix_events UnixWritePipeTransportTests.test_write_eof_pending
TEST_CASE_METHOD(pipe_that_is_written, "the end that is written to a full pipe comes after what is kept",
                 "[asyncio][unix_events]") {
  write_and_keep("data");
  leave_it_alone();
  transport->write_eof();
  CHECK_THROWS_AS(transport->check_writable(), weft::stream_closed_error);
  passes(2);
  CHECK_FALSE(transport->is_closed());
  CHECK(arrived() == std::string(filled, '-'));
  passes(2);
  CHECK(closed_with_its_descriptor());
  CHECK(arrived() == "data(end)");
}

// ---- what else uses the descriptor of a stream ----

// CPython: unix_events TestFunctional.test_add_reader_or_writer_transport_fd
TEST_CASE_METHOD(pipe_that_is_written, "for what a stream waits nobody else can wait, and nobody can take it away",
                 "[asyncio][unix_events]") {
  write_and_keep("data");
  const auto nothing = [] {};
  CHECK_THROWS_AS(weft::add_reader(loop, fd, nothing), weft::usage_error);
  CHECK_THROWS_AS(weft::add_writer(loop, fd, nothing), weft::usage_error);
  CHECK_FALSE(weft::remove_reader(loop, fd));
  CHECK_FALSE(weft::remove_writer(loop, fd));
  CHECK(reads());
  CHECK(writes());
  arrived();
  passes(1);
  CHECK(arrived() == "data");
}

}  // namespace asyncio_unix_events_pipes_test
