// Tests of weft/io/start_server.hpp: connections and their handlers, the ends of a server, and what goes wrong.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/tracked.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/start_server.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io_start_server_test {

using namespace std::chrono_literals;
using weft::open_connection;
using weft::outcome_of;
using weft::server_options;
using weft::socket_address;
using weft::start_server;
using weft_test::contains;
using weft_test::count_descriptors;
using weft_test::failure_of;
using weft_test::run_on_virtual_time;
using weft_test::socket_option;
using weft_test::temporary_folder;

// Runs a body, after which no more may be open than before, and no exception was lost. Time is virtual: what happens
// between sockets of one process has happened by the time the loop would wait.
template <class Body>
void check_serving(Body body, const std::string& expected_reports = "") {
  const weft_test::time_limit limit;
  const int before = count_descriptors();
  weft_test::reports told;
  run_on_virtual_time([&]() -> weft::task<> {
    told.listen();
    co_await body();
  });
  CHECK(told.text() == expected_reports);
  CHECK(count_descriptors() == before);
}

// Everything that can happen without waiting for a time has happened.
auto settle() { return weft::sleep_for(1ms); }

weft::task<> echo(weft::stream_reader reader, weft::stream_writer writer) {
  while (true) {
    const std::string data = co_await reader.read(4096);
    if (data.empty()) break;
    co_await writer.write(data);
  }
}

weft::task<std::string> ask(socket_address where, std::string what) {
  weft::stream client = co_await open_connection(where);
  co_await client.writer.write(what);
  client.writer.write_eof();
  const std::string answer = co_await client.reader.read();
  client.writer.close();
  co_await client.writer.wait_closed();
  co_return answer;
}

// ---- where it listens ----

TEST_CASE("a server on a port that the system chose tells which one", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    REQUIRE(server.addresses().size() == 1);
    const socket_address where = server.addresses()[0];
    CHECK(where.host() == "127.0.0.1");
    CHECK(where.port() != 0);
    REQUIRE(server.descriptors().size() == 1);
    CHECK(weft::local_address(server.descriptors()[0]) == where);
    CHECK(server.is_serving());
    const std::string answer = co_await ask(where, "hello");
    CHECK(answer == "hello");
    server.close();
    CHECK(server.addresses().empty());
    CHECK(server.descriptors().empty());
    CHECK_FALSE(server.is_serving());
  });
}

TEST_CASE("a server without a host listens at all interfaces", "[io][start_server]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "", 0);
    REQUIRE_FALSE(server.addresses().empty());
    for (const socket_address& where : server.addresses()) {
      const bool v4 = where.family() == AF_INET;
      CHECK(where.host() == (v4 ? "0.0.0.0" : "::"));
      const auto reached = socket_address::ip(v4 ? "127.0.0.1" : "::1", where.port());
      const std::string answer = co_await ask(reached, "hello");
      CHECK(answer == "hello");
    }
  });
}

TEST_CASE("a server listens at both families, at the same port if one is given", "[io][start_server]") {
  if (!weft_test::has_ipv6()) return;
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    unsigned port = 0;
    {
      weft_test::bound_socket free("::1");
      port = free.address.port();
    }
    weft::server server = co_await start_server(echo, "", port);
    std::vector<int> families;
    for (const socket_address& where : server.addresses()) {
      CHECK(where.port() == port);
      families.push_back(where.family());
    }
    CHECK(families.size() == 2);
    const server_options options{.family = AF_INET6};
    weft::server only = co_await start_server(echo, "", 0, options);
    REQUIRE(only.addresses().size() == 1);
    const auto by_v4 = socket_address::ip("127.0.0.1", only.addresses()[0].port());
    const auto tried = co_await outcome_of(open_connection(by_v4));
    CHECK(failure_of(tried).code == std::errc::connection_refused);
  });
}

TEST_CASE("a server at a name", "[io][start_server]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "localhost", 0);
    const std::string answer = co_await ask(server.addresses()[0], "hello");
    CHECK(answer == "hello");
  });
}

