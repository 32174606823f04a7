// interval: ticks at a steady rate. The work between two ticks takes time; the rhythm is kept all the same.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> async_main() {
  const weft::time_point start = weft::event_loop::current().time();
  const auto since_start = [&] {
    return std::chrono::duration<double>(weft::event_loop::current().time() - start).count();
  };

  weft::interval every_second(1s);
  for (int n = 1; n <= 5; ++n) {
    co_await every_second.next();
    fmt::print("sample {} at {:.1f} s\n", n, since_start());
    const auto work = n == 3 ? 2500ms : 300ms;  // the third time, one tick comes late and one is left out
    co_await weft::sleep_for(work);
  }
  fmt::print("ticks left out: {}\n", every_second.skipped());
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
