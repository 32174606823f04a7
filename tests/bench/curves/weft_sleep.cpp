// The cost per task of sleeping a random time below a second, from few tasks to many, on virtual time. The second of
// two equal runs is measured: what the first one touches for the first time does not count.
// SPDX-License-Identifier: MIT
#include <cstdint>
#include <utility>
#include <vector>
#include <weft/core/clock.hpp>
#include <weft/core/run.hpp>
#include <weft/flow/gather.hpp>
#include <weft/time/sleep.hpp>

#include "../support/measure.hpp"

weft::task<> sleeper(weft::duration delay, std::uint64_t& done) {
  co_await weft::sleep_for(delay);
  ++done;
}

weft::task<> all(std::uint64_t ops, std::uint64_t& done) {
  bench::delays delays;
  std::vector<weft::task<>> sleepers;
  sleepers.reserve(ops);
  for (std::uint64_t i = 0; i < ops; ++i) sleepers.push_back(sleeper(delays.next(), done));
  co_await weft::gather(std::move(sleepers));
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  weft::virtual_clock first_clock;
  weft::virtual_clock second_clock;
  std::uint64_t done = 0;
  weft::run(all(m.ops(), done), {.clock = &first_clock});
  m.begin();
  weft::run(all(m.ops(), done), {.clock = &second_clock});
  m.end();
  return m.report(done == 2 * m.ops());
}
