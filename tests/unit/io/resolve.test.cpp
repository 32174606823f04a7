// Tests of weft/io/resolve.hpp: addresses of hosts, names of addresses, and the order in which to try them.
// SPDX-License-Identifier: MIT
//
// No test asks a server: a failure is provoked by AI_NUMERICHOST, or by a service that nobody has.
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/failure.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/io/resolve.hpp>
#include <weft/sync/yield.hpp>
#include <weft/threads/thread_pool.hpp>
#include <weft/threads/to_thread.hpp>

#include <algorithm>
#include <cstddef>
#include <latch>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace io_resolve_test {

using namespace std::string_literals;
using weft::interleave_families;
using weft::resolve;
using weft::resolve_options;
using weft::socket_address;
using weft_test::contains;
using weft_test::error_of;
using addresses = std::vector<socket_address>;

// Threads block for real, so real time passes.
template <class Body>
void run_on_real_time(Body body) {
  const weft_test::time_limit limit;
  weft::run(body());
}

std::string joined(const addresses& all) {
  std::string text;
  for (const socket_address& a : all) text += (text.empty() ? "" : " ") + a.to_string();
  return text;
}

// Keeps all threads of the default pool busy until it goes.
class full_pool {
 public:
  full_pool() : size_(static_cast<std::ptrdiff_t>(weft::thread_pool::default_size())), busy_(size_) {
    for (std::ptrdiff_t i = 0; i < size_; ++i) tasks_.push_back(weft::create_task(block(*this)));
  }
  full_pool(const full_pool&) = delete;
  full_pool& operator=(const full_pool&) = delete;
  ~full_pool() { release(); }

  // After a yield, by which the tasks have begun.
  void wait_until_busy() { busy_.wait(); }
  void release() {
    if (!std::exchange(released_, true)) go_.count_down();
  }
  weft::task<> end() {
    release();
    co_await weft::gather(tasks_);
  }

 private:
  static weft::task<> block(full_pool& pool) {
    co_await weft::to_thread([&pool] {
      pool.busy_.count_down();
      pool.go_.wait();
    });
  }

  std::ptrdiff_t size_;
  std::latch busy_;
  std::latch go_{1};
  std::vector<weft::task_handle<>> tasks_;
  bool released_ = false;
};

TEST_CASE("an address needs no lookup: no thread and no pass", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    const weft_test::pass_counter counter;
    const addresses v4 = co_await resolve("127.0.0.1", 80);
    CHECK(joined(v4) == "127.0.0.1:80");
    const addresses v6 = co_await resolve("::1", "443");
    CHECK(joined(v6) == "[::1]:443");
    const addresses scoped = co_await resolve("fe80::1%7777", 0);
    CHECK(joined(scoped) == "[fe80::1%7777]:0");
    const addresses datagrams = co_await resolve("1.2.3.4", "", resolve_options().type(SOCK_DGRAM).family(AF_INET));
    CHECK(joined(datagrams) == "1.2.3.4:0");
    const addresses only_v6 = co_await resolve("::3", 1, resolve_options().family(AF_INET6));
    CHECK(joined(only_v6) == "[::3]:1");
    CHECK(counter.passes() == 0);
    CHECK(weft::default_thread_pool(weft::event_loop::current()).threads() == 0);
  });
}

TEST_CASE("a name is looked up in a thread of the default pool", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    const addresses found = co_await resolve("localhost", 80);
    CHECK_FALSE(found.empty());
    for (const socket_address& a : found) {
      CHECK((a.host() == "127.0.0.1" || a.host() == "::1"));
      CHECK(a.port() == 80);
    }
    CHECK(weft::default_thread_pool(weft::event_loop::current()).threads() == 1);
    const addresses v4 = co_await resolve("localhost", 80, resolve_options().family(AF_INET));
    CHECK(joined(v4) == "127.0.0.1:80");
  });
}

