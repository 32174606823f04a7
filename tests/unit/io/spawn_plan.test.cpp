// Tests of weft/io/spawn_plan.hpp: what a child process starts with, and what is said if it cannot.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/child_process.hpp"
#include "support/contains.hpp"
#include "support/nothing_left_behind.hpp"
#include "support/pipe.hpp"
#include "support/shell.hpp"

#include <weft/core/run.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/io/process.hpp>
#include <weft/io/process_options.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace io_spawn_plan_test {

using weft::process_options;
using weft::stdio;
using weft::detail::unique_fd;
using weft_test::channel;
using weft_test::contains;
using weft_test::in_child;
using weft_test::run_with_processes;
using weft_test::said_by;

process_options all_pipes() {
  process_options options;
  options.standard_input(stdio::pipe).standard_output(stdio::pipe).standard_error(stdio::pipe);
  return options;
}

/// Everything that is in a pipe whose writers have gone.
std::string contents(channel& c) {
  c.writer.reset();
  std::string all;
  std::array<char, 4096> room;
  for (ssize_t n; (n = ::read(c.reader.get(), room.data(), room.size())) > 0;) {
    all.append(room.data(), static_cast<std::size_t>(n));
  }
  return all;
}

/// A folder that goes with its contents: one file, `script`.
class scratch_folder {
 public:
  scratch_folder() {
    std::string pattern = "/tmp/weft.XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), "mkdtemp");
    path = pattern;
  }
  scratch_folder(const scratch_folder&) = delete;
  scratch_folder& operator=(const scratch_folder&) = delete;
  ~scratch_folder() {
    ::unlink((path + "/script").c_str());
    ::rmdir(path.c_str());
  }

  void write_script(const std::string& text, mode_t mode) const {
    std::ofstream(path + "/script") << text;
    ::chmod((path + "/script").c_str(), mode);
  }

  std::string path;
};

/// What starting a program fails with; it must not start.
std::string refusal(process_options options, std::vector<std::string> arguments) {
  try {
    run_with_processes([&]() -> weft::task<> {
      weft::process child = co_await weft::create_subprocess_exec(options, arguments);
      co_await child.wait();
    });
  } catch (const std::system_error& e) {
    return e.what();
  } catch (const std::invalid_argument& e) {
    return std::string("invalid: ") + e.what();
  }
  return "it has started";
}

// ---- streams ----

TEST_CASE("a pipe is the child's standard stream, and the other end is here", "[io][spawn_plan]") {
  run_with_processes([]() -> weft::task<> {
    weft::process child = co_await weft::create_subprocess_shell("cat; echo problem >&2", all_pipes());
    const weft::process_output said = co_await child.communicate("in");
    CHECK(said.output == "in");
    CHECK(said.error == "problem\n");
  });
}

TEST_CASE("a child reads nothing from the null device, and what it writes there is gone", "[io][spawn_plan]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_input(stdio::null);
    const std::string read = co_await said_by(options, "wc -c");
    CHECK(read == "0\n");
    options.standard_output(stdio::null).standard_error(stdio::null);
    weft::process child = co_await weft::create_subprocess_shell("echo out; echo err >&2", options);
    const int code = co_await child.wait();
    CHECK(code == 0);
  });
}

TEST_CASE("streams that are not set are those of this process", "[io][spawn_plan]") {
  channel in;
  channel out;
  channel err;
  CHECK(in_child([&] {
          in.send();
          ::dup2(in.reader.get(), 0);
          ::dup2(out.writer.get(), 1);
          ::dup2(err.writer.get(), 2);
          return weft::run([]() -> weft::task<int> {
            weft::process child = co_await weft::create_subprocess_exec("sh", "-c", "head -c 1; echo err >&2");
            co_return co_await child.wait();
          });
        }) == 0);
  CHECK(contents(out) == "x");
  CHECK(contents(err) == "err\n");
}

TEST_CASE("a descriptor becomes a standard stream, and stays open here", "[io][spawn_plan]") {
  channel in;
  channel out;
  run_with_processes([&]() -> weft::task<> {
    in.send();
    process_options options;
    options.standard_input(stdio::descriptor(in.reader.get())).standard_output(stdio::descriptor(out.writer.get()));
    weft::process child = co_await weft::create_subprocess_exec(options, "head", "-c", "1");
    co_await child.wait();
    out.receive();
    in.send();
    in.receive();  // both ends are there still
  });
  CHECK(contents(out).empty());
}

