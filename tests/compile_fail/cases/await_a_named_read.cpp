// A read that has a name is awaited without std::move.
// SPDX-License-Identifier: MIT
//
// expect: weft: an operation is awaited once, as an rvalue: await it where you make it, or co_await std::move\(it\)
#include <string>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/io/stream_reader.hpp>

weft::task<std::string> use(weft::stream_reader& reader) {
  auto line = reader.read_line();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_return co_await std::move(line);
#else
  co_return co_await line;
#endif
}
