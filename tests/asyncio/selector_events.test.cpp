// What CPython's tests of asyncio's selector loop say: readers and writers of descriptors, and the transport of a
// socket.
// SPDX-License-Identifier: MIT
//
// CPython replaces the socket by a mock. Here it is one end of a socketpair, and the calls of libc are replaced where
// they have to fail (support/failing_calls.cpp): this is a program of its own.
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/event_log.hpp"
#include "support/failing_calls.hpp"
#include "support/failure_of.hpp"
#include "support/loop_steps.hpp"
#include "support/loopback.hpp"
#include "support/pipe.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/run.hpp>
#include <weft/io/add_reader.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>
#include <weft/time/sleep.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace asyncio_selector_events_test {

using weft::interest;
using weft_test::call;
using weft_test::channel;
using weft_test::event_log;
using weft_test::failing_call;
using weft_test::loop_on_virtual_time;
using weft_test::one_byte_only;
using weft_test::run_one_pass;

// ---- readers and writers ----

// CPython: selector_events BaseSelectorEventLoopTests.test_add_reader
// CPython: selector_events BaseSelectorEventLoopTests.test_process_events_read
TEST_CASE_METHOD(loop_on_virtual_time, "a reader is called in each pass in which its descriptor can be read from",
                 "[asyncio][selector_events]") {
  const channel p;
  event_log log;
  weft::add_reader(loop, p.reader.get(), [&] { log("read"); });
  CHECK(loop.is_watched(p.reader.get(), interest::read));
  CHECK_FALSE(loop.is_watched(p.reader.get(), interest::write));
  run_one_pass(loop);
  CHECK(log.text().empty());
  p.send();
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(log.text() == "read read");
  weft::remove_reader(loop, p.reader.get());
}

// CPython: selector_events BaseSelectorEventLoopTests.test_add_reader_existing
// CPython: selector_events BaseSelectorEventLoopTests.test_add_reader_existing_writer
TEST_CASE_METHOD(loop_on_virtual_time, "a reader that is added replaces the one before, and leaves the writer alone",
                 "[asyncio][selector_events]") {
  const channel p(channel::sockets);
  event_log log;
  p.send();
  const int fd = p.reader.get();
  weft::add_writer(loop, fd, [&] { log("write"); });
  weft::add_reader(loop, fd, [&] { log("first"); });
  weft::add_reader(loop, fd, [&] { log("second"); });
  run_one_pass(loop);
  CHECK(log.text() == "second write");
  weft::remove_reader(loop, fd);
  weft::remove_writer(loop, fd);
}

// CPython: selector_events BaseSelectorEventLoopTests.test_remove_reader
// CPython: selector_events BaseSelectorEventLoopTests.test_remove_reader_read_write
// CPython: selector_events BaseSelectorEventLoopTests.test_remove_reader_unknown
TEST_CASE_METHOD(loop_on_virtual_time, "a reader is removed once, and leaves the writer alone",
                 "[asyncio][selector_events]") {
  const channel p(channel::sockets);
  event_log log;
  p.send();
  const int fd = p.reader.get();
  CHECK_FALSE(weft::remove_reader(loop, fd));
  weft::add_writer(loop, fd, [&] { log("write"); });
  CHECK_FALSE(weft::remove_reader(loop, fd));
  weft::add_reader(loop, fd, [&] { log("read"); });
  CHECK(weft::remove_reader(loop, fd));
  CHECK_FALSE(weft::remove_reader(loop, fd));
  CHECK_FALSE(loop.is_watched(fd, interest::read));
  run_one_pass(loop);
  CHECK(log.text() == "write");
  weft::remove_writer(loop, fd);
}

