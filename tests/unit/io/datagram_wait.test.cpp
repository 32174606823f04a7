// Tests of weft/io/datagram_wait.hpp: waiting for datagrams and for room, and what ends the waiting.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/counting_new.hpp"
#include "support/datagrams.hpp"
#include "support/failure.hpp"
#include "support/loop_steps.hpp"
#include "support/pass_counter.hpp"
#include "support/reports.hpp"
#include "support/time_limit.hpp"
#include "support/virtual_time.hpp"

#include <weft/core/clock.hpp>
#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/run.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/task.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/flow/gather.hpp>
#include <weft/flow/outcome_of.hpp>
#include <weft/flow/race.hpp>
#include <weft/io/datagram_socket.hpp>
#include <weft/io/datagram_wait.hpp>
#include <weft/sync/event.hpp>
#include <weft/sync/yield.hpp>
#include <weft/time/sleep.hpp>
#include <weft/time/with_timeout.hpp>

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace io_datagram_wait_test {

using namespace std::chrono_literals;
using weft::datagram_options;
using weft::datagram_socket;
using weft::interest;
using weft::socket_address;
using weft_test::any_port;
using weft_test::contains;
using weft_test::error_of;
using weft_test::run_on_every_poller;
using weft_test::socket_directory;

bool watched(const datagram_socket& s, interest side) {
  return weft::event_loop::current().is_watched(s.descriptor(), side);
}

// Until a task that is to wait does, and until one that was woken has run.
weft::task<> let_others_run() {
  for (int i = 0; i < 3; ++i) co_await weft::yield();
}

// A task has been woken and has not had its turn yet.
template <class T>
bool is_on_its_way(const weft::task_handle<T>& handle) {
  return weft::task_ref(handle).state().linked();
}
template <class T>
weft::task<bool> is_woken(const weft::task_handle<T>& handle) {
  for (int i = 0; i < 1000 && !is_on_its_way(handle); ++i) co_await weft::yield();
  co_return is_on_its_way(handle) && !handle.done();
}

// Two unix sockets, of which the first has sent the second as many datagrams as it takes: "0", "1" and so on.
class full_pair {
 public:
  explicit full_pair(const socket_directory& directory, bool connected)
      : to(socket_address::unix_path(directory.path("receiver"))),
        receiver(datagram_socket::bind(to)),
        sender(connected ? datagram_socket::connect(to)
                         : datagram_socket::bind(socket_address::unix_path(directory.path("sender")))) {
    for (;; ++sent) {
      const std::string text = std::to_string(sent);
      if (::sendto(sender.descriptor(), text.data(), text.size(), 0, to.data(), to.size()) < 0) break;
    }
  }
  weft::datagram_send_awaiter send(std::string_view text) {
    return connected_ ? sender.send(text) : sender.send_to(text, to);
  }
  weft::task<> empty() {
    for (; received < sent; ++received) {
      const std::string text = co_await receiver.receive(100);
      CHECK(text == std::to_string(received));
    }
  }

  socket_address to;
  datagram_socket receiver;
  datagram_socket sender;
  int sent = 0;
  int received = 0;

 private:
  bool connected_ = sender.local_address().path().empty();
};

TEST_CASE("a datagram that is there takes no pass, nor does one that is sent", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    const weft_test::pass_counter counter;
    std::array<char, 10> buffer;
    for (int i = 0; i < 3; ++i) {
      co_await a.send_to("x", a.local_address());
      co_await a.receive_from(buffer);
    }
    CHECK(counter.passes() == 0);
    CHECK_FALSE(watched(a, interest::both));
  });
}

TEST_CASE("a task waits for a datagram while others run, and is not watched for afterwards", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    auto receiver = weft::create_task(a.receive());
    co_await let_others_run();
    CHECK_FALSE(receiver.done());
    CHECK(watched(a, interest::read));
    CHECK_FALSE(watched(a, interest::write));
    co_await weft::sleep_for(2ms);
    CHECK_FALSE(receiver.done());
    co_await a.send_to("x", a.local_address());
    const std::string received = co_await receiver;
    CHECK(received == "x");
    CHECK_FALSE(watched(a, interest::both));
  });
}