TEST_CASE("a server at a unix socket, by path and by abstract name", "[io][start_server]") {
  const temporary_folder folder;
  const std::string abstract = '\0' + folder.file("abstract");
  for (const std::string& path : {folder.file("socket"), abstract}) {
    check_serving([&]() -> weft::task<> {
      weft::server server = co_await weft::start_unix_server(echo, path);
      REQUIRE(server.addresses().size() == 1);
      CHECK(server.addresses()[0].path() == path);
      const std::string answer = co_await ask(server.addresses()[0], "hello");
      CHECK(answer == "hello");
    });
    CHECK(folder.names().empty());
  }
}

TEST_CASE("what cannot be a port or a path is refused at once, and a bad host when it is awaited",
          "[io][start_server]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    CHECK_THROWS_AS(start_server(echo, "127.0.0.1", 65536), std::out_of_range);
    CHECK_THROWS_AS(weft::start_unix_server(echo, ""), std::invalid_argument);
    CHECK_THROWS_AS(weft::start_unix_server(echo, std::string(200, 'x')), std::length_error);
    const auto tried = co_await outcome_of(start_server(echo, "nosuchhost.invalid", 0));
    CHECK(failure_of(tried).code.category() == weft::resolver_category());
  });
  CHECK_THROWS_AS(start_server(echo, "127.0.0.1", 0), weft::usage_error);  // no loop
}

TEST_CASE("an address that is taken, or is not ours, is named", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    const weft_test::listener other;
    const auto taken = co_await outcome_of(start_server(echo, "127.0.0.1", other.address.port()));
    CHECK(failure_of(taken).code == std::errc::address_in_use);
    CHECK_THAT(failure_of(taken).what, contains("weft: binding to " + other.address.to_string()));
    const auto foreign = co_await outcome_of(start_server(echo, "192.0.2.1", 0));
    CHECK(failure_of(foreign).code == std::errc::address_not_available);
    CHECK_THAT(failure_of(foreign).what, contains("192.0.2.1:0"));
  });
}

TEST_CASE("options of a server are those of its sockets and connections", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    std::vector<int> values;
    const auto handler = [&](weft::stream connection) {
      const int fd = connection.writer.descriptor();
      values.push_back(socket_option(fd, IPPROTO_TCP, TCP_NODELAY));
      values.push_back(socket_option(fd, SOL_SOCKET, SO_KEEPALIVE));
    };
    weft::server plain = co_await start_server(handler, "127.0.0.1", 0);
    CHECK(socket_option(plain.descriptors()[0], SOL_SOCKET, SO_REUSEADDR) == 1);
    CHECK(socket_option(plain.descriptors()[0], SOL_SOCKET, SO_REUSEPORT) == 0);
    co_await ask(plain.addresses()[0], "");
    CHECK(values == std::vector<int>{1, 0});

    values.clear();
    const server_options options{.reuse_address = false, .reuse_port = true, .no_delay = false, .keep_alive = true};
    weft::server other = co_await start_server(handler, "127.0.0.1", 0, options);
    CHECK(socket_option(other.descriptors()[0], SOL_SOCKET, SO_REUSEADDR) == 0);
    CHECK(socket_option(other.descriptors()[0], SOL_SOCKET, SO_REUSEPORT) == 1);
    co_await ask(other.addresses()[0], "");
    CHECK(values == std::vector<int>{0, 1});
    weft::server same_port = co_await start_server(handler, "127.0.0.1", other.addresses()[0].port(), options);
    CHECK(same_port.addresses()[0] == other.addresses()[0]);
  });
}

TEST_CASE("the limit of a server is that of its readers", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    bool overrun = false;
    const auto handler = [&](weft::stream_reader reader, weft::stream_writer) -> weft::task<> {
      const auto line = co_await outcome_of(reader.read_line());
      overrun = weft_test::failed_with<weft::limit_overrun_error>(line);
    };
    const server_options options{.limit = 4};
    weft::server server = co_await start_server(handler, "127.0.0.1", 0, options);
    co_await ask(server.addresses()[0], "123456\n");
    CHECK(overrun);
  });
}

TEST_CASE("a server whose readers would have a limit of nothing, or less, is refused at once", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    const int negative = -1;
    for (const std::size_t limit : {std::size_t{0}, static_cast<std::size_t>(negative)}) {
      const server_options options{.limit = limit};
      CHECK_THROWS_AS(start_server(echo, "127.0.0.1", 0, options), std::invalid_argument);
      CHECK_THROWS_WITH(weft::start_unix_server(echo, "/nowhere/at/all", options), contains("limit"));
    }
    co_return;
  });
}