// CPython: selector_events BaseSelectorEventLoopTests.test_add_writer
// CPython: selector_events BaseSelectorEventLoopTests.test_process_events_write
TEST_CASE_METHOD(loop_on_virtual_time, "a writer is called in each pass in which its descriptor can be written to",
                 "[asyncio][selector_events]") {
  const channel p;
  event_log log;
  weft::add_writer(loop, p.writer.get(), [&] { log("write"); });
  CHECK_FALSE(loop.is_watched(p.writer.get(), interest::read));
  CHECK(loop.is_watched(p.writer.get(), interest::write));
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(log.text() == "write write");
  weft::remove_writer(loop, p.writer.get());
}

// CPython: selector_events BaseSelectorEventLoopTests.test_add_writer_existing
TEST_CASE_METHOD(loop_on_virtual_time, "a writer that is added replaces the one before, and leaves the reader alone",
                 "[asyncio][selector_events]") {
  const channel p(channel::sockets);
  event_log log;
  p.send();
  const int fd = p.reader.get();
  weft::add_reader(loop, fd, [&] { log("read"); });
  weft::add_writer(loop, fd, [&] { log("first"); });
  weft::add_writer(loop, fd, [&] { log("second"); });
  run_one_pass(loop);
  CHECK(log.text() == "read second");
  weft::remove_reader(loop, fd);
  weft::remove_writer(loop, fd);
}

// CPython: selector_events BaseSelectorEventLoopTests.test_remove_writer
// CPython: selector_events BaseSelectorEventLoopTests.test_remove_writer_read_write
// CPython: selector_events BaseSelectorEventLoopTests.test_remove_writer_unknown
TEST_CASE_METHOD(loop_on_virtual_time, "a writer is removed once, and leaves the reader alone",
                 "[asyncio][selector_events]") {
  const channel p(channel::sockets);
  event_log log;
  p.send();
  const int fd = p.reader.get();
  CHECK_FALSE(weft::remove_writer(loop, fd));
  weft::add_reader(loop, fd, [&] { log("read"); });
  CHECK_FALSE(weft::remove_writer(loop, fd));
  weft::add_writer(loop, fd, [&] { log("write"); });
  CHECK(weft::remove_writer(loop, fd));
  CHECK_FALSE(weft::remove_writer(loop, fd));
  run_one_pass(loop);
  CHECK(log.text() == "read");
  weft::remove_reader(loop, fd);
}

// CPython: selector_events BaseSelectorEventLoopTests.test_process_events_read_cancelled
// CPython: selector_events BaseSelectorEventLoopTests.test_process_events_write_cancelled
TEST_CASE_METHOD(loop_on_virtual_time, "what was removed is not called, though its descriptor is ready already",
                 "[asyncio][selector_events]") {
  const channel first(channel::sockets);
  const channel second(channel::sockets);
  event_log log;
  first.send();
  second.send();
  const int one = first.reader.get();
  const int other = second.reader.get();
  const auto remove_all = [&] {
    log("once");
    for (const int fd : {one, other}) weft::remove_reader(loop, fd), weft::remove_writer(loop, fd);
  };
  for (const int fd : {one, other}) {
    weft::add_reader(loop, fd, remove_all);
    weft::add_writer(loop, fd, remove_all);
  }
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(log.text() == "once");
}

// CPython: selector_events BaseSelectorEventLoopTests.test_accept_connection_multiple
TEST_CASE_METHOD(loop_on_virtual_time, "in one pass as many connections are accepted as the backlog says",
                 "[asyncio][selector_events]") {
  int connections = 0;
  const auto count = [&](weft::stream) { ++connections; };
  const weft::server_options options{.backlog = 3};
  const auto start = [&] { return weft::start_server(count, "127.0.0.1", 0, options); };
  weft::server server = loop.run_until_complete(start);
  std::vector<weft::detail::unique_fd> clients;
  for (int i = 0; i < 4; ++i) clients.push_back(weft_test::connect_to(server.addresses()[0], SOCK_NONBLOCK));
  const int before = weft_test::calls(call::accept4);
  run_one_pass(loop);
  CHECK(weft_test::calls(call::accept4) == before + 3);
  CHECK(connections == 3);
  run_one_pass(loop);
  CHECK(connections == 4);
}

