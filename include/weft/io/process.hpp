// Child processes: started without a shell, their pipes as streams, reaped by the loop (asyncio.subprocess).
// SPDX-License-Identifier: MIT
//
// What belongs to a child that runs is in child_process.hpp, how one is started in spawn_plan.hpp. A process object
// that goes ends its process: none is left running, and none as a zombie.
//
//     weft::process_options options;
//     options.standard_input(weft::stdio::pipe).standard_output(weft::stdio::pipe);
//     weft::process sort = co_await weft::create_subprocess_exec(options, "sort", "-n");
//     const weft::process_output result = co_await sort.communicate("3\n1\n2\n");
#pragma once

#include <weft/core/error.hpp>
#include <weft/core/event_loop.hpp>
#include <weft/core/task.hpp>
#include <weft/detail/config.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/flow/gather.hpp>
#include <weft/io/child_process.hpp>
#include <weft/io/descriptor_transport.hpp>
#include <weft/io/process_options.hpp>
#include <weft/io/spawn_plan.hpp>
#include <weft/io/stream_reader.hpp>
#include <weft/io/stream_writer.hpp>

#include <signal.h>

#include <concepts>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

namespace weft {

/// What communicate() gives; empty for what was not a pipe.
class process_output {
 public:
  process_output() = default;
  process_output(std::string out, std::string err) noexcept : output(std::move(out)), error(std::move(err)) {}

  std::string output;
  std::string error;
};

/// A child process. Movable; it has to outlive its operations. One that runs still when its object goes is ended: see
/// process_options::grace(). So it is when its owner is cancelled, and when the loop goes. One that was moved from
/// throws invalid_state_error.
class [[nodiscard("weft: a process that nobody keeps is killed at once")]] process {
 public:
  process(std::shared_ptr<child_process> child, std::optional<stream_writer> input, std::optional<stream_reader> output,
          std::optional<stream_reader> error) noexcept
      : child_(std::move(child)), input_(std::move(input)), output_(std::move(output)), error_(std::move(error)) {}
  process(process&&) noexcept = default;
  process& operator=(process&& other) noexcept;
  ~process();

  int pid() const { return child().pid(); }

  /// What it exited with; negative: the signal that ended it; nothing while it runs. 255 if somebody else has reaped
  /// it.
  std::optional<int> return_code() const { return child().return_code(); }

  /// Its standard streams. usage_error if that is no pipe.
  stream_writer& input() { return piped(input_, "input"); }
  stream_reader& output() { return piped(output_, "output"); }
  stream_reader& error_output() { return piped(error_, "error"); }

  /// Waits for its end, with its return code. A child that fills a pipe which nobody reads does not end: see
  /// communicate(). Cancelled: nothing has changed. Mirrors Process.wait(), but does not wait for pipes that others,
  /// such as its own children, hold open.
  process_exit_awaiter wait() { return child(), process_exit_awaiter(child_); }

  /// Writes `input` and closes it, if it is a pipe; reads what is a pipe to the end; waits for its end. A child that
  /// does not read all is none the worse. Cancelled: in part. Mirrors Process.communicate().
  template <class = detail::only_if_used>
  task<process_output> communicate(std::string input = {});

  /// Nothing if it has ended. std::system_error (EINVAL: no such signal). Mirrors send_signal(), terminate(), kill().
  void send_signal(int number) { child().send_signal(number); }
  void terminate() { send_signal(SIGTERM); }
  void kill() { send_signal(SIGKILL); }

 private:
  child_process& child() const {
    if (child_ == nullptr) throw invalid_state_error("weft: this process was moved from");
    return *child_;
  }

  template <class Stream>
  Stream& piped(std::optional<Stream>& s, const char* which) const {
    child();
    if (!s) {
      throw usage_error("weft: the standard " + std::string(which) + " of this process is no pipe: ask for one with " +
                        "process_options::standard_" + which + "(weft::stdio::pipe)");
    }
    return *s;
  }

