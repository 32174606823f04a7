// Sends a file over a stream without reading it into the program (asyncio's loop.sendfile).
// SPDX-License-Identifier: MIT
//
// On Linux the kernel moves the bytes from the file to the socket, sendfile(2), as many at a time as the socket has
// room for, and one loop pass each, so that a fast peer does not keep the loop for itself. Where that cannot be done -
// streams in memory, pipes, other systems, files that cannot be mapped - the file is read in a thread and written like
// anything else.
//
//     const weft::detail::unique_fd file(::open("picture.png", O_RDONLY | O_CLOEXEC));
//     co_await weft::send_file(writer, file.get());
#pragma once

#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/write_without_sigpipe.hpp>
#include <weft/io/stream_writer.hpp>
#include <weft/threads/to_thread.hpp>

#if defined(__linux__)
#include <sys/sendfile.h>
#endif
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>

namespace weft {

/// Sends `count` bytes of a file, or all up to its end, from `offset` on, after what was written before; how many bytes
/// it sent: fewer if the file ends before. The file stays open and its position where it is; it and the writer have to
/// stay. Nobody else may write meanwhile. Throws std::system_error (reading the file has failed; it is no file that can
/// be read from an offset: ESPIPE), and what stream_writer::write() throws.
///
/// Cancelled: in part: a beginning of the file has been sent. Mirrors loop.sendfile().
template <class = detail::only_if_used>
task<std::uint64_t> send_file(stream_writer& writer, int file, std::uint64_t offset = 0,
                              std::uint64_t count = std::numeric_limits<std::uint64_t>::max());

// ---- details ----

namespace detail {

/// Reads a piece of a file in a thread of the pool.
template <class = detail::only_if_used>
task<std::string> read_piece(int file, std::uint64_t offset, std::size_t size) {
  const auto read = [file, offset, size] {
    std::string piece(size, '\0');
    ssize_t n = 0;
    do {
      n = ::pread(file, piece.data(), piece.size(), static_cast<off_t>(offset));
    } while (n < 0 && errno == EINTR);
    if (n < 0) throw std::system_error(errno, std::generic_category(), "weft: reading a file to send");
    piece.resize(static_cast<std::size_t>(n));
    return piece;
  };
  co_return co_await to_thread(read);
}

/// How many bytes; -EAGAIN; -EINVAL or the like if it cannot be done with these two.
inline std::ptrdiff_t copy_in_kernel(int to, int file, std::uint64_t offset, std::uint64_t count) noexcept {
#if defined(__linux__)
  off_t position = static_cast<off_t>(offset);
  const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(count, 0x7ffff000));  // Linux' own limit
  const std::ptrdiff_t n = without_sigpipe([&] { return ::sendfile(to, file, &position, most); });
  return n < 0 ? -errno : n;
#else
  static_cast<void>(to), static_cast<void>(file), static_cast<void>(offset), static_cast<void>(count);
  return -ENOSYS;
#endif
}

}  // namespace detail

template <class>
task<std::uint64_t> send_file(stream_writer& writer, int file, std::uint64_t offset, std::uint64_t count) {
  std::uint64_t sent = 0;
  bool in_kernel = writer.descriptor() >= 0;
  while (in_kernel && sent < count) {
    co_await writer.wait_writable();
    const std::ptrdiff_t n = detail::copy_in_kernel(writer.descriptor(), file, offset + sent, count - sent);
    if (n > 0) {
      sent += static_cast<std::uint64_t>(n);
    } else if (n == 0) {
      co_return sent;
    } else if (sent == 0 && (n == -EINVAL || n == -ENOSYS || n == -EOVERFLOW)) {
      in_kernel = false;
    } else if (n != -EAGAIN && n != -EINTR) {
      throw std::system_error(static_cast<int>(-n), std::generic_category(), "weft: sending a file");
    }
  }
  while (sent < count) {
    constexpr std::uint64_t most = 65536;
    const auto size = static_cast<std::size_t>(std::min(count - sent, most));
    const std::string piece = co_await detail::read_piece(file, offset + sent, size);
    if (piece.empty()) break;
    co_await writer.write(piece);
    sent += piece.size();
  }
  co_return sent;
}

}  // namespace weft
