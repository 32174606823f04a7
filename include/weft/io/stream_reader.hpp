// Reads from a stream: bytes, exact amounts, lines, up to a separator, to the end (asyncio.StreamReader).
// SPDX-License-Identifier: MIT
//
// Data arrives in the background, up to twice the limit; a read takes from what has arrived and takes no loop pass if
// there is enough. Bytes are std::string, as in asyncio they are bytes. One task reads at a time.
//
//     while (auto line = co_await reader.next()) fmt::print("{}", *line);
#pragma once

#include <weft/detail/config.hpp>
#include <weft/detail/was_negative.hpp>
#include <weft/io/stream_input.hpp>
#include <weft/io/stream_transport.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace weft {

/// Operations of a stream_reader, for read_awaiter.
class read_at_most;
class read_into;
class read_exact_amount;
class read_to_end;
class read_a_line;
class read_next_line;
template <std::size_t N>
class read_up_to_separator;

/// The reading end of a stream. Movable; it has to outlive its operations. Destroying it says that nobody will read:
/// what still arrives is dropped, and a stream that can only be read is closed.
///
/// All operations resume one pass after enough has arrived, or at once if it has. They throw what the stream failed
/// with (std::system_error), and usage_error if another task reads. Cancelled: has not happened; what arrived
/// meanwhile is there for the next read.
class stream_reader {
 public:
  /// Of a transport, or of an input that the caller feeds and keeps alive.
  explicit stream_reader(std::shared_ptr<stream_transport> transport) noexcept
      : transport_(std::move(transport)), input_(&transport_->input()) {}
  explicit stream_reader(stream_input& input) noexcept : input_(&input) {}
  stream_reader(stream_reader&& other) noexcept
      : transport_(std::move(other.transport_)), input_(std::exchange(other.input_, nullptr)) {}
  stream_reader& operator=(stream_reader&& other) noexcept {
    if (this == &other) return *this;
    let_go();
    transport_ = std::move(other.transport_);
    input_ = std::exchange(other.input_, nullptr);
    return *this;
  }
  ~stream_reader() { let_go(); }

  /// Everything up to the end of the stream. Mirrors StreamReader.read().
  read_awaiter<read_to_end> read();

  /// What there is, at most n bytes, as soon as there is one; empty at the end of the stream. std::invalid_argument at
  /// once if n was negative: asyncio's read(-1) is read(). Mirrors read(n).
  read_awaiter<read_at_most> read(std::size_t n);

  /// The same into memory of the caller, which has to stay until this has resumed or ended, and which may be written to
  /// as soon as it waits, also if it is cancelled; how many bytes, 0 at the end of the stream.
  read_awaiter<read_into> read_some(std::span<char> buffer);
  read_awaiter<read_into> read_some(std::span<std::byte> buffer);

  /// n bytes. incomplete_read_error if the stream ends before: the partial data is in it, and taken. n may be more than
  /// the limit. std::invalid_argument at once if it was negative. Mirrors readexactly().
  read_awaiter<read_exact_amount> read_exactly(std::size_t n);

  /// Up to and with a separator; of several, that with which the result is shortest. incomplete_read_error as
  /// above. limit_overrun_error if what comes before the separator is longer than the limit: nothing is taken.
  /// std::invalid_argument at once if one is empty. Mirrors readuntil().
  template <std::convertible_to<std::string_view>... Separators>
    requires(sizeof...(Separators) > 0)
  read_awaiter<read_up_to_separator<sizeof...(Separators)>> read_until(const Separators&... separators);

  /// A line with its '\n'; what there is if the stream ends before; empty at the end. limit_overrun_error if the line
  /// is longer than the limit: it is dropped, as far as it has arrived. Mirrors readline().
  read_awaiter<read_a_line> read_line();

  /// The same for loops: nothing at the end (`async for line in reader`).
  read_awaiter<read_next_line> next();

  /// The end has arrived, and everything was read. Mirrors at_eof().
  bool at_eof() const { return input().at_eof(); }
  /// How many bytes can be read at once.
  std::size_t buffered() const { return input().size(); }

 private:
  stream_input& input() const {
    if (input_ == nullptr) throw invalid_state_error("weft: this stream_reader was moved from");
    return *input_;
  }
  void let_go() noexcept {
    if (transport_ != nullptr) std::exchange(transport_, nullptr)->reader_gone();
  }

