// What happens when system calls fail under what is built on streams - time limits, task groups, generators, servers:
// see fault_sweep.hpp.
// SPDX-License-Identifier: MIT
#include "faults/fault_sweep.hpp"
#include "support/catch.hpp"
#include "support/failing_calls.hpp"
#include "support/loopback.hpp"
#include "support/pipe.hpp"

#include <weft/weft.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace faults_io_streams_test {

using namespace std::chrono_literals;
using weft::detail::unique_fd;
using weft_test::call;
using weft_test::channel;
using weft_test::expect;
using weft_test::expect_cancelled;
using weft_test::expect_error;
using weft_test::fail_call;
using weft_test::folder;
using weft_test::scenario;

// The two ends of a connection.
class connected_streams {
 public:
  explicit connected_streams(std::size_t limit = weft::default_stream_limit)
      : connected_streams(channel(channel::sockets), limit) {}

 private:
  connected_streams(channel ends, std::size_t limit)
      : here(weft::open_stream(ends.reader.release(), limit)), there(weft::open_stream(ends.writer.release(), limit)) {}

 public:
  weft::stream here;
  weft::stream there;
};

weft::task<> echo_lines(weft::stream connection) {
  while (true) {
    const auto line = co_await connection.reader.next();
    if (!line) break;
    co_await connection.writer.write("<", *line);
  }
}

// Says a line to a server, which has to say it again.
weft::task<> say(weft::stream& to, std::string line) {
  co_await to.writer.write(line, "\n");
  const std::string answer = co_await to.reader.read_line();
  if (answer.empty()) throw weft::incomplete_read_error(answer);
  expect(answer == "<" + line + "\n", "what comes back is not what was sent");
}

weft::async_generator<std::string> words_of(weft::stream_reader& from) {
  while (true) {
    std::string word = co_await from.read_until(" ", "\r\n");
    co_yield std::move(word);
  }
}

// A unix socket that listens, accepts nobody, and whose queue is full.
class full_queue {
 public:
  full_queue() : path(folder().file("full")) {
    const auto address = weft::socket_address::unix_path(path);
    const auto make = [](unique_fd& fd) {
      fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      if (!fd) fail_call("socket");
    };
    make(listening_);
    if (::bind(listening_.get(), address.data(), address.size()) != 0) fail_call("bind");
    remove_.path = path;
    if (::listen(listening_.get(), 0) != 0) fail_call("listen");
    make(waiting_);
    if (::connect(waiting_.get(), address.data(), address.size()) != 0 && errno != EINTR) fail_call("connect");
  }

  const std::string path;

 private:
  class file {
   public:
    file() = default;
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    ~file() {
      if (!path.empty()) ::unlink(path.c_str());
    }
    std::string path;
  };

  file remove_;
  unique_fd listening_;
  unique_fd waiting_;
};

