// A child process that gives back what it is sent, and ends when its input does.
// SPDX-License-Identifier: MIT
//
//     weft::process child = co_await weft_test::start_cat();
#pragma once

#include <weft/core/task.hpp>
#include <weft/io/process.hpp>
#include <weft/io/process_options.hpp>

#include <utility>

namespace weft_test {

/// Input and output are pipes.
inline weft::process_options with_pipes() {
  weft::process_options options;
  options.standard_input(weft::stdio::pipe).standard_output(weft::stdio::pipe);
  return options;
}

inline weft::task<weft::process> start_cat(weft::process_options options = with_pipes()) {
  return weft::create_subprocess_exec(std::move(options), "cat");
}

}  // namespace weft_test
