// What CPython's tests of asyncio's unix loop say of unix sockets: the files that servers find at their path.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure_of.hpp"
#include "support/loopback.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/run.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/io/start_server.hpp>

#include <sys/socket.h>

#include <cstdio>
#include <string>
#include <system_error>

namespace asyncio_unix_events_sockets_test {

using weft::outcome_of;
using weft_test::failure_of;
using weft_test::run_on_virtual_time;

weft::task<> serve(weft::stream) { co_return; }

// CPython: unix_events SelectorEventLoopUnixSocketTests.test_create_unix_server_existing_path_sock
TEST_CASE("a unix server takes the place of a socket that was left behind", "[asyncio][unix_events]") {
  const weft_test::time_limit limit;
  const weft_test::temporary_folder folder;
  const auto address = weft::socket_address::unix_path(folder.file("socket"));
  {
    const weft::detail::unique_fd former(::socket(AF_UNIX, SOCK_STREAM, 0));
    REQUIRE(::bind(former.get(), address.data(), address.size()) == 0);
    REQUIRE(::listen(former.get(), 1) == 0);
  }
  REQUIRE(folder.names().size() == 1);
  run_on_virtual_time([&]() -> weft::task<> {
    weft::server server = co_await weft::start_unix_server(serve, folder.file("socket"));
    CHECK(server.addresses()[0] == address);
    server.close();
    co_await server.wait_closed();
  });
  CHECK(folder.names().empty());
}

// CPython: unix_events SelectorEventLoopUnixSocketTests.test_create_unix_server_existing_path_nonsock
TEST_CASE("a unix server does not take the place of a file", "[asyncio][unix_events]") {
  const weft_test::time_limit limit;
  const weft_test::temporary_folder folder;
  std::fclose(std::fopen(folder.file("file").c_str(), "w"));
  run_on_virtual_time([&]() -> weft::task<> {
    const auto tried = co_await outcome_of(weft::start_unix_server(serve, folder.file("file")));
    CHECK(failure_of(tried).code == std::errc::address_in_use);
    CHECK_THAT(failure_of(tried).what, weft_test::contains(folder.file("file")));
  });
  CHECK(folder.names().size() == 1);
}

// CPython: unix_events SelectorEventLoopUnixSocketTests.test_create_unix_server_bind_error
TEST_CASE("a unix server that cannot be bound leaves no socket open", "[asyncio][unix_events]") {
  const weft_test::time_limit limit;
  const weft_test::temporary_folder folder;
  const int before = weft_test::count_descriptors();
  run_on_virtual_time([&]() -> weft::task<> {
    const int running = weft_test::count_descriptors();
    const auto tried = co_await outcome_of(weft::start_unix_server(serve, folder.file("no/such/folder")));
    CHECK(failure_of(tried).code == std::errc::no_such_file_or_directory);
    CHECK(weft_test::count_descriptors() == running);
  });
  CHECK(weft_test::count_descriptors() == before);
}

}  // namespace asyncio_unix_events_sockets_test
