// A server is waited for, or so it seems.
// SPDX-License-Identifier: MIT
//
// expect: weft: wait_closed\(\) does nothing until it is awaited: write co_await server\.wait_closed\(\)
#include <weft/core/task.hpp>
#include <weft/io/start_server.hpp>

weft::task<> use(weft::server& server) {
  server.close();
#ifdef WEFT_COMPILE_FAIL_FIXED
  co_await server.wait_closed();
#else
  server.wait_closed();
  co_return;
#endif
}
