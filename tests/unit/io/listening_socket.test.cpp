// Tests of weft/io/listening_socket.hpp: accepting when things go wrong, and the files of unix sockets.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/counting_poller.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/run.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/listening_socket.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/start_server.hpp>
#include <weft/time/sleep.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io_listening_socket_test {

using namespace std::chrono_literals;
using weft::outcome_of;
using weft::socket_address;
using weft::start_server;
using weft::start_unix_server;
using weft_test::contains;
using weft_test::count_descriptors;
using weft_test::failure_of;
using weft_test::temporary_folder;

// A body on virtual time, and on a poller that counts how often it was asked.
template <class Body>
void run_counted(weft_test::counting_poller& poller, Body body) {
  const weft_test::time_limit limit(60);
  weft::virtual_clock time(1'000'000);
  weft::run({.clock = &time, .poller = &poller}, std::move(body));
}
template <class Body>
void run_counted(Body body) {
  weft_test::counting_poller poller;
  run_counted(poller, std::move(body));
}

auto settle() { return weft::sleep_for(1ms); }

weft::task<> echo(weft::stream_reader reader, weft::stream_writer writer) {
  while (true) {
    const std::string data = co_await reader.read(4096);
    if (data.empty()) break;
    co_await writer.write(data);
  }
}

bool is_socket(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0 && S_ISSOCK(s.st_mode);
}
bool exists(const std::string& path) {
  struct stat s {};
  return ::stat(path.c_str(), &s) == 0;
}

// Leaves the file of a unix socket behind, as a process does that ends suddenly.
void leave_socket(const std::string& path, int type = SOCK_STREAM) {
  const auto address = socket_address::unix_path(path);
  const weft::detail::unique_fd fd(::socket(AF_UNIX, type, 0));
  if (::bind(fd.get(), address.data(), address.size()) != 0) weft_test::fail_call("bind");
}

// ---- files ----

TEST_CASE("the file of a unix socket goes with its server, by close() or without", "[io][listening_socket]") {
  const temporary_folder folder;
  const std::string path = folder.file("socket");
  run_counted([&]() -> weft::task<> {
    weft::server server = co_await start_unix_server(echo, path);
    CHECK(is_socket(path));
    server.close();
    CHECK_FALSE(exists(path));
    {
      const weft::server_options options{.start_serving = false};
      const weft::server other = co_await start_unix_server(echo, path, options);
      CHECK(is_socket(path));
    }
    CHECK_FALSE(exists(path));
  });
}

TEST_CASE("the file of a unix socket that somebody else has removed or replaced is not touched",
          "[io][listening_socket]") {
  const temporary_folder folder;
  const std::string path = folder.file("socket");
  run_counted([&]() -> weft::task<> {
    weft::server removed = co_await start_unix_server(echo, path);
    ::unlink(path.c_str());
    removed.close();

    weft::server replaced = co_await start_unix_server(echo, path);
    ::unlink(path.c_str());
    leave_socket(path);
    replaced.close();
    CHECK(is_socket(path));

    // By a server that takes over.
    weft::server former = co_await start_unix_server(echo, path);
    weft::server latter = co_await start_unix_server(echo, path);
    former.close();
    CHECK(is_socket(path));
    weft::stream client = co_await weft::open_unix_connection(path);
    co_await client.writer.write("hello");
    const std::string answer = co_await client.reader.read_exactly(5);
    CHECK(answer == "hello");
  });
  CHECK_FALSE(exists(path));
}

TEST_CASE("a socket that was left behind is replaced, whatever its type", "[io][listening_socket]") {
  const temporary_folder folder;
  const std::string path = folder.file("socket");
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    leave_socket(path, type);
    run_counted([&]() -> weft::task<> {
      const weft::server server = co_await start_unix_server(echo, path);
      const weft::stream client = co_await weft::open_unix_connection(path);
      CHECK(client.writer.descriptor() >= 0);
    });
    CHECK_FALSE(exists(path));
  }
}

TEST_CASE("a file that is no socket stays, and the error names it", "[io][listening_socket]") {
  const temporary_folder folder;
  const std::string path = folder.file("precious");
  std::fclose(std::fopen(path.c_str(), "w"));
  const int before = count_descriptors();
  run_counted([&]() -> weft::task<> {
    const auto tried = co_await outcome_of(start_unix_server(echo, path));
    CHECK(failure_of(tried).code == std::errc::address_in_use);
    CHECK_THAT(failure_of(tried).what, contains("weft: binding to unix:" + path));
    const auto nowhere = co_await outcome_of(start_unix_server(echo, folder.file("no/folder")));
    CHECK(failure_of(nowhere).code == std::errc::no_such_file_or_directory);
  });
  CHECK(exists(path));
  CHECK(count_descriptors() == before);
}

TEST_CASE("the file of a server that could not start goes, too", "[io][listening_socket]") {
  const temporary_folder folder;
  const std::string path = folder.file("socket");
  weft::event_loop loop;
  {
    class nobody final : public weft::connection_acceptor {
     public:
      void take(weft::detail::unique_fd, const socket_address&) noexcept override {}
      std::shared_ptr<const void> keep() override { return nullptr; }
    } acceptor;
    const auto address = socket_address::unix_path(path);
    weft::detail::unique_fd fd(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::bind(fd.get(), address.data(), address.size()) == 0);
    weft::listening_socket socket(loop, acceptor, std::move(fd));
    socket.owns_path(path);
    CHECK(is_socket(path));
  }
  CHECK_FALSE(exists(path));
}

