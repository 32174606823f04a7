// future: makes a function that reports its result to a callback into one that can be awaited.
// SPDX-License-Identifier: MIT
#include <functional>
#include <string>

#include "run_example.hpp"

using namespace std::chrono_literals;

// A library that knows nothing of coroutines. It returns at once, and calls back later.
void look_up(const std::string& host, std::function<void(int error, std::string address)> report) {
  const bool known = host == "example.org";
  weft::event_loop::current().call_later(1s, [known, report] { report(known ? 0 : 11, known ? "192.0.2.7" : ""); });
}

weft::task<std::string> look_up(const std::string& host) {
  weft::future<std::string> found;
  look_up(host, [found](int error, std::string address) {
    if (found.done()) return;  // nobody waits any more: the wait was cancelled
    if (error == 0) {
      found.set_result(std::move(address));
    } else {
      found.set_exception(std::runtime_error(fmt::format("look-up failed with {}", error)));
    }
  });
  co_return co_await found;
}

weft::task<> async_main() {
  fmt::print("{}\n", co_await look_up("example.org"));
  try {
    co_await look_up("nowhere.invalid");
  } catch (const std::runtime_error& e) {
    fmt::print("{}\n", e.what());
  }
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
