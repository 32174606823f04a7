# Proves of each rule that it can fail: plants violations in a small project and expects that they, and nothing else, are found.
# SPDX-License-Identifier: MIT
#
#     cmake -DPROGRAM=build/tests/architecture/weft_architecture -DWORK=a/folder/to/write/in -P weft_architecture.test.cmake
cmake_minimum_required(VERSION 3.22)

set(spdx "// SPDX-License-Identifier: MIT")
set(head "// A thing.\n${spdx}\n#pragma once\n")
set(failures 0)

# A project that keeps to all rules, with the shapes that a careless rule would take for violations.
function(write_project)
  file(REMOVE_RECURSE ${WORK})
  set(weft ${WORK}/include/weft)
  file(WRITE ${weft}/detail/config.hpp "${head}#define WEFT_COLD [[gnu::cold]]\n")
  file(WRITE ${weft}/detail/list.hpp "${head}namespace weft {\ntemplate <class> class list;\n"
       "class node { template <class> friend class list; };\ntemplate <class T> class list { node head; };\n}\n")
  file(WRITE ${weft}/core/error.hpp "${head}class some_error {};\n")
  file(WRITE ${weft}/core/poller.hpp "${head}#include <weft/core/error.hpp>\n#include <weft/detail/list.hpp>\n"
       "class poller { poller() { epoll_ctl(); } friend bool operator==(poller, poller) { return true; } };\n"
       "class p final : poller { virtual int f() = 0; inline void g() override; void h() final {} ~p() override = default; };\n")
  file(WRITE ${weft}/core/mailbox.hpp "${head}#include <weft/core/error.hpp>\n"
       "// #include <weft/time/sleep.hpp> would be wrong, and using namespace std; too.\n"
       "class mailbox { std::mutex m_; const char* t = \"std::thread friend class x;\"; };\n")
  file(WRITE ${weft}/time/sleep.hpp "${head}//\n//     while (!done) co_await sleep_for(1s);\n"
       "#include <weft/core/poller.hpp>\n#include <weft/detail/list.hpp>\nsleep_awaiter sleep_for(int);\n")
  file(WRITE ${weft}/flow/gather.hpp "${head}#include <weft/core/poller.hpp>\nclass gather_awaiter {};\n")
  file(WRITE ${weft}/io/pipe.hpp "${head}#include <weft/flow/gather.hpp>\n#include <weft/time/sleep.hpp>\nclass pipe {};\n")
  file(WRITE ${weft}/debug/timeline.hpp "${head}#include <weft/io/pipe.hpp>\nclass timeline {};\n")
  file(WRITE ${weft}/testing/seed.hpp "${head}#include <weft/flow/gather.hpp>\nclass seed {};\n")
  file(WRITE ${weft}/weft.hpp "${head}#include <weft/core/error.hpp>    // errors\n#include <weft/core/poller.hpp>  // epoll\n"
       "#include <weft/core/mailbox.hpp>  // threads\n#include <weft/flow/gather.hpp>  // gather\n"
       "#include <weft/time/sleep.hpp>  // sleep\n#include <weft/io/pipe.hpp>  // pipes\n"
       "#include <weft/debug/timeline.hpp>  // timelines\n")
  file(WRITE ${WORK}/tests/unit/time/sleep.test.cpp "// Tests.\n${spdx}\n" [==[
    task<> fine() {
      const auto named = [owned] { return f(); };
      co_await create_task(named);
      co_await gather([&] { return f(); }, [&x, this] { return x; }, [] {});
      bool more = co_await next();
      if (more) co_await next();
      if (x == point{1, 2}) co_await next();
      while (auto item = co_await next()) use(*item);
      if (const bool b = co_await next(); b && c) use(b ? 1 : 2);
      for (auto& [a, b] : co_await all()) v.push_back({a, b});
      for (int i = 0; i < co_await_count; ++i) use(new thing{i});
      run([owned]() -> task<> { co_await next(); });
      REQUIRE(run([]() -> task<int> { co_return co_await next(); }) == 3);
      co_await next([&](int i) { if (i) { use({1, 2}); } });
      auto text = R"(if (co_await f({1})))";
    }
    void awaiter::await_suspend(task_state& t) { t.wake(); }
    task<> other() { handle.destroy(); awaiter.await_suspend(t); co_await next(); }
]==])
  file(WRITE ${WORK}/tests/architecture/temporaries.cpp "// Proofs.\n${spdx}\nstatic_assert(safe<gather_awaiter>);\n")
  file(WRITE ${WORK}/examples/count.cpp "// count: counts. Like this.\n${spdx}\nint main() {}\n")
  file(WRITE ${WORK}/examples/count.expected "1\n")
  file(WRITE ${WORK}/docs/page.md "# A page\n\n```python\nif (await f()): pass\n```\n\n<!-- coroutine, refused: no -->\n"
       "```cpp\nif (co_await f()) g();\n```\n\n```cpp\ntask<> wrong_use() { if (co_await f()) g(); }\n```\n\n"
       "Text: if (co_await f())\n\n```cpp\nco_await f();\n```\n")
  foreach(file IN ITEMS README.md LICENSE CMakeLists.txt CMakePresets.json .clang-format build/main.o out/CMakeCache.txt)
    file(WRITE ${WORK}/${file} "")
  endforeach()
  file(WRITE ${WORK}/.gitignore "# comment\n/build/\n/cmake-build-*/\n")
