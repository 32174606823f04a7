// What the C++ benchmarks share: the argument, the meter, the line of JSON.
// SPDX-License-Identifier: MIT
//
// A program makes a meter, does its work between begin() and end(), and returns report(). CPU time, not wall time: it
// does not depend on what else the machine does. Allocations are counted at malloc, below operator new, so that the
// peers' own ways of allocating count too. Each program is one translation unit: this header defines malloc.
//
//     int main(int argc, char** argv) {
//       bench::meter m(argc, argv);
//       m.begin();
//       const std::uint64_t sum = add_up(m.ops());
//       m.end();
//       return m.report(sum == bench::sum_below(m.ops()));
//     }
#pragma once

#include <time.h>

#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

// Under callgrind only what is between begin() and end() is counted.
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_STOP_INSTRUMENTATION
#endif

namespace bench {

inline std::uint64_t allocations = 0;

/// How many tasks the workloads with "many" have.
inline constexpr std::uint64_t many = 1000;

/// 0 + 1 + ... + (n - 1), modulo 2^64.
constexpr std::uint64_t sum_below(std::uint64_t n) { return n % 2 == 0 ? n / 2 * (n - 1) : (n - 1) / 2 * n; }

/// How many of `ops` operations fall to task i of `many`.
constexpr std::uint64_t share(std::uint64_t ops, std::uint64_t i) { return ops / many + (i < ops % many ? 1 : 0); }

/// Pseudo-random delays below a second: the same ones in all languages.
class delays {
 public:
  std::chrono::nanoseconds next() {
    state_ = state_ * 1664525 + 1013904223;
    return std::chrono::nanoseconds((std::uint64_t{state_} * 1'000'000'000) >> 32);
  }

 private:
  std::uint32_t state_ = 1;
};

class meter {
 public:
  /// Reads the arguments: OPS [--virtual-time]. Ends the program if they are wrong.
  meter(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
      const std::string_view word = argv[i];
      if (word == "--virtual-time") {
        virtual_time_ = true;
      } else if (ops_ != 0 || std::from_chars(word.data(), word.data() + word.size(), ops_).ec != std::errc()) {
        usage(argv[0]);
      }
    }
    if (ops_ == 0) usage(argv[0]);
  }

  std::uint64_t ops() const { return ops_; }

  /// Whether to sleep on virtual time, where that can be done: every run then takes the same instructions.
  bool virtual_time() const { return virtual_time_; }

  void begin() {
    start_rss_kb_ = status("VmRSS:");
    allocations_ = allocations;
    CALLGRIND_ZERO_STATS;
    cpu_ns_ = cpu_now();
  }

  void end() {
    cpu_ns_ = cpu_now() - cpu_ns_;
    CALLGRIND_STOP_INSTRUMENTATION;
    allocations_ = allocations - allocations_;
    peak_rss_kb_ = status("VmHWM:");
  }

  /// Prints the line and returns the exit status; a wrong result fails.
  int report(bool correct) const {
    if (!correct) {
      std::fprintf(stderr, "the result of the work is wrong\n");
      return 1;
    }
    std::printf(
        "{\"ops\": %llu, \"cpu_ns\": %lld, \"allocations\": %llu, \"peak_rss_kb\": %lld, \"start_rss_kb\": %lld}\n",
        static_cast<unsigned long long>(ops_), static_cast<long long>(cpu_ns_),
        static_cast<unsigned long long>(allocations_), static_cast<long long>(peak_rss_kb_),
        static_cast<long long>(start_rss_kb_));
    return 0;
  }

 private:
  [[noreturn]] static void usage(const char* program) {
    std::fprintf(stderr, "usage: %s OPS [--virtual-time]\n", program);
    std::exit(2);
  }

  static std::int64_t cpu_now() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
  }

  // Not getrusage(): its peak is the parent's, if that was larger when it forked.
  static std::int64_t status(const char* field) {
    std::FILE* file = std::fopen("/proc/self/status", "r");
    char line[256];
    long long kb = 0;
    while (file != nullptr && std::fgets(line, sizeof line, file) != nullptr) {
      if (std::strncmp(line, field, std::strlen(field)) == 0) kb = std::atoll(line + std::strlen(field));
    }
    if (file != nullptr) std::fclose(file);
    return kb;
  }

  std::uint64_t ops_ = 0;
  bool virtual_time_ = false;
  std::int64_t cpu_ns_ = 0;
  std::uint64_t allocations_ = 0;
  std::int64_t start_rss_kb_ = 0;
  std::int64_t peak_rss_kb_ = 0;
};

}  // namespace bench

// glibc's own functions under their other names.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);

void* malloc(std::size_t size) noexcept {
  ++bench::allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  ++bench::allocations;
  return __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  ++bench::allocations;
  return __libc_realloc(memory, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++bench::allocations;
  return __libc_memalign(alignment, size);
}
}
