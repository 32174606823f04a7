// Who is told when a descriptor can be read or written: the loop's side of its poller.
// SPDX-License-Identifier: MIT
//
// A poller knows descriptors, not who wants them. A descriptor has two sides, as in asyncio (add_reader, add_writer),
// and they belong to different parts of a program: a stream reads all the time and writes only when its peer is slow.
// The table is indexed by descriptor, since the kernel gives out the smallest free number.
//
//     watches.set(fd, weft::interest::read, on_readable);
//     watches.clear(fd, weft::interest::read);
#pragma once

#include <weft/core/poller.hpp>
#include <weft/core/runnable.hpp>

#include <cstddef>
#include <span>
#include <vector>

namespace weft {

/// For a loop; belongs to its thread, like the poller that it keeps informed.
class descriptor_watches {
 public:
  explicit descriptor_watches(poller& p) noexcept : poller_(&p) {}
  descriptor_watches(const descriptor_watches&) = delete;
  descriptor_watches& operator=(const descriptor_watches&) = delete;

  /// `r` is scheduled in each pass in which that side of `fd` is ready, or both are; it replaces who was there before.
  /// Throws std::system_error (EBADF; EPERM: a regular file), std::bad_alloc: nothing has changed.
  void set(int fd, interest what, runnable& r);

  /// Nobody is told of that side any more; who was scheduled already is not run. Call it before `fd` is closed.
  void clear(int fd, interest what) noexcept;

  /// Whether that side, or one of both, is watched.
  bool watched(int fd, interest what) const noexcept {
    if (fd < 0 || index(fd) >= entries_.size()) return false;
    const entry& e = entries_[index(fd)];
    return (detail::wants(what, interest::read) && e.reader != nullptr) ||
           (detail::wants(what, interest::write) && e.writer != nullptr);
  }

  /// No descriptor is watched.
  bool empty() const noexcept { return watched_ == 0; }

  /// Queues those who wait for these: of one descriptor, who reads comes first. `apart` is nobody's: whether it was
  /// among them.
  bool schedule(std::span<const ready_event> events, int apart, ready_queue& ready) noexcept {
    const std::span<const entry> entries = entries_;
    bool found = false;
    for (const ready_event& event : events) {
      if (event.fd == apart) [[unlikely]] {
        found = true;
      } else if (index(event.fd) < entries.size()) {
        const entry& e = entries[index(event.fd)];
        if (detail::wants(event.what, interest::read)) schedule(e.reader, ready);
        if (detail::wants(event.what, interest::write)) schedule(e.writer, ready);
      }
    }
    return found;
  }

 private:
  struct entry {
    runnable* reader = nullptr;
    runnable* writer = nullptr;

    bool used() const noexcept { return reader != nullptr || writer != nullptr; }
    interest wanted() const noexcept { return detail::merge(reader != nullptr, writer != nullptr); }
  };

  static std::size_t index(int fd) noexcept { return static_cast<std::size_t>(fd); }

  static void schedule(runnable* r, ready_queue& ready) noexcept {
    if (r != nullptr && !r->linked()) ready.push_back(*r);
  }

  poller* poller_;
  std::vector<entry> entries_;
  std::size_t watched_ = 0;  // descriptors, not sides
};

// ---- details ----

inline void descriptor_watches::set(int fd, interest what, runnable& r) {
  if (index(fd) >= entries_.size()) {  // so is a negative one
    detail::check_is_open(fd);         // a number that nobody has opened may be too large for a table
    entries_.resize(index(fd) + 1);
  }
  entry& e = entries_[index(fd)];
  entry changed = e;
  if (detail::wants(what, interest::read)) changed.reader = &r;
  if (detail::wants(what, interest::write)) changed.writer = &r;
  // What the kernel was told is still right when one runnable takes another's place.
  if (!e.used() || e.wanted() != changed.wanted()) poller_->watch(fd, changed.wanted());
  if (!e.used()) ++watched_;
  e = changed;
}

inline void descriptor_watches::clear(int fd, interest what) noexcept {
  if (!watched(fd, what)) return;
  entry& e = entries_[index(fd)];
  const interest before = e.wanted();
  const auto drop = [](runnable*& r, runnable* other) {
    if (r != nullptr && r != other) r->unlink();
    r = nullptr;
  };
  if (detail::wants(what, interest::read)) drop(e.reader, what == interest::both ? nullptr : e.writer);
  if (detail::wants(what, interest::write)) drop(e.writer, e.reader);
  if (!e.used()) {
    poller_->forget(fd);
    --watched_;
    return;
  }
  if (e.wanted() == before) return;
  try {
    poller_->watch(fd, e.wanted());  // less than before: it cannot fail for want of memory
  } catch (...) {
    // It was closed too early, so the kernel has forgotten it already.
  }
}

}  // namespace weft
