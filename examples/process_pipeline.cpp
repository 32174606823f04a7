// Child processes: what the shell writes as `sort | uniq -c`, with tasks between the pipes. Nobody holds more of it
// than pipes and limits allow: who writes to a slow process waits.
// SPDX-License-Identifier: MIT
#include <string>

#include "run_example.hpp"

weft::process_options with_pipes() {
  weft::process_options options;
  options.standard_input(weft::stdio::pipe).standard_output(weft::stdio::pipe);
  return options;
}

weft::task<> feed(weft::stream_writer& to) {
  const std::string words[] = {"warp", "weft", "loom", "weft", "warp", "weft"};
  for (int i = 0; i < 60'000; ++i) co_await to.write(words[i % 6], "\n");
  to.write_eof();
}

weft::task<> pump(weft::stream_reader& from, weft::stream_writer& to) {
  while (!from.at_eof()) {
    const std::string part = co_await from.read(65536);
    co_await to.write(part);
  }
  to.write_eof();
}

weft::task<> print(weft::stream_reader& from) {
  while (auto line = co_await from.next()) fmt::print("{}", line->substr(line->find_first_not_of(' ')));
}

weft::task<> async_main() {
  weft::process sort = co_await weft::create_subprocess_exec(with_pipes(), "sort");
  weft::process uniq = co_await weft::create_subprocess_exec(with_pipes(), "uniq", "-c");
  co_await weft::gather(feed(sort.input()), pump(sort.output(), uniq.input()), print(uniq.output()));
  const int sorted = co_await sort.wait();
  const int counted = co_await uniq.wait();
  fmt::print("ended with {} and {}\n", sorted, counted);
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