// CPython: base_events BaseEventLoopWithSelectorTests.test_accept_connection_exception
TEST_CASE_METHOD(loop_on_virtual_time, "a server that cannot accept says so, looks away for a second and goes on",
                 "[asyncio][selector_events]") {
  weft_test::reports told;
  told.listen(loop);
  int connections = 0;
  const auto count = [&](weft::stream) { ++connections; };
  const auto start = [&] { return weft::start_server(count, "127.0.0.1", 0); };
  weft::server server = loop.run_until_complete(start);
  const int fd = server.descriptors()[0];
  const weft::detail::unique_fd client = weft_test::connect_to(server.addresses()[0]);
  {
    const failing_call fault(call::accept4, EMFILE);
    run_one_pass(loop);
    CHECK(fault.happened() == 1);
  }
  CHECK(told.count() == 1);
  CHECK_FALSE(loop.is_watched(fd, interest::read));
  CHECK(server.is_serving());
  const auto nearly_a_second = []() -> weft::task<> { co_await weft::sleep_for(std::chrono::milliseconds(999)); };
  loop.run_until_complete(nearly_a_second);
  CHECK(connections == 0);
  const auto the_rest = []() -> weft::task<> { co_await weft::sleep_for(std::chrono::milliseconds(2)); };
  loop.run_until_complete(the_rest);
  CHECK(connections == 1);
  CHECK(loop.is_watched(fd, interest::read));
  CHECK(told.count() == 1);
}

// ---- the transport of a socket ----

