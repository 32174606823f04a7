// W4: many tasks sleep a random time below a second.
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
  weft::steady_clock real_clock;
  weft::virtual_clock virtual_clock;
  weft::clock* clock = &real_clock;
  if (m.virtual_time()) clock = &virtual_clock;
  std::uint64_t done = 0;
  m.begin();
  weft::run(all(m.ops(), done), {.clock = clock});
  m.end();
  return m.report(done == m.ops());
}
