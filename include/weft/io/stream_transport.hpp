// What carries a stream's bytes: both directions, their flow control, and the end (asyncio's transport and protocol).
// SPDX-License-Identifier: MIT
//
// A stream_reader and a stream_writer share one. What is the same for sockets, pipes and memory is here: reading ahead
// up to twice the limit, trying to write at once and keeping the rest, the high-water mark, closing when all is
// written, and telling everybody who waits when the connection is lost. A derived class only moves bytes.
//
// It keeps itself alive until it is closed, so that what was written arrives though the writer has gone; and it is a
// tenant of its loop, which closes it when it goes.
#pragma once

#include <weft/core/event_loop.hpp>
#include <weft/core/runnable.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/detail/byte_buffer.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/intrusive_list.hpp>
#include <weft/io/stream_input.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <exception>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace weft {

class stream_transport;

/// Who keeps count of streams: a server of its connections.
class stream_group {
 public:
  stream_group() = default;
  stream_group(const stream_group&) = delete;
  stream_group& operator=(const stream_group&) = delete;

  /// One of them is closed.
  virtual void stream_closed() noexcept = 0;

 protected:
  virtual ~stream_group() = default;
};

/// A stream's transport. It belongs to its loop's thread.
class stream_transport : public tenant, public stream_source, public detail::list_node<stream_group> {
 public:
  stream_transport(const stream_transport&) = delete;
  stream_transport& operator=(const stream_transport&) = delete;
  inline virtual ~stream_transport();

  /// Begins to read; from now on it is alive until it is closed. Throws std::system_error, std::bad_alloc.
  static void open(const std::shared_ptr<stream_transport>& transport);

  stream_input& input() noexcept { return input_; }
  event_loop& loop() const noexcept { return *loop_; }

  /// The handles of the two ends have gone.
  void reader_gone() noexcept;
  void writer_gone() noexcept { close(); }

  // ---- writing ----

  /// Throws what the stream failed with, std::system_error (EPIPE) if it is closed because its peer has gone, and
  /// stream_closed_error if it was closed; check_writable() also after write_eof().
  void check_open() const {
    if (is_closing() || failure_) [[unlikely]]
      refuse();
  }
  void check_writable() const {
    if (stage_ != stage::open) [[unlikely]]
      refuse();
  }

  /// Hands bytes to the system, and keeps what it does not take. Throws std::system_error naming the peer, and
  /// std::bad_alloc: the stream has failed then.
  void write(std::span<const std::string_view> parts);

  /// More is kept than the high-water mark allows, and not less than the low-water mark yet.
  bool is_full() const noexcept { return full_; }
  std::size_t kept() const noexcept { return kept_.size(); }

  /// Throws std::invalid_argument if low > high.
  void set_write_buffer_limits(std::size_t high, std::size_t low);

  /// After what is kept: the peer reads the end of the stream. Does nothing the second time.
  void write_eof();
  virtual bool can_write_eof() const noexcept = 0;

  // ---- the end ----

  /// Stops reading, writes what is kept, and closes. abort() does not write it.
  void close() noexcept;
  void abort() noexcept { lose(nullptr); }
  bool is_closing() const noexcept { return stage_ == stage::closing; }
  bool is_closed() const noexcept { return closed_; }

  /// What it failed with; null if it has not, or was closed in good order.
  const std::exception_ptr& failure() const noexcept { return failure_; }

  /// It was closed, without an error, before all was written.
  bool has_lost_data() const noexcept { return lost_data_; }

  /// Who waits until the writer may go on, until all is written, until it is closed.
  wait_list& drainers() noexcept { return drainers_; }
  wait_list& flushers() noexcept { return flushers_; }
  wait_list& closers() noexcept { return closers_; }

  /// Wakes the flushers when the system takes bytes, though none are kept: for those who write to descriptor().
  /// Throws as check_writable(), std::system_error.
  void ask_for_room();