TEST_CASE("a service may have a name", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    const addresses web = co_await resolve("127.0.0.1", "http");
    CHECK(joined(web) == "127.0.0.1:80");
    const addresses names = co_await resolve("127.0.0.1", "domain", resolve_options().type(SOCK_DGRAM));
    CHECK(joined(names) == "127.0.0.1:53");
  });
}

TEST_CASE("no host means all interfaces", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    const addresses v4 = co_await resolve("", 80, resolve_options().family(AF_INET));
    CHECK(joined(v4) == "0.0.0.0:80");
    const addresses all = co_await resolve("", "http");
    CHECK(std::find(all.begin(), all.end(), v4.front()) != all.end());
  });
}

TEST_CASE("each address comes once, also where no type is wanted", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    const addresses found = co_await resolve("127.0.0.1", 80, resolve_options().type(0));
    CHECK(joined(found) == "127.0.0.1:80");
    CHECK(weft::default_thread_pool(weft::event_loop::current()).threads() == 1);  // asyncio asks here, too
  });
}

TEST_CASE("a lookup that fails says for which host, and why", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    const auto host = co_await error_of(resolve("no host", 80, resolve_options().flags(AI_NUMERICHOST)));
    CHECK(host.code == std::error_code(EAI_NONAME, weft::resolver_category()));
    CHECK_THAT(host.what, contains("'no host'") && contains(::gai_strerror(EAI_NONAME)));
    const auto service = co_await error_of(resolve("127.0.0.1", "no-such-service"));
    CHECK(service.code == std::error_code(EAI_SERVICE, weft::resolver_category()));
    CHECK_THAT(service.what, contains("'127.0.0.1'") && contains("'no-such-service'"));
    const auto family = co_await error_of(resolve("1.2.3.4", 80, resolve_options().family(AF_INET6)));
    CHECK(family.code.category() == weft::resolver_category());
    const auto minus = co_await error_of(resolve("127.0.0.1", "-1"));
    CHECK(minus.code == std::error_code(EAI_SERVICE, weft::resolver_category()));
  });
}

TEST_CASE("the resolver's errors are a category of their own", "[io][resolve]") {
  CHECK(weft::resolver_category().name() == "resolver"s);
  CHECK(std::error_code(EAI_AGAIN, weft::resolver_category()) == std::errc::resource_unavailable_try_again);
  CHECK(std::error_code(EAI_MEMORY, weft::resolver_category()) == std::errc::not_enough_memory);
  CHECK(std::error_code(EAI_NONAME, weft::resolver_category()) != std::errc::not_enough_memory);
  CHECK(std::error_code(EAI_NONAME, weft::resolver_category()).default_error_condition().value() == EAI_NONAME);
}

TEST_CASE("what can never be looked up is refused before it is awaited", "[io][resolve]") {
  CHECK_THROWS_AS(resolve("localhost", 65536), std::out_of_range);
  CHECK_THROWS_WITH(resolve("localhost", 65536), contains("65536"));
  CHECK_THROWS_AS(resolve("localhost", "65536"), std::out_of_range);
  CHECK_THROWS_WITH(resolve("127.0.0.1", "99999999999999999999"), contains("99999999999999999999"));
  CHECK_THROWS_AS(resolve("local\0host"s, 80), std::invalid_argument);
  CHECK_THROWS_AS(resolve("localhost", "ht\0tp"s), std::invalid_argument);
  CHECK_NOTHROW(resolve("localhost", 65535));
}

TEST_CASE("other tasks run during a lookup, and its cancellation withdraws it", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    full_pool pool;
    co_await weft::yield();
    pool.wait_until_busy();
    auto name = weft::create_task(resolve("localhost", 80));
    auto gives_up = weft::create_task(resolve("localhost", 81));
    for (int i = 0; i < 5; ++i) co_await weft::yield();
    CHECK_FALSE(name.done());
    CHECK(weft::default_thread_pool(weft::event_loop::current()).queued() == 2);
    gives_up.cancel();
    co_await weft::yield();
    co_await weft::yield();
    CHECK(gives_up.cancelled());
    pool.release();
    const addresses found = co_await name;
    CHECK_FALSE(found.empty());
    co_await pool.end();
  });
}

