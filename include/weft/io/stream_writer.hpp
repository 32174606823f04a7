// Writes to a stream, and closes it (asyncio.StreamWriter).
// SPDX-License-Identifier: MIT
//
// asyncio has write(), which never waits and keeps whatever it is given, and drain(), which one has to remember. Here
// they are one: `co_await writer.write(data)` hands the data over, and waits only while more is kept for a slow peer
// than the high-water mark allows.
//
//     co_await writer.write("HTTP/1.1 200 OK\r\n", headers, "\r\n", body);
//     writer.close();
//     co_await writer.wait_closed();
#pragma once

#include <weft/core/awaitable.hpp>
#include <weft/core/error.hpp>
#include <weft/core/task_state.hpp>
#include <weft/core/wait_list.hpp>
#include <weft/io/stream_transport.hpp>

#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace weft {

template <class Parts>
class write_awaiter;
class flush_awaiter;
class room_awaiter;
class wait_closed_awaiter;

/// The writing end of a stream. Movable; it has to outlive its operations. Destroying it closes the stream, as close()
/// does. All operations throw what the stream failed with (std::system_error that names the peer), and
/// invalid_state_error if it was moved from; writing after close() throws stream_closed_error. A pipe that nobody reads
/// any more is closed by itself, in good order if nothing is kept for it; writing to it is an error of the system
/// (EPIPE) all the same.
class stream_writer {
 public:
  explicit stream_writer(std::shared_ptr<stream_transport> transport) noexcept : transport_(std::move(transport)) {}
  stream_writer(stream_writer&&) noexcept = default;
  stream_writer& operator=(stream_writer&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    transport_ = std::move(other.transport_);
    return *this;
  }
  ~stream_writer() { let_go(); }

  /// Writes all parts in their order, as one. Takes no loop pass unless the peer is slow: then it waits until less is
  /// kept than the low-water mark. The parts have to stay until it has resumed.
  /// Cancelled while it waits: has happened; what is kept will be written. Mirrors write() and drain().
  template <std::convertible_to<std::string_view>... Parts>
    requires(sizeof...(Parts) > 0)
  write_awaiter<std::array<std::string_view, sizeof...(Parts)>> write(const Parts&... parts);

  /// What is not text: says what to write instead.
  template <class... Parts>
    requires(!(std::convertible_to<Parts, std::string_view> && ...))
  refused write(const Parts&... parts);

  /// The same for all strings of a range, which has to hold them: they have to stay. Mirrors writelines().
  template <std::ranges::forward_range Lines>
    requires std::convertible_to<std::ranges::range_reference_t<Lines>, std::string_view>
  write_awaiter<std::vector<std::string_view>> write_lines(Lines&& lines);

  /// Waits until all that was written has been handed to the system; stream_closed_error if it was not, because of
  /// abort(). Cancelled: nothing has changed.
  flush_awaiter flush();

  /// Waits until all was handed over and the system takes more: for those who write to descriptor() in their own way,
  /// as send_file() does. Resumes two passes later at the earliest. Cancelled: nothing has changed.
  room_awaiter wait_writable();

  /// Half-close: after what was written, the peer reads the end; reading goes on. Does nothing the second time, nor on
  /// a stream that is closed or has failed. std::system_error if can_write_eof() is false. Mirrors write_eof().
  void write_eof();
  bool can_write_eof() const { return transport().can_write_eof(); }

  /// Closes in the background when what was written has been sent. Reading ends at once. Mirrors close().
  void close() { transport().close(); }
  /// Closes at once; what was not sent yet is lost. Mirrors transport.abort().
  void abort() { transport().abort(); }
  bool is_closing() const { return transport().is_closing(); }

  /// Waits until the stream is closed, by whomever; throws what it failed with. Cancelled: nothing has changed.
  wait_closed_awaiter wait_closed();

  /// Above `high` bytes that the system did not take write() waits, until there are `low` or less. 64 and 16 KiB unless
  /// set. std::invalid_argument if low > high. Mirrors transport.set_write_buffer_limits().
  void set_write_buffer_limits(std::size_t high, std::size_t low) { transport().set_write_buffer_limits(high, low); }
  void set_write_buffer_limits(std::size_t high) { set_write_buffer_limits(high, high / 4); }
  /// How much is kept.
  std::size_t write_buffer_size() const { return transport().kept(); }

  /// The socket or pipe, for socket options, local_address() and peer_address(); -1 if there is none. The stream owns
  /// it.
  int descriptor() const { return transport().descriptor(); }

 private:
  stream_transport& transport() const {
    if (transport_ == nullptr) throw invalid_state_error("weft: this stream_writer was moved from");
    return *transport_;
  }
  void let_go() noexcept {
    if (transport_ != nullptr) std::exchange(transport_, nullptr)->writer_gone();
  }

  std::shared_ptr<stream_transport> transport_;
};

// ---- details ----

/// Waits in a list of a transport.
class transport_wait : public wait_node {
 public:
  static constexpr bool ends_by_destruction = true;

  void await_cancelled() noexcept { leave(); }

 protected:
  explicit transport_wait(stream_transport& t) noexcept : transport_(&t) {}
  transport_wait(transport_wait&& unstarted) noexcept
      : wait_node(std::move(unstarted)), transport_(unstarted.transport_) {}
  ~transport_wait() = default;

