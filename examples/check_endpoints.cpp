// Checks many servers, a few at a time: each has a second to answer, and one that does not answer, or is not there,
// does not hold up the others.
// SPDX-License-Identifier: MIT
#include <chrono>
#include <string>
#include <system_error>
#include <vector>

#include "run_example.hpp"

using namespace std::chrono_literals;

weft::task<std::string> greeting(unsigned port) {
  auto [reader, writer] = co_await weft::open_connection("127.0.0.1", port);
  co_return co_await reader.read_line();
}

weft::task<std::string> check(unsigned port, weft::semaphore& at_once) {
  auto permit = co_await at_once.acquire();
  try {
    const std::string line = co_await weft::wait_for(greeting(port), 200ms);
    co_return "up, says " + line.substr(0, line.size() - 1);
  } catch (const weft::timeout_error&) {
    co_return "no answer";
  } catch (const std::system_error& e) {
    co_return "down (" + e.code().message() + ")";
  }
}

// Three servers to check: one greets, one never says a word, and one has gone.
weft::task<> greet(weft::stream_reader, weft::stream_writer writer) { co_await writer.write("hello\n"); }
weft::task<> keep_silent(weft::stream_reader reader, weft::stream_writer) { co_await reader.read(); }

weft::task<> async_main() {
  const weft::server polite = co_await weft::start_server(greet, "127.0.0.1", 0);
  const weft::server silent = co_await weft::start_server(keep_silent, "127.0.0.1", 0);
  weft::server gone = co_await weft::start_server(greet, "127.0.0.1", 0);
  std::vector<unsigned> ports;
  for (const weft::server* s : {&polite, &silent, &std::as_const(gone)}) ports.push_back(s->addresses().front().port());
  gone.close();

  weft::semaphore at_once(2);
  std::vector<weft::task<std::string>> checks;
  for (const unsigned port : ports) checks.push_back(check(port, at_once));
  for (const std::string& result : co_await weft::gather(std::move(checks))) fmt::print("{}\n", result);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
