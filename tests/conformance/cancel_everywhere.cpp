// Runs conformance programs again and again, cancelling a task at another point each time, and checks what must hold
// whatever is cancelled when.
// SPDX-License-Identifier: MIT
//
// A program is run once to count its loop passes and its events. Then, for each task and each pass, and for each task
// and each event, it is run with that task cancelled there: before the pass (while it waits, or has been woken and is
// about to resume) or right after the event (inside somebody's step). Each time:
//
//   - the program ends, and the loop can be used afterwards;
//   - what was allocated is freed;
//   - if all tasks have ended, no lock is held, no permit, item or waiter is lost or doubled.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <weft/weft.hpp>

#include "collection.hpp"
#include "harness.hpp"
#include "parse_program.hpp"
#include "support/counting_new.hpp"

namespace {

using namespace conformance;

/// Something that must hold does not.
class violation : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

void require(bool holds, const std::string& what) {
  if (!holds) throw violation(what);
}

/// Watches nothing, and says when a pass begins.
class pass_hook final : public weft::poller {
 public:
  explicit pass_hook(std::function<void()> before_pass) : before_pass_(std::move(before_pass)) {}

  bool watch(int, weft::interest) override { return true; }
  bool forget(int) noexcept override { return true; }
  void wait(weft::duration timeout, std::vector<weft::ready_event>&) override {
    if (timeout == weft::duration::max()) throw weft::deadlock_error("nothing is ready and no timer is armed");
    before_pass_();
  }

 private:
  std::function<void()> before_pass_;
};

enum class place : unsigned char { nowhere, before_pass, after_event };

struct cut {
  place where = place::nowhere;
  std::size_t number = 0;  // of the pass or the event, from 1
  std::size_t task = 0;    // in creation order
};

/// How much there is to cut in a program.
struct extent {
  std::size_t passes = 0;
  std::size_t events = 0;
  std::size_t tasks = 0;
};

/// What the events say about the queues and semaphores.
class ledger {
 public:
  explicit ledger(const std::string& trace) {
    for (std::size_t at = 0; at < trace.size();) {
      const std::size_t end = trace.find('\n', at);
      note(std::string_view(trace).substr(at, end - at));
      at = end + 1;
    }
  }

  std::int64_t count(const std::string& what, const std::string& object) const {
    const auto found = counts_.find(what + " " + object);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  // TIME TASK ID WHAT OBJECT RESULT
  void note(std::string_view line) {
    std::vector<std::string> words;
    while (!line.empty()) {
      const std::size_t end = std::min(line.find(' '), line.size());
      words.emplace_back(line.substr(0, end));
      line.remove_prefix(std::min(end + 1, line.size()));
    }
    if (words.size() < 6) return;
    const std::string& what = words[3];
    const std::string& object = words[4];
    const std::string& result = words[5];
    if (what == "put" || (what == "put_nowait" && result == "ok")) ++counts_["put " + object];
    if (what == "get" || (what == "get_nowait" && result != "empty" && result != "down")) ++counts_["get " + object];
    if (result == "ok") ++counts_[what + " " + object];
    if (what == "q_shutdown" && result == "1") ++counts_["dropped " + object];
  }

  std::map<std::string, std::int64_t> counts_;
};

weft::task<int> uses_everything(object_table& objects, const object_list& list) {
  for (std::size_t i = 0; i < list.locks; ++i) {
    const weft::mutex_lock lock = co_await objects.lock("L" + std::to_string(i)).lock();
  }
  for (std::size_t i = 0; i < list.conditions; ++i) {
    const weft::mutex_lock lock = co_await objects.condition("C" + std::to_string(i)).lock();
    objects.condition("C" + std::to_string(i)).notify_all();
  }
  co_await weft::sleep_for(std::chrono::milliseconds(1));
  co_return 7;
}

/// One run of one program with one cut.
class run_with_cut {
 public:
  run_with_cut(const program& p, cut c)
      : program_(p), cut_(c), hook_([this] { reach(place::before_pass, ++seen_.passes); }), harness_(p, &hook_) {
    harness_.loop().watch(0, weft::interest::read, nothing_);
    harness_.events().after_each_event([this] { reach(place::after_event, ++seen_.events); });
  }

  extent run() {
    harness_.run();
    seen_.tasks = harness_.state().tasks().size();
    const extent result = seen_;
    cut_.where = place::nowhere;
    bool all_done = true;
    for (const named_task& t : harness_.state().tasks()) all_done = all_done && t.handle.done();
    if (all_done) check_objects();
    return result;
  }

 private:
  class nothing final : public weft::runnable {
   public:
    void run() override {}
  };

  void reach(place where, std::size_t number) {
    if (cut_.where != where || cut_.number != number) return;
    const std::vector<named_task>& tasks = harness_.state().tasks();
    if (cut_.task >= tasks.size()) return;
    const weft::task_handle<value> victim = tasks[cut_.task].handle;
    victim.cancel();
  }

