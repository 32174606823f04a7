// A conformance program in memory: statements, checked against the vocabulary by parse_program.hpp.
// SPDX-License-Identifier: MIT
//
// A statement keeps its arguments in the order of FORMAT.md; vocabulary.hpp says which kind each of them has. So a new
// family of statements needs no new types here, and what runs a statement can take its arguments without checking.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace conformance {

struct operation;  // vocabulary.hpp
struct argument;

struct statement {
  const operation* op = nullptr;
  std::int64_t id = 0;
  std::vector<argument> arguments;

  /// The argument at `index`, which is a T: the vocabulary saw to that.
  template <class T>
  const T& get(std::size_t index) const;
};

using body = std::vector<statement>;

/// `["T", name, body]`, `["ref", name]` or, for wait_for, `["co", body]`.
struct child {
  std::string name;                // empty: a coroutine that runs inside the task
  std::optional<body> statements;  // nothing: a ref
};

/// A time in ms, or null.
using time_or_null = std::optional<std::int64_t>;

/// What a `try` does when its body has ended.
struct handlers {
  std::optional<body> cancelled;
  std::optional<body> error;
  std::optional<body> finally;
};

struct argument {
  std::variant<std::int64_t, std::string, time_or_null, body, child, std::vector<child>, handlers> content;
};

template <class T>
const T& statement::get(std::size_t index) const {
  return std::get<T>(arguments.at(index).content);
}

struct queue_shape {
  std::string kind;  // fifo, lifo or prio
  std::int64_t capacity = 0;
};

/// How many objects of each kind there are, and their initial values.
struct object_list {
  std::size_t locks = 0;
  std::size_t events = 0;
  std::size_t conditions = 0;
  std::size_t futures = 0;
  std::vector<std::int64_t> semaphores;
  std::vector<std::int64_t> bounded_semaphores;
  std::vector<queue_shape> queues;
  std::vector<std::int64_t> barriers;
};

struct program {
  object_list objects;
  body main;
};

/// The number in a name: 12 for `T12` or `Q12`. Names are checked when a program is read.
inline std::size_t object_number(const std::string& name) {
  return static_cast<std::size_t>(std::stoull(name.substr(1)));
}

/// The number of a task: 12 for `T12`. Names are checked when a program is read.
inline std::int64_t task_number(const std::string& name) { return std::stoll(name.substr(1)); }

}  // namespace conformance
