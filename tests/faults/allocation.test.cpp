// What happens when memory runs out: in each scenario operator new fails at the n-th call, for every n.
// SPDX-License-Identifier: MIT
//
// A failure must come out as std::bad_alloc (in a task group: as a group of them) or leave no trace; nothing may leak,
// and the loop and what was waited for must work afterwards. Once the failure is over: only that call fails. In a
// second round nothing can be allocated from the n-th call on. The program is built without the pool of frames, so that
// every frame is an allocation.
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/pipe.hpp"

#include <weft/weft.hpp>

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace faults_allocation_test {

using namespace std::chrono_literals;
using weft_test::counts_allocations;
using weft_test::live_allocations;
using weft_test::out_of_memory;

weft::task<int> gives(int n) { co_return n; }
weft::task<int> gives_later(int n) {
  co_await weft::sleep_for(1ms);
  co_return n;
}
weft::task<> yields() { co_await weft::yield(); }
weft::task<> fails() {
  co_await weft::yield();
  throw std::runtime_error("fails");
}

weft::generator<int> gives_all(int n) {
  const std::vector<int> two{n, n};
  co_yield weft::elements_of(two);
  if (n > 0) co_yield weft::elements_of(gives_all(n - 1));
}
weft::async_generator<std::string> ticks(int clean_up) {
  try {
    for (;;) {
      co_await weft::yield();
      co_yield std::string(100, 'x');
    }
  } catch (const weft::generator_exit&) {
  }
  for (; clean_up > 0; --clean_up) co_await gives_later(1);
}

/// One scenario: a coroutine that needs no argument.
struct scenario {
  const char* name;
  weft::task<> (*run)();
};

const std::vector<scenario> scenarios{
    {"await a task", []() -> weft::task<> { co_await gives(1); }},
    {"await a chain of tasks",
     []() -> weft::task<> {
       const auto twice = [](auto self, int depth) -> weft::task<int> {
         if (depth == 0) co_return 1;
         const int inner = co_await self(self, depth - 1);
         co_return inner + 1;
       };
       co_await twice(twice, 5);
     }},
    {"create a task and await it",
     []() -> weft::task<> {
       auto t = weft::create_task(gives_later(1));
       co_await t;
     }},
    {"create a task with a name",
     []() -> weft::task<> {
       auto t = weft::create_task(gives_later(1), "a name that is too long for a small string");
       co_await t;
     }},
    {"create a task from a function with arguments",
     []() -> weft::task<> {
       auto t = weft::create_task([](const std::string& s) -> weft::task<std::size_t> { co_return s.size(); },
                                  std::string(100, 'x'));
       co_await t;
     }},
    {"create many tasks and let run() end them",
     []() -> weft::task<> {
       for (int i = 0; i < 4; ++i) weft::create_task(gives_later(i));
       co_return;
     }},
    {"cancel a task",
     []() -> weft::task<> {
       auto t = weft::create_task(gives_later(1));
       co_await weft::yield();
       t.cancel();
       const std::vector handles{t};
       co_await weft::wait(handles);
     }},
    {"a done callback",
     []() -> weft::task<> {
       auto t = weft::create_task(gives(1));
       t.add_done_callback([s = std::string(100, 'x')](const weft::task_ref&) {});
       co_await t;
     }},
    {"a task that fails and is looked at",
     []() -> weft::task<> {
       auto t = weft::create_task(fails());
       const auto result = co_await weft::outcome_of(t);
       if (result.failed()) co_return;
       result.value();
     }},
    {"a task that fails and is not looked at",
     []() -> weft::task<> {
       weft::create_task(fails());
       co_await weft::sleep_for(1ms);
     }},
    {"names and lists of tasks",
     []() -> weft::task<> {
       auto t = weft::create_task(yields());
       t.set_name("another name that is too long for a small string");
       if (weft::all_tasks().empty() || weft::current_task().name().empty()) throw std::logic_error("no tasks");
       co_await t;
     }},
    {"call_soon",
     []() -> weft::task<> {
       weft::event_loop::current().call_soon([s = std::string(100, 'x')] {});
       co_await weft::yield();
     }},
    {"call_later and cancel",
     []() -> weft::task<> {
       auto h = weft::event_loop::current().call_later(1s, [s = std::string(100, 'x')] {});
       co_await weft::sleep_for(1ms);
       h.cancel();
     }},
    {"call_soon_threadsafe",
     []() -> weft::task<> {
       const auto remote = weft::event_loop::current().remote();
       remote.call_soon_threadsafe([s = std::string(100, 'x')] {});
       co_await weft::yield();
     }},
    {"sleep", []() -> weft::task<> { co_await weft::sleep_for(1ms); }},
    {"many sleeps", []() -> weft::task<> { co_await weft::gather(gives_later(1), gives_later(2), gives_later(3)); }},
    {"gather a range",
     []() -> weft::task<> {
       std::vector<weft::task<int>> tasks;
       for (int i = 0; i < 4; ++i) tasks.push_back(gives_later(i));
       co_await weft::gather(std::move(tasks));
     }},
    {"gather handles twice",
     []() -> weft::task<> {
       auto t = weft::create_task(gives_later(1));
       co_await weft::gather(t, gives(2), t);
     }},
    {"gather operations", []() -> weft::task<> { co_await weft::gather(weft::sleep_for(1ms), weft::yield()); }},
    {"gather with a failure",
     []() -> weft::task<> {
       const auto result = co_await weft::outcome_of(weft::gather(fails(), gives_later(1)));
       if (!result.failed()) throw std::logic_error("no failure");
     }},
    {"gather_outcomes", []() -> weft::task<> { co_await weft::gather_outcomes(fails(), gives_later(1)); }},
    {"race tasks", []() -> weft::task<> { co_await weft::race(gives_later(1), weft::sleep_for(1s)); }},
    {"race a range",
     []() -> weft::task<> {
       std::vector<weft::task<int>> tasks;
       for (int i = 0; i < 3; ++i) tasks.push_back(gives_later(i));
       co_await weft::race(std::move(tasks));
     }},
    {"race operations",
     []() -> weft::task<> {
       weft::queue<int> q;
       weft::event e;
       e.set();
       co_await weft::race(q.get(), e.wait());
     }},
    {"shield", []() -> weft::task<> { co_await weft::shield(gives_later(1)); }},
    {"wait for the first",
     []() -> weft::task<> {
       std::vector handles{weft::create_task(gives_later(1)), weft::create_task(gives_later(2))};
       co_await weft::wait(handles, weft::first_completed);
     }},
    {"wait with a limit",
     []() -> weft::task<> {
       std::vector handles{weft::create_task(gives_later(1)), weft::create_task(gives_later(2))};
       co_await weft::wait(handles, weft::all_completed, 500us);
     }},
    {"as_completed",
     []() -> weft::task<> {
       std::vector handles{weft::create_task(gives_later(1)), weft::create_task(gives_later(2))};
       auto results = weft::as_completed(handles);
       for (;;) {
         const auto next = co_await results.next();
         if (!next) break;
       }
     }},
    {"as_completed that times out",
     []() -> weft::task<> {
       std::vector handles{weft::create_task(gives_later(1)), weft::create_task(gives_later(2))};
       auto results = weft::as_completed(handles, 500us);
       co_await weft::outcome_of(results.next());
     }},
    {"a task group",
     []() -> weft::task<> {
       co_await weft::with_task_group([](weft::task_group& group) -> weft::task<> {
         group.create_task(gives_later(1));
         group.create_task(gives_later(2), "a name that is too long for a small string");
         co_return;
       });
     }},
    {"a task group whose tasks start others",
     []() -> weft::task<> {
       co_await weft::with_task_group([](weft::task_group& group) -> weft::task<> {
         group.create_task(
             [](weft::task_group& g) -> weft::task<> {
               g.create_task(gives_later(1));
               co_return;
             },
             std::ref(group));
         co_return;
       });
     }},
    {"a task group with failures",
     []() -> weft::task<> {
       const auto result = co_await weft::outcome_of(weft::with_task_group([](weft::task_group& group) -> weft::task<> {
         group.create_task(fails());
         group.create_task(fails());
         co_await weft::sleep_for(1s);
       }));
       if (!result.failed()) throw std::logic_error("no failure");
     }},
    {"finally",
     []() -> weft::task<> { co_await weft::finally(gives_later(1), []() -> weft::task<> { co_await yields(); }); }},
    {"outcome_of", []() -> weft::task<> { co_await weft::outcome_of(fails()); }},
    {"with_timeout, in time", []() -> weft::task<> { co_await weft::with_timeout(1s, gives_later(1)); }},
    {"with_timeout, too late",
     []() -> weft::task<> {
       const auto result = co_await weft::outcome_of(weft::with_timeout(1us, gives_later(1)));
       if (!result.failed()) throw std::logic_error("no timeout");
     }},
    {"with_timeout and a scope",
     []() -> weft::task<> {
       co_await weft::with_timeout(1s, [](weft::timeout_scope& limit) -> weft::task<> {
         limit.reschedule(weft::event_loop::current().time() + 2s);
         co_await weft::sleep_for(1ms);
       });
     }},
    {"wait_for a task", []() -> weft::task<> { co_await weft::wait_for(gives_later(1), 1s); }},
    {"wait_for a handle",
     []() -> weft::task<> {
       auto t = weft::create_task(gives_later(1));
       co_await weft::wait_for(t, 1s);
     }},
    {"wait_for no longer",
     []() -> weft::task<> {
       const auto result = co_await weft::outcome_of(weft::wait_for(gives_later(1), 0s));
       if (!result.failed()) throw std::logic_error("no timeout");
     }},
    {"an interval",
     []() -> weft::task<> {
       weft::interval ticks(1ms);
       co_await ticks.next();
       co_await ticks.next();
     }},
    {"a mutex that two tasks want",
     []() -> weft::task<> {
       weft::mutex m;
       const auto user = [](weft::mutex& mine) -> weft::task<> {
         const auto lock = co_await mine.lock();
         co_await weft::sleep_for(1ms);
       };
       co_await weft::gather(user(m), user(m));
     }},
    {"an event",
     []() -> weft::task<> {
       const auto e = std::make_shared<weft::event>();  // the callback may come after a failure here
       weft::event_loop::current().call_later(1ms, [e] { e->set(); });
       co_await weft::wait_for(e->wait(), 1s);
     }},
    {"a condition variable",
     []() -> weft::task<> {
       weft::condition_variable c;
       bool ready = false;
       const auto waits = [](weft::condition_variable& changed, const bool& is_ready) -> weft::task<> {
         const auto lock = co_await changed.lock();
         co_await changed.wait([&] { return is_ready; });
       };
       const auto notifies = [](weft::condition_variable& changed, bool& is_ready) -> weft::task<> {
         const auto lock = co_await changed.lock();
         is_ready = true;
         changed.notify_all();
       };
       co_await weft::gather(waits(c, ready), notifies(c, ready));
     }},
    {"a semaphore",
     []() -> weft::task<> {
       weft::semaphore s(1);
       const auto user = [](weft::semaphore& mine) -> weft::task<> {
         const auto permit = co_await mine.acquire();
         co_await weft::sleep_for(1ms);
       };
       co_await weft::gather(user(s), user(s), user(s));
     }},
    {"a barrier",
     []() -> weft::task<> {
       weft::barrier b(2);
       co_await weft::gather(b.wait(), b.wait());
     }},
    {"a barrier that is aborted",
     []() -> weft::task<> {
       weft::barrier b(2);
       auto waiting = weft::create_task(b.wait());
       co_await weft::yield();
       co_await b.abort();
       const auto result = co_await weft::outcome_of(waiting);
       if (!result.failed()) throw std::logic_error("not broken");
     }},
    {"a queue without a limit",
     []() -> weft::task<> {
       weft::queue<std::string> q;
       for (int i = 0; i < 4; ++i) q.put_nowait(std::string(100, 'x'));
       while (!q.empty()) co_await q.get();
     }},
    {"a queue of capacity one",
     []() -> weft::task<> {
       weft::queue<int> q(1);
       const auto puts = [](weft::queue<int>& to) -> weft::task<> {
         for (int i = 0; i < 3; ++i) co_await to.put(i);
       };
       const auto gets = [](weft::queue<int>& from) -> weft::task<> {
         for (int i = 0; i < 3; ++i) {
           co_await from.get();
           from.task_done();
         }
       };
       co_await weft::gather(puts(q), gets(q));
       co_await q.join();
     }},
    {"a queue that is shut down",
     []() -> weft::task<> {
       weft::queue<int> q;
       auto waiting =
           weft::create_task([](weft::queue<int>& from) -> weft::task<> { co_await from.get(); }, std::ref(q));
       co_await weft::yield();
       q.shutdown();
       const auto result = co_await weft::outcome_of(waiting);
       if (!result.failed()) throw std::logic_error("not shut down");
     }},
    {"a priority queue",
     []() -> weft::task<> {
       weft::priority_queue<int> q;
       for (int i = 5; i > 0; --i) q.put_nowait(int(i));
       while (!q.empty()) co_await q.get();
     }},
    {"a last-in-first-out queue",
     []() -> weft::task<> {
       weft::lifo_queue<std::unique_ptr<int>> q;
       for (int i = 5; i > 0; --i) q.put_nowait(std::make_unique<int>(i));
       while (!q.empty()) co_await q.get();
     }},
    {"a future",
     []() -> weft::task<> {
       weft::future<int> f;
       weft::event_loop::current().call_soon([f, s = std::string(100, 'x')] { f.set_result(7); });
       co_await f;
     }},
    {"a future that fails",
     []() -> weft::task<> {
       weft::future<int> f;
       f.add_done_callback([](const weft::future<int>&) {});
       f.set_exception(std::runtime_error("fails"));
       const auto result = co_await weft::outcome_of(f);
       if (!result.failed()) throw std::logic_error("no failure");
     }},
    {"futures in a gather",
     []() -> weft::task<> {
       weft::future<int> a;
       weft::future<int> b;
       weft::event_loop::current().call_soon([a, b] {
         a.set_result(1);
         b.set_result(2);
       });
       co_await weft::gather(a, b);
     }},
    {"generators inside of each other",
     []() -> weft::task<> {
       int sum = 0;
       for (const int n : gives_all(3)) sum += n;
       if (sum != 12) throw std::logic_error("a value is lost");
       co_return;
     }},
    {"an async generator that is run to its end",
     []() -> weft::task<> {
       auto g = ticks(0);
       for (int n = 0; n < 2; ++n) co_await g.next();
       co_await g.close();
     }},
    {"async generators that are dropped, with clean-up that waits and without",
     []() -> weft::task<> {
       for (const int clean_up : {0, 1}) {
         auto g = ticks(clean_up);
         co_await g.next();
       }
       auto made = weft::make_async_generator(ticks, 1);
       co_await made.next();
     }},
    {"async generators that are shut down",
     []() -> weft::task<> {
       auto first = ticks(0);
       auto second = ticks(1);
       co_await first.next();
       co_await second.next();
       co_await weft::shutdown_asyncgens();
     }},
    {"with_closing",
     []() -> weft::task<> {
       co_await weft::with_closing(ticks(1), [](weft::async_generator<std::string>& g) -> weft::task<> {
         co_await g.next();
         co_await g.next();
       });
     }},
    {"wait for a descriptor",
     []() -> weft::task<> {
       const weft_test::channel p(weft_test::channel::sockets);
       p.send();
       co_await weft::wait_readable(p.reader.get());
       co_await weft::with_timeout(1s, weft::wait_writable(p.reader.get()));
     }},
    {"callbacks for a descriptor, one after the other",
     []() -> weft::task<> {
       const weft_test::channel p(weft_test::channel::sockets);
       const struct removal {
         int fd;
         ~removal() { weft::remove_reader(fd), weft::remove_writer(fd); }
       } at_end{p.reader.get()};
       weft::add_reader(p.reader.get(), [s = std::string(100, 'x')] {});
       weft::add_reader(p.reader.get(), [s = std::string(100, 'x')] {});
       weft::add_writer(p.reader.get(), [s = std::string(100, 'x')] {});
       co_await weft::yield();
     }},
    {"wait for signals",
     []() -> weft::task<> {
       weft::signal_set signals(SIGUSR1, SIGUSR2);
       weft::event_loop::current().call_soon([] { ::raise(SIGUSR2); });
       co_await signals.next();
     }},
    {"signal handlers",
     []() -> weft::task<> {
       weft::add_signal_handler(SIGUSR1, [s = std::string(100, 'x')] {});
       weft::add_signal_handler(
           SIGUSR2, [](const std::string&) {}, std::string(100, 'x'));
       ::raise(SIGUSR1);
       ::raise(SIGUSR2);
       for (int i = 0; i < 4; ++i) co_await weft::yield();
       weft::remove_signal_handler(SIGUSR1);
       weft::remove_signal_handler(SIGUSR2);
     }},
};

bool is_bad_alloc(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const std::bad_alloc&) {
    return true;
  } catch (const weft::exception_group& group) {
    for (const std::exception_ptr& one : group.exceptions()) {
      if (!is_bad_alloc(one)) return false;
    }
    return true;
  } catch (...) {
    return false;
  }
}

