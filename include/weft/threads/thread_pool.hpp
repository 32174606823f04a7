// Threads that work through a queue of jobs.
// SPDX-License-Identifier: MIT
//
// concurrent.futures.ThreadPoolExecutor. A thread is started when a job finds none idle, up to a limit; so a pool that
// is not used costs nothing. The pool knows no loop: run_in_executor() and to_thread() bring the two together. Jobs are
// links of a list that belong to whoever posts them, so that posting allocates nothing.
//
//     weft::thread_pool pool(4, "images");
//     const picture p = co_await weft::run_in_executor(pool, decode, file);
#pragma once

#include <weft/core/error.hpp>
#include <weft/detail/intrusive_list.hpp>
#include <weft/detail/was_negative.hpp>

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <limits>
#include <mutex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace weft {

/// Something to be done by a thread of a pool.
class pool_job : public detail::list_node<class thread_pool> {
 public:
  /// Called once, in a thread of the pool, already unlinked. The pool does not touch the job afterwards.
  virtual void work() noexcept = 0;

 protected:
  pool_job() = default;
  ~pool_job() = default;
};

/// The pool. All members may be called by any thread.
class thread_pool {
 public:
  static constexpr std::size_t no_limit = std::numeric_limits<std::size_t>::max();

  /// As many threads as asyncio's default executor has: the processors that this process may use and four more, 32 at
  /// most.
  static std::size_t default_size() noexcept { return std::min<std::size_t>(32, usable_processors() + 4); }

  /// At most `threads` threads, named "name-1" and so on for debuggers (15 characters are shown), and at most
  /// `most_queued` jobs that wait for one. Throws std::invalid_argument if there may be no thread, or no job.
  explicit thread_pool(std::size_t threads = default_size(), std::string name = "weft",
                       std::size_t most_queued = no_limit);
  thread_pool(const thread_pool&) = delete;
  thread_pool& operator=(const thread_pool&) = delete;

  /// Waits until all jobs are done, also those that are queued. Must not be called by one of its threads.
  ~thread_pool();

  /// Queues a job, which must stay where it is until work() was called. Throws queue_full_error, std::system_error if
  /// there is no thread and none can be started, and usage_error if the pool is being destroyed: one of its jobs posts
  /// another one then. The job is not queued in these cases.
  void post(pool_job& job);

  /// How many threads there are; how many jobs wait for one; how many jobs were posted so far.
  std::size_t threads() const;
  std::size_t queued() const;
  std::size_t posted() const;

  /// Blocks until no job is queued or being done. Must not be called by one of its threads.
  void wait_until_idle();

 private:
  static std::size_t usable_processors() noexcept;
  void start_thread();
  void work_on() noexcept;

  const std::size_t most_threads_;
  const std::size_t most_queued_;
  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::condition_variable became_idle_;
  detail::intrusive_list<pool_job, thread_pool> jobs_;
  std::size_t queued_ = 0;
  std::size_t posted_ = 0;
  std::size_t done_ = 0;
  std::size_t idle_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

// ---- details ----

inline thread_pool::thread_pool(std::size_t threads, std::string name, std::size_t most_queued)
    : most_threads_(threads), most_queued_(most_queued), name_(std::move(name)) {
  if (threads == 0 || detail::was_negative(threads))
    throw std::invalid_argument("weft: a thread pool needs at least one thread");
  if (most_queued == 0) throw std::invalid_argument("weft: a thread pool must be able to queue a job");
}

inline thread_pool::~thread_pool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  for (std::thread& t : threads_) t.join();
}

inline std::size_t thread_pool::usable_processors() noexcept {
#if defined(__linux__)
  cpu_set_t usable;
  if (::sched_getaffinity(0, sizeof usable, &usable) == 0) return static_cast<std::size_t>(CPU_COUNT(&usable));
#endif
  return std::max(1U, std::thread::hardware_concurrency());
}

inline void thread_pool::post(pool_job& job) {
  {
    const std::lock_guard lock(mutex_);
    if (ending_) throw usage_error("weft: this thread pool is being destroyed and takes no more jobs");
    if (queued_ >= most_queued_) throw queue_full_error();
    if (idle_ <= queued_ && threads_.size() < most_threads_) start_thread();
    jobs_.push_back(job);
    ++queued_;
    ++posted_;
  }
  changed_.notify_one();
}

inline std::size_t thread_pool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

inline std::size_t thread_pool::queued() const {
  const std::lock_guard lock(mutex_);
  return queued_;
}

inline std::size_t thread_pool::posted() const {
  const std::lock_guard lock(mutex_);
  return posted_;
}

inline void thread_pool::wait_until_idle() {
  std::unique_lock lock(mutex_);
  became_idle_.wait(lock, [this] { return done_ == posted_; });
}

// Under the lock. Fewer threads than wanted will do, if there is one.
inline void thread_pool::start_thread() {
  try {
    threads_.reserve(threads_.size() + 1);
    threads_.emplace_back([this] { work_on(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) throw;
    return;
  }
#if defined(__linux__)
  const std::string name = (name_ + "-" + std::to_string(threads_.size())).substr(0, 15);
  ::pthread_setname_np(threads_.back().native_handle(), name.c_str());
#endif
}

inline void thread_pool::work_on() noexcept {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (jobs_.empty()) {
      if (ending_) return;
      ++idle_;
      changed_.wait(lock);
      --idle_;
    }
    pool_job& job = jobs_.pop_front();
    --queued_;
    lock.unlock();
    job.work();
    lock.lock();
    if (++done_ == posted_) became_idle_.notify_all();
  }
}

}  // namespace weft
