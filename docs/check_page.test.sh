#!/bin/sh
# Hands check_page.sh pages that are right and pages that are wrong, and expects it to tell them apart.
# SPDX-License-Identifier: MIT
#
#     sh docs/check_page.test.sh FOLDER        (FOLDER is for its files; the environment is as for check_page.sh)
set -eu

work=$1
check=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)/check_page.sh
mkdir -p "$work"
cd "$work"

failures=0
# expect right|TEXT NAME <PAGE: the page is right, or is refused with TEXT.
expect() {
  cat >"$2.md"
  status=0
  sh "$check" "$2.md" "$2.code" >"$2.said" 2>&1 || status=$?
  case $1 in
    right) [ "$status" -eq 0 ] && return ;;
    *) [ "$status" -ne 0 ] && grep -qF -e "$1" "$2.said" && return ;;
  esac
  failures=$((failures + 1))
  printf 'the page "%s" should be: %s; it ended with %s and said:\n' "$2" "$1" "$status" >&2
  cat "$2.said" >&2
}

expect right programs <<'PAGE'
A program without output, and one with it.

```cpp
int main() {}
```

```cpp
#include <cstdio>
int main() { std::puts("a; b [c] \\ d"); }
```

It prints:

<!-- prints -->
```text
a; b [c] \ d
```
PAGE

expect right pieces <<'PAGE'
[This page](pieces.md#pieces), [another](https://example.org/).

<!-- file
weft::task<int> hidden() { co_return 1; }
-->
```cpp
weft::task<int> two() { co_return 1 + co_await hidden(); }
```

<!-- coroutine
const int three = 3;
-->
```cpp
co_await weft::sleep_for(24h);
fmt::print("{}\n", co_await two() + three);
```

<!-- prints -->
```text
5
```

<!-- coroutine, refused: write co_await std::move(the_task) -->
```cpp
weft::task<int> t = two();
co_await t;
```

```sh
echo "not C++"
```
PAGE

expect "bad.md:3: this program does not compile" bad <<'PAGE'
A broken block.

```cpp
int main() { return no_such_thing; }
```
PAGE

expect "its pieces do not compile" bad_piece <<'PAGE'
<!-- file -->
```cpp
int wrong = no_such_thing();
```
PAGE

expect "prints something else" other_output <<'PAGE'
```cpp
#include <cstdio>
int main() { std::puts("1"); }
```

<!-- prints -->
```text
2
```
PAGE

expect "ends with status 3" status <<'PAGE'
```cpp
int main() { return 3; }
```
PAGE

expect "compilers should refuse this" accepted <<'PAGE'
<!-- file, refused: anything -->
```cpp
inline int fine = 1;
```
PAGE

expect 'the compiler should say "advice"' other_message <<'PAGE'
<!-- file, refused: advice -->
```cpp
int wrong = "text";
```
PAGE

expect right words <<'PAGE'
Only words, and [a link](words.md).
PAGE

expect "there is code on this page, and no C++" none <<'PAGE'
Only words.

```sh
true
```
PAGE

expect "needs a mark" unmarked <<'PAGE'
```cpp
int fragment();
```
PAGE

expect "no kind of block" unknown_mark <<'PAGE'
<!-- whatever -->
```cpp
int fragment();
```
PAGE

expect "no block follows this mark" lost_mark <<'PAGE'
<!-- file -->

Words.

```cpp
int main() {}
```
PAGE

expect "says what it is in" no_language <<'PAGE'
```
int main() {}
```
PAGE

expect "says what it is in" other_name <<'PAGE'
```c++
int main() {}
```
PAGE

expect "not behind four spaces" indented <<'PAGE'
Code:

    int main() {}
PAGE

expect "this block has no end" endless <<'PAGE'
```cpp
int main() {}
PAGE

expect "needs a program or a coroutine before it" output_of_nothing <<'PAGE'
<!-- prints -->
```text
1
```
PAGE

expect "leads nowhere" lost_link <<'PAGE'
[Somewhere](no/such/page.md).

```cpp
int main() {}
```
PAGE

if [ "$failures" -gt 0 ]; then exit 1; fi
echo "check_page.sh tells right pages from wrong ones"
