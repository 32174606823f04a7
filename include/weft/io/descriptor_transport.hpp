// A stream over a descriptor: a socket, a pipe, a terminal.
// SPDX-License-Identifier: MIT
//
// Sockets carry both directions; pipes and terminals are either read or written, as in asyncio. SIGPIPE, whose default
// is to end the process, never gets out: sockets are told so in the call, and for pipes, where the system has no such
// flag, it is blocked in this thread around the call. The disposition of the process is not touched.
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/detail/write_without_sigpipe.hpp>
#include <weft/io/stream_transport.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft {

/// For what a stream uses a descriptor. From a socket that is only written, what the peer sends is read and dropped.
enum class stream_direction : unsigned char { read, write, both };

class descriptor_transport final : public stream_transport {
 public:
  /// Takes the descriptor over and makes it non-blocking; opens the transport. Throws std::system_error that names
  /// `peer`: for what cannot be waited for, such as a regular file (EPERM), cannot be used in this direction (EBADF,
  /// EINVAL for both of them), or is a socket of another type (EPROTOTYPE); and std::bad_alloc. The descriptor is
  /// closed then.
  static std::shared_ptr<stream_transport> over(event_loop& loop, detail::unique_fd fd, std::string peer,
                                                stream_direction direction = stream_direction::both,
                                                std::size_t limit = default_stream_limit,
                                                std::shared_ptr<stream_group> group = nullptr);

  /// The same for what is known to be a socket, and non-blocking.
  static std::shared_ptr<descriptor_transport> over_socket(event_loop& loop, detail::unique_fd fd, std::string peer,
                                                           std::size_t limit,
                                                           std::shared_ptr<stream_group> group = nullptr);

  /// Use over().
  descriptor_transport(event_loop& loop, detail::unique_fd fd, std::string peer, stream_direction direction,
                       bool is_socket, bool hangs_up, std::size_t limit)
      : stream_transport(loop, limit),
        fd_(std::move(fd)),
        peer_(std::move(peer)),
        direction_(direction),
        is_socket_(is_socket),
        hangs_up_(hangs_up) {}

  int descriptor() const noexcept override { return fd_.get(); }
  std::string peer() const override { return peer_; }
  bool can_write_eof() const noexcept override { return direction_ != stream_direction::read; }

 private:
  static std::shared_ptr<descriptor_transport> make(event_loop& loop, detail::unique_fd fd, std::string peer,
                                                    stream_direction direction, mode_t kind, std::size_t limit,
                                                    std::shared_ptr<stream_group> group);

  class readable final : public runnable {
   public:
    explicit readable(descriptor_transport& t) noexcept : transport_(&t) {}
    void run() override { transport_->on_readable(); }

   private:
    descriptor_transport* transport_;
  };
  class writable final : public runnable {
   public:
    explicit writable(descriptor_transport& t) noexcept : transport_(&t) {}
    void run() override { transport_->on_writable(); }

   private:
    descriptor_transport* transport_;
  };

  inline std::ptrdiff_t receive(std::span<char> room, std::span<char> rest) noexcept override;
  inline std::ptrdiff_t send(std::span<const std::string_view> parts) noexcept override;
  std::ptrdiff_t send_vectors(std::span<const std::string_view> parts) noexcept;
  inline void shut_down_writing() noexcept override;
  inline void watch_reading(bool wanted) override;
  inline void watch_writing(bool wanted) override;
  void close_descriptors() noexcept override { fd_.reset(); }
  bool ends_with_its_input() const noexcept override { return direction_ != stream_direction::both; }

  detail::unique_fd fd_;
  std::string peer_;
  readable readable_{*this};
  writable writable_{*this};
  stream_direction direction_;
  bool is_socket_;
  bool hangs_up_;  // only written, and told when nobody reads any more
};

// ---- details ----

namespace detail {

/// Throws std::system_error that says what could not be done.
inline void set_non_blocking(int fd, const std::string& what) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags >= 0 && ((flags & O_NONBLOCK) != 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)) return;
  throw std::system_error(errno, std::generic_category(), "weft: a stream over " + what);
}

/// A datagram is no piece of a stream, and an empty one no end. Throws std::system_error.
inline void check_socket_type(int fd, const std::string& what) {
  int type = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "weft: a stream over " + what);
  }
  if (type == SOCK_STREAM) return;
  throw std::system_error(EPROTOTYPE, std::generic_category(),
                          "weft: a stream over " + what + ", which is a socket of another type than SOCK_STREAM");
}

/// A pipe's wrong end would never be ready, and nobody would know why. Throws std::system_error.
inline void check_direction(int fd, const std::string& what, stream_direction direction) {
  const int flags = ::fcntl(fd, F_GETFL);
  const char* problem = nullptr;
  if (direction == stream_direction::read && (flags & O_ACCMODE) == O_WRONLY) problem = ", which cannot be read";
  if (direction == stream_direction::write && (flags & O_ACCMODE) == O_RDONLY) problem = ", which cannot be written";
  if (problem == nullptr) return;
  throw std::system_error(EBADF, std::generic_category(), "weft: a stream over " + what + problem);
}

}  // namespace detail

