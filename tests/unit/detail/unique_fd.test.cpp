// Tests of weft/detail/unique_fd.hpp: closed exactly once.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"

#include <weft/detail/unique_fd.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <type_traits>
#include <utility>

namespace detail_unique_fd_test {

using weft::detail::unique_fd;

static_assert(!std::is_copy_constructible_v<unique_fd> && !std::is_copy_assignable_v<unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<unique_fd> && std::is_nothrow_move_assignable_v<unique_fd>);
static_assert(!std::is_convertible_v<int, unique_fd>);

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST_CASE("a descriptor is closed when its owner goes", "[detail][unique_fd]") {
  int number = -1;
  {
    const unique_fd fd(open_null());
    number = fd.get();
    CHECK(fd);
    CHECK(is_open(number));
  }
  CHECK_FALSE(is_open(number));
}

TEST_CASE("an empty owner holds nothing and closes nothing", "[detail][unique_fd]") {
  unique_fd empty;
  CHECK_FALSE(empty);
  CHECK(empty.get() == -1);
  CHECK(empty.release() == -1);
  empty.reset();
  CHECK_FALSE(unique_fd(-1));
  unique_fd standard_input(0);
  CHECK(standard_input);
  CHECK(standard_input.release() == 0);
}

TEST_CASE("a moved descriptor has one owner", "[detail][unique_fd]") {
  unique_fd first(open_null());
  const int number = first.get();
  unique_fd second(std::move(first));
  CHECK_FALSE(first);
  CHECK(second.get() == number);
  CHECK(is_open(number));

  unique_fd third(open_null());
  const int replaced = third.get();
  third = std::move(second);
  CHECK_FALSE(second);
  CHECK(third.get() == number);
  CHECK(is_open(number));
  CHECK_FALSE(is_open(replaced));

  unique_fd& itself = third;
  third = std::move(itself);
  CHECK(third.get() == number);
  CHECK(is_open(number));
}

TEST_CASE("release gives a descriptor up without closing it", "[detail][unique_fd]") {
  int number = -1;
  {
    unique_fd fd(open_null());
    number = fd.release();
    CHECK_FALSE(fd);
  }
  CHECK(is_open(number));
  ::close(number);
}

TEST_CASE("reset closes what was held and takes another", "[detail][unique_fd]") {
  unique_fd fd(open_null());
  const int first = fd.get();
  const int second = open_null();
  fd.reset(second);
  CHECK_FALSE(is_open(first));
  CHECK(fd.get() == second);
  fd.reset();
  CHECK_FALSE(is_open(second));
  CHECK_FALSE(fd);
}

}  // namespace detail_unique_fd_test
