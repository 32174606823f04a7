// What CPython's tests of asyncio's socket methods say: loop.sock_connect(), sock_recv(), sock_sendall(),
// sock_accept().
// SPDX-License-Identifier: MIT
//
// weft has no such methods: connect_socket() gives a socket, and the rest is the system call after wait_readable() or
// wait_writable(), as in the functions below.
#include "support/catch.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/error.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/wait_readable.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/wait_for.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace asyncio_sock_lowlevel_test {

using namespace std::chrono_literals;
using weft::outcome_of;
using weft::detail::unique_fd;
using weft_test::run_on_virtual_time;

// ---- the methods ----

weft::task<std::size_t> receive_into(int fd, char* room, std::size_t size) {
  while (true) {
    const ssize_t n = ::recv(fd, room, size, 0);
    if (n >= 0) co_return static_cast<std::size_t>(n);
    if (errno != EAGAIN && errno != EINTR) weft_test::fail_call("recv");
    co_await weft::wait_readable(fd);
  }
}

weft::task<std::string> receive(int fd, std::size_t size) {
  std::string bytes(size, '\0');
  const std::size_t n = co_await receive_into(fd, bytes.data(), size);
  bytes.resize(n);
  co_return bytes;
}

weft::task<> send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EINTR) {
      co_await weft::wait_writable(fd);
    } else {
      weft_test::fail_call("send");
    }
  }
}

weft::task<unique_fd> accept_one(int fd) {
  while (true) {
    unique_fd accepted(::accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (accepted) co_return accepted;
    if (errno != EAGAIN && errno != EINTR) weft_test::fail_call("accept");
    co_await weft::wait_readable(fd);
  }
}

// ---- a server ----

// Answers each request with its own content, after a line.
weft::task<> answer(weft::stream_reader reader, weft::stream_writer writer) {
  co_await reader.read_until("\r\n\r\n");
  co_await writer.write("HTTP/1.0 200 OK\r\n\r\n");
  while (true) {
    const std::string content = co_await reader.read(65536);
    if (content.empty()) break;
    co_await writer.write(content);
  }
}

const std::string_view request = "GET / HTTP/1.0\r\n\r\n";

template <class Body>
void check_sockets(Body body) {
  const weft_test::time_limit limit;
  const int before = weft_test::count_descriptors();
  run_on_virtual_time(std::move(body));
  CHECK(weft_test::count_descriptors() == before);
}

weft::task<> check_operations(weft::socket_address where) {
  const unique_fd first = co_await weft::connect_socket(where);
  co_await send_all(first.get(), request);
  const std::string reply = co_await receive(first.get(), 1024);
  CHECK(reply.starts_with("HTTP/1.0 200 OK"));

  const unique_fd second = co_await weft::connect_socket(where);
  co_await send_all(second.get(), request);
  char room[1024];
  const std::size_t n = co_await receive_into(second.get(), room, sizeof room);
  CHECK(std::string_view(room, n).starts_with("HTTP/1.0 200 OK"));
  ::shutdown(second.get(), SHUT_WR);
  const std::size_t rest = co_await receive_into(second.get(), room, sizeof room);
  CHECK(rest == 0);
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_sock_client_ops
TEST_CASE("a socket connects, sends and receives", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    const weft::server server = co_await weft::start_server(answer, "127.0.0.1", 0);
    co_await check_operations(server.addresses()[0]);
  });
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_unix_sock_client_ops
TEST_CASE("a unix socket connects, sends and receives", "[asyncio][sock_lowlevel]") {
  const weft_test::temporary_folder folder;
  check_sockets([&]() -> weft::task<> {
    const weft::server server = co_await weft::start_unix_server(answer, folder.file("socket"));
    co_await check_operations(server.addresses()[0]);
  });
}

weft::task<> check_receive_after_cancel(weft::socket_address where) {
  const unique_fd fd = co_await weft::connect_socket(where);
  auto cancelled = weft::create_task(receive(fd.get(), 1024));
  co_await weft::yield();
  cancelled.cancel();
  auto sending = weft::create_task(send_all(fd.get(), request));
  const std::string reply = co_await receive(fd.get(), 1024);
  CHECK(reply.starts_with("HTTP/1.0 200 OK"));
  CHECK(cancelled.cancelled());
  co_await sending;
}

weft::task<> check_send_after_cancel() {
  const weft_test::listener there;
  const unique_fd fd = co_await weft::connect_socket(there.address);
  const int small = 1024;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
  const unique_fd peer = there.accept();
  ::fcntl(peer.get(), F_SETFL, O_NONBLOCK);
  for (std::size_t size = 8192; size >= 1; size /= 2) {
    const std::string blanks(size, ' ');
    while (::send(fd.get(), blanks.data(), blanks.size(), MSG_NOSIGNAL) > 0) {
    }
  }
  auto blocked = weft::create_task(send_all(fd.get(), "hello"));
  co_await weft::yield();
  CHECK_FALSE(blocked.done());
  blocked.cancel();

  const auto receive_all = [](int from) -> weft::task<std::string> {
    std::string all;
    while (true) {
      const std::string some = co_await receive(from, 8192);
      if (some.empty()) co_return all;
      for (const char c : some) {
        if (c != ' ') all += c;
      }
    }
  };
  auto receiving = weft::create_task(receive_all(peer.get()));
  co_await send_all(fd.get(), "world");
  ::shutdown(fd.get(), SHUT_WR);
  const std::string words = co_await receiving;
  CHECK(words == "world");
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_sock_client_racing
TEST_CASE("after a wait that was cancelled another one waits for the same socket", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    const weft::server server = co_await weft::start_server(answer, "127.0.0.1", 0);
    co_await check_receive_after_cancel(server.addresses()[0]);
    co_await check_send_after_cancel();
  });
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_sock_client_connect_racing
TEST_CASE("after connecting was cancelled, connecting works", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    const weft_test::bound_socket there;
    auto cancelled = weft::create_task(weft::connect_socket(there.address));
    co_await weft::yield();
    cancelled.cancel();
    REQUIRE(::listen(there.fd.get(), 1) == 0);
    const unique_fd fd = co_await weft::connect_socket(there.address);
    CHECK(weft::peer_address(fd.get()) == there.address);
  });
}

