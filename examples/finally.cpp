// finally: clean-up that waits, whatever the body did: it returned, it threw, it was cancelled.
// SPDX-License-Identifier: MIT
#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<> talk(weft::duration length) {
  fmt::print("hello\n");
  co_await weft::sleep_for(length);
  throw std::runtime_error("lost the thread");
}

weft::task<> say_goodbye() {
  co_await weft::sleep_for(100ms);
  fmt::print("goodbye\n");
}

weft::task<> conversation(weft::duration length) { co_await weft::finally(talk(length), say_goodbye); }

weft::task<> async_main() {
  try {
    co_await conversation(1s);
  } catch (const std::runtime_error& e) {
    fmt::print("failed: {}\n", e.what());
  }

  weft::task_handle<> long_one = weft::create_task(conversation(1h));
  co_await weft::sleep_for(1s);
  long_one.cancel();
  const weft::outcome<> ended = co_await weft::outcome_of(long_one);
  fmt::print("cancelled: {}\n", ended.cancelled());
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
