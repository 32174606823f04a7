// The statements that the interpreter knows: their names, the kinds of their arguments and what runs them.
// SPDX-License-Identifier: MIT
//
// Each file in statements/ adds one family. The parser checks a program against this table before anything runs, so an
// unknown statement or a wrong argument is an error with its place in the file, not a strange trace.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <weft/weft.hpp>

#include "program.hpp"
#include "value.hpp"

namespace conformance {

class context;
class interpreter;

/// The value of a `return` that is on its way out of the bodies around it.
using returned = std::optional<value>;

/// How a statement ended that did not throw: the text of its line, and the `return` that passes through it.
class completion {
 public:
  explicit completion(std::string text, returned signal = std::nullopt)
      : text_(std::move(text)), signal_(std::move(signal)) {}

  const std::string& text() const noexcept { return text_; }
  const returned& signal() const noexcept { return signal_; }

 private:
  std::string text_;
  returned signal_;
};

/// The kind of an argument, and the type that `statement::get` gives for it.
enum class kind {
  number,      // std::int64_t
  count,       // std::int64_t, not negative
  flag,        // std::int64_t, 0 or 1
  task,        // std::string, T0 T1 ...
  statements,  // body
  callback,    // body: only statements that cannot suspend
  children,    // std::vector<child>
  child,       // child, which may be a coroutine that is no task
  a_task,      // child
  handlers,    // handlers
  limit,       // time_or_null, in ms
  wait_mode,   // std::string: first_completed, first_exception, all
  lock,        // std::string: the name of an object, L0 and so on
  semaphore,   // S0 or, bounded, D0
  event,       // E0
  condition,   // C0
  queue,       // Q0
  barrier,     // B0
  future,      // F0
};

/// A statement that cannot suspend: returns the text of its line.
using immediate = std::string (*)(interpreter&, const statement&);
/// A statement that may suspend or throw.
using suspending = weft::task<completion> (*)(interpreter&, context&, const statement&);

struct operation {
  std::string name;
  std::vector<kind> arguments;
  immediate run_now = nullptr;  // one of the two, or neither: then it is part of another statement (reraise)
  suspending run = nullptr;
};

class vocabulary {
 public:
  void add(std::string name, std::vector<kind> arguments, immediate run_now) {
    insert({std::move(name), std::move(arguments), run_now, nullptr});
  }
  void add(std::string name, std::vector<kind> arguments, suspending run) {
    insert({std::move(name), std::move(arguments), nullptr, run});
  }
  void add_part(std::string name) { insert({std::move(name), {}, nullptr, nullptr}); }

  /// nullptr: there is no such statement.
  const operation* find(const std::string& name) const {
    const auto found = operations_.find(name);
    return found == operations_.end() ? nullptr : &found->second;
  }

 private:
  void insert(operation op) {
    std::string name = op.name;
    operations_.emplace(std::move(name), std::move(op));
  }

  std::map<std::string, operation, std::less<>> operations_;
};

}  // namespace conformance
