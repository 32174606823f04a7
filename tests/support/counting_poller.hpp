// The platform's poller, and how often the loop has asked it: whether something spins.
// SPDX-License-Identifier: MIT
//
//     weft_test::counting_poller poller;
//     weft::run({.poller = &poller}, body);
//     CHECK(poller.waits() < 10);
#pragma once

#include <weft/core/poller.hpp>

#include <cstddef>
#include <vector>

namespace weft_test {

class counting_poller final : public weft::poller {
 public:
  bool watch(int fd, weft::interest what) override { return inner_.watch(fd, what); }
  bool forget(int fd) noexcept override { return inner_.forget(fd); }
  void wait(weft::duration timeout, std::vector<weft::ready_event>& out) override {
    ++waits_;
    inner_.wait(timeout, out);
  }

  std::size_t waits() const noexcept { return waits_; }

 private:
  weft::default_poller inner_;
  std::size_t waits_ = 0;
};

}  // namespace weft_test