const std::vector<scenario> flows{
    {"amounts and separators across the borders of what arrives",
     []() -> weft::task<> {
       connected_streams ends;
       const auto writes = [&]() -> weft::task<> {
         for (const char* piece : {"12", "345", "67 a", "bc\r", "\nd", "ef", " \r", "\n"}) {
           co_await ends.there.writer.write(piece);
           co_await weft::sleep_for(1ms);
         }
         ends.there.writer.close();
       };
       std::string all;
       const auto reads = [&]() -> weft::task<> {
         weft::stream_reader& from = ends.here.reader;
         for (int i = 0; i < 2; ++i) {
           all += co_await from.read_exactly(3);
           all += "|";
         }
         for (int i = 0; i < 4; ++i) {
           all += co_await from.read_until("\r\n", " ");
           all += "|";
         }
         const std::string rest = co_await from.read();
         expect(rest.empty() && from.at_eof(), "something comes after the end");
       };
       co_await weft::gather(writes(), reads());
       expect(all == "123|456|7 |abc\r\n|def |\r\n|", "what arrives is not what was sent");
     }},
    {"a line that is longer than the limit, and the next",
     []() -> weft::task<> {
       connected_streams ends(16);
       const std::string longer(20, 'x');
       co_await ends.there.writer.write(longer, "\nshort\n");
       bool overrun = false;
       try {
         const std::string line = co_await ends.here.reader.read_until("\n");
         throw weft::incomplete_read_error(line);
       } catch (const weft::limit_overrun_error&) {
         overrun = true;
       }
       expect(overrun, "it was not too long");
       const std::string begin = co_await ends.here.reader.read_exactly(21);
       expect(begin == longer + "\n", "what arrives is not what was sent");
       const std::string next = co_await ends.here.reader.read_line();
       if (next.empty()) throw weft::incomplete_read_error(next);
       expect(next == "short\n", "what arrives is not what was sent");
     }},
    {"both ways are half-closed",
     []() -> weft::task<> {
       connected_streams ends;
       const auto talks = [](weft::stream& with, const char* text) -> weft::task<std::string> {
         co_await with.writer.write(text);
         with.writer.write_eof();
         std::string heard = co_await with.reader.read();
         co_return heard;
       };
       const auto [here, there] = co_await weft::gather(talks(ends.here, "one"), talks(ends.there, "other"));
       if (here.size() < 5 || there.size() < 3) throw weft::incomplete_read_error(here + there);
       expect(here == "other" && there == "one", "what arrives is not what was sent");
       bool refused = false;
       try {
         co_await ends.here.writer.write("more");
       } catch (const weft::stream_closed_error&) {
         refused = true;
       }
       expect(refused, "something was written after the end");
     }},
    {"writing to a peer that has gone",
     []() -> weft::task<> {
       connected_streams ends;
       co_await ends.here.writer.write("a greeting that nobody reads");
       ends.there.writer.abort();
       co_await ends.there.writer.wait_closed();
       const auto keeps_writing = [&]() -> weft::task<> {
         while (true) {
           co_await ends.here.writer.write("is anybody there?");
           co_await weft::sleep_for(1ms);
         }
       };
       const auto ended = co_await weft::outcome_of(keeps_writing());
       expect_error(ended, "it was written to nobody", std::errc::broken_pipe, std::errc::connection_reset);
       const auto again = co_await weft::outcome_of(keeps_writing());
       expect_error(again, "it was written to nobody", std::errc::broken_pipe, std::errc::connection_reset);
     }},
    {"a read that is late, and finds later what it has not lost",
     []() -> weft::task<> {
       connected_streams ends;
       co_await ends.there.writer.write("half a ");
       const auto reads = [&]() -> weft::task<> { co_await ends.here.reader.read_exactly(11); };
       bool late = false;
       try {
         co_await weft::wait_for(reads(), 1min);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "more has come than was sent");
       co_await ends.there.writer.write("line");
       const std::string all = co_await ends.here.reader.read_exactly(11);
       expect(all == "half a line", "what arrives is not what was sent");
     }},
    {"a write that is cancelled, and arrives all the same",
     []() -> weft::task<> {
       const std::string much(300'000, 'x');
       connected_streams ends(1024);
       const int little = 4096;
       ::setsockopt(ends.here.writer.descriptor(), SOL_SOCKET, SO_SNDBUF, &little, sizeof little);
       ends.here.writer.set_write_buffer_limits(1'000, 100);
       const auto writes = [&]() -> weft::task<> { co_await ends.here.writer.write(much); };
       auto writing = weft::create_task(writes());
       co_await weft::yield();
       writing.cancel();
       const auto ended = co_await weft::outcome_of(writing);
       expect_cancelled(ended, "all of it has found room");
       ends.here.writer.close();
       const std::string all = co_await ends.there.reader.read();
       if (all.size() < much.size()) throw weft::incomplete_read_error(all, much.size());
       expect(all == much, "what arrives is not what was sent");
     }},
    {"a queue of connections that stays full for too long",
     []() -> weft::task<> {
       const full_queue nobody;
       // One more than none may wait.
       auto second = co_await weft::outcome_of(weft::wait_for(weft::open_unix_connection(nobody.path), 50ms));
       auto third = co_await weft::outcome_of(weft::wait_for(weft::open_unix_connection(nobody.path), 50ms));
       if (third.failed() && !weft_test::failed_with<weft::timeout_error>(third)) {
         std::rethrow_exception(third.exception());
       }
       expect(third.failed(), "somebody has accepted it");
     }},
    {"a connection that is cancelled while it is made",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_server(echo_lines, "127.0.0.1", 0);
       const weft::socket_address where = server.addresses()[0];
       auto connecting = weft::create_task(weft::open_connection(where));
       co_await weft::yield();
       connecting.cancel();
       const auto ended = co_await weft::outcome_of(connecting);
       expect_cancelled(ended, "it was faster");
       weft::stream client = co_await weft::open_connection(where);
       co_await say(client, "after all");
     }},
    {"words from a generator that is closed early",
     []() -> weft::task<> {
       connected_streams ends;
       co_await ends.there.writer.write("one two\r\n", "three ", "four ");
       std::string seen;
       const auto reads = [&](weft::async_generator<std::string>& words) -> weft::task<> {
         while (auto word = co_await words.next()) {
           seen += *word;
           if (*word == "three ") break;
         }
       };
       co_await weft::with_closing(words_of(ends.here.reader), reads);
       expect(seen == "one two\r\nthree ", "what arrives is not what was sent");
       const std::string rest = co_await ends.here.reader.read_exactly(5);
       expect(rest == "four ", "the generator has taken too much");
     }},
    {"a task group in which one fails while others read and write",
     []() -> weft::task<> {
       connected_streams ends(1024);
       const std::string much(1'000'000, 'x');
       bool failed = false;
       const auto reads = [&]() -> weft::task<> { co_await ends.here.reader.read(); };
       const auto writes = [&]() -> weft::task<> { co_await ends.here.writer.write(much); };
       const auto fails = [&]() -> weft::task<> {
         const std::string begin = co_await ends.there.reader.read_exactly(1000);
         expect(begin == std::string(1000, 'x'), "what arrives is not what was sent");
         throw weft::invalid_state_error("on purpose");
       };
       const auto body = [&](weft::task_group& group) -> weft::task<> {
         group.create_task(reads());
         group.create_task(writes());
         group.create_task(fails());
         co_return;
       };
       try {
         co_await weft::with_task_group(body);
       } catch (const weft::exception_group& all) {
         if (!all.contains<weft::invalid_state_error>()) throw;
         failed = true;
       }
       expect(failed, "nothing has failed");
     }},
    {"a race of readers, of whom one is first",
     []() -> weft::task<> {
       connected_streams first;
       connected_streams second;
       co_await second.there.writer.write("second");
       const auto won = co_await weft::race(first.here.reader.read(10), second.here.reader.read_exactly(6));
       expect(won.index() == 1, "somebody has read what nobody has written");
       co_await first.there.writer.write("first");
       const std::string text = co_await first.here.reader.read_exactly(5);
       expect(text == "first", "what arrives is not what was sent");
     }},
};

const std::vector<scenario> servers{
    {"a server of many clients, which talk at the same time",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_unix_server(echo_lines, folder().file("many"));
       const auto talks = [](std::string name) -> weft::task<> {
         weft::stream client = co_await weft::open_unix_connection(folder().file("many"));
         co_await say(client, name);
         co_await say(client, "again " + name);
       };
       const auto body = [&](weft::task_group& group) -> weft::task<> {
         for (int i = 0; i < 8; ++i) group.create_task(talks("client " + std::to_string(i)));
         co_return;
       };
       co_await weft::with_task_group(body);
       server.close();
       co_await server.wait_closed();
     }},
    {"a server that is cancelled while clients are connected",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_unix_server(echo_lines, folder().file("cancelled"));
       auto serving = weft::create_task(server.serve_forever());
       co_await weft::yield();  // it has begun
       weft::stream client = co_await weft::open_unix_connection(folder().file("cancelled"));
       co_await say(client, "hello");
       serving.cancel();
       co_await weft::yield();
       server.close_clients();
       const auto ended = co_await weft::outcome_of(serving);
       expect_cancelled(ended, "it serves no more");
       const std::string rest = co_await client.reader.read();
       expect(rest.empty(), "something comes after the end");
     }},
    {"clients that a server throws out",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_server(echo_lines, "127.0.0.1", 0);
       weft::stream one = co_await weft::open_connection(server.addresses()[0]);
       weft::stream other = co_await weft::open_connection(server.addresses()[0]);
       co_await say(one, "one");
       co_await say(other, "other");
       server.abort_clients();
       const auto first = co_await weft::outcome_of(one.reader.read());
       if (first.failed()) expect_error(first, "it goes on", std::errc::connection_reset);
       const auto second = co_await weft::outcome_of(other.reader.read());
       if (second.failed()) expect_error(second, "it goes on", std::errc::connection_reset);
       server.close();
       co_await server.wait_closed();
     }},
    {"a server at a path where another one was left",
     []() -> weft::task<> {
       class file_of_socket {
        public:
         ~file_of_socket() { ::unlink(folder().file("left").c_str()); }
       };
       const file_of_socket removed_in_any_case;
       const auto address = weft::socket_address::unix_path(folder().file("left"));
       {
         const unique_fd left(::socket(AF_UNIX, SOCK_STREAM, 0));
         if (!left || ::bind(left.get(), address.data(), address.size()) != 0) fail_call("bind");
       }
       weft::server server = co_await weft::start_unix_server(echo_lines, folder().file("left"));
       const unique_fd socket = co_await weft::connect_socket(address);
       const int copy = ::fcntl(socket.get(), F_DUPFD_CLOEXEC, 0);
       if (copy < 0) fail_call("fcntl");
       weft::stream client = weft::open_stream(copy);
       co_await say(client, "hello");
     }},
    {"a server whose handler is a function, and starts a task by itself",
     []() -> weft::task<> {
       std::vector<weft::stream> connections;
       const auto keeps = [&](weft::stream connection) { connections.push_back(std::move(connection)); };
       weft::server server = co_await weft::start_server(keeps, "127.0.0.1", 0);
       weft::stream client = co_await weft::open_connection(server.addresses()[0]);
       co_await client.writer.write("hello");
       while (connections.empty()) {
         // A connection that the server could not take is lost.
         const auto lost = co_await weft::outcome_of(weft::wait_for(client.reader.read(1), 1ms));
         if (lost.has_value()) throw weft::stream_closed_error("the server has not taken the connection");
         if (!weft_test::failed_with<weft::timeout_error>(lost)) std::rethrow_exception(lost.exception());
       }
       const std::string text = co_await connections[0].reader.read_exactly(5);
       expect(text == "hello", "what arrives is not what was sent");
       connections.clear();
       const std::string rest = co_await client.reader.read();
       expect(rest.empty(), "something comes after the end");
     }},
    {"a server and its client, found by name",
     []() -> weft::task<> {
       const weft::server_options options{.family = AF_INET, .backlog = 3};
       weft::server server = co_await weft::start_server(echo_lines, "localhost", 0, options);
       const weft::connection_options by_ipv4{.family = AF_INET};
       weft::stream client = co_await weft::open_connection("localhost", server.addresses()[0].port(), by_ipv4);
       co_await say(client, "hello");
     }},
};

TEST_CASE("a system call under a stream fails anywhere, and what is built on it takes that well", "[faults][io]") {
  CHECK(weft_test::sweep(flows) >= 150);
}

TEST_CASE("a system call of a server fails anywhere, and it goes on or says why it does not", "[faults][io]") {
  CHECK(weft_test::sweep(servers) >= 100);
}

TEST_CASE("what is built on streams works byte by byte", "[faults][io]") {
  weft_test::sweep_byte_by_byte(flows, 20'000);
  weft_test::sweep_byte_by_byte(servers);
}

TEST_CASE("descriptors for servers and clients that run out are an error, not a hang", "[faults][io]") {
  weft_test::sweep_for_good(flows, {call::socket, EMFILE, false});
  weft_test::sweep_for_good(servers, {call::socket, ENFILE, false});
}

}  // namespace faults_io_streams_test
