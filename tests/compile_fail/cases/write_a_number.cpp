// A number is written to a stream.
// SPDX-License-Identifier: MIT
//
// expect: weft: only text can be written: make a number a string with std::to_string\(\)
#include <string>
#include <weft/core/task.hpp>
#include <weft/io/stream_writer.hpp>

weft::task<> use(weft::stream_writer& writer, int n) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await writer.write("n = ", std::to_string(n));
#else
  co_await writer.write("n = ", n);
#endif
  co_return;
}
