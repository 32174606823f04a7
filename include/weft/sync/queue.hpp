// Hands items from tasks to tasks: first in first out, last in first out, or smallest first.
// SPDX-License-Identifier: MIT
//
// asyncio's queues. A getter that was woken looks again before its task resumes, since another one may have taken the
// item; it then waits again without having resumed. So an item is never promised, and a getter that is cancelled on its
// way loses none. Items are moved in and out and need no copy. Waiting allocates nothing.
//
//     weft::queue<int> jobs(10);
//     co_await jobs.put(7);            // waits while there are ten
//     int job = co_await jobs.get();   // waits while there is none
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/frame_pool.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

template <class T, class Store>
class get_awaiter;
template <class T, class Store>
class put_awaiter;
class join_awaiter;

/// What the three kinds of queue share; Store keeps the items in their order. It belongs to one loop. Tasks that wait
/// for one that is destroyed can only be cancelled.
template <class T, class Store>
class basic_queue {
  static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>,
                "weft: a queue holds objects that can be moved");

 public:
  using value_type = T;

  /// Room for `capacity` items; 0: no limit. Throws std::invalid_argument if it is negative.
  explicit basic_queue(std::ptrdiff_t capacity = 0) : capacity_(static_cast<std::size_t>(capacity)) {
    if (capacity < 0) throw std::invalid_argument("weft: the capacity of a queue cannot be negative; 0 means no limit");
  }
  basic_queue(const basic_queue&) = delete;
  basic_queue& operator=(const basic_queue&) = delete;

  /// Waits for room and puts the item in; no pass if there is room. Throws queue_shut_down_error. Cancelled: has not
  /// happened, and the item is destroyed with the call. Mirrors Queue.put().
  put_awaiter<T, Store> put(T item) { return put_awaiter<T, Store>(*this, std::move(item)); }

  /// Waits for an item; no pass if there is one. Throws queue_shut_down_error once the queue was shut down and is
  /// empty. Cancelled: has not happened, the item stays. Mirrors Queue.get().
  get_awaiter<T, Store> get() noexcept { return get_awaiter<T, Store>(*this); }

  /// The same at once. Throws queue_full_error, queue_empty_error, queue_shut_down_error: the item is left as it was.
  void put_nowait(T&& item) {
    if (!shut_down_ && full()) throw queue_full_error();
    put_where_room_is(std::move(item));
  }
  void put_nowait(const T& item) { put_nowait(T(item)); }
  T get_nowait() {
    if (empty()) {
      if (shut_down_) throw queue_shut_down_error();
      throw queue_empty_error();
    }
    T item = items_.pop();
    putters_.wake_first();
    getters_.recheck_woken();
    return item;
  }

  /// Says that the work on an item that was gotten is done. Throws std::invalid_argument if that was said for all items
  /// (asyncio's ValueError).
  void task_done() {
    if (unfinished_ == 0) throw std::invalid_argument("weft: task_done() was called more often than items were put");
    if (--unfinished_ == 0) joiners_.wake_all();
  }

  /// Waits until task_done() was called for every item. Cancelled: nothing is left behind. Mirrors Queue.join().
  join_awaiter join() noexcept;

  /// From now on put() throws, and get() throws when the queue is empty; tasks that wait are woken to find that. With
  /// `immediate` the items that are left are dropped and count as done. May be called again. Mirrors Queue.shutdown().
  void shutdown(bool immediate = false) {
    shut_down_ = true;
    if (immediate) {
      unfinished_ -= std::min(unfinished_, size());
      items_.clear();
      if (unfinished_ == 0) joiners_.wake_all();
    }
    getters_.wake_all();
    putters_.wake_all();
  }

  std::size_t size() const noexcept { return items_.size(); }
  /// 0: no limit.
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size() == 0; }
  bool full() const noexcept { return capacity_ > 0 && size() >= capacity_; }
  bool is_shut_down() const noexcept { return shut_down_; }

  /// How many items task_done() was not called for; how many tasks wait in get(), in put().
  std::size_t unfinished() const noexcept { return unfinished_; }
  std::size_t getters() const noexcept { return getters_.size(); }
  std::size_t putters() const noexcept { return putters_.size(); }

 private:
  friend class get_awaiter<T, Store>;
  friend class put_awaiter<T, Store>;

  void put_where_room_is(T&& item) {
    if (shut_down_) throw queue_shut_down_error();
    items_.push(std::move(item));
    ++unfinished_;
    getters_.wake_first();
    putters_.recheck_woken();
  }

  bool nothing_to_get() const noexcept { return empty() && !shut_down_; }
  bool no_room_to_put() const noexcept { return full() && !shut_down_; }

  Store items_;
  std::size_t capacity_;
  std::size_t unfinished_ = 0;
  wait_list getters_;
  wait_list putters_;
  wait_list joiners_;
  bool shut_down_ = false;
};

/// First in, first out.
template <class T>
class fifo_store {
 public:
  void push(T&& item) {
    items_.push_back(std::move(item));
    ++size_;
  }
  T pop() {
    T item = std::move(items_.front());
    items_.pop_front();
    --size_;
    return item;
  }
  std::size_t size() const noexcept { return size_; }
  void clear() noexcept {
    items_.clear();
    size_ = 0;
  }