  // A writer's part is over, in good order if everything was handed over.
  void sent() {
    ended();
    if (transport_->has_lost_data()) {
      throw stream_closed_error("weft: the stream was closed before all was written: " + transport_->peer());
    }
  }
  void ended() {
    if (forgotten()) throw stream_closed_error("weft: the stream was closed while a task waited for it");
    leave();
    if (transport_->failure()) std::rethrow_exception(transport_->failure());
  }

  stream_transport* transport_;
};

template <class Parts>
class [[nodiscard(
    "weft: nothing is written until this is awaited: write co_await writer.write(...)")]] write_awaiter final
    : public transport_wait {
 public:
  write_awaiter(stream_transport& t, Parts&& parts) noexcept : transport_wait(t), parts_(std::move(parts)) {}
  write_awaiter(write_awaiter&&) noexcept = default;

  bool await_ready() {
    transport_->check_writable();
    transport_->write(parts_);
    return !transport_->is_full();
  }
  void await_suspend(task_state& waiting) { wait_in(transport_->drainers(), waiting); }
  void await_resume() {
    if (!idle()) sent();  // who has not waited would have got the error from write()
  }
  std::string describe() const override { return "the slow peer of a stream, " + transport_->peer(); }

 private:
  Parts parts_;
};

class [[nodiscard("weft: flush() does nothing until it is awaited: write co_await writer.flush()")]] flush_awaiter final
    : public transport_wait {
 public:
  explicit flush_awaiter(stream_transport& t) noexcept : transport_wait(t) {}
  flush_awaiter(flush_awaiter&&) noexcept = default;

  bool await_ready() const noexcept { return transport_->kept() == 0; }
  void await_suspend(task_state& waiting) { wait_in(transport_->flushers(), waiting); }
  void await_resume() { sent(); }
  std::string describe() const override { return "the slow peer of a stream, " + transport_->peer(); }
};

class [[nodiscard(
    "weft: wait_writable() does nothing until it is awaited: write co_await writer.wait_writable()")]] room_awaiter
    final : public transport_wait {
 public:
  explicit room_awaiter(stream_transport& t) noexcept : transport_wait(t) {}
  room_awaiter(room_awaiter&&) noexcept = default;

  bool await_ready() {
    transport_->ask_for_room();
    return false;
  }
  void await_suspend(task_state& waiting) { wait_in(transport_->flushers(), waiting); }
  void await_resume() {
    ended();
    transport_->check_open();
  }
  std::string describe() const override { return "the slow peer of a stream, " + transport_->peer(); }
};

class [[nodiscard(
    "weft: wait_closed() does nothing until it is awaited: write co_await writer.wait_closed()")]] wait_closed_awaiter
    final : public transport_wait {
 public:
  explicit wait_closed_awaiter(stream_transport& t) noexcept : transport_wait(t) {}
  wait_closed_awaiter(wait_closed_awaiter&&) noexcept = default;

  bool await_ready() const noexcept { return transport_->is_closed(); }
  void await_suspend(task_state& waiting) { wait_in(transport_->closers(), waiting); }
  void await_resume() { ended(); }
  std::string describe() const override { return "a stream to be closed"; }
};

template <std::convertible_to<std::string_view>... Parts>
  requires(sizeof...(Parts) > 0)
write_awaiter<std::array<std::string_view, sizeof...(Parts)>> stream_writer::write(const Parts&... parts) {
  using views = std::array<std::string_view, sizeof...(Parts)>;
  return write_awaiter<views>(transport(), views{std::string_view(parts)...});
}

template <class... Parts>
  requires(!(std::convertible_to<Parts, std::string_view> && ...))
refused stream_writer::write(const Parts&...) {
  static_assert(sizeof...(Parts) == 0, "weft: only text can be written: make a number a string with std::to_string()");
  return {};
}

template <std::ranges::forward_range Lines>
  requires std::convertible_to<std::ranges::range_reference_t<Lines>, std::string_view>
write_awaiter<std::vector<std::string_view>> stream_writer::write_lines(Lines&& lines) {
  using line = std::ranges::range_reference_t<Lines>;
  static_assert(std::is_lvalue_reference_v<line> || std::is_pointer_v<line> || std::same_as<line, std::string_view>,
                "weft: this range makes its strings as it goes, and they would be gone: put them into a vector first");
  std::vector<std::string_view> parts;
  for (auto&& text : lines) parts.emplace_back(text);
  return write_awaiter<std::vector<std::string_view>>(transport(), std::move(parts));
}

inline flush_awaiter stream_writer::flush() { return flush_awaiter(transport()); }
inline room_awaiter stream_writer::wait_writable() { return room_awaiter(transport()); }
inline wait_closed_awaiter stream_writer::wait_closed() { return wait_closed_awaiter(transport()); }

inline void stream_writer::write_eof() {
  if (!can_write_eof()) {
    throw std::system_error(EOPNOTSUPP, std::generic_category(),
                            "weft: write_eof() on a stream of " + transport().peer());
  }
  transport().write_eof();
}

static_assert(awaiter<write_awaiter<std::vector<std::string_view>>> && awaiter<flush_awaiter> &&
              awaiter<wait_closed_awaiter>);

}  // namespace weft
