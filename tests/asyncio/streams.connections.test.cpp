// What CPython's tests of asyncio's streams say of connections, servers and StreamWriters, for weft/io.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>
#include <weft/sync/yield.hpp>
#include <weft/testing/memory_stream_pair.hpp>
#include <weft/time/sleep.hpp>

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace asyncio_streams_connections_test {

using namespace std::chrono_literals;
using weft::stream_reader;
using weft::stream_writer;
using weft_test::contains;
using weft_test::run_on_virtual_time;

// A folder for a unix socket; gone with what is in it.
class socket_folder {
 public:
  socket_folder() {
    if (::mkdtemp(folder_.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
  }
  socket_folder(const socket_folder&) = delete;
  socket_folder& operator=(const socket_folder&) = delete;
  ~socket_folder() {
    ::unlink(path().c_str());
    ::rmdir(folder_.c_str());
  }
  std::string path() const { return folder_ + "/socket"; }

 private:
  std::string folder_ = "/tmp/weft-streams-XXXXXX";
};

weft::task<> answer_request(stream_reader reader, stream_writer writer) {
  co_await reader.read_until("\r\n\r\n");
  co_await writer.write("HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\n", "Test message");
}

weft::task<> reset(stream_reader reader, stream_writer writer) {
  co_await reader.read_line();
  const linger at_once{1, 0};
  ::setsockopt(writer.descriptor(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  writer.abort();
}

weft::task<> echo_a_line(stream_reader reader, stream_writer writer) {
  const std::string line = co_await reader.read_line();
  co_await writer.write(line);
  writer.close();
  co_await writer.wait_closed();
}

enum class family { tcp, unix_socket };

// Runs a client against a server, in one loop; nothing may be reported. What is connected to is closed at the end.
template <class Handler, class Client>
void run_with_server(family kind, Handler handler, Client client, weft_test::reports& told) {
  const weft_test::time_limit limit;
  const socket_folder folder;
  const auto main = [&]() -> weft::task<> {
    told.listen();
    auto starts = kind == family::tcp ? weft::start_server(handler, "127.0.0.1", 0)
                                      : weft::start_unix_server(handler, folder.path());
    weft::server server = co_await std::move(starts);
    const weft::socket_address address = server.addresses().at(0);
    auto connects = kind == family::tcp ? weft::open_connection(address) : weft::open_unix_connection(folder.path());
    weft::stream connection = co_await std::move(connects);
    co_await client(std::move(connection));
    server.close();
    co_await server.wait_closed();
  };
  weft::run(main);
}

template <class Handler, class Client>
void run_with_server(Handler handler, Client client) {
  const family kind = GENERATE(family::tcp, family::unix_socket);
  CAPTURE(kind == family::tcp);
  weft_test::reports told;
  run_with_server(kind, handler, client, told);
  CHECK(told.text().empty());
}

bool ends_with_message(const std::string& answer) { return answer.ends_with("\r\n\r\nTest message"); }

// ---- connections ----

// CPython: streams StreamTests.test_open_connection
// CPython: streams StreamTests.test_open_unix_connection
// CPython: events EventLoopTestsMixin.test_create_connection
// CPython: events EventLoopTestsMixin.test_create_unix_connection
TEST_CASE("a connection writes a request and reads the answer up to the end", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("GET / HTTP/1.0\r\n\r\n");
    const std::string first = co_await reader.read_line();
    CHECK(first == "HTTP/1.0 200 OK\r\n");
    const std::string rest = co_await reader.read();
    CHECK(ends_with_message(rest));
    writer.close();
  };
  run_with_server(answer_request, client);
}

// CPython: streams StreamTests.test_open_connection_error
TEST_CASE("what a connection is lost with is thrown by its reads", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("reset me\n");
    const auto failed = co_await weft::outcome_of(reader.read());
    CHECK_THROWS_AS(failed.value(), std::system_error);
    writer.close();
    co_await weft::yield();
  };
  weft_test::reports told;
  run_with_server(family::tcp, reset, client, told);
  CHECK(told.text().empty());
}

// CPython: streams StreamTests.test_open_unix_connection_error
TEST_CASE("what a connection over a unix socket is lost with is thrown by its reads", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("closed with this line unread\n");
    const auto failed = co_await weft::outcome_of(reader.read());
    CHECK_THROWS_AS(failed.value(), std::system_error);
    writer.close();
    co_await weft::yield();
  };
  // A unix socket that is closed with data that was not received resets its connection.
  const auto close_at_once = [](weft::stream connection) -> weft::task<> {
    connection.writer.abort();
    co_await weft::yield();
  };
  weft_test::reports told;
  run_with_server(family::unix_socket, close_at_once, client, told);
  CHECK(told.text().empty());
}

// CPython: streams StreamTests.test_drain_raises
TEST_CASE("a task that only writes learns that the peer has gone, though it never waits", "[asyncio][streams]") {
  const weft_test::time_limit limit;
  const weft::detail::unique_fd listener(::socket(AF_INET, SOCK_STREAM, 0));
  weft::socket_address address = weft::socket_address::ip("127.0.0.1", 0);
  REQUIRE(::bind(listener.get(), address.data(), address.size()) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  address = weft::local_address(listener.get());
  std::thread server([&] { const weft::detail::unique_fd client(::accept(listener.get(), nullptr, nullptr)); });
  weft_test::reports told;
  const auto client = [&]() -> weft::task<> {
    told.listen();
    weft::stream connection = co_await weft::open_connection(address);
    for (;;) co_await connection.writer.write("foo\n");
  };
  CHECK_THROWS_AS(weft::run(client), std::system_error);
  server.join();
  CHECK(told.text().empty());
}

// CPython: streams StreamTests.test_multiple_drain
TEST_CASE("all tasks that wait for a slow peer go on when it has caught up", "[asyncio][streams]") {
  run_on_virtual_time([]() -> weft::task<> {
    int drained = 0;
    auto [a, b] = weft::memory_stream_pair({.limit = 1, .room = 1});
    a.writer.set_write_buffer_limits(0);
    co_await b.writer.flush();
    const auto drains = [](stream_writer& writer, int& n) -> weft::task<> {
      co_await writer.write("xxxxx");
      ++n;
    };
    std::vector<weft::task_handle<>> all;
    for (int i = 0; i < 10; ++i) all.push_back(weft::create_task(drains(a.writer, drained)));
    co_await weft::sleep_for(100ms);
    CHECK(drained == 0);
    const std::string got = co_await b.reader.read_exactly(50);
    co_await weft::gather(all);
    CHECK(drained == 10);
  });
}

// ---- closing ----

// CPython: streams StreamTests.test_wait_closed_on_close
// CPython: streams StreamTests.test_async_writer_api
TEST_CASE("a writer is closing at once, and waiting until it is closed ends", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("GET / HTTP/1.0\r\n\r\n");
    std::string data = co_await reader.read_line();
    CHECK(data == "HTTP/1.0 200 OK\r\n");
    data = co_await reader.read();
    CHECK(ends_with_message(data));
    CHECK_FALSE(writer.is_closing());
    writer.close();
    CHECK(writer.is_closing());
    co_await writer.wait_closed();
  };
  run_with_server(answer_request, client);
}

// CPython: streams StreamTests.test_wait_closed_on_close_with_unread_data
TEST_CASE("a writer can be closed while there is data that nobody has read", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("GET / HTTP/1.0\r\n\r\n");
    const std::string line = co_await reader.read_line();
    CHECK(line == "HTTP/1.0 200 OK\r\n");
    writer.close();
    co_await writer.wait_closed();
  };
  run_with_server(answer_request, client);
}

// CPython: streams StreamTests.test_async_writer_api_exception_after_close
TEST_CASE("writing after close() is an error", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("GET / HTTP/1.0\r\n\r\n");
    const std::string answer = co_await reader.read();
    CHECK(ends_with_message(answer));
    writer.close();
    const auto refused = co_await weft::outcome_of(writer.write("data"));
    CHECK_THROWS_AS(refused.value(), weft::stream_closed_error);
  };
  run_with_server(answer_request, client);
}

