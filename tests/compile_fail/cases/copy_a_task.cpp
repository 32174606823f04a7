// A task is copied.
// SPDX-License-Identifier: MIT
//
// expect: use of deleted function .*weft::task<T>::task\(const weft::task<T>&\)
// expect(clang++): call to deleted constructor of .*weft::task<int>
#include <utility>
#include <weft/core/task.hpp>

weft::task<int> answer() { co_return 42; }

weft::task<int> use() {
  weft::task<int> first = answer();
#ifdef WEFT_COMPILE_FAIL_FIXED
  weft::task<int> second = std::move(first);
#else
  weft::task<int> second = first;
#endif
  co_return co_await std::move(second);
}
