// A write that has a name is awaited without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: an operation is awaited once, as an rvalue: await it where you make it, or co_await std::move\(it\)
#include <utility>
#include <weft/core/task.hpp>
#include <weft/io/stream_writer.hpp>

weft::task<> use(weft::stream_writer& writer) {
  auto hello = writer.write("hello");
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await std::move(hello);
#else
  co_await hello;
#endif
}