  std::shared_ptr<stream_transport> transport_;
  stream_input* input_;
};

// ---- details ----

class read_at_most {
 public:
  static constexpr const char* what = "data";
  static constexpr bool takes_anything = true;

  explicit read_at_most(std::size_t n) noexcept : n_(n) {}
  bool ready(const stream_input& in) const noexcept { return n_ == 0 || in.size() > 0 || in.ended(); }
  std::string take(stream_input& in) const {
    std::string taken(in.view().substr(0, n_));
    in.consume(taken.size());
    return taken;
  }

 private:
  std::size_t n_;
};

class read_into {
 public:
  static constexpr const char* what = "data";
  static constexpr bool takes_anything = true;

  explicit read_into(std::span<char> buffer) noexcept : buffer_(buffer) {}
  bool ready(const stream_input& in) const noexcept { return buffer_.empty() || in.size() > 0 || in.ended(); }
  std::span<char> room() const noexcept { return buffer_; }
  std::size_t take(stream_input& in) const noexcept {
    const std::size_t landed = in.take_landed();
    return in.size() == 0 ? landed : landed + copy_to(buffer_.subspan(landed), in);
  }

 private:
  WEFT_OUTLINE static std::size_t copy_to(std::span<char> memory, stream_input& in) noexcept {
    const std::size_t copied = in.view().copy(memory.data(), memory.size());
    in.consume(copied);
    return copied;
  }

  std::span<char> buffer_;
};

class read_exact_amount {
 public:
  static constexpr const char* what = "a number of bytes";
  static constexpr bool takes_anything = false;

  explicit read_exact_amount(std::size_t n) noexcept : n_(n) {}
  bool ready(const stream_input& in) const noexcept { return in.size() >= n_ || in.ended(); }
  std::string take(stream_input& in) const {
    const bool complete = in.size() >= n_;
    std::string taken(in.view().substr(0, n_));
    in.consume(taken.size());
    if (!complete) throw incomplete_read_error(std::move(taken), n_);
    return taken;
  }

 private:
  std::size_t n_;
};

class read_to_end {
 public:
  static constexpr const char* what = "the end";
  static constexpr bool takes_anything = false;

  bool ready(const stream_input& in) const noexcept { return in.ended(); }
  std::string take(stream_input& in) const {
    std::string taken(in.view());
    in.consume(taken.size());
    return taken;
  }
};

/// The search that read_until() and read_line() share. What was searched once is not searched again.
template <std::size_t N>
class separator_search {
 public:
  enum class result : unsigned char { pending, found, overrun, ended };

  explicit separator_search(std::array<std::string, N> separators) : separators_(std::move(separators)) {
    std::stable_sort(separators_.begin(), separators_.end(),
                     [](const std::string& a, const std::string& b) { return a.size() < b.size(); });
    if (separators_.front().empty()) throw std::invalid_argument("weft: a separator must not be empty");
  }

  bool ready(const stream_input& in) noexcept { return (result_ = look(in)) != result::pending; }
  result state() const noexcept { return result_; }

  /// Where the separator begins and what ends with it; where the search has got to, if it was not found.
  std::size_t match_begin() const noexcept { return match_begin_; }
  std::size_t match_end() const noexcept { return match_end_; }
  std::size_t searched() const noexcept { return offset_; }

 private:
  result look(const stream_input& in) noexcept {
    const std::string_view data = in.view();
    match_end_ = std::string_view::npos;
    for (const std::string& separator : separators_) {
      const std::size_t begin = data.find(separator, offset_);
      if (begin == std::string_view::npos || begin + separator.size() >= match_end_) continue;
      match_begin_ = begin;
      match_end_ = begin + separator.size();
    }
    if (match_end_ != std::string_view::npos) return match_begin_ > in.limit() ? result::overrun : result::found;
    // A separator may have begun in the last bytes.
    const std::size_t longest = separators_.back().size();
    if (data.size() >= offset_ + separators_.front().size() && data.size() + 1 > longest) {
      offset_ = data.size() + 1 - longest;
    }
    if (offset_ > in.limit()) return result::overrun;
    return in.ended() ? result::ended : result::pending;
  }

