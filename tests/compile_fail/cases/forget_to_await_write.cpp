// What stream_writer::write() returns is dropped, as with asyncio's write().
// SPDX-License-Identifier: MIT
//
// expect: weft: nothing is written until this is awaited: write co_await writer\.write\(\.\.\.\)
#include <weft/core/task.hpp>
#include <weft/io/stream_writer.hpp>

weft::task<> use(weft::stream_writer& writer) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await writer.write("hello");
#else
  writer.write("hello");
#endif
  co_return;
}