  /// Told when it is closed. Before open().
  void set_group(std::shared_ptr<stream_group> group) noexcept { group_ = std::move(group); }

  /// -1 if it has none.
  virtual int descriptor() const noexcept { return -1; }
  /// Whom it is connected to, for messages.
  virtual std::string peer() const = 0;

  void pause_reading() noexcept final { update_reading(true, reading_ended_); }
  void resume_reading() noexcept final { update_reading(false, reading_ended_); }

  void run() final { closed_ ? let_go() : finish(); }
  inline void abandon() noexcept final;
  std::string report() const final { return {}; }

 protected:
  explicit stream_transport(event_loop& loop, std::size_t limit) : loop_(&loop), input_(limit, this) {}

  // ---- what a derived class does ----

  /// First into room, which may be empty, then into rest: how many bytes; 0: the end; -errno (-EAGAIN: nothing yet).
  virtual std::ptrdiff_t receive(std::span<char> room, std::span<char> rest) noexcept = 0;
  /// As many as can be written at once: how many bytes, or -errno. There is at least one, of at least one byte.
  virtual std::ptrdiff_t send(std::span<const std::string_view> parts) noexcept = 0;
  virtual void shut_down_writing() noexcept = 0;
  /// Asks for on_readable() or on_writable(), as long as it is so. Throws std::system_error.
  virtual void watch_reading(bool wanted) = 0;
  virtual void watch_writing(bool wanted) = 0;
  virtual void close_descriptors() noexcept = 0;
  /// Nothing can be written after the end was read.
  virtual bool ends_with_its_input() const noexcept { return false; }

  void on_readable();
  void on_writable();

  /// Ends it at once: with an error, or null. What is kept is lost.
  void lose(std::exception_ptr error) noexcept;
  /// What says so; std::bad_alloc if there is no memory for the words.
  std::exception_ptr error_of(std::ptrdiff_t negative, const char* call) const noexcept;

 private:
  // Where data arrives that nobody waits for with memory of its own, before it is known how much there is; one a loop.
  struct landing {
    std::array<char, 65536> bytes;
  };

  void feed(std::string_view bytes) noexcept;
  void on_nothing_received(std::ptrdiff_t n) noexcept;
  // What the user may still do: all, no longer write, nothing.
  enum class stage : unsigned char { open, half_closed, closing };

  [[noreturn]] void refuse() const;
  void write_rest(std::span<const std::string_view> parts, std::ptrdiff_t sent);
  void update_reading(bool paused, bool ended) noexcept;
  void stop_watching() noexcept;
  void keep(std::span<const std::string_view> parts, std::size_t sent);
  void finish() noexcept;
  void let_go() noexcept;

  event_loop* loop_;
  stream_input input_;
  landing* landing_ = nullptr;
  detail::byte_buffer kept_;
  std::size_t high_ = 65536;
  std::size_t low_ = 16384;
  wait_list drainers_;
  wait_list flushers_;
  wait_list closers_;
  std::exception_ptr failure_;
  std::shared_ptr<stream_transport> self_;  // until it is closed
  std::shared_ptr<stream_group> group_;
  bool reading_ = false;         // watched
  bool reading_paused_ = false;  // by the input
  bool reading_ended_ = false;
  bool writing_ = false;  // watched
  bool full_ = false;
  stage stage_ = stage::open;
  bool lost_ = false;  // closed_ in the next pass
  bool closed_ = false;
  bool lost_data_ = false;
  bool peer_gone_ = false;  // which has closed it, in good order; writing is an error all the same
};

// ---- details ----

inline stream_transport::~stream_transport() { detail::list_node<stream_group>::unlink(); }

inline void stream_transport::open(const std::shared_ptr<stream_transport>& transport) {
  transport->loop_->check_usable();
  transport->landing_ = &transport->loop_->local<landing>();
  transport->watch_reading(true);
  transport->reading_ = true;
  transport->self_ = transport;
  transport->loop_->admit(*transport);
}

