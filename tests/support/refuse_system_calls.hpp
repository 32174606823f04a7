// Lets system calls fail in this process from now on, as an older kernel or a sandbox does.
// SPDX-License-Identifier: MIT
//
// There is no way back, so in a forked child only: see child_process.hpp.
//
//     if (!weft_test::refuse_system_calls(ENOSYS, SYS_pidfd_open)) return 0;   // not allowed here: nothing to see
#pragma once

#if defined(__linux__)
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <initializer_list>

namespace weft_test {

/// They fail with `error`, for children as well. False if this process may not ask for that.
template <class... Numbers>
bool refuse_system_calls(int error, Numbers... numbers) {
  std::array<sock_filter, 3 + sizeof...(Numbers)> program{};
  std::size_t next = 0;
  unsigned char left = sizeof...(Numbers);
  program[next++] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr));
  for (const long number : {static_cast<long>(numbers)...}) {
    program[next++] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), left, 0);
    --left;
  }
  program[next++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  program[next++] = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error));
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

}  // namespace weft_test
#endif
