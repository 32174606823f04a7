// Tests of weft/io/send_file.hpp.
// SPDX-License-Identifier: MIT
#include "support/catch.hpp"
#include "support/contains.hpp"
#include "support/loop_steps.hpp"
#include "support/open_descriptors.hpp"
#include "support/pipe.hpp"
#include "support/time_limit.hpp"

#include <weft/core/error.hpp>
#include <weft/core/run.hpp>
#include <weft/core/task_handle.hpp>
#include <weft/detail/unique_fd.hpp>
#include <weft/flow/gather.hpp>
#include <weft/io/send_file.hpp>
#include <weft/io/stream.hpp>
#include <weft/sync/yield.hpp>
#include <weft/testing/memory_stream_pair.hpp>

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace io_send_file_test {

using weft::detail::unique_fd;
using weft_test::channel;
using weft_test::open_descriptors;

// A file without a name.
unique_fd file_with(std::string_view text) {
  char path[] = "/tmp/weft-send-file-XXXXXX";
  unique_fd fd(::mkostemp(path, O_CLOEXEC));
  REQUIRE(fd);
  ::unlink(path);
  REQUIRE(::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  return fd;
}

std::string numbered(std::size_t size) {
  std::string text;
  for (std::uint64_t i = 0; text.size() < size; ++i) text += std::to_string(i) + " ";
  text.resize(size);
  return text;
}

template <class Body>
void run_and_leave_nothing(Body body) {
  const weft_test::time_limit limit;
  const open_descriptors before;
  weft::run(std::move(body));
  CHECK(before.unchanged());
}

std::pair<weft::stream, weft::stream> connected() {
  channel c(channel::sockets);
  weft::stream first = weft::open_stream(c.reader.release());
  return {std::move(first), weft::open_stream(c.writer.release())};
}

weft::task<std::uint64_t> send_and_end(weft::stream_writer& writer, int file, std::uint64_t offset,
                                       std::uint64_t count) {
  const std::uint64_t sent = co_await weft::send_file(writer, file, offset, count);
  writer.write_eof();
  co_return sent;
}

TEST_CASE("a file is sent from its beginning to its end, and stays where it was", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const std::string text = numbered(3'000'000);  // more than a socket takes at once
    const unique_fd file = file_with(text);
    const off_t before = ::lseek(file.get(), 0, SEEK_CUR);
    auto [a, b] = connected();
    auto [sent, got] = co_await weft::gather(send_and_end(a.writer, file.get(), 0, 1'000'000'000), b.reader.read());
    CHECK(sent == text.size());
    CHECK(got == text);
    CHECK(::lseek(file.get(), 0, SEEK_CUR) == before);
  });
}

TEST_CASE("a part of a file is sent, after what was written before", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const unique_fd file = file_with("0123456789");
    auto [a, b] = connected();
    co_await a.writer.write("head ");
    const std::uint64_t sent = co_await weft::send_file(a.writer, file.get(), 3, 4);
    co_await a.writer.write(" tail");
    a.writer.write_eof();
    const std::string got = co_await b.reader.read();
    CHECK(sent == 4);
    CHECK(got == "head 3456 tail");
  });
}

TEST_CASE("what a slow peer has not taken is sent before the file", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const std::string before(2'000'000, 'b');
    const unique_fd file = file_with("file");
    auto [a, b] = connected();
    a.writer.set_write_buffer_limits(10'000'000);
    co_await a.writer.write(before);
    CHECK(a.writer.write_buffer_size() > 0);
    auto [sent, got] = co_await weft::gather(send_and_end(a.writer, file.get(), 0, 100), b.reader.read());
    CHECK(sent == 4);
    CHECK(got == before + "file");
  });
}

TEST_CASE("a file that ends before is sent as far as it goes; nothing of it, beyond its end", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const unique_fd file = file_with("short");
    auto [a, b] = connected();
    const std::uint64_t rest = co_await weft::send_file(a.writer, file.get(), 2);
    const std::uint64_t beyond = co_await weft::send_file(a.writer, file.get(), 100);
    const std::uint64_t none = co_await weft::send_file(a.writer, file.get(), 0, 0);
    const std::string got = co_await b.reader.read(100);
    CHECK(rest == 3);
    CHECK(beyond == 0);
    CHECK(none == 0);
    CHECK(got == "ort");
  });
}

