// A stranger's program in two translation units, which have to agree on what weft is and on which loop runs.
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <weft/weft.hpp>

const weft::event_loop* loop_seen_by_other();
weft::task<int> answer_from_other(int part);

namespace {

weft::task<int> answer(int part) {
  co_await weft::sleep_for(std::chrono::milliseconds(1));
  co_return part;
}

weft::task<int> async_main() {
  auto [a, b] = co_await weft::gather(answer(20), answer_from_other(22));
  if (&weft::event_loop::current() != loop_seen_by_other()) co_return -1;
  co_return a + b;
}

}  // namespace

int main() { std::printf("%d from two translation units\n", weft::run(async_main())); }
