// What stream_reader::read() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: nothing is read until this is awaited: write co_await reader\.read\.\.\.\(\)
#include <weft/core/task.hpp>
#include <weft/io/stream_reader.hpp>

weft::task<> use(weft::stream_reader& reader) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await reader.read();
#else
  reader.read();
#endif
  co_return;
}
