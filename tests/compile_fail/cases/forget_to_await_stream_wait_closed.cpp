// What stream_writer::wait_closed() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: wait_closed\(\) does nothing until it is awaited: write co_await writer\.wait_closed\(\)
#include <weft/core/task.hpp>
#include <weft/io/stream_writer.hpp>

weft::task<> use(weft::stream_writer& writer) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await writer.wait_closed();
#else
  writer.wait_closed();
#endif
  co_return;
}