// A transport over one end of a pair; the test has the other one.
class transport_of_a_pair : public loop_on_virtual_time {
 public:
  transport_of_a_pair() {
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0);
    weft::detail::unique_fd mine(ends[0]);
    peer.reset(ends[1]);
    fd = mine.get();
    transport = weft::descriptor_transport::over_socket(loop, std::move(mine), "the peer", 8);
    told.listen(loop);
  }
  ~transport_of_a_pair() { CHECK(told.text().empty()); }

  template <class... Parts>
  void write(const Parts&... parts) {
    const std::vector<std::string_view> all{std::string_view(parts)...};
    transport->write(all);
  }
  bool reads() const { return loop.is_watched(fd, interest::read); }
  bool writes() const { return loop.is_watched(fd, interest::write); }

  // What has arrived at the other end; "(end)" behind it if that has been told.
  std::string arrived() const {
    std::string all;
    char bytes[4096];
    while (true) {
      const ssize_t n = ::recv(peer.get(), bytes, sizeof bytes, 0);
      if (n > 0) {
        all.append(bytes, static_cast<std::size_t>(n));
      } else {
        return n == 0 ? all + "(end)" : all;
      }
    }
  }
  void send(std::string_view text) const {
    REQUIRE(::send(peer.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }
  void passes(int n = 3) {
    for (int i = 0; i < n; ++i) run_one_pass(loop);
  }
  std::error_code failure() const { return weft_test::outcome_failure(transport->failure()).code; }
  std::string_view received() const { return transport->input().view(); }

  // With bytes that the system did not take.
  void write_and_keep(std::string_view text) {
    const failing_call fault(call::send, EAGAIN);
    write(text);
    REQUIRE(fault.happened() == 1);
  }

  weft_test::reports told;
  weft::detail::unique_fd peer;
  int fd = -1;
  std::shared_ptr<weft::descriptor_transport> transport;
};

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

// CPython: selector_events SelectorTransportTests.test_abort
// CPython: selector_events SelectorTransportTests.test_force_close
TEST_CASE_METHOD(transport_of_a_pair, "a transport that is aborted drops what it keeps, and is closed in the next pass",
                 "[asyncio][selector_events]") {
  write_and_keep("lost");
  CHECK(reads());
  CHECK(writes());
  transport->abort();
  CHECK(transport->is_closing());
  CHECK(transport->kept() == 0);
  CHECK_FALSE(reads());
  CHECK_FALSE(writes());
  transport->abort();
  CHECK(is_open(fd));
  passes(1);
  CHECK_FALSE(is_open(fd));
  CHECK(transport->is_closed());
  CHECK(arrived() == "(end)");
  CHECK_FALSE(failure());
}

// CPython: selector_events SelectorTransportTests.test_close
// CPython: selector_events SelectorSocketTransportTests.test_transport_close_remove_writer
TEST_CASE_METHOD(transport_of_a_pair, "a transport that is closed watches nothing any more; twice is once",
                 "[asyncio][selector_events]") {
  transport->close();
  CHECK(transport->is_closing());
  CHECK_FALSE(reads());
  CHECK_FALSE(writes());
  transport->close();
  CHECK_FALSE(transport->is_closed());
  passes(1);
  CHECK(transport->is_closed());
  transport->close();
  CHECK(arrived() == "(end)");
}

// CPython: selector_events SelectorTransportTests.test_close_write_buffer
// CPython: selector_events SelectorSocketTransportTests.test_write_ready_closing
TEST_CASE_METHOD(transport_of_a_pair, "a transport that is closed writes what it keeps before",
                 "[asyncio][selector_events]") {
  write_and_keep("data");
  {
    const failing_call full(call::send, EAGAIN, 0, 1000);
    transport->close();
    CHECK_FALSE(reads());
    passes();
    CHECK_FALSE(transport->is_closed());
  }
  passes(2);
  CHECK(transport->is_closed());
  CHECK_FALSE(is_open(fd));
  CHECK(arrived() == "data(end)");
  CHECK_FALSE(failure());
}

// CPython: selector_events SelectorTransportTests.test_fatal_error
// CPython: selector_events SelectorTransportTests.test_connection_lost
TEST_CASE_METHOD(transport_of_a_pair, "an error of the system closes the transport, and is told to who reads",
                 "[asyncio][selector_events]") {
  send("x");
  {
    const failing_call fault(call::readv, EIO);
    passes(1);
  }
  CHECK(transport->is_closing());
  CHECK(failure() == std::errc::io_error);
  CHECK_FALSE(transport->is_closed());
  CHECK(transport->input().exception() == nullptr);
  passes(1);
  CHECK(transport->is_closed());
  CHECK_FALSE(is_open(fd));
  CHECK(transport->input().exception() == transport->failure());
  passes(1);
  CHECK(transport.use_count() == 1);  // it does not keep itself any more
}

// CPython: selector_events SelectorTransportTests.test__add_reader
TEST_CASE_METHOD(transport_of_a_pair, "a transport that is closing does not go on reading",
                 "[asyncio][selector_events]") {
  transport->pause_reading();
  transport->abort();
  transport->resume_reading();
  CHECK_FALSE(reads());
  passes(1);
  transport->resume_reading();
  CHECK_FALSE(reads());
}

// CPython: selector_events SelectorSocketTransportTests.test_pause_resume_reading
TEST_CASE_METHOD(transport_of_a_pair, "a transport reads unless it is paused", "[asyncio][selector_events]") {
  CHECK(reads());
  transport->pause_reading();
  transport->pause_reading();
  CHECK_FALSE(reads());
  send("data");
  passes();
  CHECK(received().empty());
  transport->resume_reading();
  transport->resume_reading();
  CHECK(reads());
  passes(1);
  CHECK(received() == "data");
  transport->close();
  CHECK_FALSE(reads());
}

// CPython: selector_events SelectorSocketTransportTests.test_read_ready
TEST_CASE_METHOD(transport_of_a_pair, "what arrives is there in the next pass", "[asyncio][selector_events]") {
  send("data");
  passes(1);
  CHECK(received() == "data");
  send("more than twice the limit");  // of 8
  passes(1);
  CHECK(received() == "datamore than twice the limit");
  CHECK_FALSE(reads());
  transport->input().consume(received().size());
  CHECK(reads());
}

// CPython: selector_events SelectorSocketTransportTests.test_read_ready_eof
TEST_CASE_METHOD(transport_of_a_pair, "at the end of what arrives a transport that nobody can write to is closed",
                 "[asyncio][selector_events]") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  weft::detail::unique_fd end(ends[0]);
  const auto reader = weft::descriptor_transport::over(loop, std::move(end), "a pipe", weft::stream_direction::read);
  ::close(ends[1]);
  passes(1);
  CHECK(reader->input().ended());
  CHECK(reader->is_closing());
  passes(1);
  CHECK(reader->is_closed());
}

