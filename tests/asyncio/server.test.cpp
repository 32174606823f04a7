// What CPython's tests of asyncio's servers say: serving for ever, and the end of a server that has connections.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/start_server.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace asyncio_server_test {

using weft::outcome_of;
using weft_test::contains;
using weft_test::run_on_virtual_time;

// Reads a line, has the task that serves cancelled, and answers.
class ends_the_server {
 public:
  weft::task<> serve(weft::stream_reader reader, weft::stream_writer writer) {
    line = co_await reader.read_line();
    serving->cancel();
    co_await writer.write("1");
    writer.close();
    co_await writer.wait_closed();
  }

  std::string line;
  std::optional<weft::task_ref> serving;
};

weft::task<> say_hello(weft::socket_address where) {
  weft::stream client = co_await weft::open_connection(where);
  const std::string hello = std::string(5 * 1024, '1') + "\n";
  co_await client.writer.write(hello);
  const std::string answer = co_await client.reader.read_exactly(1);
  CHECK(answer == "1");
}

weft::task<> check_ended(weft::server& server) {
  CHECK(server.addresses().empty());
  CHECK_FALSE(server.is_serving());
  const auto again = co_await outcome_of(server.serve_forever());
  CHECK(weft_test::failed_with<weft::usage_error>(again));
  CHECK_THAT(weft_test::failure_of(again).what, contains("is closed"));
}

// CPython: server BaseStartServer.test_start_server_1
TEST_CASE("a server that serves for ever is ended by cancelling it, and answers before", "[asyncio][server]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    ends_the_server end;
    const auto serve = [&](weft::stream_reader reader, weft::stream_writer writer) {
      return end.serve(std::move(reader), std::move(writer));
    };
    const weft::server_options later{.start_serving = false};
    weft::server server = co_await weft::start_server(serve, "127.0.0.1", 0, later);
    CHECK_FALSE(server.is_serving());
    const weft::socket_address where = server.addresses()[0];
    auto serving = weft::create_task(server.serve_forever());
    end.serving = serving;
    co_await weft::yield();
    CHECK(server.is_serving());
    auto client = weft::create_task(say_hello(where));
    const auto ended = co_await outcome_of(serving);
    CHECK(ended.cancelled());
    CHECK(end.line.size() == 5 * 1024 + 1);
    co_await client;
    co_await check_ended(server);
  });
}

// CPython: server SelectorStartServerTests.test_start_unix_server_1
TEST_CASE("the same for a server at a unix socket that was started before", "[asyncio][server]") {
  const weft_test::time_limit limit;
  const weft_test::temporary_folder folder;
  run_on_virtual_time([&]() -> weft::task<> {
    ends_the_server end;
    const auto serve = [&](weft::stream_reader reader, weft::stream_writer writer) {
      return end.serve(std::move(reader), std::move(writer));
    };
    const weft::server_options later{.start_serving = false};
    weft::server server = co_await weft::start_unix_server(serve, folder.file("socket"), later);
    CHECK_FALSE(server.is_serving());
    server.start_serving();
    CHECK(server.is_serving());
    const weft::socket_address where = server.addresses()[0];
    auto serving = weft::create_task(server.serve_forever());
    end.serving = serving;
    auto client = weft::create_task(say_hello(where));
    const auto ended = co_await outcome_of(serving);
    CHECK(ended.cancelled());
    co_await client;
    co_await check_ended(server);
  });
}

// A handler that reads until there is no more.
weft::task<> read_all(weft::stream_reader reader, weft::stream_writer writer) {
  co_await outcome_of(reader.read());
  writer.close();
  co_await outcome_of(writer.wait_closed());
}

weft::task<> wait_closed(weft::server& server) { co_await server.wait_closed(); }

