// All pollers of this platform: tests of the loop's seams run on each of them.
// SPDX-License-Identifier: MIT
//
//     const auto poller = weft_test::make_poller(GENERATE(from_range(weft_test::poller_names)));
#pragma once

#include <weft/core/poller.hpp>

#include <memory>
#include <string>
#include <vector>

namespace weft_test {

inline const std::vector<std::string> poller_names = {
    "poll",
#if defined(__linux__)
    "epoll",
#endif
};

inline std::unique_ptr<weft::poller> make_poller(const std::string& name) {
#if defined(__linux__)
  if (name == "epoll") return std::make_unique<weft::epoll_poller>();
#endif
  static_cast<void>(name);
  return std::make_unique<weft::poll_poller>();
}

}  // namespace weft_test