// CPython: selector_events SelectorSocketTransportTests.test_read_ready_eof_keep_open
TEST_CASE_METHOD(transport_of_a_pair, "at the end of what arrives a socket stays open for writing",
                 "[asyncio][selector_events]") {
  ::shutdown(peer.get(), SHUT_WR);
  passes();
  CHECK(transport->input().ended());
  CHECK_FALSE(reads());
  CHECK_FALSE(transport->is_closing());
  write("data");
  CHECK(arrived() == "data");
}

// CPython: selector_events SelectorSocketTransportTests.test_read_ready_tryagain
// CPython: selector_events SelectorSocketTransportTests.test_read_ready_tryagain_interrupted
TEST_CASE_METHOD(transport_of_a_pair, "a read that would block, or was interrupted, is tried again",
                 "[asyncio][selector_events]") {
  send("data");
  for (const int error : {EAGAIN, EINTR}) {
    const failing_call fault(call::readv, error);
    passes(1);
    CHECK(fault.happened() == 1);
    CHECK(received().empty());
    CHECK_FALSE(transport->is_closing());
  }
  passes(1);
  CHECK(received() == "data");
}

// CPython: selector_events SelectorSocketTransportTests.test_read_ready_conn_reset
// CPython: selector_events SelectorSocketTransportTests.test_read_ready_err
TEST_CASE_METHOD(transport_of_a_pair, "a read that fails closes the transport with its error",
                 "[asyncio][selector_events]") {
  const int error = GENERATE(ECONNRESET, EIO);
  send("data");
  write_and_keep("lost");
  {
    const failing_call fault(call::readv, error);
    passes(1);
  }
  CHECK(failure().value() == error);
  CHECK(transport->is_closing());
  CHECK(transport->kept() == 0);
  CHECK_THROWS_WITH(transport->check_writable(), weft_test::contains("weft: reading a stream of the peer"));
  passes(1);
  CHECK(transport->is_closed());
}

// CPython: selector_events SelectorSocketTransportTests.test_write
TEST_CASE_METHOD(transport_of_a_pair, "what is written is handed to the system at once", "[asyncio][selector_events]") {
  const int before = weft_test::calls(call::send);
  write("data");
  CHECK(weft_test::calls(call::send) == before + 1);
  CHECK(arrived() == "data");
  CHECK_FALSE(writes());
}

// CPython: selector_events SelectorSocketTransportTests.test_write_no_data
// CPython: selector_events SelectorSocketTransportTests.test_write_sendmsg_no_data
TEST_CASE_METHOD(transport_of_a_pair, "nothing that is written calls nothing", "[asyncio][selector_events]") {
  const auto both = [] { return weft_test::calls(call::send) + weft_test::calls(call::sendmsg); };
  int before = both();
  write("");
  write("", "", "");
  CHECK(both() == before);
  write_and_keep("data");
  before = both();
  write("");
  write("", "");
  CHECK(both() == before);
  CHECK(transport->kept() == 4);
}

// CPython: selector_events SelectorSocketTransportTests.test_write_buffer
TEST_CASE_METHOD(transport_of_a_pair, "what is written while something is kept is kept behind it",
                 "[asyncio][selector_events]") {
  write_and_keep("data1");
  const int before = weft_test::calls(call::send);
  write("data2");
  CHECK(weft_test::calls(call::send) == before);
  CHECK(transport->kept() == 10);
  passes(1);
  CHECK(arrived() == "data1data2");
}

