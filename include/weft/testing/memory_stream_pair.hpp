// Two streams that are connected in memory: to test protocols without sockets, on virtual time.
// SPDX-License-Identifier: MIT
//
// The same stream_reader and stream_writer as for sockets, over a transport that moves bytes to the other side one pass
// later. It waits for nobody outside, so a test in which both sides wait for each other fails with deadlock_error. A
// small `chunk` makes bytes arrive one by one, and a small `room` makes a slow peer of whoever does not read.
//
//     auto [client, server] = weft::memory_stream_pair({.chunk = 1});
//     co_await client.writer.write("GET / HTTP/1.1\r\n\r\n");
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>
#include <weft/detail/byte_buffer.hpp>
#include <weft/io/stream.hpp>
#include <weft/io/stream_transport.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

struct memory_stream_options {
  std::size_t limit = default_stream_limit;                     ///< of both readers
  std::size_t room = 65536;                                     ///< bytes on their way in each direction
  std::size_t chunk = std::numeric_limits<std::size_t>::max();  ///< the most that arrives at once
};

/// The two sides. What one writes the other reads.
class memory_streams {
 public:
  memory_streams(stream&& a, stream&& b) noexcept : first(std::move(a)), second(std::move(b)) {}
  stream first;
  stream second;
};

/// Makes them on the running loop. Throws usage_error if none runs, std::invalid_argument for an option that is 0.
inline memory_streams memory_stream_pair(memory_stream_options options = {});

// ---- details ----

class memory_transport final : public stream_transport {
 public:
  memory_transport(event_loop& loop, const memory_stream_options& options)
      : stream_transport(loop, options.limit), room_(options.room), chunk_(options.chunk) {}
  ~memory_transport() override { disconnect(); }

  static void connect(memory_transport& a, memory_transport& b) noexcept {
    a.other_ = &b;
    b.other_ = &a;
  }

  bool can_write_eof() const noexcept override { return true; }
  std::string peer() const override { return "a stream in memory"; }

 private:
  class arrival final : public runnable {
   public:
    explicit arrival(memory_transport& t) noexcept : transport_(&t) {}
    void run() override { transport_->arrive(); }

   private:
    memory_transport* transport_;
  };
  class departure final : public runnable {
   public:
    explicit departure(memory_transport& t) noexcept : transport_(&t) {}
    void run() override { transport_->on_writable(); }

   private:
    memory_transport* transport_;
  };

  std::ptrdiff_t receive(std::span<char> room, std::span<char> rest) noexcept override {
    if (on_the_way_.empty()) return ended_ ? 0 : -EAGAIN;
    const std::string_view arrived = on_the_way_.view().substr(0, chunk_);
    std::size_t n = arrived.copy(room.data(), room.size());
    n += arrived.substr(n).copy(rest.data(), rest.size());
    on_the_way_.consume(n);
    if (other_ != nullptr) other_->look_for_room();
    return static_cast<std::ptrdiff_t>(n);
  }

  std::ptrdiff_t send(std::span<const std::string_view> parts) noexcept override {
    if (other_ == nullptr) return -EPIPE;
    std::size_t sent = 0;
    for (const std::string_view part : parts) {
      const std::size_t n = std::min(part.size(), room_ - other_->on_the_way_.size());
      try {
        other_->on_the_way_.append(part.substr(0, n));
      } catch (...) {
        return sent > 0 ? static_cast<std::ptrdiff_t>(sent) : -ENOBUFS;
      }
      sent += n;
      if (n < part.size()) break;
    }
    other_->look_for_arrivals();
    return sent > 0 ? static_cast<std::ptrdiff_t>(sent) : -EAGAIN;
  }

  void shut_down_writing() noexcept override {
    if (other_ == nullptr) return;
    other_->ended_ = true;
    other_->look_for_arrivals();
  }

  void watch_reading(bool wanted) override {
    reads_ = wanted;
    arrival_.unlink();
    look_for_arrivals();
  }
  void watch_writing(bool wanted) override {
    writes_ = wanted;
    departure_.unlink();
    look_for_room();
  }

  void close_descriptors() noexcept override { disconnect(); }

  void arrive() {
    on_readable();
    look_for_arrivals();
  }
  void look_for_arrivals() noexcept {
    if (reads_ && (ended_ || !on_the_way_.empty()) && !arrival_.linked()) loop().schedule(arrival_);
  }
  void look_for_room() noexcept {
    const bool room = other_ == nullptr || other_->on_the_way_.size() < room_;
    if (writes_ && room && !departure_.linked()) loop().schedule(departure_);
  }

  void disconnect() noexcept {
    if (other_ == nullptr) return;
    memory_transport& other = *std::exchange(other_, nullptr);
    other.other_ = nullptr;
    other.ended_ = true;
    other.look_for_arrivals();
    other.look_for_room();
  }

  memory_transport* other_ = nullptr;
  detail::byte_buffer on_the_way_;  // to here
  std::size_t room_;
  std::size_t chunk_;
  bool ended_ = false;
  bool reads_ = false;
  bool writes_ = false;
  arrival arrival_{*this};
  departure departure_{*this};
};

inline memory_streams memory_stream_pair(memory_stream_options options) {
  if (options.room == 0 || options.chunk == 0) {
    throw std::invalid_argument("weft: the room and the chunk of a stream in memory must not be 0");
  }
  event_loop& loop = event_loop::current();
  auto a = std::make_shared<memory_transport>(loop, options);
  auto b = std::make_shared<memory_transport>(loop, options);
  memory_transport::connect(*a, *b);
  stream_transport::open(a);
  stream_transport::open(b);
  return memory_streams(stream(a), stream(b));
}

}  // namespace weft
