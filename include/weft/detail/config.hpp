// What the compiler can do and what it gets wrong: the only place in weft that defines macros.
// SPDX-License-Identifier: MIT
//
// Everything else asks these questions through a name, so that a workaround can be found, read and one day removed.
#pragma once

#include <version>

namespace weft::detail {

/// The argument of templates that are templates for one reason: g++ at -O0 compiles every coroutine that it sees, used
/// or not, with all that it calls, and every function that returns one by calling it; of templates only those that are
/// used. A third of the time of a file that includes <weft/weft.hpp>.
struct only_if_used;

}  // namespace weft::detail

// AddressSanitizer sees a use after free only if the memory really goes back, so recycling is switched off under it.
#if defined(__SANITIZE_ADDRESS__)
#define WEFT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_ASAN 1
#endif
#endif
#ifndef WEFT_ASAN
#define WEFT_ASAN 0
#endif

// 1: coroutine frames and task states are recycled per thread. Define it as 0 (in every translation unit of the
// program) to hunt for memory errors with valgrind, which cannot see into recycled blocks.
#ifndef WEFT_FRAME_POOL
#define WEFT_FRAME_POOL (!WEFT_ASAN)
#endif

// g++ before 15 destroys some temporaries of a co_await expression twice: closures that own something, for one. weft
// refuses such arguments at compile time (core/safe_argument.hpp); other compilers never see the check.
#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 15
#define WEFT_GCC_DOUBLE_DESTROYS 1
#else
#define WEFT_GCC_DOUBLE_DESTROYS 0
#endif

// Keeps what happens seldom out of the code that runs at every step.
#define WEFT_COLD [[gnu::noinline, gnu::cold]]

// The same for what happens once in a task's life: out of line, and as fast as anything.
#define WEFT_OUTLINE [[gnu::noinline]]

// What the static_asserts on safe_argument<F> say.
#define WEFT_UNSAFE_ARGUMENT_ADVICE                                                                       \
  "weft: this g++ destroys a temporary lambda, view of a lambda or aggregate that owns something twice: " \
  "pass a named one, or what it owns as arguments"