TEST_CASE("standard error goes where standard output goes", "[io][spawn_plan]") {
  channel out;
  run_with_processes([&]() -> weft::task<> {
    process_options options;
    options.standard_error(stdio::standard_output);
    const std::string piped = co_await said_by(options, "echo out; echo err >&2");
    CHECK(piped == "out\nerr\n");
    options.standard_output(stdio::descriptor(out.writer.get()));
    weft::process child = co_await weft::create_subprocess_shell("echo out; echo err >&2", options);
    co_await child.wait();
    CHECK_THROWS_AS(child.error_output(), weft::usage_error);
  });
  CHECK(contents(out) == "out\nerr\n");
}

TEST_CASE("standard streams of this process can be exchanged for the child", "[io][spawn_plan]") {
  channel out;
  channel err;
  CHECK(in_child([&] {
          ::dup2(out.writer.get(), 1);
          ::dup2(err.writer.get(), 2);
          return weft::run([]() -> weft::task<int> {
            process_options options;
            options.standard_output(stdio::descriptor(2)).standard_error(stdio::descriptor(1));
            weft::process child = co_await weft::create_subprocess_shell("echo out; echo err >&2", options);
            co_return co_await child.wait();
          });
        }) == 0);
  CHECK(contents(out) == "err\n");
  CHECK(contents(err) == "out\n");
}

TEST_CASE("a standard stream that is a pipe does not take the place of one that is handed on", "[io][spawn_plan]") {
  CHECK(in_child([] {
          const channel in;
          in.send();
          ::dup2(in.reader.get(), 0);
          return weft::run([]() -> weft::task<int> {
            // The child's 1 is the reading end that is 0 here; its own 0 is a pipe.
            process_options options;
            options.standard_input(stdio::pipe).standard_error(stdio::descriptor(0));
            weft::process child = co_await weft::create_subprocess_shell("[ \"$(head -c 1 <&2)\" = x ]", options);
            co_return co_await child.wait();
          });
        }) == 0);
}

TEST_CASE("a standard descriptor can be handed on as itself, also if it would be closed", "[io][spawn_plan]") {
  channel out;
  CHECK(in_child([&] {
          ::dup2(out.writer.get(), 1);
          ::fcntl(1, F_SETFD, FD_CLOEXEC);
          return weft::run([]() -> weft::task<int> {
            process_options options;
            options.standard_output(stdio::descriptor(1));
            weft::process child = co_await weft::create_subprocess_exec(options, "echo", "here");
            co_return co_await child.wait();
          });
        }) == 0);
  CHECK(contents(out) == "here\n");
}

TEST_CASE("a descriptor that is not open is named", "[io][spawn_plan]") {
  process_options options;
  options.standard_output(stdio::descriptor(998));
  CHECK_THAT(refusal(options, {"true"}), contains("descriptor 998") && contains("Bad file descriptor"));
  options.standard_output(stdio::descriptor(-2));
  CHECK_THAT(refusal(options, {"true"}), contains("descriptor -2") && contains("Bad file descriptor"));
}

TEST_CASE("a child is started rightly though standard descriptors are closed here", "[io][spawn_plan]") {
  const auto use_pipes = []() -> weft::task<int> {
    weft::process child = co_await weft::create_subprocess_shell("cat; echo problem >&2", all_pipes());
    const weft::process_output said = co_await child.communicate("in");
    co_return said.output == "in" && said.error == "problem\n" ? 0 : 1;
  };
  const auto use_null = []() -> weft::task<int> {
    process_options options;
    options.standard_input(stdio::null).standard_error(stdio::null);
    const std::string said = co_await said_by(options, "cat; echo out; echo problem >&2");
    co_return said == "out\n" ? 0 : 2;
  };
  for (int closed = 0; closed < 8; ++closed) {
    CAPTURE(closed);
    const auto close_some = [closed] {
      for (int fd = 0; fd < 3; ++fd) {
        if ((closed >> fd & 1) != 0) ::close(fd);
      }
    };
    // The loop's own descriptors take their places.
    CHECK(in_child([&] {
            close_some();
            return weft::run(use_pipes()) + weft::run(use_null());
          }) == 0);
    // The pipes do.
    CHECK(in_child([&] {
            weft::event_loop loop;
            close_some();
            return loop.run_until_complete(use_pipes()) + loop.run_until_complete(use_null());
          }) == 0);
  }
}

TEST_CASE("a child gets no descriptors but its standard streams", "[io][spawn_plan]") {
#if defined(__GLIBC__) && (__GLIBC__ > 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ >= 34))
  run_with_processes([]() -> weft::task<> {
    const channel inheritable;  // not CLOEXEC
    process_options options;
    options.standard_input(stdio::pipe);
    weft::process other = co_await weft::create_subprocess_exec(options, "cat");  // has pipes here
    const std::string open =
        co_await said_by(weft::process_options(), "for f in /proc/$$/fd/*; do [ -e $f ] && echo ${f##*/}; done; true");
    CHECK(open == "0\n1\n2\n");
    other.input().close();
    co_await other.wait();
  });
#endif
}