TEST_CASE("waiting for a datagram allocates nothing", "[io][datagram_wait]") {
  if (!weft_test::counts_allocations) return;
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    weft::event done;
    std::array<char, 10> buffer;
    std::uint64_t allocated = 1;
    auto receiver = weft::create_task([&]() -> weft::task<> {
      for (int i = 0; i < 3; ++i) {  // the tables of the loop and the poller grow once
        const std::uint64_t before = weft_test::allocations();
        co_await a.receive_from(buffer);
        allocated = weft_test::allocations() - before;
        done.set();
      }
    });
    const socket_address here = a.local_address();
    for (int i = 0; i < 3; ++i) {
      for (int k = 0; k < 3; ++k) co_await weft::yield();  // let_others_run() would allocate
      CHECK(watched(a, interest::read));
      done.clear();
      co_await a.send_to("x", here);
      co_await done.wait();
    }
    co_await receiver;
    CHECK(allocated == 0);
  });
}

TEST_CASE("a task that is cancelled while it waits has received nothing", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    auto receiver = weft::create_task(a.receive());
    co_await let_others_run();
    receiver.cancel();
    CHECK_FALSE(watched(a, interest::read));
    co_await weft::gather_outcomes(receiver);
    CHECK(receiver.cancelled());
    co_await a.send_to("for the next one", a.local_address());
    const std::string received = co_await a.receive();
    CHECK(received == "for the next one");
  });
}

TEST_CASE("a datagram for a task that is cancelled on its way is there for the next one", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    auto receiver = weft::create_task(a.receive());
    co_await let_others_run();
    co_await a.send_to("first", a.local_address());
    const bool woken = co_await is_woken(receiver);
    CHECK(woken);
    receiver.cancel();
    co_await weft::gather_outcomes(receiver);
    CHECK(receiver.cancelled());
    CHECK_FALSE(watched(a, interest::read));
    const std::string received = co_await a.receive();
    CHECK(received == "first");
  });
}

TEST_CASE("a task whose datagram was taken by somebody else waits on", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    auto receiver = weft::create_task(a.receive());
    co_await let_others_run();
    co_await a.send_to("first", a.local_address());
    const bool woken = co_await is_woken(receiver);
    CHECK(woken);
    char taken[10];
    CHECK(::recv(a.descriptor(), taken, sizeof taken, 0) == 5);
    co_await let_others_run();
    CHECK_FALSE(receiver.done());
    co_await a.send_to("second", a.local_address());
    const std::string received = co_await receiver;
    CHECK(received == "second");
  });
}

TEST_CASE("a limit of time ends the waiting for a datagram", "[io][datagram_wait]") {
  weft_test::run_on_virtual_time([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    bool timed_out = false;
    try {
      co_await weft::with_timeout(1h, a.receive());
    } catch (const weft::timeout_error&) {
      timed_out = true;
    }
    CHECK(timed_out);
    CHECK(weft_test::now_ms() == 3'600'000);
    CHECK_FALSE(watched(a, interest::read));
  });
}

TEST_CASE("receiving and sending can be raced and gathered as they are", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    const socket_address here = a.local_address();
    std::array<char, 10> buffer;
    const auto first = co_await weft::race(a.receive_from(buffer), weft::sleep_for(1ms));
    CHECK(first.index() == 1);
    CHECK_FALSE(watched(a, interest::read));
    const auto [d, nothing] = co_await weft::gather(a.receive_from(buffer), a.send_to("both", here));
    CHECK(d.size == 4);
    static_cast<void>(nothing);
  });
}

TEST_CASE("a loop may go while its tasks wait for datagrams and for room", "[io][datagram_wait]") {
  const socket_directory directory;
  const weft_test::time_limit limit;
  for (const bool sockets_go_first : {false, true}) {
    weft_test::reports told;
    auto pair = std::make_unique<full_pair>(directory, true);
    {
      weft::event_loop loop;
      told.listen(loop);
      loop.create_task(pair->sender.receive());
      loop.create_task([](full_pair& p) -> weft::task<> { co_await p.send("more"); }, std::ref(*pair));
      weft_test::run_one_pass(loop);
      weft_test::run_one_pass(loop);
      CHECK(loop.is_watched(pair->sender.descriptor(), interest::read));
      CHECK(loop.is_watched(pair->sender.descriptor(), interest::write));
      if (sockets_go_first) pair.reset();
    }
    CHECK(told.count() == 2);  // tasks that were pending
  }
}

