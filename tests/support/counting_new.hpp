// Counts what operator new hands out, and lets it fail: for contracts that say "allocates nothing" or "std::bad_alloc:
// nothing has changed".
// SPDX-License-Identifier: MIT
//
// Replaces operator new and delete in every program that links it (support/counting_new.cpp), also under sanitizers,
// which see the malloc and free below it.
//
//     CHECK(weft_test::allocations_in([&] { heap.remove(a); }) == 0);
#pragma once

#include <cstdint>

// clang links the operators of its ThreadSanitizer and MemorySanitizer into the program: they cannot be replaced.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WEFT_TESTS_COUNT_NEW 0
#endif
#endif
#ifndef WEFT_TESTS_COUNT_NEW
#define WEFT_TESTS_COUNT_NEW 1
#endif

namespace weft_test {

/// False where nothing is counted and nothing fails: a test that expects otherwise has to return at once.
inline constexpr bool counts_allocations = WEFT_TESTS_COUNT_NEW == 1;

/// How often operator new was called in this thread so far.
std::uint64_t allocations() noexcept;

/// How many blocks operator new has handed out and delete has not taken back, in all threads.
std::int64_t live_allocations() noexcept;

/// How often fn() calls operator new.
template <class F>
std::uint64_t allocations_in(F&& fn) {
  const std::uint64_t before = allocations();
  fn();
  return allocations() - before;
}

/// While it lives, operator new throws std::bad_alloc in this thread, once it was called `allowed` times: from then on,
/// or `failures` times.
class out_of_memory {
 public:
  explicit out_of_memory(std::uint64_t allowed = 0, std::uint64_t failures = ~std::uint64_t{0}) noexcept;
  out_of_memory(const out_of_memory&) = delete;
  out_of_memory& operator=(const out_of_memory&) = delete;
  ~out_of_memory();

  /// Whether an allocation has failed.
  bool happened() const noexcept;

 private:
  std::uint64_t failures_;
};

}  // namespace weft_test
