// Tests of weft/detail/frame_pool.hpp: blocks are usable, recycled, and passed on from thread to thread.
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

namespace detail_frame_pool_test {

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

TEST_CASE("what a thread has recycled serves other threads when it has ended", "[detail][frame_pool]") {
  // The memory that `fn` costs when it runs in a new thread for the twentieth time.
  const auto cost = [](auto fn) {
    for (int i = 0; i < 20; ++i) in_new_thread(fn);
    const auto before = weft_test::live_allocations();
    in_new_thread(fn);
    return weft_test::live_allocations() - before;
  };

  SECTION("blocks of its own") {
    CHECK(cost([] {
            std::vector<void*> blocks;
            for (std::size_t i = 0; i < 200; ++i) blocks.push_back(frame_pool::allocate(8 * i + 1));
            for (std::size_t i = 0; i < 200; ++i) frame_pool::deallocate(blocks[i], 8 * i + 1);
          }) == 0);
  }
  SECTION("blocks of another thread, though it never made one itself") {
    CHECK(cost([] {
            std::vector<void*> blocks(2000);
            for (void*& block : blocks) block = frame_pool::allocate(64);
            in_new_thread([&] {
              for (void* block : blocks) frame_pool::deallocate(block, 64);
            });
          }) == 0);
  }
  SECTION("blocks that thread_local objects free after the pool has gone") {
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
    CHECK(cost([] {
            thread_local late holder;  // made before the pool's first block, so it goes after the pool
            holder.block = frame_pool::allocate(64);
          }) == 0);
  }
}

#if WEFT_FRAME_POOL
TEST_CASE("blocks of all sizes share chunks, and no byte of them is lost", "[detail][frame_pool]") {
  if (!weft_test::counts_allocations) return;
  in_new_thread([] {
    std::size_t bytes = 0;
    const auto allocations = weft_test::allocations_in([&] {
      for (std::size_t size = 16; bytes < 1024 * 1024; size = size % 1024 + 16) {
        static_cast<void>(frame_pool::allocate(size));  // reachable from the pool's list of chunks
        bytes += size;
      }
    });
    CHECK(allocations <= bytes / (63 * 1024) + 1);
  });
}

TEST_CASE("a thread that needs many chunks gets fewer and larger ones", "[detail][frame_pool]") {
  if (!weft_test::counts_allocations) return;
  in_new_thread([] {
    std::vector<std::uint32_t*> blocks(20'000);  // 20 MB
    const auto allocations = weft_test::allocations_in([&] {
      for (std::uint32_t i = 0; i < blocks.size(); ++i) {
        blocks[i] = static_cast<std::uint32_t*>(frame_pool::allocate(1000));
        blocks[i][0] = blocks[i][249] = i;
      }
    });
    CHECK(allocations < 50);
    std::uint32_t wrong = 0;
    for (std::uint32_t i = 0; i < blocks.size(); ++i) wrong += blocks[i][0] != i || blocks[i][249] != i;
    CHECK(wrong == 0);
    for (std::uint32_t* block : blocks) frame_pool::deallocate(block, 1000);
  });
}

TEST_CASE("threads may allocate and free at once", "[detail][frame_pool]") {
  std::vector<std::thread> threads;
  for (unsigned char mark = 1; mark <= 4; ++mark) {
    threads.emplace_back([mark] {
      for (int round = 0; round < 20; ++round) {
        in_new_thread([mark] {
          std::vector<unsigned char*> blocks(300);
          for (auto*& block : blocks) {
            block = static_cast<unsigned char*>(frame_pool::allocate(200));
            std::memset(block, mark, 200);
          }
          for (auto* block : blocks) {
            if (block[0] != mark || block[199] != mark) throw std::bad_alloc();  // ends the test program
            frame_pool::deallocate(block, 200);
          }
        });
      }
    });
  }
  for (std::thread& t : threads) t.join();
}
#endif

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

}  // namespace detail_frame_pool_test
