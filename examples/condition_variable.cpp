// condition_variable: waits until something that a mutex protects is as it should be.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

struct pantry {
  weft::condition_variable changed;
  int eggs = 0;
};

weft::task<> bake(pantry& p, const char* what, int eggs) {
  const auto lock = co_await p.changed.lock();
  co_await p.changed.wait([&] { return p.eggs >= eggs; });  // with the lock again when it is true
  p.eggs -= eggs;
  fmt::print("{}: takes {}, {} left\n", what, eggs, p.eggs);
}

weft::task<> shop(pantry& p) {
  for (int trip = 0; trip < 3; ++trip) {
    co_await weft::sleep_for(1s);
    const auto lock = co_await p.changed.lock();
    p.eggs += 2;
    fmt::print("two eggs more: {}\n", p.eggs);
    p.changed.notify_all();
  }
}

weft::task<> async_main() {
  pantry shared;
  co_await weft::gather(bake(shared, "cake", 4), bake(shared, "pancakes", 1), shop(shared));
  fmt::print("at the end: {}\n", shared.eggs);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
