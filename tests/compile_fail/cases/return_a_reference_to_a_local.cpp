// A task returns a reference to a variable that is gone by then.
// SPDX-License-Identifier: MIT
//
// expect: weft: what this coroutine returns does not convert to the T of its task<T>
#include <weft/core/task.hpp>

weft::task<int&> use(int& lives_on) {
  int local = lives_on;
#ifdef WEFT_COMPILE_FAIL_FIXED
  lives_on = local;
  co_return lives_on;
#else
  co_return local;
#endif
}