// ---- handlers ----

TEST_CASE("connections are served at the same time", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    const socket_address where = server.addresses()[0];
    std::vector<weft::stream> clients;
    for (int i = 0; i < 20; ++i) {
      weft::stream client = co_await open_connection(where);
      clients.push_back(std::move(client));
    }
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = clients.size(); i-- > 0;) {
        const std::string text = "client " + std::to_string(i) + "\n";
        co_await clients[i].writer.write(text);
      }
      for (std::size_t i = 0; i < clients.size(); ++i) {
        const std::string answer = co_await clients[i].reader.read_line();
        CHECK(answer == "client " + std::to_string(i) + "\n");
      }
    }
  });
}

TEST_CASE("more connections than the backlog are accepted, pass after pass", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    int connections = 0;
    const auto count = [&](weft::stream) { ++connections; };
    const server_options options{.backlog = 8};
    weft::server server = co_await start_server(count, "127.0.0.1", 0, options);
    for (int i = 0; i < 5; ++i) {
      std::vector<weft::detail::unique_fd> clients;
      for (int k = 0; k < 8; ++k) clients.push_back(weft_test::connect_to(server.addresses()[0]));
      co_await settle();
    }
    CHECK(connections == 40);
  });
}

TEST_CASE("a backlog of nothing, or less, accepts nevertheless", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    for (const int backlog : {0, -1}) {
      const server_options options{.backlog = backlog};
      weft::server server = co_await start_server(echo, "127.0.0.1", 0, options);
      const std::string answer = co_await ask(server.addresses()[0], "hello");
      CHECK(answer == "hello");
    }
  });
}

TEST_CASE("a handler may be a function that returns nothing, and takes the stream", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    std::optional<weft::stream> connection;
    const auto keep = [&](weft::stream taken) { connection.emplace(std::move(taken)); };
    weft::server server = co_await start_server(keep, "127.0.0.1", 0);
    weft::stream client = co_await open_connection(server.addresses()[0]);
    co_await settle();
    REQUIRE(connection.has_value());
    co_await connection->writer.write("hello");
    const std::string greeting = co_await client.reader.read_exactly(5);
    CHECK(greeting == "hello");
    CHECK(weft::peer_address(connection->writer.descriptor()) == weft::local_address(client.writer.descriptor()));
    connection.reset();
    const std::string rest = co_await client.reader.read();
    CHECK(rest.empty());
  });
}

TEST_CASE("a handler that takes the stream may be a coroutine", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    const auto reverse = [](weft::stream connection) -> weft::task<> {
      const std::string text = co_await connection.reader.read();
      const std::string reversed(text.rbegin(), text.rend());
      co_await connection.writer.write(reversed);
    };
    weft::server server = co_await start_server(reverse, "127.0.0.1", 0);
    const std::string answer = co_await ask(server.addresses()[0], "hello");
    CHECK(answer == "olleh");
  });
}

TEST_CASE("what a handler throws is told to the loop, and its connection closed", "[io][start_server]") {
  const auto body = []() -> weft::task<> {
    const auto picky = [](weft::stream_reader reader, weft::stream_writer writer) -> weft::task<> {
      const std::string line = co_await reader.read_line();
      co_await writer.write("you said: ", line);
      if (line != "please\n") throw std::runtime_error("impolite");
    };
    weft::server server = co_await start_server(picky, "127.0.0.1", 0);
    const std::string answer = co_await ask(server.addresses()[0], "now\n");
    CHECK(answer == "you said: now\n");  // what it had written before
    const std::string other = co_await ask(server.addresses()[0], "please\n");
    CHECK(other == "you said: please\n");
  };
  check_serving(body, "Unhandled exception in a server's connection handler: impolite");
}

TEST_CASE("the same for a handler that returns nothing", "[io][start_server]") {
  const auto body = []() -> weft::task<> {
    const auto fails = [](weft::stream) { throw std::runtime_error("not today"); };
    weft::server server = co_await start_server(fails, "127.0.0.1", 0);
    for (int i = 0; i < 2; ++i) {
      const std::string answer = co_await ask(server.addresses()[0], "");
      CHECK(answer.empty());
    }
  };
  check_serving(body,
                "Unhandled exception in a server's connection handler: not today | "
                "Unhandled exception in a server's connection handler: not today");
}

