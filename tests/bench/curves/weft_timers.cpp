// The cost per timer of setting it, where nine of ten are cancelled and the tenth fires, from few to many, on virtual
// time. The second of two equal runs is measured: what the first one touches for the first time does not count.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <cstdint>
#include <vector>
#include <weft/core/callback.hpp>
#include <weft/core/clock.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/run.hpp>
#include <weft/time/sleep.hpp>

#include "../support/measure.hpp"

using namespace std::chrono_literals;

weft::task<> all(std::uint64_t ops, std::uint64_t& fired) {
  weft::event_loop& loop = weft::event_loop::current();
  bench::delays delays;
  std::vector<weft::timer_handle> timers;
  timers.reserve(ops);
  for (std::uint64_t i = 0; i < ops; ++i) timers.push_back(loop.call_later(delays.next(), [&fired] { ++fired; }));
  for (std::uint64_t i = 0; i < ops; ++i) {
    if (i % 10 != 0) timers[i].cancel();
  }
  co_await weft::sleep_for(2s);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  weft::virtual_clock first_clock;
  weft::virtual_clock second_clock;
  std::uint64_t fired = 0;
  weft::run(all(m.ops(), fired), {.clock = &first_clock});
  m.begin();
  weft::run(all(m.ops(), fired), {.clock = &second_clock});
  m.end();
  return m.report(fired == 2 * ((m.ops() + 9) / 10));
}
