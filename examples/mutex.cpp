// mutex: a section that waits in the middle, and that only one task at a time may be in.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

struct account {
  weft::mutex turn;
  int balance = 100;
};

// The balance is read before a wait and written after it, so nobody may come in between.
weft::task<> withdraw(account& a, int amount) {
  const auto lock = co_await a.turn.lock();
  const int before = a.balance;
  co_await weft::sleep_for(1s);  // the bank takes its time
  a.balance = before - amount;
  fmt::print("{} - {} = {}\n", before, amount, a.balance);
}

weft::task<> async_main() {
  account shared;
  co_await weft::gather(withdraw(shared, 10), withdraw(shared, 20), withdraw(shared, 30));
  fmt::print("left: {}\n", shared.balance);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