// CPython: server TestServer2.test_wait_closed_basic
TEST_CASE("wait_closed waits until the server is closed and the last connection has gone, in whatever order",
          "[asyncio][server]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    weft::server server = co_await weft::start_server(read_all, "127.0.0.1", 0);
    auto first = weft::create_task(wait_closed(server));
    co_await weft::yield();
    CHECK_FALSE(first.done());  // no connections, not closed

    weft::stream client = co_await weft::open_connection(server.addresses()[0]);
    auto second = weft::create_task(wait_closed(server));
    co_await weft::yield();
    CHECK_FALSE(first.done());
    CHECK_FALSE(second.done());  // a connection, not closed

    server.close();
    co_await weft::yield();
    auto third = weft::create_task(wait_closed(server));
    co_await weft::yield();
    CHECK_FALSE(first.done());
    CHECK_FALSE(second.done());
    CHECK_FALSE(third.done());  // a connection, closed

    client.writer.close();
    co_await client.writer.wait_closed();
    co_await first;
    co_await second;
    co_await third;
    co_await server.wait_closed();
  });
}

// CPython: server TestServer2.test_wait_closed_race
TEST_CASE("wait_closed resumes if the server and its last connection are closed in one pass", "[asyncio][server]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    weft::server server = co_await weft::start_server(read_all, "127.0.0.1", 0);
    auto waiting = weft::create_task(wait_closed(server));
    co_await weft::yield();
    CHECK_FALSE(waiting.done());
    weft::stream client = co_await weft::open_connection(server.addresses()[0]);
    weft::event_loop& loop = weft::event_loop::current();
    loop.call_soon([&] { server.close(); });
    loop.call_soon([&] { client.writer.close(); });
    co_await server.wait_closed();
    co_await waiting;
    CHECK_FALSE(server.is_serving());
  });
}

// CPython: server TestServer2.test_close_clients
TEST_CASE("a server whose connections are closed is closed two passes later", "[asyncio][server]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    weft::server server = co_await weft::start_server(read_all, "127.0.0.1", 0);
    weft::stream client = co_await weft::open_connection(server.addresses()[0]);
    auto waiting = weft::create_task(wait_closed(server));
    co_await weft::yield();
    CHECK_FALSE(waiting.done());
    server.close();
    server.close_clients();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(waiting.done());
  });
}

// CPython: server TestServer2.test_abort_clients
TEST_CASE("the same if they are aborted, though the peer reads nothing", "[asyncio][server]") {
  const weft_test::time_limit limit;
  run_on_virtual_time([]() -> weft::task<> {
    std::optional<weft::stream> accepted;
    weft::event has_accepted;
    const auto serve = [&](weft::stream connection) -> weft::task<> {
      accepted.emplace(std::move(connection));
      has_accepted.set();
      co_await outcome_of(accepted->writer.wait_closed());
    };
    weft::server server = co_await weft::start_server(serve, "127.0.0.1", 0);
    const weft::connection_options options{.limit = 4096};
    weft::stream client = co_await weft::open_connection(server.addresses()[0], options);
    co_await has_accepted.wait();
    const int small = 65536;
    ::setsockopt(accepted->writer.descriptor(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    ::setsockopt(client.writer.descriptor(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    accepted->writer.set_write_buffer_limits(100'000'000);
    const std::string block(65536, 'a');
    const weft::event_loop& loop = weft::event_loop::current();
    for (int i = 0; i < 100 && accepted->writer.write_buffer_size() == 0; ++i) {
      co_await accepted->writer.write(block);
      co_await weft::yield();
    }
    CHECK_FALSE(loop.is_watched(client.writer.descriptor(), weft::interest::read));  // it does not read any more
    CHECK(accepted->writer.write_buffer_size() > 0);

    auto waiting = weft::create_task(wait_closed(server));
    co_await weft::yield();
    CHECK_FALSE(waiting.done());
    server.close();
    server.abort_clients();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(waiting.done());
    accepted.reset();
  });
}

}  // namespace asyncio_server_test
