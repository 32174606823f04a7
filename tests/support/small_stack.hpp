// Runs a function on a native stack of a fixed size, whatever `ulimit -s` says: what recurses once too deep crashes
// there.
// SPDX-License-Identifier: MIT
//
//     const std::size_t n = weft_test::on_small_stack([] { return deepest(); });
//
// Catch2's macros belong into the calling thread: return what is to be checked.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <utility>

namespace weft_test {

/// A quarter of the usual 8 MiB: 100,000 nested calls need twice as much at 48 bytes each.
inline constexpr std::size_t small_stack_size = std::size_t{2} << 20;

/// Calls fn() in a thread with a small stack, waits for it and returns its result, which has a default constructor.
template <class F>
auto on_small_stack(F fn) {
  struct call {
    explicit call(F&& f) : function(std::move(f)) {}
    F function;
    decltype(std::declval<F&>()()) result{};
    std::exception_ptr failure;
  } state(std::move(fn));
  const auto enter = [](void* argument) -> void* {
    call& c = *static_cast<call*>(argument);
    try {
      c.result = c.function();
    } catch (...) {
      c.failure = std::current_exception();
    }
    return nullptr;
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, small_stack_size);
  pthread_t thread;
  const int error = pthread_create(&thread, &attributes, enter, &state);
  pthread_attr_destroy(&attributes);
  if (error != 0) throw std::runtime_error("pthread_create failed");
  pthread_join(thread, nullptr);
  if (state.failure != nullptr) std::rethrow_exception(state.failure);
  return std::move(state.result);
}

}  // namespace weft_test
