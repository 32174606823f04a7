// Each dangerous facility of the operating system has one file, and is named nowhere else.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "../project.hpp"

namespace architecture {

struct facility {
  std::vector<std::string_view> words;  // "std::" at the front: only as a name of std
  std::vector<std::string_view> homes;  // files or folders
};

inline const std::vector<facility>& dangerous_facilities() {
  static const std::vector<facility> all{
      {{"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_event", "kqueue", "kevent", "pollfd"}, {"core/poller.hpp"}},
      {{"eventfd", "std::mutex", "std::condition_variable"}, {"core/mailbox.hpp", "threads/"}},
      {{"std::thread", "std::jthread", "pthread_create"}, {"threads/thread_pool.hpp"}},
      {{"sigaction", "sigprocmask", "pthread_sigmask", "signalfd"},
       {"core/interrupt.hpp", "io/signal", "detail/write_without_sigpipe.hpp"}},
      {{"fork", "vfork", "posix_spawn", "posix_spawnp", "execve"}, {"io/spawn_plan.hpp"}},
      {{"waitpid", "waitid", "wait4", "pidfd_open"}, {"io/child_process.hpp"}},
  };
  return all;
}

inline void facilities(const project& p, findings& out) {
  for (const source& header : p.headers()) {
    out.look();
    const std::string path = inside_weft(header.path());
    const auto& tokens = header.tokens();
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (!tokens[i].is_word()) continue;
      const bool of_std = i >= 2 && tokens[i - 1].is("::") && tokens[i - 2].is("std");
      for (const facility& f : dangerous_facilities()) {
        const auto is_it = [&](std::string_view word) {
          if (of_std && word.starts_with("std::")) word.remove_prefix(5);
          return word == tokens[i].text;
        };
        const auto is_home = [&](std::string_view home) { return path.starts_with(home); };
        if (std::none_of(f.words.begin(), f.words.end(), is_it)) continue;
        if (std::any_of(f.homes.begin(), f.homes.end(), is_home)) continue;
        std::string where;
        for (std::string_view home : f.homes) where += (where.empty() ? "" : " or ") + std::string(home);
        out.add(header.path(), tokens[i].line, tokens[i].text + " belongs in " + where);
      }
    }
  }
}

}  // namespace architecture