endfunction()

function(check rule status pattern what)
  execute_process(COMMAND ${PROGRAM} ${rule} ${WORK} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE found)
  if(NOT "x${found}" STREQUAL "x${status}" OR NOT "${out}${err}" MATCHES "${pattern}")
    message("${what}\n  expected: ${rule} ends with ${status} and says ${pattern}\n  found: ${found}\n${out}${err}----")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

# plant(<rule> <message> <file> <content>): the content at the end of the file makes the rule find this, and only this.
function(plant rule message file content)
  write_project()
  file(APPEND ${WORK}/${file} "${content}")
  check(${rule} 1 "^${message}\n${rule}: looked at [0-9]+, 1 findings\n$" "${file} with ${content}")
  set(failures ${failures} PARENT_SCOPE)
endfunction()

# replace(<rule> <message> <file> <content>): the same, with this content instead of the file's.
function(replace rule message file content)
  write_project()
  file(WRITE ${WORK}/${file} "${content}")
  check(${rule} 1 "^${message}\n${rule}: looked at [0-9]+, 1 findings\n$" "${file} as ${content}")
  set(failures ${failures} PARENT_SCOPE)
endfunction()

# ---- nothing is found where nothing is wrong, and success needs something to look at ----
foreach(rule IN ITEMS floors umbrella preambles hygiene facilities coroutines temporaries names layout)
  write_project()
  check(${rule} 0 "^${rule}: looked at [1-9][0-9]*, 0 findings\n$" "the project without violations")
  if(NOT rule MATCHES "umbrella|layout|temporaries")
    file(REMOVE_RECURSE ${WORK})
    file(WRITE ${WORK}/LICENSE "")
    check(${rule} 2 "there is nothing to check" "an empty project")
  endif()
endforeach()
file(REMOVE_RECURSE ${WORK})
check(umbrella 2 "include/weft/weft.hpp: cannot be read" "no project")
check(layout 2 "weft_architecture: " "no project")
check(flors 2 "usage: weft_architecture RULE ROOT" "a rule that does not exist")

# ---- floors ----
set(at "include/weft/[a-z/]+\\.hpp:[0-9]+: ")
plant(floors "${at}detail/ \\(floor 0\\) includes core/ \\(floor 1\\): includes only go down"
      include/weft/detail/list.hpp "#include <weft/core/mailbox.hpp>\n")
plant(floors "${at}core/ \\(floor 1\\) includes time/ \\(floor 2\\).*" include/weft/core/mailbox.hpp
      "#include <weft/time/sleep.hpp>\n")
plant(floors "${at}time/ and flow/ are on one floor, and blind to one another" include/weft/time/sleep.hpp
      "#include <weft/flow/gather.hpp>\n")
plant(floors "${at}sync/ \\(floor 2\\) includes io/ \\(floor 3\\).*" include/weft/sync/lock.hpp "#include <weft/io/pipe.hpp>\n")
plant(floors "${at}nothing but the umbrella includes debug/" include/weft/testing/seed.hpp "#include <weft/debug/timeline.hpp>\n")
plant(floors "${at}nothing includes testing/" include/weft/debug/timeline.hpp "#include <weft/testing/seed.hpp>\n")
plant(floors "${at}nothing includes testing/" include/weft/weft.hpp "#include <weft/testing/seed.hpp>\n")
plant(floors "${at}the umbrella is for users.*" include/weft/testing/seed.hpp "#include <weft/weft.hpp>\n")
plant(floors "${at}includes go in a circle: core/error.hpp -> core/mailbox.hpp -> core/error.hpp"
      include/weft/core/error.hpp "#include <weft/core/mailbox.hpp>\n")
