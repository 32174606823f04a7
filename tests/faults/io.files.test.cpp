// What happens when the system calls of files, pipes, terminals and watched descriptors fail: see fault_sweep.hpp.
// SPDX-License-Identifier: MIT
#include "faults/fault_sweep.hpp"
#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/loopback.hpp"
#include "support/pipe.hpp"

#include <weft/testing/memory_stream_pair.hpp>
#include <weft/weft.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace faults_io_files_test {

using namespace std::chrono_literals;
using weft::detail::unique_fd;
using weft_test::call;
using weft_test::channel;
using weft_test::expect;
using weft_test::expect_cancelled;
using weft_test::expect_error;
using weft_test::fail_call;
using weft_test::fault;
using weft_test::scenario;
using weft_test::shows_as;

// A file in memory.
unique_fd file_with(std::string_view text) {
  unique_fd file(::memfd_create("weft_test", MFD_CLOEXEC));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0) fail_call("memfd_create");
  if (!text.empty() && ::pwrite(file.get(), text.data(), text.size(), 0) < 0) fail_call("pwrite");
  return file;
}

// One byte, which is there, though a signal may come.
void receive(const channel& from) {
  char c = 0;
  ssize_t n = 0;
  do {
    n = ::read(from.reader.get(), &c, 1);
  } while (n < 0 && (errno == EINTR || errno == EAGAIN));
  if (n < 0) fail_call("read");
}