/// Runs the scenario with the n-th allocation failing; whether any did. Checks the loop afterwards.
bool run_with_failure(const scenario& s, std::uint64_t n, std::uint64_t failures) {
  const std::int64_t before = live_allocations();
  bool happened = false;
  std::exception_ptr failure;
  int afterwards = 0;
  {
    weft::virtual_clock time(100'000);
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    try {
      const out_of_memory limit(n, failures);
      try {
        loop.run_until_complete(s.run());
      } catch (...) {
        failure = std::current_exception();
      }
      happened = limit.happened();
    } catch (...) {
      failure = std::current_exception();
    }
    weft::shut_down(loop);
    afterwards = loop.run_until_complete(gives_later(7));
  }
  const bool clean = failure == nullptr || is_bad_alloc(failure);
  failure = nullptr;
  const std::int64_t leaked = live_allocations() - before;
  INFO("allocation " << n << (failures == 1 ? " failed" : " failed, and all after it"));
  CHECK(clean);
  CHECK(afterwards == 7);
  CHECK(leaked == 0);
  return happened;
}

TEST_CASE("memory that runs out at any point gives std::bad_alloc and leaves everything usable", "[faults]") {
  if (!counts_allocations) return;
  REQUIRE(scenarios.size() >= 50);
  weft::signal_process::close_pipe(weft::signal_process::open_pipe());  // stays for the next
  const weft::signal_set keeps(SIGUSR1, SIGUSR2);  // one that comes too late for a scenario ends nothing
  for (const scenario& s : scenarios) {
    INFO(s.name);
    run_with_failure(s, 1'000'000, 1);  // what is allocated once only
    for (const std::uint64_t failures : {std::uint64_t{1}, std::uint64_t{1'000'000}}) {
      std::uint64_t n = 0;
      while (run_with_failure(s, n, failures)) ++n;
      CHECK(n > 0);
    }
  }
}

}  // namespace faults_allocation_test
