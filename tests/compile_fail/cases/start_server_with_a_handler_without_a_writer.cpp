// A connection's handler takes only the reader.
// SPDX-License-Identifier: MIT
//
// expect: weft: a connection handler is called with a stream_reader and a stream_writer, or with a stream
#include <weft/core/task.hpp>
#include <weft/io/start_server.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/io/stream_writer.hpp>

#ifdef WEFT_COMPILE_FAIL_FIXED
weft::task<> handle(weft::stream_reader reader, weft::stream_writer) { co_await reader.read(); }
#else
weft::task<> handle(weft::stream_reader reader) { co_await reader.read(); }
#endif

weft::task<> use() {
  weft::server server = co_await weft::start_server(handle, "127.0.0.1", 0);
  co_await server.serve_forever();
}
