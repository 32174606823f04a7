// What CPython's tests of asyncio.BaseEventLoop say of addresses.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/io/resolve.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/threads/to_thread.hpp>

#include <netdb.h>
#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <system_error>

namespace asyncio_base_events_addresses_test {

using weft::resolve_options;
using weft::socket_address;

// What a lookup finds, or the name of its error; "?" before it if a thread was asked.
template <class Service>
std::string found(std::string host, Service service, resolve_options options = {}) {
  const weft_test::time_limit limit;
  return weft::run([&]() -> weft::task<std::string> {
    std::string text;
    try {
      for (const socket_address& a : co_await weft::resolve(host, service, options)) text += a.to_string();
    } catch (const std::system_error& e) {
      text = e.code().category().name();
    }
    const std::size_t threads = weft::default_thread_pool(weft::event_loop::current()).threads();
    co_return threads == 0 ? text : "?" + text;
  });
}

// CPython: base_events BaseEventTests.test_ipaddr_info
TEST_CASE("a host that is an address is not looked up, unless another family, or any type, is wanted",
          "[asyncio][resolve]") {
  for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
    const resolve_options any = resolve_options().type(type);
    CHECK(found("1.2.3.4", 1U, any) == "1.2.3.4:1");
    CHECK(found("1.2.3.4", 1U, resolve_options(any).family(AF_INET)) == "1.2.3.4:1");
    CHECK(found("::3", 1U, any) == "[::3]:1");
    CHECK(found("::3", 1U, resolve_options(any).family(AF_INET6)) == "[::3]:1");
    CHECK(found("1.2.3.4", 1U, resolve_options(any).family(AF_INET6)) == "?resolver");
    CHECK(found("::3", 1U, resolve_options(any).family(AF_INET)) == "?resolver");
  }
  CHECK(found("1.2.3.4", 1U, resolve_options().type(0)) == "?1.2.3.4:1");
  CHECK(found("1.2.3.4", "1") == "1.2.3.4:1");
  CHECK(found("1.2.3.4", "") == "1.2.3.4:0");
  CHECK(found("1.2.3.4", "http") == "?1.2.3.4:80");
}

}  // namespace asyncio_base_events_addresses_test
