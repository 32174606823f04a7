// generator: values one by one, each made when it is asked for. A pipeline over an endless generator, and a tree walked
// through recursively.
// SPDX-License-Identifier: MIT
#include <memory>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "run_example.hpp"

weft::generator<long> fibonacci() {
  for (long a = 0, b = 1;; a = std::exchange(b, a + b)) co_yield a;
}

struct folder {
  explicit folder(std::string called) : name(std::move(called)) {}
  folder& add(std::string called) { return *inside.emplace_back(std::make_unique<folder>(std::move(called))); }
  std::string name;
  std::vector<std::unique_ptr<folder>> inside;
};

// Each level hands over to the one below: a step costs the same, however deep it is.
weft::generator<std::string> paths(const folder& from, std::string above = "") {
  const std::string path = above + "/" + from.name;
  co_yield path;
  for (const auto& next : from.inside) co_yield weft::elements_of(paths(*next, path));
}

weft::task<> async_main() {
  auto even = [](long n) { return n % 2 == 0; };
  auto small = [](long n) { return n < 1000; };
  for (const long n : fibonacci() | std::views::filter(even) | std::views::take_while(small)) fmt::print("{} ", n);
  fmt::print("\n");

  folder root("weft");
  root.add("include").add("weft").add("flow");
  root.add("tests").add("unit");
  for (const std::string& path : paths(root)) fmt::print("{}\n", path);
  co_return;  // it has nothing to wait for: generators need no loop
}

int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
