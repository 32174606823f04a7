// What the main task owns goes when it ends, while other tasks still wait for it, hold it or have just been woken by
// it.
// SPDX-License-Identifier: MIT
//
// The most ordinary end of a program: workers wait at a queue that main has made. asyncio's objects live on as long as
// somebody refers to them; here run() must end those tasks all the same, and nobody may touch what is gone (the
// sanitizers see it).
#include "support/catch.hpp"
#include "support/virtual_time.hpp"

#include <weft/weft.hpp>

#include <chrono>
#include <vector>

namespace faults_owner_goes_first_test {

using namespace std::chrono_literals;
using weft::create_task;
using weft::yield;

weft::task<> gets(weft::queue<int>& q) { co_await q.get(); }
weft::task<> puts(weft::queue<int>& q) { co_await q.put(2); }
weft::task<> joins(weft::queue<int>& q) { co_await q.join(); }
weft::task<> locks(weft::mutex& m) { const auto lock = co_await m.lock(); }
weft::task<> holds(weft::mutex& m) {
  const auto lock = co_await m.lock();
  co_await weft::sleep_for(1h);
}
weft::task<> acquires(weft::semaphore& s) { const auto permit = co_await s.acquire(); }
weft::task<> keeps(weft::semaphore& s) {
  const auto permit = co_await s.acquire();
  co_await weft::sleep_for(1h);
}
weft::task<> waits(weft::event& e) { co_await e.wait(); }
weft::task<> is_notified(weft::condition_variable& c) {
  const auto lock = co_await c.lock();
  co_await c.wait();
}
weft::task<> waits_for_what_never_is(weft::condition_variable& c) {
  const auto lock = co_await c.lock();
  co_await c.wait([] { return false; });
}
weft::task<> visits(weft::barrier& b) { co_await b.wait(); }

struct scenario {
  const char* name;
  weft::task<> (*main)();
};

const std::vector<scenario> scenarios{
    {"getters wait",
     []() -> weft::task<> {
       weft::queue<int> q;
       create_task(gets(q));
       create_task(gets(q));
       co_await yield();
     }},
    {"a getter is woken",
     []() -> weft::task<> {
       weft::queue<int> q;
       create_task(gets(q));
       co_await yield();
       q.put_nowait(1);
     }},
    {"a getter is woken and cancelled",
     []() -> weft::task<> {
       weft::queue<int> q;
       auto getter = create_task(gets(q));
       co_await yield();
       q.put_nowait(1);
       getter.cancel();
     }},
    {"a getter is told that the queue was shut down",
     []() -> weft::task<> {
       weft::queue<int> q;
       create_task(gets(q));
       co_await yield();
       q.shutdown();
     }},
    {"putters wait",
     []() -> weft::task<> {
       weft::queue<int> q(1);
       q.put_nowait(1);
       create_task(puts(q));
       create_task(puts(q));
       co_await yield();
     }},
    {"a putter is woken",
     []() -> weft::task<> {
       weft::queue<int> q(1);
       q.put_nowait(1);
       create_task(puts(q));
       co_await yield();
       q.get_nowait();
     }},
    {"one waits for a queue to be done",
     []() -> weft::task<> {
       weft::queue<int> q;
       q.put_nowait(1);
       create_task(joins(q));
       co_await yield();
     }},
    {"one is told that a queue is done",
     []() -> weft::task<> {
       weft::queue<int> q;
       q.put_nowait(1);
       create_task(joins(q));
       co_await yield();
       q.task_done();
     }},
    {"one holds a mutex and others wait for it",
     []() -> weft::task<> {
       weft::mutex m;
       create_task(holds(m));
       create_task(locks(m));
       create_task(locks(m));
       co_await yield();
     }},
    {"one is given a mutex",
     []() -> weft::task<> {
       weft::mutex m;
       const auto lock = co_await m.lock();
       create_task(locks(m));
       co_await yield();
     }},
    {"one that waits for a mutex is cancelled",
     []() -> weft::task<> {
       weft::mutex m;
       const auto lock = co_await m.lock();
       auto waiter = create_task(locks(m));
       co_await yield();
       waiter.cancel();
     }},
    {"one keeps a permit and others wait for it",
     []() -> weft::task<> {
       weft::semaphore s(1);
       create_task(keeps(s));
       create_task(acquires(s));
       create_task(acquires(s));
       co_await yield();
     }},
    {"one is given a permit",
     []() -> weft::task<> {
       weft::semaphore s(1);
       const auto permit = co_await s.acquire();
       create_task(acquires(s));
       co_await yield();
     }},
    {"one is given a permit and cancelled",
     []() -> weft::task<> {
       weft::semaphore s(0);
       auto waiter = create_task(acquires(s));
       co_await yield();
       s.release();
       waiter.cancel();
     }},
    {"one that waits for a permit is cancelled",
     []() -> weft::task<> {
       weft::semaphore s(0);
       auto waiter = create_task(acquires(s));
       co_await yield();
       waiter.cancel();
     }},
    {"an event is waited for",
     []() -> weft::task<> {
       weft::event e;
       create_task(waits(e));
       co_await yield();
     }},
    {"an event is set",
     []() -> weft::task<> {
       weft::event e;
       create_task(waits(e));
       co_await yield();
       e.set();
     }},
    {"tasks wait to be notified",
     []() -> weft::task<> {
       weft::condition_variable c;
       create_task(is_notified(c));
       create_task(waits_for_what_never_is(c));
       co_await yield();
     }},
    {"one is notified",
     []() -> weft::task<> {
       weft::condition_variable c;
       create_task(is_notified(c));
       co_await yield();
       const auto lock = co_await c.lock();
       c.notify_one();
     }},
    {"those that were notified wait for the mutex",
     []() -> weft::task<> {
       weft::condition_variable c;
       create_task(is_notified(c));
       create_task(waits_for_what_never_is(c));
       co_await yield();
       auto lock = co_await c.lock();
       lock.release();
       c.notify_all();
       co_await yield();
     }},
    {"one that was notified waits for a mutex that goes later than the condition variable",
     []() -> weft::task<> {
       weft::mutex m;
       weft::condition_variable c(m);
       create_task(is_notified(c));
       co_await yield();
       const auto lock = co_await c.lock();
       c.notify_all();
       co_await yield();
     }},
    {"one that waits to be notified is cancelled",
     []() -> weft::task<> {
       weft::condition_variable c;
       auto waiter = create_task(waits_for_what_never_is(c));
       co_await yield();
       waiter.cancel();
     }},
    {"tasks wait at a barrier",
     []() -> weft::task<> {
       weft::barrier b(3);
       create_task(visits(b));
       create_task(visits(b));
       co_await yield();
     }},
    {"a barrier opens",
     []() -> weft::task<> {
       weft::barrier b(2);
       create_task(visits(b));
       co_await yield();
       co_await b.wait();
     }},
    {"one that waits at a barrier is cancelled",
     []() -> weft::task<> {
       weft::barrier b(3);
       auto waiter = create_task(visits(b));
       co_await yield();
       waiter.cancel();
     }},
    {"a barrier is reset",
     []() -> weft::task<> {
       weft::barrier b(3);
       create_task(visits(b));
       co_await yield();
       co_await b.reset();
     }},
    {"a barrier is aborted",
     []() -> weft::task<> {
       weft::barrier b(3);
       create_task(visits(b));
       co_await yield();
       co_await b.abort();
     }},
};

TEST_CASE("what main owns may go before the tasks that use it, and run ends them all the same", "[faults]") {
  for (const scenario& s : scenarios) {
    INFO(s.name);
    weft::virtual_clock time(100'000);
    weft::event_loop* loop = nullptr;
    const auto main = [&]() -> weft::task<> {
      loop = &weft::event_loop::current();
      loop->set_exception_handler([](const weft::exception_context& c) { FAIL_CHECK(c.message); });
      co_await s.main();
    };
    CHECK_NOTHROW(weft::run(weft::make_task(main), {.clock = &time}));
    CHECK(loop != nullptr);
  }
}

}  // namespace faults_owner_goes_first_test