plant(floors "${at}includes go in a circle: core/error.hpp -> core/error.hpp" include/weft/core/error.hpp
      "#  include <weft/core/error.hpp>  // itself\n")
plant(floors "${at}there is no <weft/core/nothing.hpp>" include/weft/io/pipe.hpp "#include <weft/core/nothing.hpp>\n")
plant(floors "${at}write #include <...>.*" include/weft/io/pipe.hpp "#include \"weft/core/error.hpp\"\n")
plant(floors "include/weft/attic/old.hpp: is on no floor" include/weft/attic/old.hpp "${head}")
plant(floors "include/weft/other.hpp: is on no floor" include/weft/other.hpp "${head}")

# ---- umbrella ----
plant(umbrella "include/weft/weft.hpp: <weft/core/clock.hpp> is missing" include/weft/core/clock.hpp "${head}")
plant(umbrella "${at}<weft/debug/timeline.hpp> is there twice" include/weft/weft.hpp
      "#include <weft/debug/timeline.hpp>  // again\n")
plant(umbrella "${at}there is no <weft/io/nothing.hpp>" include/weft/weft.hpp "#include <weft/io/nothing.hpp>  // nothing\n")
plant(umbrella "${at}testing/ is not for the umbrella" include/weft/weft.hpp "#include <weft/testing/seed.hpp>  // seeds\n")
plant(umbrella "${at}<weft/debug/timeline.hpp> needs a package: it is not for the umbrella" include/weft/debug/timeline.hpp
  "#include <fmt/format.h>\n")
plant(umbrella "${at}detail/ is not for the umbrella" include/weft/weft.hpp "#include <weft/detail/list.hpp>  // lists\n")
plant(umbrella "${at}the umbrella includes weft's headers and nothing else" include/weft/weft.hpp "#include <vector>\n")
write_project()
file(READ ${WORK}/include/weft/weft.hpp map)
string(REPLACE "  // gather" "" without_remark "${map}")
replace(umbrella "${at}say after <weft/flow/gather.hpp> what it is.*" include/weft/weft.hpp "${without_remark}")
set(errors "#include <weft/core/error.hpp>    // errors\n")
string(REPLACE "${errors}" "" without_errors "${map}")
replace(umbrella "${at}<weft/core/error.hpp> belongs further up: floor by floor" include/weft/weft.hpp "${without_errors}${errors}")

# ---- preambles ----
replace(preambles "include/weft/io/pipe.hpp:1: begin with .*" include/weft/io/pipe.hpp "${spdx}\n#pragma once\n")
replace(preambles "include/weft/io/pipe.hpp:1: begin with .*" include/weft/io/pipe.hpp "// Pipes\n${spdx}\n#pragma once\n")
replace(preambles "include/weft/io/pipe.hpp:1: begin with .*" include/weft/io/pipe.hpp
        "// Pipes. And files.\n${spdx}\n#pragma once\n")
replace(preambles "include/weft/io/pipe.hpp:3: after the purpose comes .*" include/weft/io/pipe.hpp
        "// Pipes (pipe(2)\n// in short).\n#pragma once\n")
replace(preambles "include/weft/io/pipe.hpp: a header needs #pragma once" include/weft/io/pipe.hpp
        "// Pipes.\n${spdx}\n// #pragma once\n")
replace(preambles "examples/count.cpp:1: begin with .*" examples/count.cpp "${spdx}\n")
replace(preambles "tests/bench/speed.cpp:2: after the purpose comes .*" tests/bench/speed.cpp "// Speed.\n\n${spdx}\n")

# ---- hygiene ----
plant(hygiene "${at}macros are defined in detail/config.hpp only" include/weft/io/pipe.hpp "#define WEFT_PIPE 1\n")
plant(hygiene "${at}the names of macros begin with WEFT_" include/weft/detail/config.hpp "#  define COLD 1\n")
plant(hygiene "${at}no #undef.*" include/weft/io/pipe.hpp "#undef min\n")
plant(hygiene "${at}headers do not include <iostream>" include/weft/io/pipe.hpp "#include <iostream>\n")
plant(hygiene "${at}headers do not include <regex>" include/weft/io/pipe.hpp "#include <regex>\n")
plant(hygiene "${at}no using namespace in a header" include/weft/io/pipe.hpp "void f() { using namespace std; }\n")
plant(hygiene "${at}no std::initializer_list.*" include/weft/io/pipe.hpp "void f(std::initializer_list<int>);\n")
foreach(declaration IN ITEMS "void f() const override" "int f() final" "virtual ~pipe_2()" "virtual void f(int = 1) const")
  plant(hygiene "${at}a virtual function that is defined further down is declared inline" include/weft/io/pipe.hpp
        "class pipe_2 { ${declaration}; };\n")
