// Tests of weft/threads/thread_pool.hpp: who does the jobs, how many at once, and what the end waits for.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/threads/thread_pool.hpp>

#include <pthread.h>
#include <sched.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <latch>
#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace threads_thread_pool_test {

class job final : public weft::pool_job {
 public:
  explicit job(std::function<void()> fn) : fn_(std::move(fn)) {}
  void work() noexcept override { fn_(); }

 private:
  std::function<void()> fn_;
};

TEST_CASE("a pool does every job once, and its end waits for them all", "[threads][thread_pool]") {
  const weft_test::time_limit limit;
  std::atomic<int> done{0};
  std::list<job> jobs;
  {
    weft::thread_pool pool(3);
    for (int i = 0; i < 500; ++i) {
      jobs.emplace_back([&] { done.fetch_add(1); });
      pool.post(jobs.back());
    }
  }
  CHECK(done.load() == 500);
}

TEST_CASE("a pool that nobody uses has no threads", "[threads][thread_pool]") {
  const weft::thread_pool pool(8);
  CHECK(pool.threads() == 0);
  CHECK(pool.queued() == 0);
}

TEST_CASE("a pool has as many threads as jobs at once, up to its limit; other jobs wait", "[threads][thread_pool]") {
  const weft_test::time_limit limit;
  std::latch go(1);
  std::latch both_work(2);
  std::list<job> jobs;
  weft::thread_pool pool(2);
  for (int i = 0; i < 2; ++i) {
    jobs.emplace_back([&] {
      both_work.count_down();
      go.wait();
    });
    pool.post(jobs.back());
  }
  both_work.wait();
  std::latch all_done(5);
  for (int i = 0; i < 5; ++i) {
    jobs.emplace_back([&] { all_done.count_down(); });
    pool.post(jobs.back());
  }
  CHECK(pool.threads() == 2);
  CHECK(pool.queued() == 5);
  go.count_down();
  all_done.wait();
  CHECK(pool.threads() == 2);
  CHECK(pool.queued() == 0);
}

TEST_CASE("jobs are taken in the order in which they were posted", "[threads][thread_pool]") {
  const weft_test::time_limit limit;
  std::string order;
  std::list<job> jobs;
  {
    weft::thread_pool pool(1);
    for (char name = 'a'; name < 'k'; ++name) {
      jobs.emplace_back([&order, name] { order += name; });
      pool.post(jobs.back());
    }
  }
  CHECK(order == "abcdefghij");
}

TEST_CASE("a pool whose queue is full refuses the job and goes on", "[threads][thread_pool]") {
  const weft_test::time_limit limit;
  std::latch go(1);
  std::latch works(1);
  std::atomic<int> done{0};
  job blocks([&] {
    works.count_down();
    go.wait();
  });
  job waits([&] { ++done; });
  job refused([&] { done += 100; });
  {
    weft::thread_pool pool(1, "small", 1);
    pool.post(blocks);
    works.wait();
    pool.post(waits);
    CHECK_THROWS_AS(pool.post(refused), weft::queue_full_error);
    CHECK_FALSE(refused.linked());
    go.count_down();
  }
  CHECK(done.load() == 1);
}

TEST_CASE("a pool without threads or without room is refused", "[threads][thread_pool]") {
  CHECK_THROWS_AS(weft::thread_pool(0), std::invalid_argument);
  CHECK_THROWS_AS(weft::thread_pool(static_cast<std::size_t>(-1)), std::invalid_argument);
  CHECK_THROWS_AS(weft::thread_pool(1, "none", 0), std::invalid_argument);
  CHECK(weft::thread_pool::default_size() >= 5);
  CHECK(weft::thread_pool::default_size() <= 32);
}

TEST_CASE("a job that posts others while its pool is being destroyed is refused, and those before are done",
          "[threads][thread_pool]") {
  const weft_test::time_limit limit;
  std::latch works(1);
  std::latch destroying(1);
  std::atomic<std::size_t> done{0};
  std::list<job> posted;  // the posting job's alone
  bool refused = false;
  std::optional<job> posts;
  {
    weft::thread_pool pool(4);
    posts.emplace([&] {
      works.count_down();
      destroying.wait();
      while (!refused) {
        posted.emplace_back([&] { done.fetch_add(1); });
        try {
          pool.post(posted.back());
          std::this_thread::yield();
        } catch (const weft::usage_error&) {
          refused = true;
          posted.pop_back();
        }
      }
    });
    pool.post(*posts);
    works.wait();
    destroying.count_down();
  }
  CHECK(refused);
  CHECK(done.load() == posted.size());
}

#if defined(__linux__)
TEST_CASE("the default size counts the processors that the process may use", "[threads][thread_pool]") {
  cpu_set_t usable;
  REQUIRE(::sched_getaffinity(0, sizeof usable, &usable) == 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  int first = 0;
  while (!CPU_ISSET(first, &usable)) ++first;
  CPU_SET(first, &one);
  REQUIRE(::sched_setaffinity(0, sizeof one, &one) == 0);
  const std::size_t size = weft::thread_pool::default_size();
  REQUIRE(::sched_setaffinity(0, sizeof usable, &usable) == 0);
  CHECK(size == 5);
}

TEST_CASE("the threads of a pool have its name", "[threads][thread_pool]") {
  const weft_test::time_limit limit;
  std::string seen;
  std::latch posted(1);
  job asks([&] {
    posted.wait();  // the name is given by the thread that starts this one
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    seen = name;
  });
  {
    weft::thread_pool pool(1, "a-name-that-is-too-long");
    pool.post(asks);
    posted.count_down();
  }
  CHECK(seen == "a-name-that-is-");
}
#endif

}  // namespace threads_thread_pool_test
