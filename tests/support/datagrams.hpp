// What the tests of datagrams share: addresses on the loopback interface, and loops on each poller.
// SPDX-License-Identifier: MIT
#pragma once

#include "support/catch.hpp"
#include "support/pollers.hpp"
#include "support/time_limit.hpp"

#include <weft/core/run.hpp>
#include <weft/core/task.hpp>
#include <weft/io/socket_address.hpp>

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace weft_test {

inline weft::socket_address any_port() { return weft::socket_address::ip("127.0.0.1", 0); }

/// Runs body() on a loop on real time, once on each poller.
template <class Body>
void run_on_every_poller(Body body) {
  for (const std::string& name : poller_names) {
    CAPTURE(name);
    const time_limit limit;
    const auto poller = make_poller(name);
    weft::run(body(), {.poller = poller.get()});
  }
}

/// A directory for unix sockets, with a short path; removed at the end.
class socket_directory {
 public:
  socket_directory() {
    char name[] = "/tmp/weft-XXXXXX";
    if (::mkdtemp(name) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  socket_directory(const socket_directory&) = delete;
  socket_directory& operator=(const socket_directory&) = delete;
  ~socket_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace weft_test