// CPython: streams StreamTests.test_eof_feed_when_closing_writer
TEST_CASE("a reader is at its end when its writer is closed", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    writer.close();
    co_await writer.wait_closed();
    CHECK(reader.at_eof());
    const std::string nothing = co_await reader.read();
    CHECK(nothing.empty());
  };
  const auto waits = [](stream_reader reader, stream_writer writer) -> weft::task<> {
    const std::string nothing = co_await reader.read();
    writer.close();
  };
  run_with_server(waits, client);
}

// ---- servers ----

// CPython: streams StreamTests.test_start_server
// CPython: streams StreamTests.test_start_unix_server
TEST_CASE("a server hands each connection to its handler, a coroutine or a function", "[asyncio][streams]") {
  const auto client = [](weft::stream connection) -> weft::task<> {
    auto [reader, writer] = std::move(connection);
    co_await writer.write("hello world!\n");
    const std::string line = co_await reader.read_line();
    CHECK(line == "hello world!\n");
    writer.close();
    co_await writer.wait_closed();
  };
  SECTION("a coroutine") { run_with_server(echo_a_line, client); }
  SECTION("a function") {
    const auto starts_task = [](stream_reader reader, stream_writer writer) {
      weft::create_task(echo_a_line(std::move(reader), std::move(writer)));
    };
    run_with_server(starts_task, client);
  }
}

// CPython: streams StreamTests.test_unhandled_exceptions
// CPython: streams StreamTests.test_unhandled_exception
TEST_CASE("what a handler throws goes to the loop's exception handler", "[asyncio][streams]") {
  const auto throws = [](stream_reader, stream_writer) -> weft::task<> {
    throw std::runtime_error("test");
    co_return;
  };
  const auto client = [](weft::stream connection) -> weft::task<> {
    co_await connection.writer.write("test msg");
    connection.writer.close();
    const auto ended = co_await weft::outcome_of(connection.writer.wait_closed());
    static_cast<void>(ended);  // a reset, or the end: the handler read nothing
  };
  weft_test::reports told;
  run_with_server(family::tcp, throws, client, told);
  CHECK_THAT(told.text(), contains("Unhandled exception in a server's connection handler: test"));
  CHECK(told.count() == 1);
}

// CPython: streams StreamTests.test_unhandled_cancel
TEST_CASE("a handler that is cancelled is nothing to report", "[asyncio][streams]") {
  const auto cancels = [](stream_reader, stream_writer writer) -> weft::task<> {
    writer.close();
    weft::current_task().cancel();
    co_await weft::yield();
  };
  const auto client = [](weft::stream connection) -> weft::task<> {
    co_await connection.writer.write("test msg");
    connection.writer.close();
    const auto ended = co_await weft::outcome_of(connection.writer.wait_closed());
    static_cast<void>(ended);
  };
  weft_test::reports told;
  run_with_server(family::tcp, cancels, client, told);
  CHECK(told.text().empty());
}

}  // namespace asyncio_streams_connections_test
