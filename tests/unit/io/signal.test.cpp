// Tests of weft/io/signal.hpp: subscriptions, and the pipes of the loops.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/loop_steps.hpp"
#include "support/pollers.hpp"
#include "support/signals.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/io/signal.hpp>

#include <fcntl.h>
#include <signal.h>

#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace io_signal_test {

using weft::signal_subscription;
using weft_test::former_effect;
using weft_test::run_one_pass;
using weft_test::send;

// Says which numbers it was told of, and how often.
class told final : public weft::signal_listener {
 public:
  bool signals_came(std::span<const unsigned char> order) noexcept override {
    ++times;
    numbers.insert(numbers.end(), order.begin(), order.end());
    return times > refusals;
  }
  int times = 0;
  int refusals = 0;
  std::vector<int> numbers;
};

int open_descriptors() {
  int open = 0;
  for (int fd = 0; fd < 256; ++fd) open += ::fcntl(fd, F_GETFD) != -1;
  return open;
}

TEST_CASE("a subscription counts a signal from none, and gives it back", "[io][signal]") {
  const former_effect unchanged(SIGUSR1);
  {
    signal_subscription first(SIGUSR1);
    send(SIGUSR1);
    send(SIGUSR1);
    const signal_subscription second(SIGUSR1);
    CHECK(first.pending() == 2);
    CHECK(second.pending() == 0);
    first.take();
    CHECK(first.pending() == 1);
    CHECK(first.number() == SIGUSR1);
  }
  CHECK_FALSE(unchanged.taken_over());
}

TEST_CASE("a subscription that is moved takes its count along", "[io][signal]") {
  const former_effect unchanged1(SIGUSR1);
  const former_effect unchanged2(SIGUSR2);
  signal_subscription a(SIGUSR1);
  send(SIGUSR1);
  signal_subscription b(std::move(a));
  CHECK(b.pending() == 1);
  signal_subscription c(SIGUSR2);
  c = std::move(b);
  CHECK(c.number() == SIGUSR1);
  CHECK(c.pending() == 1);
  CHECK(unchanged1.taken_over());
}

TEST_CASE("signals are told apart from other numbers", "[io][signal]") {
  CHECK(weft::signal_process::is_signal(SIGTERM));
  CHECK(weft::signal_process::is_signal(SIGKILL));
  for (const int number : {-1, 0, NSIG, NSIG + 1, 1'000'000}) CHECK_FALSE(weft::signal_process::is_signal(number));
#if defined(__GLIBC__)
  CHECK_FALSE(weft::signal_process::is_signal(SIGRTMIN - 1));  // glibc has it for itself
  CHECK_THROWS_AS(signal_subscription(SIGRTMIN - 1), std::invalid_argument);
#endif
}

TEST_CASE("all who listen on a loop are told what came, while they listen", "[io][signal]") {
  const former_effect unchanged1(SIGUSR1);
  const former_effect unchanged2(SIGUSR2);
  const std::string name = GENERATE(from_range(weft_test::poller_names));
  CAPTURE(name);
  const weft_test::time_limit limit;
  const auto poller = weft_test::make_poller(name);
  const signal_subscription one(SIGUSR1);
  const signal_subscription two(SIGUSR2);
  weft::event_loop loop({.poller = poller.get()});
  auto& inbox = loop.local<weft::signal_inbox>();
  told a;
  told b;
  inbox.add(loop, a);
  inbox.add(loop, b);
  for (const int number : {SIGUSR2, SIGUSR1, SIGUSR2}) send(number);
  run_one_pass(loop);
  run_one_pass(loop);
  CHECK(a.times == 1);
  CHECK(a.numbers == std::vector<int>{SIGUSR2, SIGUSR1, SIGUSR2});
  CHECK(b.numbers == a.numbers);
  inbox.remove(a);
  send(SIGUSR1);
  run_one_pass(loop);
  CHECK((a.times == 1 && b.times == 2));
  inbox.remove(b);
  inbox.remove(b);
  send(SIGUSR1);
  CHECK_THROWS_AS(loop.run_forever(), weft::deadlock_error);
  CHECK(b.times == 2);
  inbox.add(loop, a);  // is told of what came before
  run_one_pass(loop);
  CHECK(a.times == 2);
  inbox.remove(a);
}

TEST_CASE("of a signal that came before the loop had a pipe they are told when they look", "[io][signal]") {
  const former_effect unchanged(SIGUSR1);
  weft::event_loop loop;
  auto& inbox = loop.local<weft::signal_inbox>();
  const signal_subscription wish(SIGUSR1);
  send(SIGUSR1);
  told listener;
  inbox.add(loop, listener);
  CHECK(wish.pending() == 1);
  inbox.look();
  run_one_pass(loop);
  CHECK(listener.times == 1);
  inbox.remove(listener);
}

TEST_CASE("one who has no memory is told again in the next pass", "[io][signal]") {
  const former_effect unchanged(SIGUSR1);
  const signal_subscription subscription(SIGUSR1);
  weft::event_loop loop;
  told listener;
  listener.refusals = 2;
  loop.local<weft::signal_inbox>().add(loop, listener);
  send(SIGUSR1);
  for (int i = 0; i < 5; ++i) run_one_pass(loop);
  CHECK(listener.times == 3);
  CHECK(listener.numbers == std::vector<int>{SIGUSR1, 0, 0});
  loop.local<weft::signal_inbox>().remove(listener);
}

TEST_CASE("loops that listen for signals come and go, leave no descriptor, and give none to programs that are started",
          "[io][signal]") {
  const auto use = [] {
    weft::event_loop loop;
    const int before = open_descriptors();
    told listener;
    loop.local<weft::signal_inbox>().add(loop, listener);
    CHECK(open_descriptors() == before + 2);
    for (int fd = 3; fd < 256; ++fd) {
      const int flags = ::fcntl(fd, F_GETFD);
      if (flags != -1 && loop.is_watched(fd, weft::interest::read)) {
        CHECK((flags & FD_CLOEXEC) != 0);
        CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
      }
    }
  };
  const int before = open_descriptors();
  for (int i = 0; i < 10; ++i) use();
  CHECK(open_descriptors() == before);
}

TEST_CASE("a pipe serves one loop after the other, and each that listens has its own", "[io][signal]") {
  using weft::signal_process;
  auto& a = signal_process::open_pipe();
  auto& b = signal_process::open_pipe();
  CHECK(&a != &b);
  CHECK(a.descriptor() != b.descriptor());
  signal_process::close_pipe(a);
  auto& c = signal_process::open_pipe();
  CHECK(&c == &a);
  signal_process::close_pipe(b);
  signal_process::close_pipe(c);
}

}  // namespace io_signal_test
