// How a server listens and what its connections are like.
// SPDX-License-Identifier: MIT
//
//     const weft::server_options options{.backlog = 1000, .reuse_port = true};
//     weft::server server = co_await weft::start_server(handler, "", 80, options);
#pragma once

#include <weft/io/stream_input.hpp>

#include <sys/socket.h>

#include <cstddef>

namespace weft {

/// Of start_server() and start_unix_server().
struct server_options {
  std::size_t limit = default_stream_limit;  ///< of the readers, in bytes
  int family = AF_UNSPEC;                    ///< AF_INET or AF_INET6: only such addresses
  int backlog = 100;                         ///< connections that wait to be accepted
  bool reuse_address = true;                 ///< SO_REUSEADDR
  bool reuse_port = false;                   ///< SO_REUSEPORT: several processes serve the same port
  bool no_delay = true;                      ///< TCP_NODELAY of the connections
  bool keep_alive = false;                   ///< SO_KEEPALIVE of the connections
  bool start_serving = true;                 ///< else start_serving() or serve_forever() does
};

}  // namespace weft
