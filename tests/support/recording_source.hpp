// A stream's source that writes down what it is told.
// SPDX-License-Identifier: MIT
//
//     event_log log;
//     weft_test::recording_source source(log);
//     weft::stream_input in(4, &source);      // log.text() == "pause" as soon as more than twice the limit has come
#pragma once

#include "support/event_log.hpp"

#include <weft/io/stream_input.hpp>

namespace weft_test {

class recording_source final : public weft::stream_source {
 public:
  explicit recording_source(event_log& log) : log_(&log) {}
  void pause_reading() noexcept override { (*log_)("pause"); }
  void resume_reading() noexcept override { (*log_)("resume"); }

 private:
  event_log* log_;
};

}  // namespace weft_test
