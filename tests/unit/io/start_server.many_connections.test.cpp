// Tests of weft/io/start_server.hpp: ten thousand connections at once in one process.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/open_descriptors.hpp"
#include "support/time_limit.hpp"

#include <weft/core/run.hpp>
#include <weft/io/start_server.hpp>
#include <weft/sync/event.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace io_start_server_many_connections_test {

constexpr std::size_t many = 10'000;

// As many descriptors as we may have; false if they are too few.
bool allow_descriptors(rlim_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= wanted;
}

// In a process of its own: connects them all, asks on each, and only then reads the answers. The exit status.
int connect_many(unsigned port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::vector<int> fds;
  for (std::size_t i = 0; i < many; ++i) {
    fds.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fds.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return 1;
    const char letter = static_cast<char>('a' + i % 26);
    if (::send(fds.back(), &letter, 1, MSG_NOSIGNAL) != 1) return 2;
  }
  for (std::size_t i = 0; i < many; ++i) {
    char answer = 0;
    if (::recv(fds[i], &answer, 1, 0) != 1 || answer != static_cast<char>('a' + i % 26)) return 3;
  }
  for (const int fd : fds) ::close(fd);
  return 0;
}

TEST_CASE("one process serves ten thousand connections at once", "[io][start_server][stress]") {
  if (!allow_descriptors(many + 200)) {
    WARN("this system allows too few descriptors");
    return;
  }
  const weft_test::time_limit limit(50);
  const weft_test::open_descriptors before;
  std::size_t open = 0;
  std::size_t most = 0;
  weft::event none_left;
  // Answers when all are there, so that none can be served and gone before the last one comes.
  weft::event all_there;
  const auto serve = [&](weft::stream_reader reader, weft::stream_writer writer) -> weft::task<> {
    most = std::max(most, ++open);
    if (open == many) all_there.set();
    const std::string letter = co_await reader.read_exactly(1);
    co_await all_there.wait();
    co_await writer.write(letter);
    co_await reader.read();
    if (--open == 0) none_left.set();
  };
  const auto body = [&]() -> weft::task<> {
    const weft::server_options options{.backlog = 1000};
    weft::server server = co_await weft::start_server(serve, "127.0.0.1", 0, options);
    const unsigned port = server.addresses().front().port();
    const pid_t client = ::fork();
    if (client == 0) ::_exit(connect_many(port));
    REQUIRE(client > 0);
    co_await none_left.wait();
    server.close();
    co_await server.wait_closed();
    int status = -1;
    CHECK(::waitpid(client, &status, 0) == client);
    CHECK((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  };
  weft::run(body);
  CHECK(most == many);
  CHECK(before.unchanged());
}

}  // namespace io_start_server_many_connections_test
