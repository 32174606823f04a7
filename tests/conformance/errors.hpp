// The exceptions of a conformance program, and the names that the trace gives them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <exception>
#include <stdexcept>
#include <string>

#include <weft/weft.hpp>

namespace conformance {

/// What the statement `raise` throws.
class user_error : public std::runtime_error {
 public:
  explicit user_error(std::int64_t code) : std::runtime_error("user error"), code_(code) {}
  std::int64_t code() const noexcept { return code_; }

 private:
  std::int64_t code_;
};

inline bool is_cancelled(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const weft::cancelled_error&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// EXC of FORMAT.md. What no program can throw is shown in full: it is a defect, and the trace will differ.
inline std::string describe(const std::exception_ptr& e) {
  if (!e) return "unexpected: a failure without an exception";
  try {
    std::rethrow_exception(e);
  } catch (const weft::cancelled_error&) {
    return "Cancelled";
  } catch (const user_error& user) {
    return "User(" + std::to_string(user.code()) + ")";
  } catch (const weft::exception_group& group) {
    std::string list;
    for (const std::exception_ptr& one : group.exceptions()) list += (list.empty() ? "" : ",") + describe(one);
    return "Group[" + list + "]";
  } catch (const weft::timeout_error&) {
    return "Timeout";
  } catch (const weft::broken_barrier_error&) {
    return "Broken";
  } catch (const weft::queue_shut_down_error&) {
    return "QueueDown";
  } catch (const std::invalid_argument&) {
    return "Value";
  } catch (const weft::invalid_state_error&) {
    return "InvalidState";
  } catch (const weft::usage_error&) {
    return "Runtime";
  } catch (const std::exception& other) {
    return std::string("unexpected: ") + other.what();
  } catch (...) {
    return "unexpected: not a std::exception";
  }
}

}  // namespace conformance
