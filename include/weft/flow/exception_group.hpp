// Several exceptions at once.
// SPDX-License-Identifier: MIT
//
// What a task group throws: more than one of its tasks may have failed. Python handles such a group with `except*`;
// here handle<E>() calls a function for each error of a type and gives the group of those that are left. A group is
// never changed, since an exception object may be shared; copies share the list.
//
//     catch (const weft::exception_group& errors) {
//       errors.handle<parse_error>([](const parse_error& e) { report(e); }).rethrow();
//     }
#pragma once

#include <algorithm>
#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace weft {

/// Python's ExceptionGroup; groups may hold groups.
class exception_group : public std::runtime_error {
 public:
  /// Throws std::invalid_argument if one of the errors is null.
  exception_group(const std::string& message, std::vector<std::exception_ptr> errors)
      : std::runtime_error(message + describe(checked(errors))),
        message_(std::make_shared<const std::string>(message)),
        errors_(std::make_shared<const std::vector<std::exception_ptr>>(std::move(errors))) {}

  /// The errors in their order; some may be groups.
  const std::vector<std::exception_ptr>& exceptions() const noexcept { return *errors_; }
  bool empty() const noexcept { return errors_->empty(); }

  /// Whether there is an E among the errors, in groups inside of the group, too.
  template <class E>
  bool contains() const;

  /// The errors that are an E, in groups inside of the group, too.
  template <class E>
  std::vector<std::exception_ptr> take() const;

  /// Calls fn(const E&) for each error that is an E, in groups inside of the group, too; returns the group of all
  /// others. What fn throws passes.
  template <class E, class F>
    requires std::invocable<F&, const E&>
  exception_group handle(F fn) const;

  /// Throws the group if it has errors: the end of a chain of handle(). An inner group that has lost all is left out.
  void rethrow() const {
    if (!empty()) throw exception_group(*this);
  }

 private:
  static const std::vector<std::exception_ptr>& checked(const std::vector<std::exception_ptr>& errors) {
    if (std::find(errors.begin(), errors.end(), nullptr) == errors.end()) return errors;
    throw std::invalid_argument("weft: an error of an exception_group must not be null");
  }
  static std::string describe(const std::vector<std::exception_ptr>& errors);
  static std::optional<exception_group> as_group(const std::exception_ptr& error);

  std::shared_ptr<const std::string> message_;
  std::shared_ptr<const std::vector<std::exception_ptr>> errors_;
};

/// Whether the exception is an E.
template <class E>
bool holds(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

// ---- details ----

template <class E, class F>
  requires std::invocable<F&, const E&>
exception_group exception_group::handle(F fn) const {
  std::vector<std::exception_ptr> rest;
  for (const std::exception_ptr& error : *errors_) {
    if constexpr (!std::derived_from<E, exception_group>) {  // also for E = std::exception, which a group is
      if (const std::optional<exception_group> inner = as_group(error)) {
        exception_group left = inner->handle<E>(std::ref(fn));
        if (!left.empty()) rest.push_back(std::make_exception_ptr(std::move(left)));
        continue;
      }
    }
    try {
      std::rethrow_exception(error);
    } catch (const E& e) {
      std::invoke(fn, e);
    } catch (...) {
      rest.push_back(error);
    }
  }
  return exception_group(*message_, std::move(rest));
}

inline std::optional<exception_group> exception_group::as_group(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const exception_group& group) {
    return group;
  } catch (...) {
    return std::nullopt;
  }
}

template <class E>
std::vector<std::exception_ptr> exception_group::take() const {
  std::vector<std::exception_ptr> taken;
  handle<E>([&](const E&) { taken.push_back(std::current_exception()); });
  return taken;
}

template <class E>
bool exception_group::contains() const {
  bool found = false;
  handle<E>([&](const E&) { found = true; });
  return found;
}

inline std::string exception_group::describe(const std::vector<std::exception_ptr>& errors) {
  std::string text = " (" + std::to_string(errors.size()) + (errors.size() == 1 ? " error)" : " errors)");
  const char* separator = ": ";
  for (const std::exception_ptr& error : errors) {
    text += std::exchange(separator, "; ");
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& e) {
      text += e.what();
    } catch (...) {
      text += "not a std::exception";
    }
  }
  return text;
}

}  // namespace weft