  std::shared_ptr<child_process> child_;
  std::optional<stream_writer> input_;
  std::optional<stream_reader> output_;
  std::optional<stream_reader> error_;
};

/// Starts a program, which is looked for in PATH, with its arguments; no shell takes a look at them. Descriptors other
/// than its standard streams are not passed on (on glibc before 2.34 and other systems: not those that are CLOEXEC, as
/// all of weft's are). Throws std::invalid_argument for a NUL in a string, std::system_error that names the program or
/// the folder: it could not be started. Mirrors asyncio.create_subprocess_exec().
template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(process_options options, std::string program, const Args&... args);
template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(std::string program, const Args&... args);

/// The same with a list of arguments, of which the first is the program.
template <class = detail::only_if_used>
task<process> create_subprocess_exec(process_options options, std::vector<std::string> arguments);

/// Has /bin/sh interpret a command. Never put together the command from strings that others have chosen. Mirrors
/// asyncio.create_subprocess_shell().
template <class = detail::only_if_used>
task<process> create_subprocess_shell(std::string command, process_options options = {});

// ---- details ----

inline process& process::operator=(process&& other) noexcept {
  if (this == &other) return *this;
  if (child_ != nullptr && child_ != other.child_) child_->disown();
  child_ = std::move(other.child_);
  input_ = std::move(other.input_);
  output_ = std::move(other.output_);
  error_ = std::move(other.error_);
  return *this;
}
inline process::~process() {
  if (child_ != nullptr) child_->disown();
}

namespace detail {

template <class = detail::only_if_used>
task<> feed_process(std::optional<stream_writer>& to, std::string input) {
  const bool piped = to.has_value();
  if (!piped) co_return;
  try {
    co_await to->write(input);
    co_await to->flush();
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::broken_pipe && e.code() != std::errc::connection_reset) throw;
  } catch (const stream_closed_error&) {
    // It has closed its end before, and does not want any more.
  }
  to->close();
}

template <class = detail::only_if_used>
task<std::string> collect_from_process(std::optional<stream_reader>& from) {
  const bool piped = from.has_value();
  if (!piped) co_return std::string();
  co_return co_await from->read();
}

template <class = detail::only_if_used>
task<process> start_process(process_options options, std::vector<std::string> arguments) {
  // All that can fail comes first, but for the streams: a child that runs is in good hands at once.
  event_loop& loop = event_loop::current();
  spawn_plan plan(options);
  const auto child = std::make_shared<child_process>(loop, options.grace());
  child_process::adopt(child, plan.spawn(arguments));
  process made(child, std::nullopt, std::nullopt, std::nullopt);
  const auto over = [&](unique_fd fd, stream_direction direction, const char* which) {
    return descriptor_transport::over(loop, std::move(fd), "standard " + (which + (" of '" + arguments.front() + "'")),
                                      direction, options.limit());
  };
  std::optional<stream_writer> in;
  std::optional<stream_reader> out;
  std::optional<stream_reader> err;
  if (plan.input) in.emplace(over(std::move(plan.input), stream_direction::write, "input"));
  if (plan.output) out.emplace(over(std::move(plan.output), stream_direction::read, "output"));
  if (plan.error) err.emplace(over(std::move(plan.error), stream_direction::read, "error"));
  made = process(child, std::move(in), std::move(out), std::move(err));
  // A loop that goes begins with its newest tenant. The child ends before its pipes, or it might take what it has read
  // until then for all of its input.
  loop.leave(*child);
  loop.admit(*child);
  co_return made;
}

}  // namespace detail

template <class>
task<process_output> process::communicate(std::string input) {
  auto results = co_await gather(detail::feed_process(input_, std::move(input)), detail::collect_from_process(output_),
                                 detail::collect_from_process(error_));
  co_await wait();
  co_return process_output(std::get<1>(std::move(results)), std::get<2>(std::move(results)));
}

template <class>
task<process> create_subprocess_exec(process_options options, std::vector<std::string> arguments) {
  if (arguments.empty()) throw std::invalid_argument("weft: no program was given");
  return detail::start_process(std::move(options), std::move(arguments));
}

template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(process_options options, std::string program, const Args&... args) {
  std::vector<std::string> arguments;
  arguments.push_back(std::move(program));
  (arguments.emplace_back(std::string_view(args)), ...);
  return detail::start_process(std::move(options), std::move(arguments));
}

template <std::convertible_to<std::string_view>... Args>
task<process> create_subprocess_exec(std::string program, const Args&... args) {
  return create_subprocess_exec(process_options(), std::move(program), args...);
}

template <class>
task<process> create_subprocess_shell(std::string command, process_options options) {
  std::vector<std::string> arguments;
  arguments.emplace_back("/bin/sh");
  arguments.emplace_back("-c");
  arguments.push_back(std::move(command));
  return detail::start_process(std::move(options), std::move(arguments));
}

}  // namespace weft
