// Runs a command in a child process, and says what it has printed.
// SPDX-License-Identifier: MIT
//
//     CHECK(co_await weft_test::said_by(weft::process_options(), "echo $HOME") == "...\n");
#pragma once

#include "support/nothing_left_behind.hpp"
#include "support/time_limit.hpp"

#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/io/process.hpp>
#include <weft/io/process_options.hpp>

#include <string>
#include <utility>

namespace weft_test {

/// Its standard output, and " (N)" if it did not end with 0.
inline weft::task<std::string> said_by(weft::process_options options, std::string command) {
  options.standard_output(weft::stdio::pipe);
  weft::process shell = co_await weft::create_subprocess_shell(std::move(command), std::move(options));
  weft::process_output said = co_await shell.communicate();
  const int code = *shell.return_code();
  if (code != 0) said.output += " (" + std::to_string(code) + ")";
  co_return std::move(said.output);
}

/// Runs the body of a test in real time, and looks for what it leaves behind.
template <class Body>
auto run_with_processes(Body&& body) {
  const time_limit limit;
  const nothing_left_behind check;
  return weft::run(weft::make_task(std::forward<Body>(body)));
}

}  // namespace weft_test
