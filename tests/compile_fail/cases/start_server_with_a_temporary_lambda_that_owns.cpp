// A temporary lambda with a string in it handles connections.
// SPDX-License-Identifier: MIT
//
// expect: weft: this g\+\+ destroys a temporary .* twice: pass a named one, or what it owns as arguments
// only: g++<15
#include <string>
#include <utility>
#include <weft/core/task.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream.hpp>

weft::task<> greet(weft::stream connection, std::string greeting) { co_await connection.writer.write(greeting); }

weft::task<> use(std::string greeting) {
#ifdef WEFT_COMPILE_FAIL_FIXED
  const auto handler = [greeting](weft::stream connection) { return greet(std::move(connection), greeting); };
  weft::server server = co_await weft::start_server(handler, "127.0.0.1", 0);
#else
  weft::server server = co_await weft::start_server(
      [greeting](weft::stream connection) { return greet(std::move(connection), greeting); }, "127.0.0.1", 0);
#endif
  co_await server.serve_forever();
}
