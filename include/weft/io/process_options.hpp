// How a child process is started: its standard streams, folder, environment, limits.
// SPDX-License-Identifier: MIT
//
// The keyword arguments of asyncio.create_subprocess_exec(), as a class with setters: brace-made options with strings
// in them are not safe in a co_await expression with g++ 12.
//
//     weft::process_options options;
//     options.standard_output(weft::stdio::pipe).working_directory("/tmp");
#pragma once

#include <weft/core/clock.hpp>
#include <weft/io/stream_input.hpp>

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// What one of the three standard streams of a child process is.
class stdio {
 public:
  static const stdio inherit;          ///< that of this process
  static const stdio pipe;             ///< a pipe, whose other end the process object holds
  static const stdio null;             ///< /dev/null
  static const stdio standard_output;  ///< for standard error only: where standard output goes

  /// A descriptor of this process, which stays open here. It has to be open when the child is started.
  static constexpr stdio descriptor(int fd) noexcept { return stdio(kind::descriptor, fd); }

  bool is_pipe() const noexcept { return kind_ == kind::pipe; }
  bool is_null() const noexcept { return kind_ == kind::null; }
  bool is_standard_output() const noexcept { return kind_ == kind::standard_output; }
  bool is_inherited() const noexcept { return kind_ == kind::inherit; }
  /// Of descriptor(); else -1.
  int fd() const noexcept { return fd_; }

 private:
  enum class kind : unsigned char { inherit, pipe, null, standard_output, descriptor };

  explicit constexpr stdio(kind k, int fd = -1) noexcept : kind_(k), fd_(fd) {}

  kind kind_;
  int fd_;
};

inline constexpr stdio stdio::inherit{stdio::kind::inherit};
inline constexpr stdio stdio::pipe{stdio::kind::pipe};
inline constexpr stdio stdio::null{stdio::kind::null};
inline constexpr stdio stdio::standard_output{stdio::kind::standard_output};

class process_options {
 public:
  /// Everything is inherited.
  process_options() = default;

  process_options& standard_input(stdio s) { return input_ = no_output(s), *this; }
  process_options& standard_output(stdio s) { return output_ = no_output(s), *this; }
  process_options& standard_error(stdio s) noexcept { return error_ = s, *this; }

  /// Where it starts (cwd).
  process_options& working_directory(std::string folder) {
    folder_ = std::move(folder);
    return *this;
  }
  /// All of its environment, as "NAME=value" (env). The program is still looked for in this process' PATH.
  process_options& environment(std::vector<std::string> variables) {
    environment_ = std::move(variables);
    return *this;
  }
  /// In a session, and so a process group, of its own (start_new_session).
  process_options& new_session(bool yes) noexcept { return new_session_ = yes, *this; }
  /// The limit of the readers of its output, in bytes. std::invalid_argument if it is 0, or was negative.
  process_options& limit(std::size_t bytes) {
    check_stream_limit(bytes);
    return limit_ = bytes, *this;
  }
  /// What happens to a process whose object goes while it runs: it is killed at once (zero, as in asyncio), or told to
  /// terminate and killed when that much time has passed. If the loop goes meanwhile, it waits for as much of that time
  /// as is left. std::invalid_argument if it is negative.
  process_options& grace(duration time) {
    if (time < duration::zero()) throw std::invalid_argument("weft: a grace time must not be negative");
    return grace_ = time, *this;
  }

  stdio standard_input() const noexcept { return input_; }
  stdio standard_output() const noexcept { return output_; }
  stdio standard_error() const noexcept { return error_; }
  const std::string& working_directory() const noexcept { return folder_; }
  const std::optional<std::vector<std::string>>& environment() const noexcept { return environment_; }
  bool new_session() const noexcept { return new_session_; }
  std::size_t limit() const noexcept { return limit_; }
  duration grace() const noexcept { return grace_; }

 private:
  static stdio no_output(stdio s) {
    if (s.is_standard_output()) {
      throw std::invalid_argument("weft: only standard error can go where standard output goes");
    }
    return s;
  }

  stdio input_ = stdio::inherit;
  stdio output_ = stdio::inherit;
  stdio error_ = stdio::inherit;
  std::string folder_;
  std::optional<std::vector<std::string>> environment_;
  bool new_session_ = false;
  std::size_t limit_ = default_stream_limit;
  duration grace_ = duration::zero();
};

}  // namespace weft
