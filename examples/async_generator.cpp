// async_generator: a coroutine that waits and yields by turns. A thermometer that is read once a second, its values
// smoothed by a second generator, until one is too high; then the connection is closed, which takes a while.
// SPDX-License-Identifier: MIT
#include <optional>

#include "run_example.hpp"

using namespace std::chrono_literals;

weft::async_generator<double> temperatures() {
  fmt::print("connected\n");
  try {
    for (double degrees = 18;; degrees += 1.5) {
      co_await weft::sleep_for(1s);
      co_yield degrees;
    }
  } catch (const weft::generator_exit&) {
    fmt::print("asked to stop\n");
  }
  co_await weft::sleep_for(200ms);
  fmt::print("disconnected\n");
}

weft::async_generator<double> smoothed(weft::async_generator<double>& values) {
  std::optional<double> mean;
  while (auto value = co_await values.next()) {
    mean = mean ? (*mean + *value) / 2 : *value;
    co_yield *mean;
  }
}

weft::task<double> first_above(double limit) {
  // However the body ends, by return, exception or cancellation: the generator is closed before the caller goes on.
  co_return co_await weft::with_closing(temperatures(), [&](weft::async_generator<double>& raw) -> weft::task<double> {
    auto means = smoothed(raw);
    while (auto mean = co_await means.next()) {
      fmt::print("{:.2f}\n", *mean);
      if (*mean > limit) co_return *mean;
    }
    co_return limit;
  });
}

weft::task<> async_main() {
  const double degrees = co_await first_above(21);
  fmt::print("too warm: {:.2f}\n", degrees);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
