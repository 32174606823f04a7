// Tests of weft/detail/write_without_sigpipe.hpp: the error is told, the signal is not, and nothing else has changed.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/pipe.hpp"

#include <weft/detail/write_without_sigpipe.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <string>

namespace detail_write_without_sigpipe_test {

using weft::detail::write_without_sigpipe;

std::ptrdiff_t write_to(int fd, std::string text) {
  const iovec part{text.data(), text.size()};
  return write_without_sigpipe(fd, &part, 1);
}

sigset_t only_sigpipe() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGPIPE);
  return set;
}

bool sigpipe_is_pending() {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, SIGPIPE) == 1;
}

bool sigpipe_is_blocked() {
  sigset_t blocked;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  return ::sigismember(&blocked, SIGPIPE) == 1;
}

// Blocks SIGPIPE in this thread, and takes away what has come meanwhile.
class blocked_sigpipe {
 public:
  blocked_sigpipe() {
    const sigset_t set = only_sigpipe();
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  }
  blocked_sigpipe(const blocked_sigpipe&) = delete;
  blocked_sigpipe& operator=(const blocked_sigpipe&) = delete;
  ~blocked_sigpipe() {
    const sigset_t set = only_sigpipe();
    int signal = 0;
    if (sigpipe_is_pending()) ::sigwait(&set, &signal);
    ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  }
};

int signals_handled = 0;

class handled_sigpipe {
 public:
  handled_sigpipe() {
    struct sigaction action {};
    action.sa_handler = [](int) { ++signals_handled; };
    ::sigaction(SIGPIPE, &action, &former_);
    signals_handled = 0;
  }
  handled_sigpipe(const handled_sigpipe&) = delete;
  handled_sigpipe& operator=(const handled_sigpipe&) = delete;
  ~handled_sigpipe() { ::sigaction(SIGPIPE, &former_, nullptr); }

 private:
  struct sigaction former_ {};
};

TEST_CASE("writing to a pipe that somebody reads writes all parts", "[detail][write_without_sigpipe]") {
  const weft_test::channel p;
  std::string one = "one ";
  std::string two = "two";
  const iovec parts[2] = {{one.data(), one.size()}, {two.data(), two.size()}};
  CHECK(write_without_sigpipe(p.writer.get(), parts, 2) == 7);
  char got[16];
  CHECK(::read(p.reader.get(), got, sizeof got) == 7);
  CHECK(std::string(got, 7) == "one two");
  CHECK_FALSE(sigpipe_is_blocked());
}

TEST_CASE("writing to a pipe that nobody reads fails, and the process goes on", "[detail][write_without_sigpipe]") {
  weft_test::channel p;
  p.reader.reset();
  for (int i = 0; i < 3; ++i) {
    errno = 0;
    CHECK(write_to(p.writer.get(), "x") == -1);
    CHECK(errno == EPIPE);
    CHECK_FALSE(sigpipe_is_pending());
    CHECK_FALSE(sigpipe_is_blocked());
  }
}

TEST_CASE("another error is told as it is", "[detail][write_without_sigpipe]") {
  CHECK(write_to(-1, "x") == -1);
  CHECK(errno == EBADF);
  const weft_test::channel p;
  ::fcntl(p.writer.get(), F_SETFL, O_NONBLOCK);
  const std::string block(65'536, 'x');
  while (write_to(p.writer.get(), block) > 0) {
  }
  CHECK(errno == EAGAIN);
}

TEST_CASE("a program's handler of the signal is not called, and stays", "[detail][write_without_sigpipe]") {
  const handled_sigpipe handler;
  weft_test::channel p;
  p.reader.reset();
  CHECK(write_to(p.writer.get(), "x") == -1);
  CHECK(signals_handled == 0);
  ::raise(SIGPIPE);
  CHECK(signals_handled == 1);
}

TEST_CASE("an ignored signal leaves nothing behind either", "[detail][write_without_sigpipe]") {
  struct sigaction former {};
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &former);
  weft_test::channel p;
  p.reader.reset();
  CHECK(write_to(p.writer.get(), "x") == -1);
  CHECK(errno == EPIPE);
  CHECK_FALSE(sigpipe_is_pending());
  ::sigaction(SIGPIPE, &former, nullptr);
}

TEST_CASE("where the signal is blocked already, it stays blocked, and none is left pending",
          "[detail][write_without_sigpipe]") {
  const blocked_sigpipe blocked;
  weft_test::channel p;
  p.reader.reset();
  CHECK(write_to(p.writer.get(), "x") == -1);
  CHECK(errno == EPIPE);
  CHECK(sigpipe_is_blocked());
  CHECK_FALSE(sigpipe_is_pending());
}

TEST_CASE("a signal that somebody else has sent is not taken away", "[detail][write_without_sigpipe]") {
  const blocked_sigpipe blocked;
  ::raise(SIGPIPE);
  CHECK(sigpipe_is_pending());
  weft_test::channel p;
  p.reader.reset();
  CHECK(write_to(p.writer.get(), "x") == -1);
  CHECK(errno == EPIPE);
  CHECK(sigpipe_is_pending());
}

}  // namespace detail_write_without_sigpipe_test
