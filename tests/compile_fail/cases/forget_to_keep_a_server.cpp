// A server is started and let go, which closes it.
// SPDX-License-Identifier: MIT
//
// expect: weft: a server that nobody keeps is closed at once
// only: clang++
#include <weft/core/task.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>

weft::task<> handle(weft::stream) { co_return; }

weft::task<> use() {
#ifdef WEFT_COMPILE_FAIL_FIXED
  weft::server server = co_await weft::start_server(handle, "127.0.0.1", 0);
  co_await server.serve_forever();
#else
  co_await weft::start_server(handle, "127.0.0.1", 0);
#endif
}
