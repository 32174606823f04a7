// A connection's handler is a function that returns something, which nobody would look at.
// SPDX-License-Identifier: MIT
//
// expect: weft: a connection handler returns a task<>, or nothing
#include <weft/core/task.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
void handle(weft::stream) {}
#else
int handle(weft::stream) { return 0; }
#endif

weft::task<> use() {
  weft::server server = co_await weft::start_unix_server(handle, "/tmp/socket");
  co_await server.serve_forever();
}
