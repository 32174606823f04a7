// Reads a conformance program from JSON and checks all of it before it runs.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "program.hpp"
#include "support/json.hpp"
#include "vocabulary.hpp"

namespace conformance {

namespace json = support::json;

/// Throws `support::json::error`, which says where the text is wrong.
program parse_program(std::string_view text, const vocabulary& words);

// ---- details ----

class program_parser {
 public:
  explicit program_parser(const vocabulary& words) : words_(words) {}

  program parse(const json::value& v) {
    if (v.at("v").as_integer() != 1) throw json::error(v.at("v").offset(), "only version 1 is known");
    program result;
    if (const json::value* all = v.find("objs")) result.objects = objects(*all);
    counts_ = {{'L', result.objects.locks},
               {'S', result.objects.semaphores.size()},
               {'D', result.objects.bounded_semaphores.size()},
               {'E', result.objects.events},
               {'C', result.objects.conditions},
               {'Q', result.objects.queues.size()},
               {'B', result.objects.barriers.size()},
               {'F', result.objects.futures}};
    result.main = statements(v.at("main"), place::task);
    return result;
  }

 private:
  enum class place { task, callback, handler };

  static object_list objects(const json::value& v) {
    object_list result;
    for (const json::member& m : v.as_object()) {
      if (m.key == "lock") {
        result.locks = how_many(m.content);
      } else if (m.key == "event") {
        result.events = how_many(m.content);
      } else if (m.key == "cond") {
        result.conditions = how_many(m.content);
      } else if (m.key == "future") {
        result.futures = how_many(m.content);
      } else if (m.key == "sem") {
        result.semaphores = numbers(m.content, 0);
      } else if (m.key == "bsem") {
        result.bounded_semaphores = numbers(m.content, 0);
      } else if (m.key == "barrier") {
        result.barriers = numbers(m.content, 1);
      } else if (m.key == "queue") {
        for (const json::value& q : m.content.as_array()) result.queues.push_back(one_queue(q));
      } else {
        throw json::error(m.content.offset(), "there are no objects of the kind \"" + m.key + "\"");
      }
    }
    return result;
  }

  static std::size_t how_many(const json::value& v) { return static_cast<std::size_t>(number(v, 0, 1000)); }

  static std::vector<std::int64_t> numbers(const json::value& v, std::int64_t least) {
    std::vector<std::int64_t> result;
    for (const json::value& item : v.as_array()) result.push_back(number(item, least, INT32_MAX));
    return result;
  }

  static queue_shape one_queue(const json::value& v) {
    const json::array& parts = v.as_array();
    const std::string shape = parts.size() == 2 ? parts[0].as_string() : "";
    if (shape != "fifo" && shape != "lifo" && shape != "prio") {
      throw json::error(v.offset(), "a queue is [\"fifo\", \"lifo\" or \"prio\", capacity]");
    }
    return {shape, number(parts[1], 0, INT32_MAX)};
  }

  body statements(const json::value& v, place where) {
    body result;
    for (const json::value& item : v.as_array()) result.push_back(one(item, where));
    return result;
  }

  statement one(const json::value& v, place where) {
    const json::array& parts = v.as_array();
    if (parts.size() < 2) throw json::error(v.offset(), "a statement has a name and an id at least");
    statement result;
    result.op = known(parts[0], where);
    result.id = parts[1].as_integer();
    if (result.id < 0) throw json::error(parts[1].offset(), "the id is negative");
    if (!ids_.insert(result.id).second) throw json::error(parts[1].offset(), "the id is there twice");
    const std::vector<kind>& kinds = result.op->arguments;
    if (parts.size() - 2 != kinds.size()) {
      throw json::error(v.offset(), "\"" + result.op->name + "\" has " + std::to_string(parts.size() - 2) +
                                        " arguments here, it needs " + std::to_string(kinds.size()));
    }
    for (std::size_t i = 0; i < kinds.size(); ++i) result.arguments.push_back(one_argument(parts[i + 2], kinds[i]));
    return result;
  }

  const operation* known(const json::value& name, place where) const {
    const operation* op = words_.find(name.as_string());
    const std::string quoted = "\"" + name.as_string() + "\"";
    if (!op) throw json::error(name.offset(), "unknown statement " + quoted);
    if (where == place::callback && !op->run_now) {
      throw json::error(name.offset(), quoted + " cannot stand in a callback");
    }
    if (where != place::handler && !op->run_now && !op->run) {
      throw json::error(name.offset(), quoted + " must stand directly in a handler of a try");
    }
    return op;
  }