TEST_CASE("a handler that is cancelled closes its connection and says nothing", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::task_ref handling;
    const auto handler = [&](weft::stream_reader reader, weft::stream_writer) -> weft::task<> {
      handling = weft::current_task();
      co_await reader.read();
    };
    weft::server server = co_await start_server(handler, "127.0.0.1", 0);
    weft::stream client = co_await open_connection(server.addresses()[0]);
    co_await settle();
    handling.cancel();
    const std::string nothing = co_await client.reader.read();
    CHECK(nothing.empty());
    CHECK(handling.cancelled());
  });
}

TEST_CASE("the captures of a handler stay until the last connection has gone", "[io][start_server]") {
  weft_test::census counts;
  check_serving([&]() -> weft::task<> {
    std::optional<weft::stream> client;
    {
      const auto greet = [greeting = std::string(100, 'x'), kept = weft_test::tracked(counts)](
                             weft::stream_reader reader, weft::stream_writer writer) -> weft::task<> {
        co_await reader.read_line();
        co_await writer.write(greeting);
        co_await reader.read();
      };
      weft::server server = co_await start_server(greet, "127.0.0.1", 0);
      weft::stream connection = co_await open_connection(server.addresses()[0]);
      client.emplace(std::move(connection));
      co_await settle();
    }  // the server is closed
    CHECK(counts.alive == 1);
    co_await client->writer.write("go on\n");
    const std::string greeting = co_await client->reader.read_exactly(100);
    CHECK(greeting == std::string(100, 'x'));
    CHECK(counts.alive == 1);
    client->writer.close();
    co_await settle();
    CHECK(counts.alive == 0);
  });
}

// ---- the end ----

TEST_CASE("a server that is closed takes no connections, and those that are open go on", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    const socket_address where = server.addresses()[0];
    weft::stream client = co_await open_connection(where);
    co_await settle();
    server.close();
    server.close();
    const auto refused = co_await outcome_of(open_connection(where));
    CHECK(failure_of(refused).code == std::errc::connection_refused);
    co_await client.writer.write("hello");
    const std::string answer = co_await client.reader.read_exactly(5);
    CHECK(answer == "hello");
    CHECK_THROWS_AS(server.start_serving(), weft::usage_error);
  });
}

TEST_CASE("a server whose handle goes is closed", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    socket_address where;
    {
      const weft::server server = co_await start_server(echo, "127.0.0.1", 0);
      where = server.addresses()[0];
    }
    const auto refused = co_await outcome_of(open_connection(where));
    CHECK(failure_of(refused).code == std::errc::connection_refused);
  });
}

TEST_CASE("a server moves, and the one that it replaces is closed", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server first = co_await start_server(echo, "127.0.0.1", 0);
    weft::server second = co_await start_server(echo, "127.0.0.1", 0);
    const socket_address first_address = first.addresses()[0];
    const socket_address second_address = second.addresses()[0];
    first = std::move(second);
    CHECK(first.addresses()[0] == second_address);
    const auto refused = co_await outcome_of(open_connection(first_address));
    CHECK(failure_of(refused).code == std::errc::connection_refused);

    CHECK_THROWS_AS(second.addresses(), weft::invalid_state_error);
    CHECK_THROWS_AS(second.start_serving(), weft::invalid_state_error);
    CHECK_THROWS_AS(second.serve_forever(), weft::invalid_state_error);
    CHECK_THROWS_AS(second.wait_closed(), weft::invalid_state_error);
    CHECK_FALSE(second.is_serving());
    second.close();
    second.close_clients();
    second.abort_clients();
  });
}

TEST_CASE("wait_closed waits for the server and for its connections", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    weft::stream client = co_await open_connection(server.addresses()[0]);
    const auto waits = [&]() -> weft::task<> { co_await server.wait_closed(); };
    auto waiting = weft::create_task(waits);
    co_await settle();
    CHECK_FALSE(waiting.done());
    server.close();
    auto second = weft::create_task(waits);
    auto third = weft::create_task(waits);
    co_await settle();
    CHECK_FALSE(waiting.done());
    third.cancel();
    co_await settle();
    CHECK(third.cancelled());
    client.writer.close();
    co_await waiting;
    co_await second;
    co_await server.wait_closed();  // at once
  });
}

