// Who a task is, for those who read reports: its name, and where in the program it comes from.
// SPDX-License-Identifier: MIT
//
// asyncio names tasks "Task-N", which says little; a place in the source says more, and costs a pointer. A task that
// create_task() made comes from that call, any other one from the coroutine that it runs. A coroutine knows its own
// place only once it has started.
//
//     weft::task_label label(7, coroutine.where());
//     label.text();  // "'Task-7', coroutine app.cpp:12 (fetch)"
#pragma once

#include <weft/core/chain_link.hpp>
#include <weft/detail/config.hpp>

#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <utility>

namespace weft {

/// Belongs to a task; see task_state::label().
class task_label {
 public:
  /// The number is unique on a loop. `coroutine`: where it is defined; line 0 if it has not said so yet.
  task_label(std::uint64_t number, const std::source_location& coroutine) noexcept
      : number_(number & (~std::uint64_t{0} >> 1)), created_there_(0), origin_(coroutine) {}

  /// "Task-N" unless it was given one; an empty one counts, a null one takes it back.
  std::string name() const;
  void set_name(std::unique_ptr<std::string> name) noexcept { name_ = std::move(name); }

  /// Where create_task() was called: from then on it stays.
  void set_created(const std::source_location& where) noexcept {
    origin_ = where;
    created_there_ = 1;
  }
  void set_coroutine(const std::source_location& where) noexcept {
    if (created_there_ == 0) origin_ = where;
  }

  /// The name in quotes, and the place.
  std::string text() const;

 private:
  std::unique_ptr<std::string> name_;
  std::uint64_t number_ : 63;
  std::uint64_t created_there_ : 1;  // what origin_ is: a call of create_task(), or the coroutine
  std::source_location origin_;
};

// ---- details ----

WEFT_COLD inline std::string task_label::name() const {
  return name_ != nullptr ? *name_ : "Task-" + std::to_string(number_);
}

WEFT_COLD inline std::string task_label::text() const {
  std::string text = "'" + name();
  if (origin_.line() == 0) {
    text += "', not started yet";  // only the function that it will call knows
  } else {
    text += created_there_ != 0 ? "', created at " : "', coroutine ";
    text += to_string(origin_);
  }
  return text;
}

}  // namespace weft