TEST_CASE("what the main task owned may go before the tasks that wait at it", "[io][datagram_wait]") {
  const socket_directory directory;
  weft_test::reports told;
  std::optional<weft::task_handle<std::string>> receiver;
  std::optional<weft::task_handle<std::string>> woken;
  std::optional<weft::task_handle<>> sender;
  run_on_every_poller([&]() -> weft::task<> {
    told.listen();
    full_pair pair(directory, true);
    auto a = datagram_socket::bind(any_port());
    receiver = weft::create_task(pair.sender.receive());
    sender = weft::create_task([](full_pair& p) -> weft::task<> { co_await p.send("more"); }, std::ref(pair));
    woken = weft::create_task(a.receive());
    co_await let_others_run();
    co_await a.send_to("x", a.local_address());
    const bool on_its_way = co_await is_woken(*woken);
    CHECK(on_its_way);
  });
  CHECK(receiver->cancelled());
  CHECK(sender->cancelled());
  CHECK(woken->cancelled());
  CHECK(told.text().empty());
}

TEST_CASE("closing a socket ends the waits of others with an error", "[io][datagram_wait]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    full_pair pair(directory, true);
    auto woken_one = datagram_socket::bind(any_port());
    auto receives = weft::create_task(error_of(pair.sender.receive()));
    auto sends = weft::create_task(error_of(pair.send("more")));
    auto woken = weft::create_task(error_of(woken_one.receive()));
    co_await let_others_run();
    co_await woken_one.send_to("x", woken_one.local_address());
    const bool on_its_way = co_await is_woken(woken);
    CHECK(on_its_way);
    const int fd = pair.sender.descriptor();
    pair.sender.close();
    woken_one.close();
    CHECK_FALSE(weft::event_loop::current().is_watched(fd, interest::both));
    for (const auto& handle : {receives, sends, woken}) {
      const auto error = co_await handle;
      CHECK(error.code == std::errc::operation_canceled);
      CHECK_THAT(error.what, contains("was closed"));
    }
  });
}

TEST_CASE("an operation whose socket was closed meanwhile cannot be awaited again", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    std::array<char, 10> buffer{};
    auto receives = a.receive_from(std::span<char>(buffer));
    const auto waits = [](weft::datagram_receive_awaiter& operation) -> weft::task<> { co_await std::move(operation); };
    auto waiter = weft::create_task(error_of(waits(receives)));
    co_await let_others_run();
    a.close();
    const auto first = co_await waiter;
    CHECK(first.code == std::errc::operation_canceled);
    const auto second = co_await weft::outcome_of(waits(receives));
    CHECK_THROWS_AS(second.value(), weft::invalid_state_error);
    CHECK_THROWS_WITH(second.value(), contains("awaited before"));
  });
}

TEST_CASE("a task that is cancelled after its socket was closed, or has gone, is cancelled", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    for (const bool is_closed : {true, false}) {
      for (const bool is_to_be_woken : {true, false}) {
        auto a = std::make_unique<datagram_socket>(datagram_socket::bind(any_port()));
        auto receiver = weft::create_task(a->receive());
        co_await let_others_run();
        if (is_to_be_woken) {
          co_await a->send_to("x", a->local_address());
          const bool woken = co_await is_woken(receiver);
          CHECK(woken);
        }
        if (is_closed) {
          a->close();
        } else {
          a.reset();
        }
        receiver.cancel();
        co_await weft::gather_outcomes(receiver);
        CHECK(receiver.cancelled());
      }
    }
  });
}

TEST_CASE("a socket may be moved while tasks wait at it", "[io][datagram_wait]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    full_pair pair(directory, true);
    auto sends = weft::create_task(error_of(pair.send("moved")));
    auto a = std::make_unique<datagram_socket>(datagram_socket::bind(any_port()));
    auto receiver = weft::create_task(a->receive());
    co_await let_others_run();
    auto b = std::move(*a);
    a.reset();
    datagram_socket sender = std::move(pair.sender);
    co_await b.send_to("x", b.local_address());
    const std::string received = co_await receiver;
    CHECK(received == "x");
    co_await pair.empty();
    const auto error = co_await sends;
    CHECK_FALSE(error.code);
    const std::string moved = co_await pair.receiver.receive();
    CHECK(moved == "moved");
  });
}

TEST_CASE("one task may wait to receive and one to send, and more are refused", "[io][datagram_wait]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    full_pair pair(directory, true);
    auto receives = weft::create_task(error_of(pair.sender.receive()));
    auto sends = weft::create_task(error_of(pair.send("more")));
    co_await let_others_run();
    CHECK(watched(pair.sender, interest::read));
    CHECK(watched(pair.sender, interest::write));
    int refused = 0;
    try {
      co_await pair.sender.receive();
    } catch (const weft::usage_error&) {
      ++refused;
    }
    try {
      co_await pair.send("even more");
    } catch (const weft::usage_error&) {
      ++refused;
    }
    CHECK(refused == 2);
    co_await pair.empty();
    const auto sent = co_await sends;
    CHECK_FALSE(sent.code);
    CHECK_FALSE(receives.done());
    receives.cancel();
  });
}