constexpr std::size_t huge = 1'000'000;

weft::task<> send_huge(int fd) {
  std::string content;
  while (content.size() < huge) content += "0123456789";
  co_await send_all(fd, content);
  ::shutdown(fd, SHUT_WR);
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_huge_content
// CPython: sock_lowlevel BaseSockTestsMixin.test_huge_content_recvinto
TEST_CASE("a megabyte is sent and received at the same time", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    const weft::server server = co_await weft::start_server(answer, "127.0.0.1", 0);
    const unique_fd fd = co_await weft::connect_socket(server.addresses()[0]);
    co_await send_all(fd.get(), request);
    auto sending = weft::create_task(send_huge(fd.get()));
    std::string all;
    std::vector<char> room(huge);
    while (true) {
      const std::size_t n = co_await receive_into(fd.get(), room.data(), room.size());
      if (n == 0) break;
      all.append(room.data(), n);
    }
    co_await sending;
    const std::string head = "HTTP/1.0 200 OK\r\n\r\n";
    REQUIRE(all.starts_with(head));
    CHECK(all.size() == head.size() + huge);
    bool right = true;
    for (std::size_t i = head.size(); i < all.size(); ++i) {
      if (all[i] != static_cast<char>('0' + (i - head.size()) % 10)) right = false;
    }
    CHECK(right);
  });
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_sock_client_fail
TEST_CASE("a socket that is refused says so", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    weft::socket_address nobody;
    {
      const weft_test::bound_socket closed;
      nobody = closed.address;
    }
    const auto tried = co_await outcome_of(weft::connect_socket(nobody));
    CHECK(weft_test::failure_of(tried).code == std::errc::connection_refused);
  });
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_sock_accept
TEST_CASE("a socket that listens accepts", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    const weft_test::listener there;
    ::fcntl(there.descriptor(), F_SETFL, O_NONBLOCK);
    auto accepting = weft::create_task(accept_one(there.descriptor()));
    co_await weft::yield();
    CHECK_FALSE(accepting.done());
    const unique_fd client = weft_test::connect_to(there.address);
    const unique_fd& accepted = co_await accepting;
    CHECK((::fcntl(accepted.get(), F_GETFL) & O_NONBLOCK) != 0);
    CHECK(weft::peer_address(accepted.get()) == weft::local_address(client.get()));
    CHECK(weft::peer_address(client.get()) == there.address);
  });
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_cancel_sock_accept
TEST_CASE("accepting is given up, and the socket closed", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    weft::socket_address where;
    {
      const weft_test::listener there;
      ::fcntl(there.descriptor(), F_SETFL, O_NONBLOCK);
      where = there.address;
      const auto late = co_await outcome_of(weft::wait_for(accept_one(there.descriptor()), 100ms));
      CHECK(weft_test::failed_with<weft::timeout_error>(late));
    }
    const auto refused = co_await outcome_of(weft::connect_socket(where));
    CHECK(weft_test::failure_of(refused).code == std::errc::connection_refused);
  });
}

// CPython: sock_lowlevel BaseSockTestsMixin.test_create_connection_sock
TEST_CASE("a socket that is connected becomes a stream", "[asyncio][sock_lowlevel]") {
  check_sockets([]() -> weft::task<> {
    const weft::server server = co_await weft::start_server(answer, "127.0.0.1", 0);
    unique_fd fd = co_await weft::connect_socket(server.addresses()[0]);
    weft::stream client = weft::open_stream(fd.release());
    co_await client.writer.write(request);
    const std::string line = co_await client.reader.read_line();
    CHECK(line == "HTTP/1.0 200 OK\r\n");
  });
}

}  // namespace asyncio_sock_lowlevel_test
