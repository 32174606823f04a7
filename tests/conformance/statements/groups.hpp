// group and gspawn: task groups.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline weft::task<completion> run_group(interpreter& in, context& cx, const statement& s) {
  // The group lives no longer than this statement, but the program may name it afterwards.
  class entry {
   public:
    entry(interpreter& i, std::int64_t id) : in_(i), id_(id) {}
    entry(const entry&) = delete;
    entry& operator=(const entry&) = delete;
    ~entry() {
      if (entered_ != nullptr && in_.find_group(id_) == entered_) in_.enter_group(id_, nullptr);
    }
    void enter(weft::task_group& group) { in_.enter_group(id_, entered_ = &group); }

   private:
    interpreter& in_;
    std::int64_t id_;
    weft::task_group* entered_ = nullptr;
  };
  entry here(in, s.id);
  const returned signal = co_await weft::with_task_group([&](weft::task_group& group) {
    here.enter(group);
    return in.run_body(cx, s.get<body>(0));
  });
  co_return completion("group", signal);
}

inline weft::task<completion> run_gspawn(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(1);
  const std::optional<weft::task_group*> group = in.find_group(s.get<std::int64_t>(0));
  if (!group || in.find(name)) co_return completion("gspawn " + name + " skip");
  if (*group == nullptr) co_return completion("gspawn " + name + " refused");
  try {
    in.enter_task(name, (*group)->create_task(in.run_task(name, s.get<body>(2)), name));
  } catch (const weft::usage_error&) {
    co_return completion("gspawn " + name + " refused");
  }
  co_return completion("gspawn " + name);
}

inline void add_group_statements(vocabulary& words) {
  words.add("group", {kind::statements}, run_group);
  words.add("gspawn", {kind::count, kind::task, kind::statements}, run_gspawn);
}

}  // namespace conformance