TEST_CASE("a datagram for a task that was woken is not for one that asks later", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    auto receiver = weft::create_task(a.receive());
    co_await let_others_run();
    co_await a.send_to("first", a.local_address());
    const bool woken = co_await is_woken(receiver);
    CHECK(woken);
    std::string refused;
    try {
      co_await a.receive();
    } catch (const weft::usage_error& e) {
      refused = e.what();
    }
    CHECK_THAT(refused, contains("another task waits at this socket"));
    const std::string received = co_await receiver;
    CHECK(received == "first");
  });
}

TEST_CASE("a descriptor that somebody else watches is left to them", "[io][datagram_wait]") {
  struct counts final : weft::runnable {
    ~counts() { unlink(); }
    void run() override { ++runs; }
    int runs = 0;
  };
  run_on_every_poller([]() -> weft::task<> {
    auto a = datagram_socket::bind(any_port());
    counts other;
    weft::event_loop& loop = weft::event_loop::current();
    loop.watch(a.descriptor(), interest::read, other);
    bool refused = false;
    try {
      co_await a.receive();
    } catch (const weft::usage_error&) {
      refused = true;
    }
    CHECK(refused);
    co_await a.send_to("x", a.local_address());
    co_await let_others_run();
    CHECK(other.runs > 0);
    loop.unwatch(a.descriptor());
    const std::string received = co_await a.receive();
    CHECK(received == "x");
  });
}

TEST_CASE("a sender waits while the receiver has no room, and nothing is lost or out of order", "[io][datagram_wait]") {
  const socket_directory directory;
  for (const bool connected : {true, false}) {
    CAPTURE(connected);
    run_on_every_poller([&]() -> weft::task<> {
      full_pair pair(directory, connected);
      CHECK(pair.sent > 0);
      auto sends = weft::create_task([&]() -> weft::task<> {
        for (int i = 0; i < 100; ++i) {
          const std::string text = std::to_string(pair.sent);
          co_await pair.send(text);
          ++pair.sent;
        }
      });
      co_await let_others_run();
      CHECK_FALSE(sends.done());
      while (!sends.done()) {
        co_await pair.empty();
        co_await weft::yield();
      }
      co_await pair.empty();
      CHECK(pair.received >= 100);
    });
  }
}

TEST_CASE("a sender that is cancelled while it waits for room has sent nothing", "[io][datagram_wait]") {
  const socket_directory directory;
  for (const bool connected : {true, false}) {
    CAPTURE(connected);
    run_on_every_poller([&]() -> weft::task<> {
      full_pair pair(directory, connected);
      auto sends = weft::create_task(error_of(pair.send("never")));
      co_await let_others_run();
      sends.cancel();
      co_await weft::gather_outcomes(sends);
      CHECK(sends.cancelled());
      CHECK_FALSE(watched(pair.sender, interest::write));
      CHECK(weft::event_loop::current().armed_timers() == 0);
      co_await pair.empty();
      co_await pair.send("next");
      const std::string next = co_await pair.receiver.receive();
      CHECK(next == "next");
    });
  }
}

#if defined(__linux__)
TEST_CASE("a sender that is cancelled when there is room again has sent nothing", "[io][datagram_wait]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    full_pair pair(directory, true);
    auto sends = weft::create_task(error_of(pair.send("never")));
    co_await let_others_run();
    co_await pair.empty();
    const bool woken = co_await is_woken(sends);
    CHECK(woken);
    sends.cancel();
    co_await weft::gather_outcomes(sends);
    CHECK(sends.cancelled());
    co_await pair.send("next");
    const std::string next = co_await pair.receiver.receive();
    CHECK(next == "next");
  });
}

// Counts how often the loop looks outside.
class counting_poller final : public weft::poller {
 public:
  bool watch(int fd, interest what) override { return inner_.watch(fd, what); }
  bool forget(int fd) noexcept override { return inner_.forget(fd); }
  void wait(weft::duration timeout, std::vector<weft::ready_event>& out) override {
    ++waits;
    inner_.wait(timeout, out);
  }
  int waits = 0;

