// What lives on a loop and must not outlive it: tasks, futures, streams.
// SPDX-License-Identifier: MIT
//
// The loop keeps its tenants in one list, oldest first. It is what all_tasks() and the report of a deadlock read, and
// what the loop ends, newest first, before it goes. A tenant is an entry of the ready queue as well: all of them have
// something to do in a pass of their own.
#pragma once

#include <weft/core/runnable.hpp>
#include <weft/detail/intrusive_list.hpp>

#include <string>

namespace weft {

/// Something that lives on a loop until it ends, and that the loop ends when it goes: a task, a future.
class tenant : public runnable, public detail::list_node<class tenant_link> {
 public:
  using runnable::linked;  // in the ready queue, or among another task's callbacks
  using runnable::unlink;

  /// The loop is closing: end at once, destroy what is suspended, forget the loop.
  virtual void abandon() noexcept = 0;

  /// A line or more for a deadlock report; empty if it does not wait.
  virtual std::string report() const = 0;

  /// Somebody wants to see the loop's tasks. Who stands for tasks that are yet to be made makes them now, and admits
  /// them before itself. std::bad_alloc: some are not made.
  virtual void make_tasks() {}

 protected:
  tenant() = default;
  ~tenant() = default;
};

using tenant_list = detail::intrusive_list<tenant, tenant_link>;

}  // namespace weft
