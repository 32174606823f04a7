// Tests of weft/detail/frame_pool.hpp: blocks are usable, recycled, and go back to the system in the end.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/counting_new.hpp"

#include <weft/detail/config.hpp>
#include <weft/detail/frame_pool.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <set>
#include <thread>
#include <vector>

namespace {

using weft::detail::frame_pool;

template <class F>
void in_new_thread(F fn) {
  std::thread(fn).join();
}

TEST_CASE("a block has the size that was asked for and fits any ordinary type", "[detail][frame_pool]") {
  std::set<void*> blocks;
  std::vector<void*> in_order;
  for (std::size_t size = 1; size <= 1500; size += 7) {
    void* block = frame_pool::allocate(size);
    std::memset(block, 0xAB, size);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % __STDCPP_DEFAULT_NEW_ALIGNMENT__ == 0);
    blocks.insert(block);
    in_order.push_back(block);
  }
  CHECK(blocks.size() == in_order.size());
  std::size_t size = 1;
  for (void* block : in_order) {
    frame_pool::deallocate(block, size);
    size += 7;
  }
}

#if WEFT_FRAME_POOL
TEST_CASE("a block that was given back is the next one of its size class", "[detail][frame_pool]") {
  void* small = frame_pool::allocate(100);
  void* other = frame_pool::allocate(300);
  frame_pool::deallocate(small, 100);
  CHECK(frame_pool::allocate(112) == small);  // 97 to 112 bytes are one class
  frame_pool::deallocate(small, 112);
  frame_pool::deallocate(other, 300);
  void* next = frame_pool::allocate(113);
  CHECK(next != small);
  frame_pool::deallocate(next, 113);
}

TEST_CASE("once its lists are filled the pool asks the system for nothing", "[detail][frame_pool]") {
  std::vector<void*> blocks(50);
  const auto use = [&] {
    for (void*& block : blocks) block = frame_pool::allocate(512);
    for (void* block : blocks) frame_pool::deallocate(block, 512);
  };
  use();
  CHECK(weft_test::allocations_in(use) == 0);
}
#endif

TEST_CASE("large blocks go back to the system at once", "[detail][frame_pool]") {
  if (!weft_test::counts_allocations) return;
  const auto before = weft_test::live_allocations();
  void* large = frame_pool::allocate(4096);
  const auto while_held = weft_test::live_allocations();
  frame_pool::deallocate(large, 4096);
  const auto after = weft_test::live_allocations();
  CHECK(while_held == before + 1);
  CHECK(after == before);
}

TEST_CASE("what a thread has recycled goes back to the system when it ends", "[detail][frame_pool]") {
  const auto live_after = [](auto fn) {
    in_new_thread(fn);  // whatever the first thread of a program sets up is set up now
    const auto before = weft_test::live_allocations();
    in_new_thread(fn);
    return weft_test::live_allocations() - before;
  };

  SECTION("blocks of its own") {
    CHECK(live_after([] {
            std::vector<void*> blocks;
            for (std::size_t i = 0; i < 200; ++i) blocks.push_back(frame_pool::allocate(8 * i + 1));
            for (std::size_t i = 0; i < 200; ++i) frame_pool::deallocate(blocks[i], 8 * i + 1);
          }) == 0);
  }
  SECTION("blocks of another thread, though it never made one itself") {
    std::vector<void*> blocks;
    const auto make = [&] {
      for (int i = 0; i < 20; ++i) blocks.push_back(frame_pool::allocate(64));
    };
    const auto give_back = [&] {
      for (void* block : blocks) frame_pool::deallocate(block, 64);
      blocks.clear();
    };
    blocks.reserve(20);
    in_new_thread([] {});
    const auto before = weft_test::live_allocations();
    in_new_thread(make);
    in_new_thread(give_back);
    CHECK(weft_test::live_allocations() == before);
  }
  SECTION("blocks that thread_local objects free after the pool has drained") {
    struct late {
      late() = default;
      late(const late&) = delete;
      late& operator=(const late&) = delete;
      ~late() {
        if (block != nullptr) frame_pool::deallocate(block, 64);
        void* another = frame_pool::allocate(64);
        frame_pool::deallocate(another, 64);
      }
      void* block = nullptr;
    };
    CHECK(live_after([] {
            thread_local late holder;  // made before the pool's first block, so it goes after the pool
            holder.block = frame_pool::allocate(64);
          }) == 0);
  }
}

TEST_CASE("the pool says when there is no memory", "[detail][frame_pool]") {
  if (!weft_test::counts_allocations) return;
  std::vector<void*> blocks;
  blocks.reserve(100'000);
  bool refused = false;
  {
    const weft_test::out_of_memory guard;
    try {
      while (blocks.size() < 100'000) blocks.push_back(frame_pool::allocate(1000));
    } catch (const std::bad_alloc&) {
      refused = true;
    }
  }
  CHECK(refused);
  for (void* block : blocks) frame_pool::deallocate(block, 1000);
}

}  // namespace
