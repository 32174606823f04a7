// The problem that the four makespan examples solve: six jobs, two workers, and when is the last job done?
// SPDX-License-Identifier: MIT
//
// The jobs wait and compute nothing, as clients of slow servers do. A worker that is free takes the longest job that is
// left. With --record the programs print who did what and when, in milliseconds, for docs/tutorial/draw_timeline.py.
#pragma once

#include <fmt/core.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <vector>

struct job {
  char name;
  std::chrono::milliseconds time;
};

inline constexpr std::array<job, 6> jobs{{{'a', std::chrono::milliseconds(600)},
                                          {'b', std::chrono::milliseconds(400)},
                                          {'c', std::chrono::milliseconds(400)},
                                          {'d', std::chrono::milliseconds(200)},
                                          {'e', std::chrono::milliseconds(200)},
                                          {'f', std::chrono::milliseconds(200)}}};
inline constexpr std::size_t workers = 2;

class logbook {
 public:
  using clock = std::chrono::steady_clock;

  logbook(int argc, char** argv) : records_(argc == 2 && std::string_view(argv[1]) == "--record") {}

  double now() const { return std::chrono::duration<double, std::milli>(clock::now() - start_).count(); }

  /// Not for several threads at once: each writes down its own and adds it at the end.
  void add(std::size_t worker, const job& done, double begin, double end) {
    entries_.push_back({worker, done.name, begin, end});
  }

  void report(std::string_view how) const {
    const double took = now() / 1000;
    // To half a second, so that the line is the same on a busy machine.
    fmt::print("{}: {} jobs, {} workers, {:.1f} s\n", how, entries_.size(), workers, std::round(took * 2) / 2);
    if (!records_) return;
    for (const entry& e : entries_) fmt::print("{} {} {:.1f} {:.1f}\n", e.worker, e.job, e.begin, e.end);
    fmt::print("took {:.1f}\n", took * 1000);
  }

 private:
  struct entry {
    std::size_t worker;
    char job;
    double begin;
    double end;
  };

  clock::time_point start_ = clock::now();
  std::vector<entry> entries_;
  bool records_;
};
