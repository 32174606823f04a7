// A connection's handler is a function that returns something, which nobody would look at.
// SPDX-License-Identifier: MIT
//
// expect: weft: a connection handler returns a task<>, or nothing
#include <weft/weft.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
void handle(weft::stream) {}
#else
int handle(weft::stream) { return 0; }
#endif

weft::task<> use() {
  weft::server server = co_await weft::start_unix_server(handle, "/tmp/socket");
  co_await server.serve_forever();
}