inline void stream_transport::reader_gone() noexcept {
  input_.ignore_rest();
  if (ends_with_its_input()) close();
}

WEFT_COLD inline void stream_transport::refuse() const {
  if (failure_) std::rethrow_exception(failure_);
  if (peer_gone_) std::rethrow_exception(error_of(-EPIPE, "writing"));
  throw stream_closed_error(is_closing() ? "weft: this stream is closed and cannot be written to: " + peer()
                                         : "weft: nothing can be written after write_eof(): " + peer());
}

inline void stream_transport::write(std::span<const std::string_view> parts) {
  std::ptrdiff_t sent = 0;
  if (kept_.empty()) {
    std::size_t all = 0;
    for (const std::string_view part : parts) all += part.size();
    if (all == 0) return;
    sent = send(parts);
    if (sent == static_cast<std::ptrdiff_t>(all)) return;
  }
  write_rest(parts, sent);
}

// After send() has taken a part of it, or failed.
WEFT_OUTLINE inline void stream_transport::write_rest(std::span<const std::string_view> parts, std::ptrdiff_t sent) {
  if (sent < 0 && sent != -EAGAIN && sent != -EWOULDBLOCK && sent != -EINTR) {
    std::exception_ptr error = error_of(sent, "writing");
    lose(error);
    std::rethrow_exception(error);
  }
  try {
    keep(parts, static_cast<std::size_t>(std::max<std::ptrdiff_t>(sent, 0)));
    if (!writing_) watch_writing(true);
  } catch (...) {
    lose(std::current_exception());  // half of it may be with the peer already
    throw;
  }
  writing_ = true;
  if (kept_.size() > high_) full_ = true;
}

// All of it without the first bytes.
inline void stream_transport::keep(std::span<const std::string_view> parts, std::size_t sent) {
  for (const std::string_view part : parts) {
    const std::size_t skip = std::min(sent, part.size());
    sent -= skip;
    kept_.append(part.substr(skip));
  }
}

inline void stream_transport::set_write_buffer_limits(std::size_t high, std::size_t low) {
  if (low > high) throw std::invalid_argument("weft: the low-water mark of a stream must not be above the high one");
  high_ = high;
  low_ = low;
  if (kept_.size() > high_) full_ = true;
}

inline void stream_transport::write_eof() {
  if (stage_ != stage::open) return;
  stage_ = stage::half_closed;
  if (kept_.empty()) shut_down_writing();
}

inline void stream_transport::on_readable() {
  const std::span<char> all = landing_->bytes;
  std::span<char> room = input_.room();
  if (room.size() > all.size()) room = room.first(all.size());
  const std::span<char> rest = all.subspan(room.size());
  const std::ptrdiff_t n = receive(room, rest);
  if (n <= 0) return on_nothing_received(n);
  const std::size_t received = static_cast<std::size_t>(n);
  if (received <= room.size()) return input_.feed_landed(received);
  if (!room.empty()) input_.feed_landed(room.size());
  feed({rest.data(), received - room.size()});
}

WEFT_OUTLINE inline void stream_transport::feed(std::string_view bytes) noexcept {
  try {
    input_.feed_data(bytes);
  } catch (...) {
    lose(std::current_exception());  // no memory: what has arrived is lost, and so the stream is
  }
}

WEFT_OUTLINE inline void stream_transport::on_nothing_received(std::ptrdiff_t n) noexcept {
  if (n == -EAGAIN || n == -EWOULDBLOCK || n == -EINTR) return;
  if (n < 0) return lose(error_of(n, n == -EPIPE ? "writing" : "reading"));  // EPIPE: a pipe that nobody reads
  update_reading(reading_paused_, true);
  input_.feed_eof();
  if (!ends_with_its_input()) return;
  peer_gone_ = true;
  close();
}

