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

  explicit logbook(bool records) : records_(records) {}

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

/// The main function: solves the problem and reports.
template <class Solve>
int run_makespan(int argc, char** argv, std::string_view how, Solve solve) {
  const std::string_view path = argv[0];
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::string_view word = argc > 1 ? argv[1] : "";
  const bool help = word == "--help";
  const bool bad = argc > 2 || (argc == 2 && !help && word != "--record");
  if (bad) fmt::print(stderr, "{}: cannot use '{}'\n", name, argc > 2 ? argv[2] : argv[1]);
  if (help || bad) {
    fmt::print(bad ? stderr : stdout, "usage: {} [--record]\n  --record  print also who did what, and when\n", name);
    return bad ? 2 : 0;
  }
  logbook log(word == "--record");
  solve(log);
  log.report(how);
  return 0;
}