 private:
  weft::default_poller inner_;
};

// Linux says of a unix socket that is not connected that it can be written, whatever room its receivers have.
TEST_CASE("the loop is not kept busy by a sender that waits for room", "[io][datagram_wait]") {
  const socket_directory directory;
  const weft_test::time_limit limit;
  const bool connected = GENERATE(true, false);
  CAPTURE(connected);
  counting_poller poller;
  const auto body = [&]() -> weft::task<> {
    full_pair pair(directory, connected);
    auto sends = weft::create_task(error_of(pair.send("late")));
    co_await let_others_run();
    poller.waits = 0;
    co_await weft::sleep_for(100ms);
    CHECK(poller.waits <= 250);  // one a millisecond, and what a timer needs to come to its end
    CHECK_FALSE(sends.done());
    co_await pair.empty();
    const auto error = co_await sends;
    CHECK_FALSE(error.code);
  };
  weft::run(body(), {.poller = &poller});
}
#endif

TEST_CASE("a task that waits for a datagram is told that its peer is not there", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto server = datagram_socket::bind(any_port());
    auto client = datagram_socket::connect(server.local_address());
    server.close();
    auto receives = weft::create_task(error_of(client.receive()));
    co_await let_others_run();
    CHECK_FALSE(receives.done());
    co_await client.send("anybody?");
    const auto error = co_await receives;
    CHECK(error.code == std::errc::connection_refused);
    CHECK_FALSE(watched(client, interest::both));
  });
}

TEST_CASE("a deadlock report says what a task waits for", "[io][datagram_wait]") {
  const socket_directory directory;
  run_on_every_poller([&]() -> weft::task<> {
    full_pair pair(directory, true);
    auto receives = weft::create_task(error_of(pair.sender.receive_from(std::span<char>())));
    auto sends = weft::create_task(error_of(pair.send("more")));
    co_await let_others_run();
    CHECK_THAT(weft::task_ref(receives).state().report(), contains("waits for a datagram"));
    CHECK_THAT(weft::task_ref(sends).state().report(), contains("waits for room for a datagram"));
    receives.cancel();
    sends.cancel();
  });
}

TEST_CASE("two hundred clients get their own words back", "[io][datagram_wait]") {
  run_on_every_poller([]() -> weft::task<> {
    auto server = datagram_socket::bind(any_port());
    auto echo = weft::create_task(
        [](datagram_socket& s) -> weft::task<> {
          std::array<char, 100> buffer;
          for (;;) {
            const weft::datagram d = co_await s.receive_from(buffer);
            co_await s.send_to(std::string_view(buffer.data(), d.size), d.from);
          }
        },
        std::ref(server));
    const auto client = [](socket_address to, int number) -> weft::task<int> {
      auto s = datagram_socket::connect(to);
      int right = 0;
      for (int i = 0; i < 10; ++i) {
        const std::string text = std::to_string(number) + ":" + std::to_string(i);
        co_await s.send(text);
        const std::string answer = co_await s.receive();
        right += answer == text ? 1 : 0;
      }
      co_return right;
    };
    std::vector<weft::task<int>> clients;
    for (int i = 0; i < 200; ++i) clients.push_back(client(server.local_address(), i));
    const std::vector<int> all = co_await weft::gather(std::move(clients));
    for (const int right : all) CHECK(right == 10);
    echo.cancel();
  });
}

TEST_CASE("signals that interrupt system calls are not noticed", "[io][datagram_wait]") {
  const int child = weft_test::in_child([] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // and no SA_RESTART
    if (::sigaction(SIGUSR1, &action, nullptr) != 0) return 1;
    const pthread_t main_thread = ::pthread_self();
    std::atomic<bool> ended{false};
    std::thread nuisance([&] {
      while (!ended.load()) {
        ::pthread_kill(main_thread, SIGUSR1);
        std::this_thread::sleep_for(50us);
      }
    });
    int right = 0;
    weft::run([&]() -> weft::task<> {
      auto a = datagram_socket::bind(any_port());
      for (int i = 0; i < 100; ++i) {
        auto receiver = weft::create_task(a.receive());
        co_await weft::sleep_for(200us);
        co_await a.send_to("x", a.local_address());
        const std::string received = co_await receiver;
        right += received == "x" ? 1 : 0;
      }
    });
    ended = true;
    nuisance.join();
    return right == 100 ? 0 : 2;
  });
  CHECK(child == 0);
}

}  // namespace io_datagram_wait_test