// CPython: selector_events SelectorSocketTransportTests.test_write_partial
// CPython: selector_events SelectorSocketTransportTests.test_write_tryagain
// CPython: selector_events SelectorSocketTransportTests.test_write_partial_none
TEST_CASE_METHOD(transport_of_a_pair, "what the system does not take is kept, and written when it can be",
                 "[asyncio][selector_events]") {
  const int error = GENERATE(as<int>(), one_byte_only, EAGAIN, EINTR);
  {
    const failing_call fault(call::send, error);
    write("data");
    CHECK(fault.happened() == 1);
  }
  CHECK(transport->kept() == (error == one_byte_only ? 3 : 4));
  CHECK(writes());
  passes(1);
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  CHECK(arrived() == "data");
}

// CPython: selector_events SelectorSocketTransportTests.test_writelines_sendmsg_full
// CPython: selector_events SelectorSocketTransportTests.test_writelines_send_full
TEST_CASE_METHOD(transport_of_a_pair, "several parts are handed to the system in one call",
                 "[asyncio][selector_events]") {
  const int before = weft_test::calls(call::sendmsg);
  write("one ", "", "two ", "three");
  CHECK(weft_test::calls(call::sendmsg) == before + 1);
  CHECK(arrived() == "one two three");
  CHECK_FALSE(writes());
}

// CPython: selector_events SelectorSocketTransportTests.test_writelines_sendmsg_partial
// CPython: selector_events SelectorSocketTransportTests.test_writelines_send_partial
TEST_CASE_METHOD(transport_of_a_pair, "of several parts the rest is kept", "[asyncio][selector_events]") {
  const int error = GENERATE(as<int>(), one_byte_only, EAGAIN, EINTR);
  {
    const failing_call fault(call::sendmsg, error);
    write("", "one ", "two");
    CHECK(fault.happened() == 1);
  }
  CHECK(transport->kept() == (error == one_byte_only ? 6 : 7));
  CHECK(writes());
  passes(1);
  CHECK(arrived() == "one two");
}

TEST_CASE_METHOD(transport_of_a_pair, "more parts than one call takes arrive, too", "[asyncio][selector_events]") {
  std::vector<std::string_view> parts(1000, "x");
  transport->write(parts);
  CHECK(transport->kept() > 0);
  passes();
  CHECK(arrived() == std::string(1000, 'x'));
}

// CPython: selector_events SelectorSocketTransportTests.test_write_exception
// CPython: selector_events SelectorSocketTransportTests.test_write_sendmsg_OSError
TEST_CASE_METHOD(transport_of_a_pair, "a write that fails closes the transport, and no other is tried",
                 "[asyncio][selector_events]") {
  const call which = GENERATE(call::send, call::sendmsg);
  {
    const failing_call fault(which, EIO);
    const auto fails = [&] { which == call::send ? write("data") : write("da", "ta"); };
    CHECK_THROWS_WITH(fails(), weft_test::contains("weft: writing a stream of the peer"));
  }
  CHECK(failure() == std::errc::io_error);
  CHECK(transport->kept() == 0);
  CHECK_FALSE(writes());
  const int before = weft_test::calls(call::send);
  CHECK_THROWS_AS(transport->check_writable(), std::system_error);
  CHECK(weft_test::calls(call::send) == before);
  passes(1);
  CHECK(transport->is_closed());
}

// CPython: selector_events SelectorSocketTransportTests.test_write_closing
TEST_CASE_METHOD(transport_of_a_pair, "a transport that is closed cannot be written to", "[asyncio][selector_events]") {
  transport->close();
  CHECK_THROWS_AS(transport->check_writable(), weft::stream_closed_error);
  passes(1);
  CHECK_THROWS_AS(transport->check_writable(), weft::stream_closed_error);
  CHECK(arrived() == "(end)");
}

