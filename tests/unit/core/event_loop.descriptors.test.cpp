// Tests of weft/core/event_loop.hpp: descriptors that it watches, and those that it needs itself.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/counting_new.hpp"
#include "support/loop_steps.hpp"
#include "support/pipe.hpp"
#include "support/pollers.hpp"
#include "support/time_limit.hpp"

#include <weft/core/event_loop.hpp>
#include <weft/detail/config.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace core_event_loop_descriptors_test {

using namespace std::chrono_literals;
using weft::duration;
using weft::interest;
using weft_test::channel;
using weft_test::run_one_pass;
using weft_test::run_until_idle;

// A runnable that calls a function each time.
struct action final : weft::runnable {
  explicit action(std::function<void()> f) : function(std::move(f)) {}
  ~action() { unlink(); }
  void run() override { function(); }
  std::function<void()> function;
};

// Looks on while another poller does the work, does not wait, and throws where the loop would wait for ever.
class watched_poller final : public weft::poller {
 public:
  bool watch(int fd, interest what) override { return inner_->watch(fd, what); }
  bool forget(int fd) noexcept override { return inner_->forget(fd); }
  void wait(duration timeout, std::vector<weft::ready_event>& out) override {
    timeouts.push_back(timeout);
    if (on_wait) on_wait();
    inner_->wait(duration::zero(), out);
    if (timeout == duration::max() && out.empty()) throw std::runtime_error("the loop waits for ever");
  }
  std::function<void()> on_wait;
  std::vector<duration> timeouts;

 private:
  std::unique_ptr<weft::poller> inner_ = weft_test::make_poller(weft_test::poller_names.back());
};

struct loop_on_every_poller {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  const weft_test::time_limit limit;
  std::unique_ptr<weft::poller> poller = weft_test::make_poller(name);
  weft::event_loop loop{{.poller = poller.get()}};
};

TEST_CASE_METHOD(loop_on_every_poller, "a watched descriptor is reported in every pass in which it is ready",
                 "[core][event_loop]") {
  CAPTURE(name);
  const channel p;
  int reports = 0;
  action on_ready([&] { ++reports; });
  loop.watch(p.reader.get(), interest::read, on_ready);
  run_one_pass(loop);
  CHECK(reports == 0);
  p.send();
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(reports == 2);
  loop.unwatch(p.reader.get());
  run_one_pass(loop);
  CHECK(reports == 2);
}

TEST_CASE_METHOD(loop_on_every_poller, "a loop waits for its descriptors, and for nothing else when they are gone",
                 "[core][event_loop]") {
  CAPTURE(name);
  const channel p;
  int reports = 0;
  action on_ready([&] {
    ++reports;
    loop.unwatch(p.reader.get());
  });
  loop.watch(p.reader.get(), interest::read, on_ready);
  std::thread writer([&] {
    std::this_thread::sleep_for(20ms);
    static_cast<void>(::write(p.writer.get(), "x", 1) == 1);
  });
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  writer.join();
  CHECK(reports == 1);
}

TEST_CASE_METHOD(loop_on_every_poller, "neither callbacks nor posts that never end keep descriptors waiting",
                 "[core][event_loop]") {
  CAPTURE(name);
  const channel p;
  p.send();
  bool ready = false;
  action on_ready([&] {
    ready = true;
    loop.stop();
  });
  loop.watch(p.reader.get(), interest::read, on_ready);
  int turns = 0;
  const auto remote = loop.remote();
  std::function<void()> again;

  SECTION("callbacks") {
    again = [&] { ++turns < 1000 ? static_cast<void>(loop.call_soon(again)) : loop.stop(); };
  }
  SECTION("posts") {
    again = [&] { ++turns < 1000 ? remote.call_soon_threadsafe(again) : loop.stop(); };
  }
  again();
  loop.run_forever();
  CHECK(ready);
  CHECK(turns < 10);
  loop.unwatch(p.reader.get());
}

TEST_CASE("a descriptor that was watched twice is one that is watched", "[core][event_loop]") {
  watched_poller poller;
  weft::event_loop loop({.poller = &poller});
  const channel p;
  action first([] {});
  action second([] {});
  loop.watch(p.reader.get(), interest::read, first);
  loop.watch(p.reader.get(), interest::both, second);
  loop.unwatch(p.reader.get());
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
}

TEST_CASE_METHOD(loop_on_every_poller, "the two sides of a descriptor are told apart, who reads first",
                 "[core][event_loop]") {
  CAPTURE(name);
  const channel p(channel::sockets);
  const int fd = p.reader.get();
  std::string order;
  action on_readable([&] { order += 'r'; });
  action on_writable([&] { order += 'w'; });
  loop.watch(fd, interest::write, on_writable);
  loop.watch(fd, interest::read, on_readable);
  CHECK((loop.is_watched(fd, interest::read) && loop.is_watched(fd, interest::write)));
  run_one_pass(loop);
  CHECK(order == "w");
  p.send();
  run_one_pass(loop);
  CHECK(order == "wrw");
  loop.unwatch(fd, interest::write);
  CHECK((loop.is_watched(fd, interest::read) && !loop.is_watched(fd, interest::write)));
  run_one_pass(loop);
  CHECK(order == "wrwr");
  loop.unwatch(fd);
  CHECK_FALSE(loop.is_watched(fd, interest::both));
}

