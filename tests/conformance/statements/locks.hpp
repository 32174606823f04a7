// Locks, semaphores, events, conditions and barriers.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline weft::task<completion> run_lock(interpreter& in, context& cx, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  returned signal;
  {
    const weft::mutex_lock lock = co_await in.objects().lock(name).lock();
    in.emit(cx.task(), s.id, "lock got " + name);
    signal = co_await in.run_body(cx, s.get<body>(1));
  }
  co_return completion("lock released " + name, signal);
}

// A release that is refused replaces whatever the body did.
inline weft::task<completion> run_sem(interpreter& in, context& cx, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  weft::semaphore_permit permit = co_await in.objects().semaphore(name).acquire();
  in.emit(cx.task(), s.id, "sem got " + name);
  weft::outcome<returned> done = co_await weft::outcome_of(in.run_body(cx, s.get<body>(1)));
  permit.give_back();
  co_return completion("sem released " + name, std::move(done).value());
}

inline std::string run_sem_release(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  try {
    in.objects().semaphore(name).release();
  } catch (const std::invalid_argument&) {
    return "sem_release " + name + " refused";
  }
  return "sem_release " + name + " ok";
}

inline weft::task<completion> run_event(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  co_await in.objects().event(name).wait();
  co_return completion("event " + name);
}

inline std::string run_set(interpreter& in, const statement& s) {
  in.objects().event(s.get<std::string>(0)).set();
  return "set " + s.get<std::string>(0);
}

inline std::string run_clear(interpreter& in, const statement& s) {
  in.objects().event(s.get<std::string>(0)).clear();
  return "clear " + s.get<std::string>(0);
}

inline weft::task<completion> run_cond_hold(interpreter& in, context& cx, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  returned signal;
  {
    const weft::mutex_lock lock = co_await in.objects().condition(name).lock();
    in.emit(cx.task(), s.id, "cond got " + name);
    signal = co_await in.run_body(cx, s.get<body>(1));
  }
  co_return completion("cond released " + name, signal);
}

inline weft::task<completion> run_cond_wait(interpreter& in, context& cx, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  weft::condition_variable& condition = in.objects().condition(name);
  {
    const weft::mutex_lock lock = co_await condition.lock();
    in.emit(cx.task(), s.id, "cond got " + name);
    std::exception_ptr failure;
    try {
      co_await condition.wait();
    } catch (...) {
      failure = std::current_exception();
    }
    in.emit(cx.task(), s.id, std::string("cond back locked=") + (condition.locked() ? "1" : "0"));
    if (failure) std::rethrow_exception(failure);
  }
  co_return completion("cond_wait " + name);
}

inline void notify(weft::condition_variable& condition, std::int64_t n) {
  if (n == 0) {
    condition.notify_all();
  } else {
    condition.notify(static_cast<std::size_t>(n));
  }
}

inline weft::task<completion> run_notify(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::int64_t n = s.get<std::int64_t>(1);
  weft::condition_variable& condition = in.objects().condition(name);
  {
    const weft::mutex_lock lock = co_await condition.lock();
    notify(condition, n);
  }
  co_return completion("notify " + name + " " + std::to_string(n));
}

inline weft::task<completion> run_notify_held(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::int64_t n = s.get<std::int64_t>(1);
  notify(in.objects().condition(name), n);
  co_return completion("notify_held " + name + " " + std::to_string(n));
}

inline weft::task<completion> run_barrier(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::size_t index = co_await in.objects().barrier(name).wait();
  co_return completion("barrier " + name + " " + std::to_string(index));
}

inline weft::task<completion> run_barrier_reset(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  co_await in.objects().barrier(name).reset();
  co_return completion("barrier_reset " + name);
}

inline weft::task<completion> run_barrier_abort(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  co_await in.objects().barrier(name).abort();
  co_return completion("barrier_abort " + name);
}

inline void add_lock_statements(vocabulary& words) {
  words.add("lock", {kind::lock, kind::statements}, run_lock);
  words.add("sem", {kind::semaphore, kind::statements}, run_sem);
  words.add("sem_release", {kind::semaphore}, run_sem_release);
  words.add("event", {kind::event}, run_event);
  words.add("set", {kind::event}, run_set);
  words.add("clear", {kind::event}, run_clear);
  words.add("cond_hold", {kind::condition, kind::statements}, run_cond_hold);
  words.add("cond_wait", {kind::condition}, run_cond_wait);
  words.add("notify", {kind::condition, kind::count}, run_notify);
  words.add("notify_held", {kind::condition, kind::count}, run_notify_held);
  words.add("barrier", {kind::barrier}, run_barrier);
  words.add("barrier_reset", {kind::barrier}, run_barrier_reset);
  words.add("barrier_abort", {kind::barrier}, run_barrier_abort);
}

}  // namespace conformance
