// put, get, join and what else queues do.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include <weft/weft.hpp>

#include "../interpreter.hpp"

namespace conformance {

inline weft::task<completion> run_put(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::int64_t item = s.get<std::int64_t>(1);
  co_await in.objects().queue(name).put(item);
  co_return completion("put " + name + " " + std::to_string(item));
}

inline weft::task<completion> run_get(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::int64_t item = co_await in.objects().queue(name).get();
  co_return completion("get " + name + " " + std::to_string(item));
}

inline weft::task<completion> run_join(interpreter& in, context&, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  co_await in.objects().queue(name).join();
  co_return completion("join " + name);
}

inline std::string run_put_nowait(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  try {
    in.objects().queue(name).put_nowait(s.get<std::int64_t>(1));
  } catch (const weft::queue_full_error&) {
    return "put_nowait " + name + " full";
  } catch (const weft::queue_shut_down_error&) {
    return "put_nowait " + name + " down";
  }
  return "put_nowait " + name + " ok";
}

inline std::string run_get_nowait(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  try {
    return "get_nowait " + name + " " + std::to_string(in.objects().queue(name).get_nowait());
  } catch (const weft::queue_empty_error&) {
    return "get_nowait " + name + " empty";
  } catch (const weft::queue_shut_down_error&) {
    return "get_nowait " + name + " down";
  }
}

inline std::string run_task_done(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  try {
    in.objects().queue(name).task_done();
  } catch (const std::invalid_argument&) {
    return "task_done " + name + " refused";
  }
  return "task_done " + name + " ok";
}

inline std::string run_q_shutdown(interpreter& in, const statement& s) {
  const std::string& name = s.get<std::string>(0);
  const std::int64_t at_once = s.get<std::int64_t>(1);
  in.objects().queue(name).shutdown(at_once != 0);
  return "q_shutdown " + name + " " + std::to_string(at_once);
}

inline void add_queue_statements(vocabulary& words) {
  words.add("put", {kind::queue, kind::number}, run_put);
  words.add("get", {kind::queue}, run_get);
  words.add("join", {kind::queue}, run_join);
  words.add("put_nowait", {kind::queue, kind::number}, run_put_nowait);
  words.add("get_nowait", {kind::queue}, run_get_nowait);
  words.add("task_done", {kind::queue}, run_task_done);
  words.add("q_shutdown", {kind::queue, kind::flag}, run_q_shutdown);
}

}  // namespace conformance