endforeach()
plant(hygiene "${at}no friend across folders: poller is not declared in time/" include/weft/time/sleep.hpp
      "class nap { friend class poller; };\n")
plant(hygiene "${at}no friend across folders: gather_awaiter is not declared in core/" include/weft/core/error.hpp
      "class gather_awaiter; class e { template <class T> friend struct weft::gather_awaiter; };\n")
plant(hygiene "${at}no friend across folders: run is not declared in core/" include/weft/core/error.hpp
      "class e { friend int run(int) noexcept; };\n")

# ---- facilities ----
plant(facilities "${at}epoll_wait belongs in core/poller.hpp" include/weft/io/pipe.hpp "int f() { return ::epoll_wait(); }\n")
plant(facilities "${at}thread belongs in threads/thread_pool.hpp" include/weft/core/mailbox.hpp "void f(std::thread&);\n")
plant(facilities "${at}sigaction belongs in core/interrupt.hpp or io/signal.*" include/weft/io/pipe.hpp "int f(sigaction*);\n")
plant(facilities "${at}fork belongs in io/spawn_plan.hpp" include/weft/io/pipe.hpp "int f() { return fork(); }\n")
plant(facilities "${at}waitpid belongs in io/child_process.hpp" include/weft/io/process.hpp "int f() { return waitpid(1, nullptr, 0); }\n")

# ---- coroutines ----
set(test tests/unit/time/sleep.test.cpp)
set(here "${test}:[0-9]+: ")
set(condition "no co_await in the condition of")
plant(coroutines "${here}${condition} if.*" ${test} "task<> f() { if (co_await x()) y(); }\n")
plant(coroutines "${here}${condition} if.*" ${test} "task<> f() { if constexpr (co_await x()) { y(); } }\n")
plant(coroutines "${here}${condition} if.*" ${test} "task<> f() { if (a) b(); else if (c && !co_await x()) y(); }\n")
plant(coroutines "${here}${condition} if.*" ${test} "task<> f() { if (y = co_await x()) z(); }\n")
plant(coroutines "${here}${condition} while.*" ${test} "task<> f() { while (co_await x()) { y(); } }\n")
plant(coroutines "${here}${condition} while.*" ${test} "task<> f() { do { y(); } while (co_await x()); }\n")
plant(coroutines "${here}${condition} switch.*" ${test} "task<> f() { switch (co_await x()) { case 1: y(); } }\n")
plant(coroutines "${here}no co_await in the condition of a for.*" ${test} "task<> f() { for (; co_await x();) y(); }\n")
plant(coroutines "${here}${condition} if.*" ${test} "auto l = [] { return g([]() -> task<> { if (co_await x()) y(); }); };\n")
plant(coroutines "${here}${condition} if.*" ${test} "namespace a { struct s { task<> f() { if (co_await x()) y(); } }; }\n")
set(braces "${here}no braces in an expression that awaits.*")
plant(coroutines "${braces}" ${test} "task<> f() { co_await g({1, 2, 3}); }\n")
plant(coroutines "${braces}" ${test} "task<> f() { auto x = co_await g(std::vector{1, 2}); }\n")
plant(coroutines "${braces}" ${test} "task<> f() { v.push_back(point{co_await x(), 2}); }\n")
plant(coroutines "${braces}" ${test} "task<> f() { co_return co_await g({.clock = c}); }\n")
plant(coroutines "${braces}" ${test} "task<> f() { for (auto x : co_await g({1})) y(x); }\n")
plant(coroutines "${braces}" ${test} "generator<row> f() { co_yield row{1, 2}; }\n")
plant(coroutines "${braces}" ${test} "generator<row> f() { co_yield {1, 2}; }\n")
set(lambda "${here}no lambda that captures by value in an expression that awaits.*")
plant(coroutines "${lambda}" ${test} "task<> f() { co_await [n]() -> task<> { co_await g(n); }(); }\n")
plant(coroutines "${lambda}" ${test} "task<> f() { co_await create_task([p = std::move(p)] { return g(*p); }); }\n")
plant(coroutines "${lambda}" ${test} "task<> f() { co_await g([&, =] { return 1; }); }\n")
plant(coroutines "${here}no \\?: in an expression that awaits.*" ${test} "task<> f() { co_await (a ? b() : c()); }\n")
plant(coroutines "${here}no new in an expression that awaits.*" ${test} "task<> f() { p.reset(new int(co_await x())); }\n")
plant(coroutines "${here}no co_await inside REQUIRE\\(\\).*" ${test} "task<> f() { REQUIRE(co_await x() == 3); }\n")
plant(coroutines "${here}no co_await inside CHECK_THROWS_AS\\(\\).*" ${test} "task<> f() { CHECK_THROWS_AS(co_await x(), e); }\n")
plant(coroutines "${here}no destroy\\(\\) inside await_suspend" ${test} "void a::await_suspend(h x) noexcept { x.destroy(); }\n")
plant(coroutines "include/weft/io/pipe.hpp:[0-9]+: no destroy\\(\\) inside await_suspend" include/weft/io/pipe.hpp
      "struct a { bool await_suspend(h x) const { if (y) { x->handle().destroy(); } return true; } };\n")
