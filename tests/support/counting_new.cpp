// The operators new and delete of the test programs; see counting_new.hpp.
// SPDX-License-Identifier: MIT
#include "support/counting_new.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr std::uint64_t no_limit = std::numeric_limits<std::uint64_t>::max();

constinit thread_local std::uint64_t calls = 0;
constinit thread_local std::uint64_t first_to_fail = no_limit;
constinit thread_local std::uint64_t left_to_fail = 0;
constinit std::atomic<std::int64_t> live{0};

[[maybe_unused]] void* allocate(std::size_t size, std::size_t alignment) noexcept {
  if (calls >= first_to_fail && left_to_fail > 0) {
    --left_to_fail;
    return nullptr;
  }
  ++calls;
  if (size == 0) size = 1;
  void* memory = nullptr;
  if (alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__) {
    memory = std::malloc(size);
  } else if (::posix_memalign(&memory, alignment, size) != 0) {
    memory = nullptr;
  }
  if (memory != nullptr) live.fetch_add(1, std::memory_order_relaxed);
  return memory;
}

[[maybe_unused]] void* allocate_or_throw(std::size_t size, std::size_t alignment = 1) {
  void* memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

[[maybe_unused]] void give_back(void* memory) noexcept {
  if (memory != nullptr) live.fetch_sub(1, std::memory_order_relaxed);
  std::free(memory);
}

}  // namespace

namespace weft_test {

std::uint64_t allocations() noexcept { return calls; }
std::int64_t live_allocations() noexcept { return live.load(std::memory_order_relaxed); }

out_of_memory::out_of_memory(std::uint64_t allowed, std::uint64_t failures) noexcept : failures_(failures) {
  first_to_fail = calls + allowed;
  left_to_fail = failures;
}
out_of_memory::~out_of_memory() { first_to_fail = no_limit; }
bool out_of_memory::happened() const noexcept { return left_to_fail < failures_; }

}  // namespace weft_test

#if WEFT_TESTS_COUNT_NEW
void* operator new(std::size_t size) { return allocate_or_throw(size); }
void* operator new[](std::size_t size) { return allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<std::size_t>(alignment));
}

void operator delete(void* memory) noexcept { give_back(memory); }
void operator delete[](void* memory) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give_back(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { give_back(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { give_back(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { give_back(memory); }
#endif