TEST_CASE("a wait for the end of a server that was moved from says so", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    server.close();
    auto first = server.wait_closed();
    auto second = std::move(first);
    co_await std::move(second);
    co_await std::move(second);
    const auto empty = co_await outcome_of(std::move(first));
    CHECK_THROWS_AS(empty.value(), weft::invalid_state_error);
    CHECK_THROWS_WITH(empty.value(), contains("moved from"));
  });
}

TEST_CASE("wait_closed outlives the handle", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    std::optional<weft::server> server;
    {
      weft::server made = co_await start_server(echo, "127.0.0.1", 0);
      server.emplace(std::move(made));
    }
    weft::stream client = co_await open_connection(server->addresses()[0]);
    co_await settle();
    const auto waits = [](weft::server& s) -> weft::task<> { co_await s.wait_closed(); };
    auto waiting = weft::create_task(waits(*server));
    co_await settle();
    server.reset();
    co_await settle();
    CHECK_FALSE(waiting.done());
    client.writer.abort();
    co_await waiting;
  });
}

TEST_CASE("close_clients sends what was written, abort_clients does not", "[io][start_server]") {
  for (const bool abort : {false, true}) {
    CAPTURE(abort);
    check_serving([&]() -> weft::task<> {
      const std::string much(8'000'000, 'x');
      const auto handler = [&](weft::stream_reader reader, weft::stream_writer writer) -> weft::task<> {
        writer.set_write_buffer_limits(much.size());
        co_await writer.write(much);
        co_await outcome_of(reader.read());
        co_await outcome_of(writer.wait_closed());
      };
      weft::server server = co_await start_server(handler, "127.0.0.1", 0);
      weft::stream client = co_await open_connection(server.addresses()[0]);
      co_await client.reader.read_exactly(1);
      server.close();
      abort ? server.abort_clients() : server.close_clients();
      const auto rest = co_await outcome_of(client.reader.read());
      co_await server.wait_closed();
      if (abort) {
        CHECK((rest.failed() || rest.value().size() < much.size() - 1));
      } else {
        CHECK(rest.value().size() == much.size() - 1);
      }
    });
  }
}

TEST_CASE("serve_forever ends when it is cancelled: closed, and without connections", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    const server_options options{.start_serving = false};
    weft::server server = co_await start_server(echo, "127.0.0.1", 0, options);
    auto serving = weft::create_task(server.serve_forever());
    co_await settle();
    CHECK(server.is_serving());
    weft::stream client = co_await open_connection(server.addresses()[0]);
    co_await settle();
    serving.cancel();
    co_await settle();
    CHECK_FALSE(server.is_serving());
    CHECK_FALSE(serving.done());  // it waits for the client
    client.writer.close();
    const auto ended = co_await outcome_of(serving);
    CHECK(ended.cancelled());
    const auto again = co_await outcome_of(server.serve_forever());
    CHECK(weft_test::failed_with<weft::usage_error>(again));
    CHECK_THAT(failure_of(again).what, contains("closed"));
  });
}

TEST_CASE("serve_forever that is cancelled twice does not wait for the connections", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    auto serving = weft::create_task(server.serve_forever());
    weft::stream client = co_await open_connection(server.addresses()[0]);
    co_await settle();
    serving.cancel();
    co_await settle();
    serving.cancel();
    co_await settle();
    CHECK(serving.cancelled());
  });
}

TEST_CASE("serve_forever ends when another task closes the server", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    auto serving = weft::create_task(server.serve_forever());
    co_await settle();
    server.close();
    const auto ended = co_await outcome_of(serving);
    CHECK(ended.cancelled());
  });
}

TEST_CASE("serve_forever is for one task at a time", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    auto serving = weft::create_task(server.serve_forever());
    co_await settle();
    const auto second = co_await outcome_of(server.serve_forever());
    CHECK(weft_test::failed_with<weft::usage_error>(second));
    CHECK(server.is_serving());
    CHECK_FALSE(serving.done());
  });
}

TEST_CASE("serve_forever may begin after the handle has gone, and says that the server is closed",
          "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    std::optional<weft::task<>> serving;
    {
      weft::server server = co_await start_server(echo, "127.0.0.1", 0);
      serving.emplace(server.serve_forever());
    }
    const auto ended = co_await outcome_of(std::move(*serving));
    CHECK(weft_test::failed_with<weft::usage_error>(ended));
  });
}