plant(coroutines "include/weft/io/pipe.hpp:7: ${condition} if.*" include/weft/io/pipe.hpp
      "//     if (co_await open()) write();\n")
plant(coroutines "examples/count.cpp:4: ${condition} if.*" examples/count.cpp "task<> f() { if (co_await x()) y(); }\n")
plant(coroutines "docs/page.md:24: ${condition} if.*" docs/page.md "\n```cpp\n\nif (co_await f()) g();\n```\n")
plant(coroutines "README.md:2: no braces in an expression that awaits.*" README.md "```cpp\nco_await f({1});\n```\n")

# ---- temporaries ----
set(unproved "${at}[a-z_]+ is not proved safe in tests/architecture/temporaries.cpp")
plant(temporaries "${unproved}" include/weft/io/pipe.hpp "class read_awaiter final : base<int> { int fd; };\n")
plant(temporaries "${unproved}" include/weft/io/pipe.hpp "template <class T> struct pipe_options { T x; };\n")
plant(temporaries "${unproved}" include/weft/io/pipe.hpp "class [[nodiscard(\"x\")]] reading { int fd; };\n")
plant(temporaries "${unproved}" include/weft/io/pipe.hpp "class event : base { read_awaiter operator co_await() const; };\n")
write_project()
file(APPEND ${WORK}/include/weft/io/pipe.hpp "class read_awaiter;\ntemplate <class read_awaiter, class T> class x {};\n")
check(temporaries 0 "looked at 1, 0 findings" "types that are only declared")
file(REMOVE ${WORK}/include/weft/flow/gather.hpp)
check(temporaries 2 "there is nothing to check" "no type to prove safe")

# ---- names ----
replace(names "include/weft/io/pipe.hpp: declares no pipe: name the file after its main symbol" include/weft/io/pipe.hpp
        "${head}class pipe;\nclass pipes {};\nclass file {}; // pipe\nint f() { return pipe(2); }\n")
plant(names "include/weft/io/utils.hpp: 'utils.hpp' says nothing: name what it is" include/weft/io/utils.hpp "class utils {};")
plant(names "tests/helpers/clock.hpp: 'helpers' says nothing: name what it is" tests/helpers/clock.hpp "")
plant(names "tests/unit/time/nap.test.cpp: there is no header time/nap.hpp that this could test" tests/unit/time/nap.test.cpp "")

# ---- layout ----
plant(layout "setup.py: has no place at the top of the repository.*" setup.py "")
plant(layout "src: has no place at the top of the repository.*" src/weft.cpp "")
plant(layout "include/boost: include/ holds nothing but weft/" include/boost/asio.hpp "")
plant(layout "include/weft/core/task.cpp: include/weft holds nothing but .hpp files" include/weft/core/task.cpp "")
string(REPEAT "line\n" 151 long)
plant(layout "README.md: 151 lines: at most 150" README.md "${long}")
string(REPEAT "// line\n" 58 long)
plant(layout "examples/count.cpp: 61 lines: at most 60" examples/count.cpp "${long}")
plant(layout "examples/other.cpp: what an example prints is in examples/other.expected, which is missing" examples/other.cpp "")

file(REMOVE_RECURSE ${WORK})
if(failures GREATER 0)
  message(FATAL_ERROR "${failures} checks failed")
endif()
