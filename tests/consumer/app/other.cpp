// The second translation unit. It has an `answer` of its own, too: internal names must not meet.
// SPDX-License-Identifier: MIT
#include <weft/weft.hpp>

const weft::event_loop* loop_seen_by_other() { return &weft::event_loop::current(); }

namespace {

weft::task<int> answer(int part) {
  co_await weft::yield();
  co_return part;
}

}  // namespace

weft::task<int> answer_from_other(int part) {
  auto running = weft::create_task(answer(part));
  co_return co_await running;
}