TEST_CASE("where the kernel cannot do it the file is read in a thread", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const std::string text = numbered(200'000);
    const unique_fd file = file_with(text);
    auto [a, b] = weft::memory_stream_pair();
    auto [sent, got] = co_await weft::gather(send_and_end(a.writer, file.get(), 0, 1'000'000), b.reader.read());
    CHECK(sent == text.size());
    CHECK(got == text);
  });
}

TEST_CASE("what is no file is refused, and the stream is none the worse", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const channel pipe;
    auto [a, b] = connected();
    int code = 0;
    try {
      co_await weft::send_file(a.writer, pipe.writer.get());
    } catch (const std::system_error& e) {
      code = e.code().value();
    }
    CHECK((code == ESPIPE || code == EBADF || code == EINVAL));
    co_await a.writer.write("still there");
    const std::string got = co_await b.reader.read(100);
    CHECK(got == "still there");
  });
}

TEST_CASE("sending to a peer that has gone fails, and raises no SIGPIPE", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const unique_fd file = file_with(numbered(4'000'000));
    auto [a, b] = connected();
    bool failed = false;
    const auto leave = [](weft::stream s) -> weft::task<> {
      co_await s.reader.read_exactly(1000);
      s.writer.abort();
    };
    auto leaving = weft::create_task(leave(std::move(b)));
    try {
      co_await weft::send_file(a.writer, file.get());
    } catch (const std::system_error&) {
      failed = true;
    } catch (const weft::stream_closed_error&) {
      failed = true;
    }
    CHECK(failed);
    co_await leaving;
  });
}

TEST_CASE("a send that is cancelled has sent a beginning, and the stream can be closed", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const std::string text = numbered(4'000'000);
    const unique_fd file = file_with(text);
    auto [a, b] = connected();
    auto sending = weft::create_task(weft::send_file(a.writer, file.get()));
    for (int i = 0; i < 10; ++i) co_await weft::yield();
    CHECK_FALSE(sending.done());
    sending.cancel();
    for (int i = 0; i < 3; ++i) co_await weft::yield();
    CHECK(sending.cancelled());
    a.writer.write_eof();
    const std::string got = co_await b.reader.read();
    CHECK(got.size() > 0);
    CHECK(got.size() < text.size());
    CHECK(text.starts_with(got));
  });
}

TEST_CASE("who closes the stream meanwhile ends the send", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    const unique_fd file = file_with(numbered(4'000'000));
    auto [a, b] = connected();
    auto sending = weft::create_task(weft::send_file(a.writer, file.get()));
    for (int i = 0; i < 10; ++i) co_await weft::yield();
    a.writer.abort();
    bool closed = false;
    try {
      co_await sending;
    } catch (const weft::stream_closed_error&) {
      closed = true;
    }
    CHECK(closed);
  });
}

TEST_CASE("a gigabyte is sent without being read", "[io][send_file]") {
  run_and_leave_nothing([]() -> weft::task<> {
    constexpr std::uint64_t gigabyte = 1'000'000'000;
    const unique_fd file = file_with("");
    REQUIRE(::ftruncate(file.get(), static_cast<off_t>(gigabyte)) == 0);  // sparse: no disk is needed
    auto [a, b] = connected();
    const auto count = [](weft::stream_reader& reader) -> weft::task<std::uint64_t> {
      std::array<char, 65536> buffer;
      std::uint64_t all = 0;
      while (true) {
        const std::size_t n = co_await reader.read_some(buffer);
        if (n == 0) break;
        all += n;
      }
      co_return all;
    };
    auto [sent, got] = co_await weft::gather(send_and_end(a.writer, file.get(), 0, gigabyte), count(b.reader));
    CHECK(sent == gigabyte);
    CHECK(got == gigabyte);
  });
}

}  // namespace io_send_file_test
