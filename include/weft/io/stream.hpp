// A stream: a reader and a writer; and streams over descriptors that are open already.
// SPDX-License-Identifier: MIT
//
// asyncio's pair (reader, writer), which structured bindings take apart:
//
//     auto [reader, writer] = weft::open_stream(fd);
//     weft::stream_reader input = weft::open_reader(::dup(0));
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/io/stream_transport.hpp>
#include <weft/io/stream_writer.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace weft {

/// Both ends of a connection.
class stream {
 public:
  explicit stream(const std::shared_ptr<stream_transport>& transport) noexcept : reader(transport), writer(transport) {}
  stream(stream&&) noexcept = default;
  stream& operator=(stream&&) noexcept = default;

  stream_reader reader;
  stream_writer writer;
};

/// A stream over a connected socket, on the running loop; the descriptor is taken over and made non-blocking. `limit`:
/// see stream_reader. Throws std::system_error, with the descriptor closed; usage_error if no loop runs. Mirrors
/// open_connection(sock=...).
inline stream open_stream(int fd, std::size_t limit = default_stream_limit);

/// One end over a pipe or terminal; for the rest the same. A socket is closed with its end, too: who only writes has
/// what the peer sends dropped. Mirrors loop.connect_read_pipe() and connect_write_pipe().
inline stream_reader open_reader(int fd, std::size_t limit = default_stream_limit);
inline stream_writer open_writer(int fd);

// ---- details ----

inline stream open_stream(int fd, std::size_t limit) {
  detail::unique_fd owned(fd);
  return stream(descriptor_transport::over(event_loop::current(), std::move(owned), "descriptor " + std::to_string(fd),
                                           stream_direction::both, limit));
}

inline stream_reader open_reader(int fd, std::size_t limit) {
  detail::unique_fd owned(fd);
  return stream_reader(descriptor_transport::over(event_loop::current(), std::move(owned),
                                                  "descriptor " + std::to_string(fd), stream_direction::read, limit));
}

inline stream_writer open_writer(int fd) {
  detail::unique_fd owned(fd);
  return stream_writer(descriptor_transport::over(event_loop::current(), std::move(owned),
                                                  "descriptor " + std::to_string(fd), stream_direction::write));
}

}  // namespace weft