 private:
  // A deque takes and gives back a block every few items.
  static constexpr bool pooled = alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__;
  using allocator = typename std::conditional_t<pooled, std::type_identity<detail::pool_allocator<T>>,
                                                std::type_identity<std::allocator<T>>>::type;
  std::deque<T, allocator> items_;
  std::size_t size_ = 0;  // a deque computes it from four pointers; a queue asks several times an item
};

/// Last in, first out.
template <class T>
class lifo_store {
 public:
  void push(T&& item) { items_.push_back(std::move(item)); }
  T pop() {
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  std::size_t size() const noexcept { return items_.size(); }
  void clear() noexcept { items_.clear(); }

 private:
  std::vector<T> items_;
};

/// Smallest first, by Less; which of equal ones comes first is not said, as in asyncio.
template <class T, class Less>
class heap_store {
 public:
  void push(T&& item) {
    items_.push_back(std::move(item));
    std::push_heap(items_.begin(), items_.end(), greater);
  }
  T pop() {
    std::pop_heap(items_.begin(), items_.end(), greater);
    T item = std::move(items_.back());
    items_.pop_back();
    return item;
  }
  std::size_t size() const noexcept { return items_.size(); }
  void clear() noexcept { items_.clear(); }

 private:
  static bool greater(const T& a, const T& b) { return Less()(b, a); }

  std::vector<T> items_;
};

/// asyncio.Queue, LifoQueue, PriorityQueue.
template <class T>
using queue = basic_queue<T, fifo_store<T>>;
template <class T>
using lifo_queue = basic_queue<T, lifo_store<T>>;
template <class T, class Less = std::less<T>>
using priority_queue = basic_queue<T, heap_store<T, Less>>;

// ---- details ----

template <class T, class Store>
class [[nodiscard("weft: get() does nothing until it is awaited: write co_await q.get()")]] get_awaiter final
    : public recurring_wait<get_awaiter<T, Store>> {
 public:
  static constexpr bool ends_by_destruction = true;

  explicit get_awaiter(basic_queue<T, Store>& q) noexcept : queue_(&q) {}
  get_awaiter(get_awaiter&& unstarted) noexcept
      : recurring_wait<get_awaiter>(std::move(unstarted)), queue_(unstarted.queue_) {}
  ~get_awaiter() { this->pass_on(); }

  T await_resume() {
    this->leave();
    return queue_->get_nowait();
  }
  std::string describe() const override { return "an item of a queue"; }

  bool nothing_there() const noexcept { return queue_->nothing_to_get(); }
  wait_list& line() const noexcept { return queue_->getters_; }

 private:
  basic_queue<T, Store>* queue_;
};

template <class T, class Store>
class [[nodiscard("weft: put() does nothing until it is awaited: write co_await q.put(item)")]] put_awaiter final
    : public recurring_wait<put_awaiter<T, Store>> {
 public:
  static constexpr bool ends_by_destruction = true;

  put_awaiter(basic_queue<T, Store>& q, T&& item) : queue_(&q), item_(std::move(item)) {}
  put_awaiter(put_awaiter&& unstarted) noexcept(std::is_nothrow_move_constructible_v<T>)
      : recurring_wait<put_awaiter>(std::move(unstarted)),
        queue_(unstarted.queue_),
        item_(std::move(unstarted.item_)) {}
  ~put_awaiter() { this->pass_on(); }

  void await_resume() {
    this->leave();
    queue_->put_where_room_is(std::move(item_));
  }
  std::string describe() const override { return "room in a queue"; }

  bool nothing_there() const noexcept { return queue_->no_room_to_put(); }
  wait_list& line() const noexcept { return queue_->putters_; }

 private:
  basic_queue<T, Store>* queue_;
  T item_;
};

class [[nodiscard("weft: join() does nothing until it is awaited: write co_await q.join()")]] join_awaiter final
    : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  join_awaiter(wait_list& joiners, const std::size_t& unfinished) noexcept
      : joiners_(&joiners), unfinished_(&unfinished) {}
  join_awaiter(join_awaiter&& unstarted) noexcept
      : wait_node(std::move(unstarted)), joiners_(unstarted.joiners_), unfinished_(unstarted.unfinished_) {}

  bool await_ready() const noexcept { return *unfinished_ == 0; }
  void await_suspend(task_state& waiting) { wait_in(*joiners_, waiting); }
  void await_resume() noexcept { leave(); }
  void await_cancelled() noexcept { leave(); }
  std::string describe() const override { return "the items of a queue to be done"; }

 private:
  wait_list* joiners_;
  const std::size_t* unfinished_;
};

template <class T, class Store>
join_awaiter basic_queue<T, Store>::join() noexcept {
  return join_awaiter(joiners_, unfinished_);
}

static_assert(awaiter<get_awaiter<int, fifo_store<int>>> && awaiter<put_awaiter<int, fifo_store<int>>>);

}  // namespace weft
