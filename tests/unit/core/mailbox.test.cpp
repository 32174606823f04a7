// Tests of weft/core/mailbox.hpp: posts from other threads, none lost, in order, few wake-ups; and loops that wait for
// them.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/loop_steps.hpp"
#include "support/pollers.hpp"
#include "support/time_limit.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/core/mailbox.hpp>
#include <weft/detail/config.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace core_mailbox_test {

using namespace std::chrono_literals;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

static_assert(!std::is_copy_constructible_v<weft::mailbox>);
static_assert(std::is_nothrow_copy_constructible_v<weft::remote_loop>);
static_assert(std::is_nothrow_move_constructible_v<weft::remote_loop>);

bool readable(int fd) {
  pollfd p{fd, POLLIN, 0};
  return ::poll(&p, 1, 0) == 1;
}

// How many wake-ups were written: the value of an eventfd, or eight bytes each in a pipe.
std::uint64_t wake_ups_in(const weft::mailbox& box) {
  std::uint64_t buffer[64];
  const ssize_t bytes = ::read(box.descriptor(), buffer, sizeof buffer);
  if (bytes <= 0) return 0;
#if defined(__linux__)
  return buffer[0];
#else
  return static_cast<std::uint64_t>(bytes) / sizeof buffer[0];
#endif
}

void discard_all(weft::ready_queue& queue) {
  while (!queue.empty()) queue.pop_front().discard();
}

TEST_CASE("what is posted is collected in its order", "[core][mailbox]") {
  weft::mailbox box;
  CHECK_FALSE(box.pending());
  CHECK_FALSE(readable(box.descriptor()));
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) box.post(*weft::make_callback([&order, i] { order.push_back(i); }));
  CHECK(box.pending());
  CHECK(readable(box.descriptor()));

  weft::ready_queue ready;
  box.collect(ready);
  CHECK_FALSE(box.pending());
  CHECK_FALSE(readable(box.descriptor()));
  while (!ready.empty()) ready.pop_front().run();
  CHECK(order == std::vector{0, 1, 2});
}

TEST_CASE("many posts between two passes cost one wake-up", "[core][mailbox]") {
  weft::mailbox box;
  weft::ready_queue ready;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 1000; ++i) box.post(*weft::make_callback([] {}));
    box.wake();
    CHECK(wake_ups_in(box) == 1);
    box.collect(ready);
    discard_all(ready);
    CHECK(wake_ups_in(box) == 0);
  }
}

TEST_CASE("a wake-up needs no post", "[core][mailbox]") {
  weft::mailbox box;
  box.wake();
  CHECK(box.pending());
  weft::ready_queue ready;
  box.collect(ready);
  CHECK(ready.empty());
  CHECK_FALSE(box.pending());
}

TEST_CASE("interrupts are counted until the loop asks", "[core][mailbox]") {
  weft::mailbox box;
  CHECK(box.take_interrupts() == 0);
  errno = 42;
  box.interrupt();
  box.interrupt();
  CHECK(errno == 42);  // a signal handler leaves it as it was
  CHECK(box.pending());
  CHECK(wake_ups_in(box) == 1);
  CHECK(box.take_interrupts() == 2);
  CHECK(box.take_interrupts() == 0);
}

TEST_CASE("a closed mailbox refuses posts and hands over what is left", "[core][mailbox]") {
  weft::mailbox box;
  auto owned = std::make_shared<int>();
  box.post(*weft::make_callback([owned] {}));
  weft::ready_queue rest;
  box.close(rest);
  CHECK_FALSE(rest.empty());
  weft::callback& refused = *weft::make_callback([owned] {});
  CHECK_THROWS_AS(box.post(refused), weft::loop_closed_error);
  CHECK(owned.use_count() == 3);
  refused.discard();  // the caller kept it
  discard_all(rest);
  CHECK(owned.use_count() == 1);
}

TEST_CASE("a mailbox that gets no descriptor says so, names the call and leaks nothing", "[core][mailbox]") {
  if (WEFT_ASAN)
    return;  // with it runs UBSan, which needs a pipe of its own to check a virtual table, and there is none left
  CHECK(weft_test::in_child([] {
          const rlimit none{0, 0};
          if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return 1;
          try {
            const weft::mailbox box;
            return 2;
          } catch (const std::system_error& e) {
            if (e.code() != std::errc::too_many_files_open) return 3;
            const std::string what = e.what();
            return what.find("eventfd") != std::string::npos || what.find("pipe") != std::string::npos ? 0 : 4;
          }
        }) == 0);
}

