// How many descriptors this process has open: for tests that none is left.
// SPDX-License-Identifier: MIT
//
//     const weft_test::open_descriptors before;
//     { ... }
//     CHECK(before.unchanged());
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace weft_test {

/// All of them, by listing a folder, for which one more must be free. Throws std::system_error.
inline int count_descriptors() {
  DIR* const folder = ::opendir("/dev/fd");
  if (folder == nullptr) throw std::system_error(errno, std::generic_category(), "opendir");
  int count = -3;  // ".", "..", and the folder itself
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

/// The first 1024 of them, also where none is free.
class open_descriptors {
 public:
  open_descriptors() noexcept : count_(count()) {}

  bool unchanged() const noexcept { return count() == count_; }

  static int count() noexcept {
    rlimit most{};
    ::getrlimit(RLIMIT_NOFILE, &most);
    const int end = most.rlim_cur < 1024 ? static_cast<int>(most.rlim_cur) : 1024;  // tests open few
    int open = 0;
    for (int fd = 0; fd < end; ++fd) open += ::fcntl(fd, F_GETFD) != -1 ? 1 : 0;
    return open;
  }

 private:
  int count_;
};

}  // namespace weft_test
