// What happens when the system calls of connections and servers fail: see fault_sweep.hpp.
// SPDX-License-Identifier: MIT
#include "faults/fault_sweep.hpp"
#include "support/catch.hpp"
#include "support/failing_calls.hpp"

#include <weft/weft.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace faults_io_test {

using namespace std::chrono_literals;
using weft_test::call;
using weft_test::expect;
using weft_test::folder;
using weft_test::scenario;

weft::task<> echo(weft::stream_reader reader, weft::stream_writer writer) {
  while (true) {
    const std::string data = co_await reader.read(4096);
    if (data.empty()) break;
    co_await writer.write(data);
  }
}

weft::task<> greet_and_close(weft::socket_address where) {
  weft::stream client = co_await weft::open_connection(where);
  co_await client.writer.write("hello");
  const std::string answer = co_await client.reader.read_exactly(5);
  expect(answer == "hello", "what comes back is not what was sent");
  client.writer.close();
  co_await client.writer.wait_closed();
}

const std::vector<scenario> scenarios{
    {"echo over TCP",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_server(echo, "127.0.0.1", 0);
       const weft::socket_address where = server.addresses()[0];
       weft::stream client = co_await weft::open_connection("127.0.0.1", where.port());
       for (const char* line : {"one\n", "two\n", "three\n"}) {
         co_await client.writer.write(line);
         const std::string answer = co_await client.reader.read_line();
         if (answer.empty()) throw weft::incomplete_read_error(answer);
         expect(answer == line, "what comes back is not what was sent");
       }
       client.writer.close();
       server.close();
       co_await client.writer.wait_closed();
       co_await server.wait_closed();
     }},
    {"echo over a unix socket",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_unix_server(echo, folder().file("socket"));
       weft::stream client = co_await weft::open_unix_connection(folder().file("socket"));
       co_await client.writer.write("hello");
       const std::string answer = co_await client.reader.read_exactly(5);
       expect(answer == "hello", "what comes back is not what was sent");
     }},
    {"half-close",
     []() -> weft::task<> {
       const auto reverse = [](weft::stream connection) -> weft::task<> {
         const std::string text = co_await connection.reader.read();
         const std::string reversed(text.rbegin(), text.rend());
         co_await connection.writer.write(reversed);
       };
       weft::server server = co_await weft::start_server(reverse, "127.0.0.1", 0);
       weft::stream client = co_await weft::open_connection(server.addresses()[0]);
       co_await client.writer.write("hel", "lo");
       client.writer.write_eof();
       const std::string answer = co_await client.reader.read();
       if (answer.empty()) throw weft::incomplete_read_error(answer, 5);
       expect(answer == "olleh", "what comes back is not what was sent");
     }},
    {"a big write to a slow reader",
     []() -> weft::task<> {
       std::size_t arrived = 0;
       const auto slow = [&](weft::stream_reader reader, weft::stream_writer writer) -> weft::task<> {
         while (true) {
           co_await weft::sleep_for(1ms);
           const std::string some = co_await reader.read(100'000);
           if (some.empty()) break;
           arrived += some.size();
         }
         co_await writer.write("done");
       };
       const weft::server_options small{.limit = 4096};
       weft::server server = co_await weft::start_server(slow, "127.0.0.1", 0, small);
       weft::stream client = co_await weft::open_connection(server.addresses()[0]);
       const int buffer = 16384;
       expect(::setsockopt(client.writer.descriptor(), SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer) == 0 ||
                  errno != EBADF,
              "the descriptor of a stream is not open");
       client.writer.set_write_buffer_limits(20'000, 5'000);
       const std::string much(400'000, 'x');
       co_await client.writer.write(much);
       co_await client.writer.flush();
       client.writer.write_eof();
       const std::string done = co_await client.reader.read_exactly(4);
       expect(done == "done" && arrived == much.size(), "not everything has arrived");
     }},
    {"a server starts, stops, and starts again",
     []() -> weft::task<> {
       const weft::server_options later{.reuse_port = true, .keep_alive = true, .start_serving = false};
       weft::server first = co_await weft::start_server(echo, "127.0.0.1", 0, later);
       first.start_serving();
       const unsigned port = first.addresses()[0].port();
       co_await greet_and_close(first.addresses()[0]);
       first.close();
       co_await first.wait_closed();
       weft::server second = co_await weft::start_server(echo, "127.0.0.1", port);
       auto serving = weft::create_task(second.serve_forever());
       co_await weft::yield();  // it has begun
       co_await greet_and_close(second.addresses()[0]);
       serving.cancel();
       co_await weft::outcome_of(serving);
     }},
    {"happy eyeballs",
     []() -> weft::task<> {
       const auto addresses = [](weft::socket_address where) -> weft::task<std::vector<weft::socket_address>> {
         std::vector<weft::socket_address> all;
         all.push_back(weft::socket_address::unix_path(folder().file("nothing")));
         all.push_back(where);
         all.push_back(where);
         co_return all;
       };
       weft::server server = co_await weft::start_server(echo, "127.0.0.1", 0);
       const weft::connection_options options{
           .happy_eyeballs_delay = 250ms, .local = weft::socket_address(), .keep_alive = true};
       auto lookup = addresses(server.addresses()[0]);
       weft::stream client = co_await weft::detail::connect_to_host(std::move(lookup), options);
       co_await client.writer.write("hello");
       const std::string answer = co_await client.reader.read_exactly(5);
       expect(answer == "hello", "what comes back is not what was sent");
     }},
    {"several clients at once",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_server(echo, "127.0.0.1", 0);
       const weft::socket_address where = server.addresses()[0];
       co_await weft::gather(greet_and_close(where), greet_and_close(where), greet_and_close(where));
     }},
    {"a client from a local address, timed",
     []() -> weft::task<> {
       weft::server server = co_await weft::start_server(echo, "127.0.0.1", 0);
       const weft::connection_options options{.local = weft::socket_address::ip("127.0.0.1", 0)};
       weft::stream client = co_await weft::wait_for(weft::open_connection(server.addresses()[0], options), 10s);
       co_await client.writer.write("a", "b", "c");
       const std::string answer = co_await client.reader.read_exactly(3);
       expect(answer == "abc", "what comes back is not what was sent");
       server.abort_clients();
       const std::string rest = co_await client.reader.read();
       expect(rest.empty(), "something came after the end");
     }},
    {"a pair of sockets that was open already",
     []() -> weft::task<> {
       int ends[2];
       expect(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
       weft::detail::unique_fd second(ends[1]);
       weft::stream one = weft::open_stream(ends[0]);
       weft::stream other = weft::open_stream(second.release());
       co_await one.writer.write("hello");
       one.writer.close();
       const std::string text = co_await other.reader.read();
       if (text.size() < 5) throw weft::incomplete_read_error(text, 5);
       expect(text == "hello", "what arrives is not what was sent");
     }},
};

TEST_CASE("a system call that fails anywhere gives its error, or none, and leaves everything usable", "[faults][io]") {
  CHECK(weft_test::sweep(scenarios) >= 200);
}

TEST_CASE("everything is transferred byte by byte", "[faults][io]") { weft_test::sweep_byte_by_byte(scenarios); }

TEST_CASE("descriptors that run out and do not come back are an error, not a hang", "[faults][io]") {
  weft_test::sweep_for_good(scenarios, {call::socket, EMFILE, false});
}

}  // namespace faults_io_test