void check_posts_of_eight_threads(const std::string& name, std::size_t posts) {
  constexpr std::size_t threads = 8;
  CAPTURE(name);
  const auto poller = weft_test::make_poller(name);
  weft::event_loop loop({.poller = poller.get()});
  std::array<std::size_t, threads> next{};
  std::size_t out_of_order = 0;
  std::size_t in_wrong_thread = 0;
  const auto loop_thread = std::this_thread::get_id();

  std::vector<std::thread> posters;
  for (std::size_t t = 0; t < threads; ++t) {
    posters.emplace_back([&, t, remote = loop.remote()] {
      for (std::size_t i = 0; i < posts; ++i) {
        remote.call_soon_threadsafe([&, t, i] {
          out_of_order += next[t] != i;
          ++next[t];
          in_wrong_thread += std::this_thread::get_id() != loop_thread;
        });
      }
    });
  }
  // The loop waits as long as any of the remotes lives, and no longer.
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  for (std::thread& poster : posters) poster.join();
  for (const std::size_t n : next) CHECK(n == posts);
  CHECK(out_of_order == 0);
  CHECK(in_wrong_thread == 0);
}

TEST_CASE("eight threads post to a loop: nothing is lost and each keeps its order", "[core][mailbox][stress]") {
  const weft_test::time_limit limit(60);
  check_posts_of_eight_threads(GENERATE(from_range(weft_test::poller_names)), 20'000);
}

// Under ThreadSanitizer a quarter of a minute: ctest does not know it. `weft_core_tests "[soak]"` runs it.
TEST_CASE("eight threads post a million callbacks each: none is lost and each thread keeps its order",
          "[.soak][core][mailbox]") {
  const weft_test::time_limit limit(600);
  check_posts_of_eight_threads(weft_test::poller_names.front(), 1'000'000);
}

TEST_CASE("a post wakes a loop that waits", "[core][mailbox]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const auto poller = weft_test::make_poller(name);
  weft::event_loop loop({.poller = poller.get()});

  SECTION("for nothing in particular") {}
  SECTION("for a timer") {
    loop.call_later(1h, [] {});
  }

  const auto start = std::chrono::steady_clock::now();
  std::thread poster([&loop, remote = loop.remote()] {
    std::this_thread::sleep_for(20ms);
    remote.call_soon_threadsafe([&loop] { loop.stop(); });
  });
  loop.run_forever();
  CHECK(std::chrono::steady_clock::now() - start >= 20ms);
  poster.join();
}

TEST_CASE("dropping the last remote turns waiting into deadlock_error", "[core][mailbox]") {
  const weft_test::time_limit limit;
  weft::event_loop loop;
  std::optional<weft::remote_loop> first = loop.remote();
  weft::remote_loop second = *first;
  const auto start = std::chrono::steady_clock::now();
  std::thread owner([&first, moved = std::move(second)]() mutable {
    std::this_thread::sleep_for(10ms);
    first.reset();
    std::this_thread::sleep_for(10ms);
    const weft::remote_loop last = std::move(moved);
  });
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  CHECK(std::chrono::steady_clock::now() - start >= 20ms);
  owner.join();
}

TEST_CASE("remotes are counted through copies, moves and assignments", "[core][mailbox]") {
  weft::event_loop loop;
  weft::mailbox& box = loop.inbox();
  CHECK_FALSE(box.has_remotes());
  {
    weft::remote_loop a = loop.remote();
    CHECK(box.has_remotes());
    weft::remote_loop b = a;
    const weft::remote_loop c = std::move(a);
    a = b;
    weft::remote_loop& itself = a;
    a = itself;
    b = std::move(a);
    CHECK(box.has_remotes());
  }
  CHECK_FALSE(box.has_remotes());
}

TEST_CASE("a remote that was moved from says that it leads nowhere", "[core][mailbox]") {
  weft::event_loop loop;
  weft::remote_loop remote = loop.remote();
  const weft::remote_loop moved = std::move(remote);
  CHECK_THROWS_AS(remote.call_soon_threadsafe([] {}), weft::loop_closed_error);
}

TEST_CASE("a post to a loop that has gone is an error, and its function is destroyed", "[core][mailbox]") {
  std::optional<weft::remote_loop> remote;
  auto queued = std::make_shared<int>();
  {
    weft::event_loop loop;
    remote = loop.remote();
    remote->call_soon_threadsafe([queued] { ++*queued; });
    CHECK(queued.use_count() == 2);
  }
  CHECK(queued.use_count() == 1);  // what was queued is destroyed uncalled
  CHECK(*queued == 0);
  CHECK_THROWS_AS(remote->call_soon_threadsafe([queued] {}), weft::loop_closed_error);
  CHECK(queued.use_count() == 1);
  const weft::remote_loop copy = *remote;  // harmless
  remote.reset();
}

TEST_CASE("posts race with the end of the loop: each is called, destroyed or refused", "[core][mailbox]") {
  const weft_test::time_limit limit;
  struct token {
    explicit token(std::atomic<int>& a) : alive(&a) { ++*alive; }
    token(token&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
    token(const token&) = delete;
    token& operator=(const token&) = delete;
    ~token() {
      if (alive != nullptr) --*alive;
    }
    std::atomic<int>* alive;
  };
  std::atomic<int> alive{0};
  for (int round = 0; round < 30; ++round) {
    std::optional<weft::event_loop> loop(std::in_place);
    bool refused = false;
    std::atomic<bool> started{false};
    std::thread poster([&, remote = loop->remote()] {
      try {
        for (;;) {
          remote.call_soon_threadsafe([t = token(alive)] {});
          started = true;
        }
      } catch (const weft::loop_closed_error&) {
        refused = true;
      }
    });
    while (!started) std::this_thread::yield();
    run_one_pass(*loop);
    loop.reset();
    poster.join();
    CHECK(refused);
    CHECK(alive == 0);
  }
}

TEST_CASE("the loop's own thread may post, too, and the callback runs in the next pass", "[core][mailbox]") {
  weft::event_loop loop;
  const auto remote = loop.remote();
  std::vector<std::string> order;
  loop.call_soon([&] {
    remote.call_soon_threadsafe([&] { order.emplace_back("posted"); });
    order.emplace_back("posting");
  });
  run_one_pass(loop);
  CHECK(order == std::vector<std::string>{"posting"});
  run_one_pass(loop);
  CHECK(order == std::vector<std::string>{"posting", "posted"});
}

TEST_CASE("a posted callback that throws is reported to the loop's handler", "[core][mailbox]") {
  weft::event_loop loop;
  std::string message;
  loop.set_exception_handler([&](const weft::exception_context& c) { message = c.message; });
  loop.remote().call_soon_threadsafe([] { throw 1; });
  run_one_pass(loop);
  CHECK(message == "Exception in callback");
}

TEST_CASE("posting from a thread costs memory for the callback alone", "[core][mailbox]") {
  if (!weft_test::counts_allocations) return;
  weft::event_loop loop;
  const auto remote = loop.remote();
  const auto post_some = [&] {
    for (int i = 0; i < 50; ++i) remote.call_soon_threadsafe([] {});
    run_one_pass(loop);
  };
  post_some();
  CHECK(weft_test::allocations_in(post_some) == 50);
}

TEST_CASE("a thread that posts for ever costs no more memory than what is on its way", "[core][mailbox]") {
  if (!weft_test::counts_allocations) return;
  weft::event_loop loop;
  const auto remote = loop.remote();
  std::int64_t blocks_of_the_second_half = 0;
  std::thread poster([&] {
    std::int64_t before = 0;
    for (int round = 0; round < 200; ++round) {
      if (round == 100) before = weft_test::live_allocations();
      std::atomic<int> left{100};
      for (int i = 0; i < 100; ++i) remote.call_soon_threadsafe([&left] { left.fetch_sub(1); });
      while (left.load() > 0) std::this_thread::yield();
    }
    blocks_of_the_second_half = weft_test::live_allocations() - before;
    remote.call_soon_threadsafe([&loop] { loop.stop(); });
  });
  loop.run_forever();
  poster.join();
  CHECK(blocks_of_the_second_half < 5);  // of 10,000 posts, which fill 15 chunks of a pool
}

TEST_CASE("under a virtual clock a post is waited for, and what has arrived comes before a jump in time",
          "[core][mailbox]") {
  const weft_test::time_limit limit;
  weft::virtual_clock time;
  weft::event_loop loop({.clock = &time});
  std::vector<std::string> order;
  std::optional<weft::remote_loop> remote = loop.remote();
  std::thread poster;

  SECTION("nothing else to do") {
    poster = std::thread([&] {
      std::this_thread::sleep_for(10ms);
      remote->call_soon_threadsafe([&] {
        order.emplace_back("posted");
        remote.reset();
      });
    });
    run_until_idle(loop);
    poster.join();
    CHECK(order == std::vector<std::string>{"posted"});
    CHECK(loop.time() == weft::time_point{});
  }
  SECTION("a timer is armed") {
    loop.call_later(1h, [&] { order.emplace_back("timer"); });
    remote->call_soon_threadsafe([&] {
      order.emplace_back("posted");
      CHECK(loop.time() == weft::time_point{});
    });
    remote.reset();
    run_until_idle(loop);
    CHECK(order == std::vector<std::string>{"posted", "timer"});
    CHECK(loop.time() == weft::time_point{1h});
  }
}

}  // namespace core_mailbox_test