  std::array<std::string, N> separators_;  // the shortest first
  std::size_t offset_ = 0;                 // none begins before
  std::size_t match_begin_ = 0;
  std::size_t match_end_ = std::string_view::npos;
  result result_ = result::pending;
};

template <std::size_t N>
class read_up_to_separator {
 public:
  static constexpr const char* what = "a separator";
  static constexpr bool takes_anything = false;

  explicit read_up_to_separator(std::array<std::string, N> separators) : search_(std::move(separators)) {}
  bool ready(const stream_input& in) noexcept { return search_.ready(in); }
  std::string take(stream_input& in) const {
    using result = typename separator_search<N>::result;
    if (search_.state() == result::overrun) {
      if (search_.match_end() != std::string_view::npos) {
        throw limit_overrun_error("a separator was found, but what comes before it is longer than the limit",
                                  search_.match_begin());
      }
      throw limit_overrun_error("no separator was found within the limit", search_.searched());
    }
    const bool found = search_.state() == result::found;
    std::string taken(in.view().substr(0, found ? search_.match_end() : in.size()));
    in.consume(taken.size());
    if (!found) throw incomplete_read_error(std::move(taken));
    return taken;
  }

 private:
  separator_search<N> search_;
};

class read_a_line {
 public:
  static constexpr const char* what = "a line";
  static constexpr bool takes_anything = false;

  read_a_line() : search_({"\n"}) {}
  bool ready(const stream_input& in) noexcept { return search_.ready(in); }
  std::string take(stream_input& in) const {
    using result = separator_search<1>::result;
    const std::size_t end = std::min(search_.match_end(), in.size());
    if (search_.state() == result::overrun) {
      in.consume(end);
      throw limit_overrun_error("a line is longer than the limit", end);
    }
    std::string taken(in.view().substr(0, end));
    in.consume(end);
    return taken;
  }

 private:
  separator_search<1> search_;
};

class read_next_line {
 public:
  static constexpr const char* what = "a line";
  static constexpr bool takes_anything = false;

  bool ready(const stream_input& in) noexcept { return line_.ready(in); }
  std::optional<std::string> take(stream_input& in) const {
    std::string line = line_.take(in);
    if (line.empty()) return std::nullopt;
    return line;
  }

 private:
  read_a_line line_;
};

inline read_awaiter<read_to_end> stream_reader::read() { return read_awaiter<read_to_end>(input()); }
inline read_awaiter<read_at_most> stream_reader::read(std::size_t n) {
  if (detail::was_negative(n)) {
    throw std::invalid_argument("weft: read() of a negative number of bytes; read() reads to the end");
  }
  return read_awaiter<read_at_most>(input(), n);
}
inline read_awaiter<read_into> stream_reader::read_some(std::span<char> buffer) {
  return read_awaiter<read_into>(input(), buffer);
}
inline read_awaiter<read_into> stream_reader::read_some(std::span<std::byte> buffer) {
  return read_some(std::span<char>(reinterpret_cast<char*>(buffer.data()), buffer.size()));
}
inline read_awaiter<read_exact_amount> stream_reader::read_exactly(std::size_t n) {
  if (detail::was_negative(n)) {
    throw std::invalid_argument("weft: read_exactly() of a negative number of bytes");
  }
  return read_awaiter<read_exact_amount>(input(), n);
}
template <std::convertible_to<std::string_view>... Separators>
  requires(sizeof...(Separators) > 0)
read_awaiter<read_up_to_separator<sizeof...(Separators)>> stream_reader::read_until(const Separators&... separators) {
  using operation = read_up_to_separator<sizeof...(Separators)>;
  std::array<std::string, sizeof...(Separators)> copies{std::string(std::string_view(separators))...};
  return read_awaiter<operation>(input(), std::move(copies));
}
inline read_awaiter<read_a_line> stream_reader::read_line() { return read_awaiter<read_a_line>(input()); }
inline read_awaiter<read_next_line> stream_reader::next() { return read_awaiter<read_next_line>(input()); }

static_assert(awaiter<read_awaiter<read_to_end>> && awaiter<read_awaiter<read_up_to_separator<2>>>);

}  // namespace weft