  argument one_argument(const json::value& v, kind wanted) {
    switch (wanted) {
      case kind::number:
        return {number(v, INT32_MIN, INT32_MAX)};
      case kind::count:
        return {number(v, 0, INT32_MAX)};
      case kind::flag:
        return {number(v, 0, 1)};
      case kind::task:
        return {task_name(v)};
      case kind::statements:
        return {statements(v, place::task)};
      case kind::callback:
        return {statements(v, place::callback)};
      case kind::children:
        return {children(v)};
      case kind::child:
        return {child_or_coroutine(v)};
      case kind::a_task:
        return {one_child(v)};
      case kind::handlers:
        return {try_handlers(v)};
      case kind::limit:
        return {v.is_null() ? time_or_null() : time_or_null(number(v, INT32_MIN, INT32_MAX))};
      case kind::wait_mode:
        return {wait_mode(v)};
      case kind::lock:
        return {object_name(v, "L")};
      case kind::semaphore:
        return {object_name(v, "SD")};
      case kind::event:
        return {object_name(v, "E")};
      case kind::condition:
        return {object_name(v, "C")};
      case kind::queue:
        return {object_name(v, "Q")};
      case kind::barrier:
        return {object_name(v, "B")};
      case kind::future:
        return {object_name(v, "F")};
    }
    throw json::error(v.offset(), "an argument of an unknown kind");
  }

  // Bounded, so that no sum of times can overflow.
  static std::int64_t number(const json::value& v, std::int64_t least, std::int64_t most) {
    const std::int64_t n = v.as_integer();
    if (n < least || n > most) {
      throw json::error(v.offset(), "must be between " + std::to_string(least) + " and " + std::to_string(most));
    }
    return n;
  }

  // One of these letters, and a number.
  static bool is_name(const std::string& name, std::string_view letters) {
    const bool digits =
        std::all_of(name.begin() + (name.empty() ? 0 : 1), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    return name.size() >= 2 && name.size() <= 10 && letters.find(name.front()) != std::string_view::npos && digits;
  }

  static std::string task_name(const json::value& v) {
    const std::string& name = v.as_string();
    if (!is_name(name, "T")) throw json::error(v.offset(), "\"" + name + "\" is no name of a task (T0, T1, ...)");
    return name;
  }

  std::string object_name(const json::value& v, std::string_view letters) const {
    const std::string& name = v.as_string();
    if (!is_name(name, letters) || object_number(name) >= counts_.at(name.front())) {
      throw json::error(v.offset(), "there is no object \"" + name + "\" for this statement in objs");
    }
    return name;
  }

  static std::string wait_mode(const json::value& v) {
    const std::string& mode = v.as_string();
    if (mode != "first_completed" && mode != "first_exception" && mode != "all") {
      throw json::error(v.offset(), "the mode of wait is first_completed, first_exception or all");
    }
    return mode;
  }

  std::vector<child> children(const json::value& v) {
    std::vector<child> result;
    for (const json::value& item : v.as_array()) result.push_back(one_child(item));
    return result;
  }

  child child_or_coroutine(const json::value& v) {
    const json::array& parts = v.as_array();
    if (parts.size() != 2 || parts[0].as_string() != "co") return one_child(v);
    return {"", statements(parts[1], place::task)};
  }

  child one_child(const json::value& v) {
    const json::array& parts = v.as_array();
    const std::string form = parts.empty() ? "" : parts[0].as_string();
    if (form == "ref" && parts.size() == 2) return {task_name(parts[1]), std::nullopt};
    if (form == "T" && parts.size() == 3) return {task_name(parts[1]), statements(parts[2], place::task)};
    throw json::error(v.offset(), "a child is [\"T\", name, body] or [\"ref\", name]");
  }

  handlers try_handlers(const json::value& v) {
    handlers result;
    for (const json::member& m : v.as_object()) {
      if (m.key == "cancelled") {
        result.cancelled = statements(m.content, place::handler);
      } else if (m.key == "error") {
        result.error = statements(m.content, place::handler);
      } else if (m.key == "finally") {
        result.finally = statements(m.content, place::task);
      } else {
        throw json::error(m.content.offset(), "a try has no handler \"" + m.key + "\"");
      }
    }
    return result;
  }

  const vocabulary& words_;
  std::set<std::int64_t> ids_;
  std::map<char, std::size_t> counts_;  // of the objects, by the letter of their names
};

inline program parse_program(std::string_view text, const vocabulary& words) {
  return program_parser(words).parse(json::parse(text));
}

}  // namespace conformance
