// What receive_from() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: nothing is received until this is awaited: write co_await s.receive_from\(...\)
#include <weft/core/task.hpp>
#include <weft/io/datagram_socket.hpp>

#include <array>

weft::task<> use(weft::datagram_socket& s) {
  std::array<char, 10> buffer{};
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await s.receive_from(buffer);
#else
  s.receive_from(buffer);
#endif
  co_return;
}