TEST_CASE("a server that does not serve yet refuses, and starts when it is told to", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    const server_options options{.start_serving = false};
    weft::server server = co_await start_server(echo, "127.0.0.1", 0, options);
    const socket_address where = server.addresses()[0];
    CHECK_FALSE(server.is_serving());
    const auto refused = co_await outcome_of(open_connection(where));
    CHECK(failure_of(refused).code == std::errc::connection_refused);
    server.start_serving();
    server.start_serving();
    CHECK(server.is_serving());
    const std::string answer = co_await ask(where, "hello");
    CHECK(answer == "hello");
  });
}

TEST_CASE("a server that could not start can be started again", "[io][start_server]") {
  check_serving([]() -> weft::task<> {
    const server_options options{.start_serving = false};
    weft::server server = co_await start_server(echo, "127.0.0.1", 0, options);
    const socket_address where = server.addresses()[0];
    {
      const weft_test::listener quicker("127.0.0.1", where.port());  // both may be bound, but only one listens
      CHECK_THROWS_WITH(server.start_serving(), contains("weft: listening at " + where.to_string()));
      CHECK_FALSE(server.is_serving());
    }
    server.start_serving();
    CHECK(server.is_serving());
    const std::string answer = co_await ask(where, "hello");
    CHECK(answer == "hello");
  });
}

TEST_CASE("starting a server is cancelled while its host is looked up", "[io][start_server]") {
  const weft_test::time_limit limit;
  weft::run([]() -> weft::task<> {
    auto starting = weft::create_task(start_server(echo, "localhost", 0));
    co_await weft::yield();
    CHECK_FALSE(starting.done());
    starting.cancel();
    const auto ended = co_await outcome_of(starting);
    CHECK(ended.cancelled());
  });
}

TEST_CASE("servers and connections that are open go with the loop", "[io][start_server]") {
  const weft_test::time_limit limit;
  const int before = count_descriptors();
  const temporary_folder folder;
  weft_test::census counts;
  std::optional<weft::server> outlives;
  {
    weft::virtual_clock time(100'000);
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});  // that tasks are destroyed is what is wanted
    const auto main = [&]() -> weft::task<> {
      const auto holds = [kept = weft_test::tracked(counts)](weft::stream_reader reader,
                                                             weft::stream_writer) -> weft::task<> {
        co_await reader.read();
      };
      weft::server server = co_await start_server(holds, "127.0.0.1", 0);
      weft::server at_path = co_await weft::start_unix_server(echo, folder.file("socket"));
      weft::create_task(ask(at_path.addresses()[0], "hello"));
      for (int i = 0; i < 3; ++i) {
        weft::create_task(
            [](socket_address where) -> weft::task<> {
              weft::stream client = co_await open_connection(where);
              co_await client.reader.read();
            },
            server.addresses()[0]);
      }
      const auto serves = [](weft::server kept) -> weft::task<> { co_await kept.serve_forever(); };
      weft::create_task(serves(std::move(at_path)));
      const auto waits = [](weft::server& kept) -> weft::task<> { co_await kept.wait_closed(); };
      outlives.emplace(std::move(server));
      weft::create_task(waits(*outlives));
      co_await weft::sleep_for(10ms);
    };
    loop.run_until_complete(main);
    CHECK(count_descriptors() > before + 8);
    CHECK(counts.alive > 0);
  }
  CHECK(count_descriptors() == before);
  CHECK(outlives->addresses().empty());
  CHECK_FALSE(outlives->is_serving());
  CHECK_THROWS_AS(outlives->start_serving(), weft::usage_error);
  outlives->close_clients();
  outlives.reset();
  CHECK(counts.alive == 0);
  CHECK(folder.names().empty());
}

TEST_CASE("a server that was never awaited may outlive its loop", "[io][start_server]") {
  std::optional<weft::task<weft::server>> unstarted;
  run_on_virtual_time([&]() -> weft::task<> {
    unstarted.emplace(start_server(echo, "127.0.0.1", 0));
    co_return;
  });
  unstarted.reset();
  SUCCEED("nothing was touched that has gone");
}

}  // namespace io_start_server_test
