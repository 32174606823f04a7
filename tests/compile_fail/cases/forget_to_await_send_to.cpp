// What send_to() returns is dropped.
// SPDX-License-Identifier: MIT
//
// expect: weft: nothing is sent until this is awaited: write co_await s.send_to\(...\)
#include <weft/core/task.hpp>
#include <weft/io/datagram_socket.hpp>
#include <weft/io/socket_address.hpp>

weft::task<> use(weft::datagram_socket& s, const weft::socket_address& to) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await s.send_to("hello", to);
#else
  s.send_to("hello", to);
#endif
  co_return;
}