inline std::shared_ptr<stream_transport> descriptor_transport::over(event_loop& loop, detail::unique_fd fd,
                                                                    std::string peer, stream_direction direction,
                                                                    std::size_t limit,
                                                                    std::shared_ptr<stream_group> group) {
  struct stat kind {};
  if (::fstat(fd.get(), &kind) != 0) {
    throw std::system_error(errno, std::generic_category(), "weft: a stream over " + peer);
  }
  const bool is_socket = S_ISSOCK(kind.st_mode);
  if (!is_socket && !S_ISFIFO(kind.st_mode) && !S_ISCHR(kind.st_mode)) {
    throw std::system_error(
        EPERM, std::generic_category(),
        "weft: a stream over " + peer + ", which is no socket, pipe or terminal; use to_thread() for files");
  }
  if (!is_socket && direction == stream_direction::both) {
    throw std::system_error(EINVAL, std::generic_category(),
                            "weft: a stream over " + peer + ", which is no socket: open_reader() or open_writer() it");
  }
  if (is_socket) detail::check_socket_type(fd.get(), peer);
  detail::check_direction(fd.get(), peer, direction);
  detail::set_non_blocking(fd.get(), peer);
  const bool drops = is_socket && direction == stream_direction::write;
  auto made = make(loop, std::move(fd), std::move(peer), drops ? stream_direction::both : direction, kind.st_mode,
                   limit, std::move(group));
  if (drops) made->input().ignore_rest();
  return made;
}

inline std::shared_ptr<descriptor_transport> descriptor_transport::over_socket(event_loop& loop, detail::unique_fd fd,
                                                                               std::string peer, std::size_t limit,
                                                                               std::shared_ptr<stream_group> group) {
  return make(loop, std::move(fd), std::move(peer), stream_direction::both, S_IFSOCK, limit, std::move(group));
}

inline std::shared_ptr<descriptor_transport> descriptor_transport::make(event_loop& loop, detail::unique_fd fd,
                                                                        std::string peer, stream_direction direction,
                                                                        mode_t kind, std::size_t limit,
                                                                        std::shared_ptr<stream_group> group) {
  const bool hangs_up = direction == stream_direction::write && S_ISFIFO(kind);
  auto made = std::make_shared<descriptor_transport>(loop, std::move(fd), std::move(peer), direction, S_ISSOCK(kind),
                                                     hangs_up, limit);
  made->set_group(std::move(group));
  open(made);
  return made;
}

inline std::ptrdiff_t descriptor_transport::receive(std::span<char> room, std::span<char> rest) noexcept {
  if (direction_ == stream_direction::write) return kept() > 0 ? -EPIPE : 0;  // nobody reads any more
  const std::array<iovec, 2> parts{{{room.data(), room.size()}, {rest.data(), rest.size()}}};
  const std::ptrdiff_t n = ::readv(fd_.get(), parts.data(), static_cast<int>(parts.size()));
  return n < 0 ? -errno : n;
}

inline std::ptrdiff_t descriptor_transport::send(std::span<const std::string_view> parts) noexcept {
  if (is_socket_ && parts.size() == 1) {
    const std::ptrdiff_t n = ::send(fd_.get(), parts[0].data(), parts[0].size(), MSG_NOSIGNAL);
    return n < 0 ? -errno : n;
  }
  return send_vectors(parts);
}

WEFT_OUTLINE inline std::ptrdiff_t descriptor_transport::send_vectors(
    std::span<const std::string_view> parts) noexcept {
  std::array<iovec, 64> vectors;
  const std::size_t count = std::min(parts.size(), vectors.size());
  for (std::size_t i = 0; i < count; ++i) {
    vectors[i].iov_base = const_cast<char*>(parts[i].data());  // it is only read
    vectors[i].iov_len = parts[i].size();
  }
  std::ptrdiff_t n;
  if (is_socket_) {
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = static_cast<decltype(message.msg_iovlen)>(count);
    n = ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
  } else {
    n = detail::write_without_sigpipe(fd_.get(), vectors.data(), static_cast<int>(count));
  }
  return n < 0 ? -errno : n;
}

inline void descriptor_transport::shut_down_writing() noexcept {
  if (is_socket_) {
    ::shutdown(fd_.get(), SHUT_WR);
  } else {
    close();  // the end of a pipe is that it is closed
  }
}

inline void descriptor_transport::watch_reading(bool wanted) {
  if (direction_ == stream_direction::write && !hangs_up_) return;
  if (wanted) {
    loop().watch(fd_.get(), interest::read, readable_);
  } else {
    loop().unwatch(fd_.get(), interest::read);
  }
}

inline void descriptor_transport::watch_writing(bool wanted) {
  if (wanted) {
    loop().watch(fd_.get(), interest::write, writable_);
  } else {
    loop().unwatch(fd_.get(), interest::write);
  }
}

}  // namespace weft