TEST_CASE_METHOD(loop_on_every_poller, "who is scheduled for a descriptor already is not run once it is unwatched",
                 "[core][event_loop]") {
  CAPTURE(name);
  const channel a;
  const channel b;
  a.send();
  b.send();
  int calls = 0;
  action on_a([&] { ++calls, loop.unwatch(b.reader.get()); });
  action on_b([&] { ++calls, loop.unwatch(a.reader.get()); });
  loop.watch(a.reader.get(), interest::read, on_a);
  loop.watch(b.reader.get(), interest::read, on_b);
  run_one_pass(loop);  // both are ready; whoever comes first takes the other back
  CHECK(calls == 1);
  loop.unwatch(a.reader.get());
  loop.unwatch(b.reader.get());
}

TEST_CASE("a watch that fails is no watch", "[core][event_loop]") {
  watched_poller poller;
  weft::event_loop loop({.poller = &poller});
  action on_ready([] {});
  CHECK_THROWS_AS(loop.watch(-1, interest::read, on_ready), std::system_error);
  loop.unwatch(-1);
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
}

TEST_CASE_METHOD(loop_on_every_poller, "a number that is no open descriptor is refused before there is a place for it",
                 "[core][event_loop]") {
  CAPTURE(name);
  action on_ready([] {});
  const int highest = std::numeric_limits<int>::max();
  for (const int number : {-1, 1'000'000, 1 << 30, highest}) {
    CAPTURE(number);
    const std::int64_t before = weft_test::live_allocations();
    std::error_code code;
    try {
      loop.watch(number, interest::read, on_ready);
    } catch (const std::system_error& e) {
      code = e.code();
    }
    CHECK(code == std::errc::bad_file_descriptor);
    CHECK_FALSE(loop.is_watched(number, interest::both));
    CHECK(weft_test::live_allocations() == before);
  }
}

TEST_CASE("without descriptors and posts the loop makes no system call but to sleep", "[core][event_loop]") {
  watched_poller poller;
  weft::event_loop loop({.poller = &poller});
  int turns = 0;
  std::function<void()> again = [&] {
    if (++turns < 100) loop.call_soon(again);
  };
  again();
  run_until_idle(loop);
  CHECK(turns == 100);
  CHECK(poller.timeouts.empty());

  loop.call_later(1h, [] {});
  poller.on_wait = [&] { loop.stop(); };
  loop.run_forever();
  REQUIRE(poller.timeouts.size() == 1);
  CHECK(poller.timeouts.front() > 59min);
  CHECK(poller.timeouts.front() <= 1h);

  weft::virtual_clock time;
  watched_poller other;
  weft::event_loop virtual_loop({.clock = &time, .poller = &other});
  virtual_loop.call_later(1h, [] {});
  run_until_idle(virtual_loop);
  CHECK(other.timeouts.empty());
}

int open_descriptors() {
  int open = 0;
  for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) != -1;
  return open;
}

TEST_CASE("a loop that gets no descriptor throws system_error that names the call, and leaves nothing open",
          "[core][event_loop]") {
  if (WEFT_ASAN)
    return;  // with it runs UBSan, which needs a pipe of its own to check a virtual table, and there is none left
  const int result = weft_test::in_child([] {
    const int before = open_descriptors();
    rlimit limits{};
    if (::getrlimit(RLIMIT_NOFILE, &limits) != 0) return 1;
    // The lowest free number is what the next descriptor gets; allow none, then one more, until a loop can be made.
    const int lowest = ::dup(0);
    ::close(lowest);
    int refused = 0;
    for (int allowed = 0; allowed < 5; ++allowed) {
      const rlimit low{static_cast<rlim_t>(lowest + allowed), limits.rlim_max};
      if (::setrlimit(RLIMIT_NOFILE, &low) != 0) return 2;
      try {
        const weft::event_loop loop;
        break;
      } catch (const std::system_error& e) {
        if (e.code() != std::errc::too_many_files_open) return 3;
        const std::string what = e.what();
        if (what.find("epoll_create1") == std::string::npos && what.find("eventfd") == std::string::npos &&
            what.find("pipe") == std::string::npos) {
          return 4;
        }
        ++refused;
      }
      if (open_descriptors() != before) return 5;
    }
    if (refused == 0) return 6;
    // As good as new once there are descriptors again.
    if (::setrlimit(RLIMIT_NOFILE, &limits) != 0) return 7;
    weft::event_loop loop;
    int calls = 0;
    loop.call_soon([&] { ++calls; });
    run_until_idle(loop);
    return calls == 1 ? 0 : 8;
  });
  CHECK(result == 0);
}

TEST_CASE("loops come and go without leaving descriptors or memory", "[core][event_loop]") {
  const auto use = [] {
    weft::event_loop loop;
    loop.call_soon([] {});
    loop.call_later(1h, [] {});
    run_one_pass(loop);
  };
  use();
  const int before = open_descriptors();
  const auto memory_before = weft_test::live_allocations();
  for (int i = 0; i < 20; ++i) use();
  const auto memory_after = weft_test::live_allocations();
  CHECK(open_descriptors() == before);
  CHECK(memory_after == memory_before);
}

TEST_CASE("a poller can serve one loop after the other", "[core][event_loop]") {
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  const auto poller = weft_test::make_poller(name);
  for (int round = 0; round < 3; ++round) {
    weft::event_loop loop({.poller = poller.get()});
    std::optional<weft::remote_loop> remote = loop.remote();
    int calls = 0;
    std::thread([&] { remote->call_soon_threadsafe([&] { ++calls; }); }).join();
    remote.reset();
    run_until_idle(loop);
    CHECK(calls == 1);
  }
}

}  // namespace core_event_loop_descriptors_test