inline void stream_transport::ask_for_room() {
  check_writable();
  if (writing_) return;
  watch_writing(true);
  writing_ = true;
}

inline void stream_transport::on_writable() {
  if (!kept_.empty()) {
    const std::array<std::string_view, 1> all{kept_.view()};
    const std::ptrdiff_t n = send(all);
    if (n == -EAGAIN || n == -EWOULDBLOCK || n == -EINTR) return;
    if (n < 0) return lose(error_of(n, "writing"));
    kept_.consume(static_cast<std::size_t>(n));
  }
  if (full_ && kept_.size() <= low_) {
    full_ = false;
    drainers_.wake_all();
  }
  if (!kept_.empty()) return;
  writing_ = false;
  watch_writing(false);
  flushers_.wake_all();
  if (is_closing()) return lose(nullptr);
  if (stage_ == stage::half_closed) shut_down_writing();
}

inline void stream_transport::update_reading(bool paused, bool ended) noexcept {
  reading_paused_ = paused;
  reading_ended_ = ended;
  const bool wanted = !paused && !ended && !is_closing();
  if (wanted == reading_ || lost_) return;
  try {
    watch_reading(wanted);
    reading_ = wanted;
  } catch (...) {
    lose(std::current_exception());
  }
}

inline void stream_transport::close() noexcept {
  if (is_closing()) return;
  stage_ = stage::closing;
  update_reading(reading_paused_, reading_ended_);
  if (kept_.empty()) lose(nullptr);
}

inline void stream_transport::stop_watching() noexcept {
  try {
    if (std::exchange(reading_, false)) watch_reading(false);
    if (std::exchange(writing_, false)) watch_writing(false);
  } catch (...) {
    // What is not watched any more is about to be closed.
  }
}

inline void stream_transport::lose(std::exception_ptr error) noexcept {
  if (std::exchange(lost_, true)) return;
  stage_ = stage::closing;
  lost_data_ = error == nullptr && !kept_.empty();
  failure_ = std::move(error);
  kept_.clear();
  stop_watching();
  if (self_ != nullptr) loop_->schedule(*this);
}

inline std::exception_ptr stream_transport::error_of(std::ptrdiff_t negative, const char* call) const noexcept {
  try {
    return std::make_exception_ptr(std::system_error(static_cast<int>(-negative), std::generic_category(),
                                                     std::string("weft: ") + call + " a stream of " + peer()));
  } catch (...) {
    return std::current_exception();
  }
}

// asyncio's connection_lost, one pass after it was.
inline void stream_transport::finish() noexcept {
  closed_ = true;
  full_ = false;
  if (failure_) {
    input_.set_exception(failure_);
  } else if (!input_.ended()) {
    input_.feed_eof();
  }
  drainers_.wake_all();
  flushers_.wake_all();
  closers_.wake_all();
  close_descriptors();
  detail::list_node<stream_group>::unlink();
  if (group_ != nullptr) std::exchange(group_, nullptr)->stream_closed();
  loop_->schedule(*this);  // those who were woken look at it once more, though all handles may have gone
}

inline void stream_transport::let_go() noexcept {
  loop_->leave(*this);
  const std::shared_ptr<stream_transport> last = std::move(self_);
}

inline void stream_transport::abandon() noexcept {
  runnable::unlink();
  if (!std::exchange(lost_, true)) lost_data_ = !kept_.empty();
  kept_.clear();
  stage_ = stage::closing;
  closed_ = true;
  stop_watching();
  if (!input_.ended() && !input_.exception()) {
    try {
      throw stream_closed_error("weft: the loop of this stream has gone");
    } catch (...) {
      input_.set_exception(std::current_exception());  // it has not been read to its end
    }
  }
  close_descriptors();
  detail::list_node<stream_group>::unlink();
  group_ = nullptr;
  const std::shared_ptr<stream_transport> last = std::move(self_);
}

}  // namespace weft