  void check_objects() {
    object_table& objects = harness_.state().objects();
    const object_list& list = program_.objects;
    const ledger events(harness_.events().text());
    for (std::size_t i = 0; i < list.locks; ++i) {
      const weft::mutex& m = objects.lock("L" + std::to_string(i));
      require(!m.locked() && m.waiters() == 0, "a lock is held or waited for by nobody");
    }
    for (std::size_t i = 0; i < list.conditions; ++i) {
      const weft::condition_variable& c = objects.condition("C" + std::to_string(i));
      require(!c.locked() && c.waiters() == 0, "a condition is held or waited for by nobody");
    }
    for (std::size_t i = 0; i < list.events; ++i) {
      require(objects.event("E" + std::to_string(i)).waiters() == 0, "an event is waited for by nobody");
    }
    for (std::size_t i = 0; i < list.semaphores.size(); ++i) {
      const std::string name = "S" + std::to_string(i);
      const weft::semaphore& s = objects.semaphore(name);
      require(s.value() == list.semaphores[i] + events.count("sem_release", name), "a permit is lost or doubled");
      require(s.waiters() == 0, "a semaphore is waited for by nobody");
    }
    for (std::size_t i = 0; i < list.bounded_semaphores.size(); ++i) {
      const weft::semaphore& s = objects.semaphore("D" + std::to_string(i));
      require(s.value() >= 0 && s.value() <= list.bounded_semaphores[i] && s.waiters() == 0, "a bound is broken");
    }
    for (std::size_t i = 0; i < list.queues.size(); ++i) {
      const std::string name = "Q" + std::to_string(i);
      const any_queue& q = objects.queue(name);
      require(q.waiters() == 0, "a queue is waited for by nobody");
      if (events.count("dropped", name) > 0) continue;
      require(q.size() == events.count("put", name) - events.count("get", name), "an item is lost or doubled");
      require(q.unfinished() == events.count("put", name) - events.count("task_done", name), "unfinished is wrong");
    }
    for (std::size_t i = 0; i < list.barriers.size(); ++i) {
      require(objects.barrier("B" + std::to_string(i)).waiters() == 0, "nobody waits at a barrier, but it counts some");
    }
    harness_.events().close();
    require(harness_.loop().run_until_complete(uses_everything(objects, list)) == 7, "the loop does not work any more");
  }

  const program& program_;
  cut cut_;
  extent seen_;
  nothing nothing_;
  pass_hook hook_;
  harness harness_;
};

extent run_checked(const program& p, cut c) {
  const std::int64_t before = weft_test::live_allocations();
  const extent seen = run_with_cut(p, c).run();
  if (weft_test::counts_allocations && !WEFT_FRAME_POOL) {
    const std::int64_t leaked = weft_test::live_allocations() - before;
    require(leaked == 0, std::to_string(leaked) + " allocations are left");
  }
  return seen;
}

std::string describe_cut(const cut& c) {
  if (c.where == place::nowhere) return "uncut";
  return "task " + std::to_string(c.task) + " cancelled " +
         (c.where == place::before_pass ? "before pass " : "after event ") + std::to_string(c.number);
}

/// The number of runs. Throws violation.
std::size_t run_with_all_cuts(const program& p, std::size_t stride) {
  run_checked(p, cut());  // what is allocated once only is allocated now
  const extent whole = run_checked(p, cut());
  std::size_t runs = 2;
  std::size_t turn = 0;
  const auto try_cut = [&](const cut& c) {
    if (turn++ % stride != 0) return;
    ++runs;
    try {
      run_checked(p, c);
    } catch (const std::exception& e) {
      throw violation(describe_cut(c) + ": " + e.what());
    }
  };
  for (std::size_t task = 0; task < whole.tasks; ++task) {
    for (std::size_t n = 1; n <= whole.passes; ++n) try_cut({place::before_pass, n, task});
    for (std::size_t n = 1; n <= whole.events; ++n) try_cut({place::after_event, n, task});
  }
  return runs;
}

constexpr std::string_view help = R"(cancel_everywhere: cancels each task of conformance programs at each point

  cancel_everywhere PROGRAMS [EACH [STRIDE]]    takes each EACHth program, and of its cuts each STRIDEth; default 1

exit status: 0: all that must hold holds; 1: it does not; 2: bad arguments or input
)";

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4 || std::string_view(argv[1]) == "--help") {
    std::fwrite(help.data(), 1, help.size(), argc == 2 ? stdout : stderr);
    return argc == 2 ? 0 : 2;
  }
  try {
    const std::size_t each = argc > 2 ? std::stoul(argv[2]) : 1;
    const std::size_t stride = argc > 3 ? std::stoul(argv[3]) : 1;
    if (each == 0 || stride == 0) throw std::invalid_argument("EACH and STRIDE are positive");
    const std::vector<test_case> cases = read_collection(argv[1]);
    const vocabulary words = known_statements();
    std::size_t programs = 0;
    std::size_t runs = 0;
    std::size_t bad = 0;
    for (std::size_t i = 0; i < cases.size(); i += each) {
      const program p = parse_program(cases[i].program, words);
      ++programs;
      try {
        runs += run_with_all_cuts(p, stride);
      } catch (const violation& v) {
        ++bad;
        std::printf("%s: %s\n", cases[i].name.c_str(), v.what());
      }
    }
    std::printf("%zu programs, %zu runs, %zu programs with violations\n", programs, runs, bad);
    return bad == 0 ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "cancel_everywhere: %s\n", e.what());
    return 2;
  }
}
