// What stream_writer::flush() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: flush\(\) does nothing until it is awaited: write co_await writer\.flush\(\)
#include <weft/core/task.hpp>
#include <weft/io/stream_writer.hpp>

weft::task<> use(weft::stream_writer& writer) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await writer.flush();
#else
  writer.flush();
#endif
  co_return;
}
