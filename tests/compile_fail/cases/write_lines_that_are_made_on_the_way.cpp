// The strings of a range are made as it is read, and would be gone when they are written.
// SPDX-License-Identifier: MIT
//
// expect: weft: this range makes its strings as it goes, and they would be gone: put them into a vector first
#include <ranges>
#include <string>
#include <vector>
#include <weft/core/task.hpp>
#include <weft/io/stream_writer.hpp>

weft::task<> use(weft::stream_writer& writer, std::vector<int> numbers) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  std::vector<std::string> lines;
  for (const int n : numbers) lines.push_back(std::to_string(n));
  co_await writer.write_lines(lines);
#else
  const auto line_of = [](int n) { return std::to_string(n); };
  co_await writer.write_lines(numbers | std::views::transform(line_of));
#endif
  co_return;
}