/// Those that programs which are executed would get.
std::set<int> passed_on() {
  std::set<int> all;
  for (int fd = 0; fd < 256; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags >= 0 && (flags & FD_CLOEXEC) == 0) all.insert(fd);
  }
  return all;
}

TEST_CASE("what weft opens for a child is closed when others execute programs", "[io][spawn_plan]") {
  run_with_processes([]() -> weft::task<> {
    const std::set<int> before = passed_on();
    const int number = weft_test::count_descriptors();
    weft::process child = co_await weft::create_subprocess_exec(all_pipes(), "cat");
    CHECK(weft_test::count_descriptors() >= number + 3);
    CHECK(passed_on() == before);
    co_await child.communicate();
  });
}

// ---- folder, environment, arguments, session, signals ----

TEST_CASE("a child starts in its working directory, where its program may be", "[io][spawn_plan]") {
  const scratch_folder folder;
  folder.write_script("#!/bin/sh\necho the script in $(pwd -P)\n", 0755);
  run_with_processes([&]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe).working_directory(folder.path);
    weft::process child = co_await weft::create_subprocess_exec(options, "./script");
    const weft::process_output said = co_await child.communicate();
    CHECK(said.output == "the script in " + folder.path + "\n");
  });
}

TEST_CASE("a working directory that cannot be entered is named", "[io][spawn_plan]") {
  process_options options;
  options.working_directory("/nonexistent/folder");
  CHECK_THAT(refusal(options, {"true"}), contains("'/nonexistent/folder'") && contains("No such file"));
  options.working_directory("/dev/null");
  CHECK_THAT(refusal(options, {"true"}), contains("'/dev/null'") && contains("Not a directory"));
  options.working_directory(std::string("/tmp\0/x", 7));
  CHECK_THAT(refusal(options, {"true"}), contains("invalid: ") && contains("NUL") && contains("working directory"));
}

TEST_CASE("a working directory that is closed to this user is named", "[io][spawn_plan]") {
  const scratch_folder folder;
  ::chmod(folder.path.c_str(), 0);
  CHECK(in_child([&] {
          if (::geteuid() == 0 && ::setuid(65534) != 0) return 0;  // root may enter everything
          process_options options;
          options.working_directory(folder.path);
          const std::string said = refusal(options, {"true"});
          return said.find(folder.path) != std::string::npos && said.find("denied") != std::string::npos ? 0 : 1;
        }) == 0);
}

TEST_CASE("a child has this process' environment, or the one that it is given", "[io][spawn_plan]") {
  ::setenv("WEFT_TEST_VARIABLE", "inherited", 1);
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    const std::string inherited = co_await said_by(options, "echo $WEFT_TEST_VARIABLE");
    CHECK(inherited == "inherited\n");
    const std::vector<std::string> variables{"ONE=1", "SPACES= a  b "};
    options.environment(variables);
    weft::process given = co_await weft::create_subprocess_exec(options, "env");
    const weft::process_output said = co_await given.communicate();
    CHECK(said.output == "ONE=1\nSPACES= a  b \n");
    options.environment({});
    weft::process bare = co_await weft::create_subprocess_exec(options, "env");
    const weft::process_output nothing = co_await bare.communicate();
    CHECK(nothing.output.empty());
  });
  ::unsetenv("WEFT_TEST_VARIABLE");
  process_options options;
  options.environment({std::string("A=\0", 3)});
  CHECK_THAT(refusal(options, {"true"}), contains("invalid: ") && contains("NUL") && contains("environment"));
}

TEST_CASE("arguments arrive as they are: no shell looks at them", "[io][spawn_plan]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    const std::vector<std::string> hard{"",    " ",       "two words", "a'quote", "a\"quote", "$HOME", "`id`",
                                        "a;b", "a\nline", "*",         "\\",      "-n",       "\xff",  "\xc3\xa4"};
    std::vector<std::string> command{"printf", "%s|"};
    std::string expected;
    for (const std::string& argument : hard) {
      command.push_back(argument);
      expected += argument + "|";
    }
    weft::process child = co_await weft::create_subprocess_exec(options, command);
    const weft::process_output said = co_await child.communicate();
    CHECK(said.output == expected);
  });
}

TEST_CASE("arguments can be any kind of string", "[io][spawn_plan]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_output(stdio::pipe);
    const std::string owned = "a string";
    const std::string_view part = std::string_view(owned).substr(2, 3);
    weft::process child = co_await weft::create_subprocess_exec(options, std::string("echo"), owned, part, "literal");
    const weft::process_output said = co_await child.communicate();
    CHECK(said.output == "a string str literal\n");
  });
}