// ---- accepting ----

// Takes all descriptors that the process may have.
class all_descriptors {
 public:
  all_descriptors() {
    while (true) {
      weft::detail::unique_fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
      if (!fd) return;
      taken_.push_back(std::move(fd));
    }
  }

 private:
  std::vector<weft::detail::unique_fd> taken_;
};

// UBSan opens a pipe to find out whether memory can be read, and without a descriptor it takes every object for a wrong
// one. tests/faults/io.test.cpp has the same, without the shortage.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool sanitized = true;
#elif defined(__has_feature)
constexpr bool sanitized = __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer);
#else
constexpr bool sanitized = false;
#endif

TEST_CASE("a server without descriptors says so once a second, does not spin, and goes on", "[io][listening_socket]") {
  if (sanitized) return;
  const int result = weft_test::in_child([] {
    const rlimit few{64, 64};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return 1;
    weft_test::counting_poller poller;
    weft_test::reports told;
    int step = 2;
    run_counted(poller, [&]() -> weft::task<> {
      told.listen();
      int connections = 0;
      const auto count = [&](weft::stream) { ++connections; };
      weft::server server = co_await start_server(count, "127.0.0.1", 0);
      std::vector<weft::detail::unique_fd> clients;
      for (int i = 0; i < 5; ++i) clients.push_back(weft_test::connect_to(server.addresses()[0]));
      std::optional<all_descriptors> all(std::in_place);
      const std::size_t before = poller.waits();
      co_await weft::sleep_for(3500ms);
      if (told.count() != 4 || connections != 0) co_return;
      step = 3;
      if (told.text().find("A server is out of system resources and accepts again in a second: weft: accept: Too many "
                           "open files | ") != 0) {
        co_return;
      }
      step = 4;
      if (poller.waits() - before > 20) co_return;
      step = 5;
      if (!server.is_serving()) co_return;
      all.reset();
      co_await weft::sleep_for(1s);
      step = 6;
      if (connections != 5 || told.count() != 4) co_return;

      // Closed while it looks away.
      step = 7;
      clients.push_back(weft_test::connect_to(server.addresses()[0]));
      all.emplace();
      co_await weft::sleep_for(500ms);
      server.close();
      all.reset();
      co_await weft::sleep_for(2s);
      if (told.count() != 5 || connections != 5) co_return;
      step = 0;
    });
    return step;
  });
  CHECK(result == 0);
}

TEST_CASE("a socket that somebody shuts down is told of once a second, without spinning", "[io][listening_socket]") {
  weft_test::counting_poller poller;
  weft_test::reports told;
  run_counted(poller, [&]() -> weft::task<> {
    told.listen();
    const weft::server server = co_await start_server(echo, "127.0.0.1", 0);
    ::shutdown(server.descriptors()[0], SHUT_RDWR);
    const std::size_t before = poller.waits();
    co_await weft::sleep_for(2500ms);
    CHECK(told.count() == 3);
    CHECK_THAT(told.text(), contains("A server could not accept a connection and tries again in a second"));
    CHECK(poller.waits() - before < 20);
  });
}

TEST_CASE("100,000 connections that are reset at once leave nothing behind", "[io][listening_socket]") {
  weft_test::counting_poller poller;
  const int before = count_descriptors();
  weft_test::reports told;
  run_counted(poller, [&]() -> weft::task<> {
    told.listen();
    int connections = 0;
    int running = 0;
    const auto handler = [&](weft::stream_reader reader, weft::stream_writer) -> weft::task<> {
      ++connections;
      ++running;
      co_await outcome_of(reader.read());
      --running;
    };
    weft::server server = co_await start_server(handler, "127.0.0.1", 0);
    const socket_address where = server.addresses()[0];
    co_await settle();
    const int serving = count_descriptors();
    const std::size_t waits_before = poller.waits();
    constexpr int batches = sanitized ? 125 : 1250;
    constexpr int in_a_batch = 80;
    for (int batch = 0; batch < batches; ++batch) {
      for (int i = 0; i < in_a_batch; ++i) {
        const weft::detail::unique_fd client = weft_test::connect_to(where);
        weft_test::reset_when_closed(client.get());
      }
      co_await settle();
    }
    CHECK(connections == batches * in_a_batch);
    CHECK(running == 0);
    CHECK(count_descriptors() == serving);
    CHECK(poller.waits() - waits_before < std::size_t{batches} * 20);
    server.close();
    co_await server.wait_closed();
  });
  CHECK(told.text().empty());
  CHECK(count_descriptors() == before);
}

TEST_CASE("a handler that closes the server ends the accepting", "[io][listening_socket]") {
  run_counted([]() -> weft::task<> {
    int connections = 0;
    std::optional<weft::server> server;
    const auto handler = [&](weft::stream) {
      ++connections;
      server.reset();
    };
    {
      weft::server made = co_await start_server(handler, "127.0.0.1", 0);
      server.emplace(std::move(made));
    }
    std::vector<weft::detail::unique_fd> clients;
    for (int i = 0; i < 3; ++i) clients.push_back(weft_test::connect_to(server->addresses()[0]));
    co_await settle();
    CHECK(connections == 1);
  });
}

}  // namespace io_listening_socket_test