// CPython: selector_events SelectorSocketTransportTests.test_write_ready
// CPython: selector_events SelectorSocketTransportTests.test_write_sendmsg_full
TEST_CASE_METHOD(transport_of_a_pair, "what is kept is written in the next pass, and then nothing is watched",
                 "[asyncio][selector_events]") {
  write_and_keep("data");
  const int before = weft_test::calls(call::send);
  passes(1);
  CHECK(weft_test::calls(call::send) == before + 1);
  CHECK_FALSE(writes());
  CHECK(arrived() == "data");
}

// CPython: selector_events SelectorSocketTransportTests.test_write_ready_partial
// CPython: selector_events SelectorSocketTransportTests.test_write_ready_partial_none
// CPython: selector_events SelectorSocketTransportTests.test_write_ready_tryagain
// CPython: selector_events SelectorSocketTransportTests.test_write_sendmsg_partial
// CPython: selector_events SelectorSocketTransportTests.test_write_sendmsg_half_buffer
TEST_CASE_METHOD(transport_of_a_pair, "what is kept and not taken is kept on", "[asyncio][selector_events]") {
  write_and_keep("data1");
  write("data2");
  for (const int error : {EAGAIN, EINTR}) {
    const failing_call fault(call::send, error);
    passes(1);
    CHECK(transport->kept() == 10);
    CHECK(writes());
  }
  {
    const failing_call fault(call::send, one_byte_only, 0, 2);
    passes(2);
  }
  CHECK(transport->kept() == 8);
  CHECK(writes());
  CHECK(arrived() == "da");
  passes(1);
  CHECK(arrived() == "ta1data2");
}

// CPython: selector_events SelectorSocketTransportTests.test_write_ready_exception
TEST_CASE_METHOD(transport_of_a_pair, "what is kept and cannot be written closes the transport with the error",
                 "[asyncio][selector_events]") {
  write_and_keep("data");
  {
    const failing_call fault(call::send, EPIPE);
    passes(1);
  }
  CHECK(failure() == std::errc::broken_pipe);
  CHECK(transport->kept() == 0);
  passes(1);
  CHECK(transport->is_closed());
}

// CPython: selector_events SelectorSocketTransportTests.test_write_eof
TEST_CASE_METHOD(transport_of_a_pair, "the end that is written arrives once, and reading goes on",
                 "[asyncio][selector_events]") {
  CHECK(transport->can_write_eof());
  transport->write_eof();
  transport->write_eof();
  CHECK(arrived() == "(end)");
  CHECK_THROWS_AS(transport->check_writable(), weft::stream_closed_error);
  send("data");
  passes(1);
  CHECK(received() == "data");
}

// CPython: selector_events SelectorSocketTransportTests.test_write_eof_buffer
TEST_CASE_METHOD(transport_of_a_pair, "the end that is written comes after what is kept",
                 "[asyncio][selector_events]") {
  write_and_keep("data");
  transport->write_eof();
  CHECK(transport->kept() == 4);
  CHECK(arrived().empty());
  passes(1);
  CHECK(arrived() == "data(end)");
  CHECK_FALSE(transport->is_closing());
}

// CPython: selector_events SelectorSocketTransportTests.test_write_eof_after_close
TEST_CASE_METHOD(transport_of_a_pair, "the end may be written to a transport that is closed",
                 "[asyncio][selector_events]") {
  transport->close();
  passes(1);
  transport->write_eof();
  CHECK(transport->is_closed());
  CHECK(arrived() == "(end)");
}

// ---- with a real buffer ----

TEST_CASE_METHOD(transport_of_a_pair, "a megabyte goes through a small buffer, in order",
                 "[asyncio][selector_events]") {
  const weft_test::time_limit limit;
  const int small = 4096;
  REQUIRE(::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small) == 0);
  std::string much;
  while (much.size() < 1'000'000) much += std::to_string(much.size()) + " ";
  write(much);
  CHECK(transport->kept() > 0);
  transport->close();
  std::string all;
  while (!all.ends_with("(end)")) {
    all += arrived();
    passes(1);
  }
  CHECK(all.size() == much.size() + 5);
  CHECK(all.starts_with(much));
}

}  // namespace asyncio_selector_events_test