TEST_CASE("a NUL in an argument, or no program at all, is refused", "[io][spawn_plan]") {
  CHECK_THAT(refusal({}, {"echo", std::string("a\0b", 3)}), contains("invalid: ") && contains("NUL in an argument"));
  CHECK_THAT(refusal({}, {std::string("tr\0ue", 5)}), contains("invalid: ") && contains("NUL in an argument"));
  CHECK_THROWS_AS(weft::create_subprocess_exec(process_options(), std::vector<std::string>()), std::invalid_argument);
}

TEST_CASE("a program that cannot be started is named, with the reason", "[io][spawn_plan]") {
  const scratch_folder folder;
  folder.write_script("#!/bin/sh\n", 0644);
  const std::string script = folder.path + "/script";
  CHECK_THAT(refusal(all_pipes(), {"weft-no-such-program"}),
             contains("'weft-no-such-program'") && contains("No such file"));
  CHECK_THAT(refusal(all_pipes(), {"/nonexistent/program"}), contains("'/nonexistent/program'"));
  CHECK_THAT(refusal(all_pipes(), {""}), contains("''") && contains("No such file"));
  CHECK_THAT(refusal(all_pipes(), {script}), contains("'" + script + "'") && contains("denied"));
  CHECK_THAT(refusal(all_pipes(), {"/tmp"}), contains("'/tmp'") && contains("denied"));
  folder.write_script("no magic number", 0755);
  CHECK_THAT(refusal(all_pipes(), {script}), contains("'" + script + "'") && contains("format"));
  folder.write_script("#!/nonexistent/interpreter\n", 0755);
  CHECK_THAT(refusal(all_pipes(), {script}), contains("'" + script + "'") && contains("No such file"));
}

TEST_CASE("a child can have a session of its own", "[io][spawn_plan]") {
  run_with_processes([]() -> weft::task<> {
    process_options options;
    options.standard_input(stdio::pipe);
    weft::process child = co_await weft::create_subprocess_exec(options, "cat");
    CHECK(::getsid(child.pid()) == ::getsid(0));
    options.new_session(true);
    weft::process leader = co_await weft::create_subprocess_exec(options, "cat");
    CHECK(::getsid(leader.pid()) == leader.pid());
    CHECK(::getpgid(leader.pid()) == leader.pid());
    leader.input().close();
    child.input().close();
    co_await leader.wait();
    co_await child.wait();
  });
}

TEST_CASE("a broken pipe ends a child also where this process ignores it", "[io][spawn_plan]") {
  CHECK(in_child([] {
          ::signal(SIGPIPE, SIG_IGN);
          const int code = weft::run([]() -> weft::task<int> {
            weft::process child = co_await weft::create_subprocess_shell("kill -PIPE $$");
            co_return co_await child.wait();
          });
          return code == -SIGPIPE ? 0 : 1;
        }) == 0);
}

// ---- no descriptors left ----

TEST_CASE("where no descriptors are left starting fails whole, or succeeds", "[io][spawn_plan]") {
  CHECK(in_child([] {
          const unique_fd probe(::dup(0));
          int refused = 0;
          for (int spare = 0;; ++spare) {
            if (spare > 20) return 1;
            weft::event_loop loop;
            const int before = weft_test::count_descriptors();
            int lowest = 3;
            while (::fcntl(lowest, F_GETFD) >= 0) ++lowest;
            rlimit normal{};
            ::getrlimit(RLIMIT_NOFILE, &normal);
            rlimit tight = normal;
            tight.rlim_cur = static_cast<rlim_t>(lowest + spare);
            ::setrlimit(RLIMIT_NOFILE, &tight);
            bool started = false;
            int code = -1;
            std::string output;
            try {
              loop.run_until_complete([&]() -> weft::task<> {
                weft::process child = co_await weft::create_subprocess_shell("cat; echo problem >&2", all_pipes());
                started = true;
                const weft::process_output said = co_await child.communicate("in");
                output = said.output + said.error;
                code = *child.return_code();
              });
            } catch (const std::system_error& e) {
              if (e.code() != std::errc::too_many_files_open) return 2;
              if (std::string(e.what()).find("starting a process: ") == std::string::npos) return 3;
              if (started) return 4;
              ++refused;
            }
            ::setrlimit(RLIMIT_NOFILE, &normal);
            if (weft_test::has_children()) return 5;
            if (weft_test::count_descriptors() != before) return 6;
            if (!started) continue;
            if (code != 0 || output != "inproblem\n") return 7;
            return refused >= 3 ? 0 : 8;
          }
        }) == 0);
}

}  // namespace io_spawn_plan_test