TEST_CASE("a loop may go during a lookup", "[io][resolve]") {
  const weft_test::time_limit limit;
  weft_test::reports told;
  {
    weft::event_loop loop;
    told.listen(loop);
    loop.create_task(resolve("localhost", 80));
    loop.create_task(weft::name_of(socket_address::ip("127.0.0.1", 80)));
    loop.stop();
    loop.run_forever();
  }
  CHECK(told.count() == 2);  // tasks that were pending
}

TEST_CASE("many lookups at once all come back", "[io][resolve]") {
  run_on_real_time([]() -> weft::task<> {
    std::vector<weft::task<addresses>> all;
    for (unsigned port = 1; port <= 100; ++port) {
      all.push_back(resolve("localhost", port, resolve_options().family(AF_INET)));
      all.push_back(resolve("no host", port, resolve_options().flags(AI_NUMERICHOST)));
    }
    const auto ended = co_await weft::gather_outcomes(std::move(all));
    int right = 0;
    for (std::size_t i = 0; i < ended.size(); i += 2) {
      right += joined(ended[i].value()) == "127.0.0.1:" + std::to_string(i / 2 + 1) && ended[i + 1].failed() ? 1 : 0;
    }
    CHECK(right == 100);
  });
}

TEST_CASE("an address has a name, or is its own", "[io][name_of]") {
  run_on_real_time([]() -> weft::task<> {
    const weft::address_name number =
        co_await weft::name_of(socket_address::ip("127.0.0.1", 80), NI_NUMERICHOST | NI_NUMERICSERV);
    CHECK(number.host == "127.0.0.1");
    CHECK(number.service == "80");
    const weft::address_name name = co_await weft::name_of(socket_address::ip("127.0.0.1", 80));
    CHECK(name.host == "localhost");
    CHECK(name.service == "http");
    const auto none = co_await error_of(weft::name_of(socket_address()));
    CHECK(none.code == std::error_code(EAI_FAMILY, weft::resolver_category()));
    CHECK_THAT(none.what, contains("no address"));
  });
}

// Four and six addresses by their ports, as "4:1 6:2", in the order that interleave_families() gives them.
std::string order(const std::string& families, std::size_t first_count) {
  addresses given;
  unsigned port = 0;
  for (const char family : families) given.push_back(socket_address::ip(family == '4' ? "0.0.0.0" : "::", port++));
  std::string text;
  for (const socket_address& a : interleave_families(std::move(given), first_count)) {
    text += (text.empty() ? "" : " ") + (a.family() == AF_INET ? "4:"s : "6:"s) + std::to_string(a.port());
  }
  return text;
}

// The expected orders are what CPython 3.13's asyncio.base_events._interleave_addrinfos() gives.
TEST_CASE("families take turns, in the order in which they come first", "[io][resolve]") {
  CHECK(order("6644", 1) == "6:0 4:2 6:1 4:3");
  CHECK(order("6644", 2) == "6:0 6:1 4:2 4:3");
  CHECK(order("6644", 0) == "6:0 4:2 6:1 4:3");
  CHECK(order("4666", 1) == "4:0 6:1 6:2 6:3");
  CHECK(order("4666", 5) == "4:0 6:1 6:2 6:3");
  CHECK(order("6664", 3) == "6:0 6:1 6:2 4:3");
  CHECK(order("66644", 2) == "6:0 6:1 4:3 6:2 4:4");
  CHECK(order("444", 1) == "4:0 4:1 4:2");
  CHECK(order("464646", 2) == "4:0 4:2 6:1 4:4 6:3 6:5");
  CHECK(order("4", 9) == "4:0");
  CHECK(order("", 1).empty());
  CHECK(order("", 3).empty());  // asyncio: IndexError
}

}  // namespace io_resolve_test