// So that something is left to be done when a pipe is full; and more than two pipes can hold, of which one is the
// reader.
std::string lines_of(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(text.size()) + "\n";
  return text;
}
const std::string much = lines_of(100'000);
const std::string too_much = lines_of(300'000);

// What has arrived of a text when the connection was lost on the way.
void expect_all(const std::string& arrived, const std::string& sent) {
  if (arrived.size() < sent.size()) throw weft::incomplete_read_error(arrived, sent.size());
  expect(arrived == sent, "what arrives is not what was sent");
}

// The two ends of a pipe as streams.
class pipe_streams {
 public:
  pipe_streams() : pipe_streams(channel()) {}

 private:
  explicit pipe_streams(channel ends)
      : reader(weft::open_reader(ends.reader.release(), 4096)), writer(weft::open_writer(ends.writer.release())) {}

 public:
  weft::stream_reader reader;
  weft::stream_writer writer;
};

// A terminal: what is written to the one end is read from the other, as it is.
class terminal {
 public:
  terminal() {
    keyboard.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    std::array<char, 100> name{};
    if (!keyboard || ::grantpt(keyboard.get()) != 0 || ::unlockpt(keyboard.get()) != 0 ||
        ::ptsname_r(keyboard.get(), name.data(), name.size()) != 0) {
      fail_call("posix_openpt");
    }
    screen.reset(::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    termios mode{};
    if (!screen || ::tcgetattr(screen.get(), &mode) != 0) fail_call("open");
    ::cfmakeraw(&mode);
    if (::tcsetattr(screen.get(), TCSANOW, &mode) != 0) fail_call("tcsetattr");
  }

  unique_fd keyboard;
  unique_fd screen;
};

weft::async_generator<std::string> lines(weft::stream_reader& from) {
  while (true) {
    auto line = co_await from.next();
    if (!line) break;
    co_yield std::move(*line);
  }
}

weft::task<std::string> everything(weft::stream_reader reader) {
  std::string all = co_await reader.read();
  co_return all;
}

const std::vector<scenario> with_files{
    {"a file between other text",
     []() -> weft::task<> {
       const unique_fd file = file_with(much);
       channel ends(channel::sockets);
       weft::stream sender = weft::open_stream(ends.writer.release());
       weft::stream receiver = weft::open_stream(ends.reader.release());
       const auto sends = [&]() -> weft::task<> {
         co_await sender.writer.write("header ");
         const std::uint64_t sent = co_await weft::send_file(sender.writer, file.get());
         expect(sent == much.size(), "not all was sent");
         co_await sender.writer.write("footer");
         sender.writer.close();
       };
       std::string all;
       const auto receives = [&]() -> weft::task<> { all = co_await receiver.reader.read(); };
       co_await weft::gather(sends(), receives());
       expect_all(all, "header " + much + "footer");
     }},
    {"pieces of a file over TCP",
     []() -> weft::task<> {
       const unique_fd file = file_with("0123456789");
       const auto serves = [&](weft::stream connection) -> weft::task<> {
         while (true) {
           const std::string line = co_await connection.reader.read_line();
           if (line.empty()) break;
           const auto from = static_cast<std::uint64_t>(line[0] - '0');
           co_await weft::send_file(connection.writer, file.get(), from, 3);
         }
       };
       weft::server server = co_await weft::start_server(serves, "127.0.0.1", 0);
       weft::stream client = co_await weft::open_connection(server.addresses()[0]);
       co_await client.writer.write("4\n", "8\n");
       client.writer.write_eof();
       const std::string all = co_await client.reader.read();
       expect_all(all, "45689");
     }},
    {"a file into memory",
     []() -> weft::task<> {
       const unique_fd file = file_with(much);
       weft::memory_streams ends = weft::memory_stream_pair();
       const auto sends = [&]() -> weft::task<> {
         co_await weft::send_file(ends.first.writer, file.get());
         ends.first.writer.close();
       };
       std::string all;
       const auto receives = [&]() -> weft::task<> { all = co_await ends.second.reader.read(); };
       co_await weft::gather(sends(), receives());
       expect(all == much, "what arrives is not what was sent");
     },
     shows_as::itself},
    {"a file for a peer who goes in the middle",
     []() -> weft::task<> {
       const unique_fd file = file_with(too_much);
       channel ends(channel::sockets);
       weft::stream sender = weft::open_stream(ends.writer.release());
       weft::stream receiver = weft::open_stream(ends.reader.release(), 1024);
       const auto sends = [&]() -> weft::task<> {
         const auto ended = co_await weft::outcome_of(weft::send_file(sender.writer, file.get()));
         sender.writer.abort();
         expect_error(ended, "all of it was sent to nobody", std::errc::broken_pipe, std::errc::connection_reset);
       };
       const auto receives = [&]() -> weft::task<> {
         const std::string begin = co_await receiver.reader.read_exactly(4);
         expect(begin == "line", "what arrives is not what was sent");
         receiver.writer.abort();
       };
       co_await weft::gather(sends(), receives());
     }},
    {"a file that is cancelled in the middle",
     []() -> weft::task<> {
       const unique_fd file = file_with(too_much);
       channel ends(channel::sockets);
       weft::stream sender = weft::open_stream(ends.writer.release());
       weft::stream receiver = weft::open_stream(ends.reader.release(), 1024);
       bool late = false;
       try {
         co_await weft::wait_for(weft::send_file(sender.writer, file.get()), 1s);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "all of it has found room");
       sender.writer.close();
       const std::string some = co_await receiver.reader.read();
       if (some.size() < 5) throw weft::incomplete_read_error(some, 5);
       expect(some.starts_with("line 0\n"), "what arrives is not what was sent");
     }},
};

const std::vector<scenario> with_pipes{
    {"text through a pipe",
     []() -> weft::task<> {
       pipe_streams ends;
       co_await ends.writer.write("one\n", "two\n");
       co_await ends.writer.write("thr");
       co_await ends.writer.write("ee");
       ends.writer.close();
       std::string all;
       while (true) {
         const auto line = co_await ends.reader.next();
         if (!line) break;
         all += *line + "|";
       }
       if (all != "one\n|two\n|three|") throw weft::incomplete_read_error(all);
     }},
    {"more than a pipe can hold",
     []() -> weft::task<> {
       pipe_streams ends;
       ends.writer.set_write_buffer_limits(20'000, 5'000);
       const auto sends = [&]() -> weft::task<> {
         co_await ends.writer.write(much);
         co_await ends.writer.flush();
         ends.writer.write_eof();
         co_await ends.writer.wait_closed();
       };
       std::string all;
       const auto receives = [&]() -> weft::task<> {
         while (true) {
           co_await weft::sleep_for(1ms);
           const std::string some = co_await ends.reader.read(10'000);
           if (some.empty()) break;
           all += some;
         }
       };
       co_await weft::gather(sends(), receives());
       expect_all(all, much);
     }},
    {"a pipe whose reader goes",
     []() -> weft::task<> {
       pipe_streams ends;
       co_await ends.writer.write("hello");
       auto reading = weft::create_task(everything(std::move(ends.reader)));
       co_await weft::yield();
       reading.cancel();
       co_await weft::outcome_of(reading);
       const auto keeps_writing = [&]() -> weft::task<> {
         while (true) {
           co_await ends.writer.write("is anybody there?");
           co_await weft::sleep_for(1ms);
         }
       };
       const auto ended = co_await weft::outcome_of(keeps_writing());
       expect_error(ended, "it was written to nobody", std::errc::broken_pipe);
     }},
    {"lines of a pipe from a generator that is left early",
     []() -> weft::task<> {
       pipe_streams ends;
       const std::vector<std::string> all{"a\n", "bc\n", "\n", "never read\n"};
       co_await ends.writer.write_lines(all);
       std::string seen;
       const auto reads = [&](weft::async_generator<std::string>& values) -> weft::task<> {
         while (auto line = co_await values.next()) {
           if (*line == "\n") break;
           seen += *line;
         }
       };
       co_await weft::with_closing(lines(ends.reader), reads);
       if (seen != "a\nbc\n") throw weft::incomplete_read_error(seen);
       const std::string rest = co_await ends.reader.read_line();
       if (rest != "never read\n") throw weft::incomplete_read_error(rest);
     }},
    {"a pipe on which a write is cancelled, and all arrives",
     []() -> weft::task<> {
       pipe_streams ends;
       ends.writer.set_write_buffer_limits(1'000);
       const auto writes = [&]() -> weft::task<> { co_await ends.writer.write(too_much); };
       bool late = false;
       try {
         co_await weft::wait_for(writes(), 1s);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "all of it has found room");
       ends.writer.close();
       const std::string all = co_await ends.reader.read();
       expect_all(all, too_much);
     }},
    {"a terminal",
     []() -> weft::task<> {
       terminal both;
       weft::stream_writer keyboard = weft::open_writer(both.keyboard.release());
       weft::stream_reader input = weft::open_reader(both.screen.release());
       co_await keyboard.write("what is ", "typed\n");
       const std::string first = co_await input.read_line();
       if (first.empty()) throw weft::incomplete_read_error(first);
       expect(first == "what is typed\n", "what arrives is not what was typed");
       co_await keyboard.write("x");
       const std::string second = co_await input.read_exactly(1);
       expect(second == "x", "what arrives is not what was typed");
     }},
    {"a terminal that hangs up",
     []() -> weft::task<> {
       terminal both;
       weft::stream_reader input = weft::open_reader(both.screen.release());
       auto reading = weft::create_task(everything(std::move(input)));
       co_await weft::sleep_for(1ms);
       both.keyboard.reset();
       const auto ended = co_await weft::outcome_of(reading);
       // Linux says EIO to those who read then, or the end.
       if (ended.failed()) expect_error(ended, "it has not ended", std::errc::io_error);
     }},
};

const std::vector<scenario> with_descriptors{
    {"who waits for a descriptor to be ready",
     []() -> weft::task<> {
       const channel ends;
       const auto sends = [&]() -> weft::task<> {
         for (int i = 0; i < 3; ++i) {
           co_await weft::wait_writable(ends.writer.get());
           ends.send();
           co_await weft::sleep_for(1ms);
         }
       };
       int arrived = 0;
       const auto receives = [&]() -> weft::task<> {
         for (; arrived < 3; ++arrived) {
           co_await weft::wait_readable(ends.reader.get());
           receive(ends);
         }
       };
       co_await weft::gather(sends(), receives());
       expect(arrived == 3, "not all have arrived");
     },
     shows_as::itself},
    {"a wait for a descriptor that is over before it is ready",
     []() -> weft::task<> {
       const channel ends(channel::sockets);
       bool late = false;
       try {
         co_await weft::wait_for(weft::wait_readable(ends.reader.get()), 1h);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "it was ready");
       co_await weft::gather(weft::wait_writable(ends.reader.get()), weft::wait_writable(ends.writer.get()));
       const auto waits = [&]() -> weft::task<> { co_await weft::wait_readable(ends.reader.get()); };
       auto waiting = weft::create_task(waits());
       co_await weft::yield();
       waiting.cancel();
       const auto ended = co_await weft::outcome_of(waiting);
       expect_cancelled(ended, "it was ready");
     },
     shows_as::itself},
    {"callbacks of descriptors",
     []() -> weft::task<> {
       const channel ends;
       weft::event done;
       int calls = 0;
       weft::add_reader(ends.reader.get(), [&] {
         if (++calls == 3) done.set();
       });
       // They refer to what is here.
       const auto waits = [&]() -> weft::task<> {
         weft::add_writer(ends.writer.get(), [&] {
           ends.send();
           weft::remove_writer(ends.writer.get());
         });
         co_await done.wait();
       };
       const auto clears = [&]() -> weft::task<> {
         weft::remove_writer(ends.writer.get());
         weft::remove_reader(ends.reader.get());
         co_return;
       };
       co_await weft::finally(waits(), clears);
       expect(calls == 3, "it was called more often than it should be");
     },
     shows_as::itself},
    {"a name is looked up in a thread, and another thread wakes the loop",
     []() -> weft::task<> {
       const auto found = co_await weft::resolve("localhost", 80, weft::resolve_options().family(AF_INET));
       expect(!found.empty() && found[0].port() == 80, "localhost is somewhere else");
       const auto doubled = co_await weft::to_thread([](int n) { return 2 * n; }, 21);
       expect(doubled == 42, "it was not called");
     },
     shows_as::itself},
};

TEST_CASE("a system call of a file that is sent fails anywhere, with its error or none", "[faults][io]") {
  CHECK(weft_test::sweep(with_files) >= 80);
}

TEST_CASE("a file that the system does not send by itself is read and written", "[faults][io]") {
  for (const int error : {EINVAL, ENOSYS, EOVERFLOW}) {
    for (const scenario& s : with_files) {
      // Who waits for a thread gets no time on a virtual clock, so the last one would not have begun when it is late.
      if (&s != &with_files.back()) weft_test::run_with_fault(s, fault{call::sendfile, error, true}, 0);
    }
  }
}

TEST_CASE("a system call of pipes and terminals that fails anywhere gives its error, or none", "[faults][io]") {
  CHECK(weft_test::sweep(with_pipes) >= 90);
}

TEST_CASE("a system call for a descriptor that is waited for fails anywhere, with its error or none", "[faults][io]") {
  CHECK(weft_test::sweep(with_descriptors) >= 20);
}

TEST_CASE("files are sent, and pipes carry, byte by byte", "[faults][io]") {
  constexpr int some = 5'000;  // a piece of a file takes a thread of the pool each time
  weft_test::sweep_byte_by_byte(with_files, some);
  weft_test::sweep_byte_by_byte(with_pipes, some);
  weft_test::sweep_byte_by_byte(with_descriptors, some);
}

}  // namespace faults_io_files_test
