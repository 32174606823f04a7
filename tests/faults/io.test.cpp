// What happens when system calls fail: in each scenario the n-th call of each fails, for every n, in all ways that it
// can.
// SPDX-License-Identifier: MIT
//
// A failure comes out as a std::system_error with its code, or, at the other end, as what a lost connection looks like,
// or it is got over. No descriptor may stay open, nothing may leak or hang, and the loop must work afterwards. The
// functions of libc are replaced in this program (support/failing_calls.cpp). Time is virtual: a server that waits a
// second for descriptors costs nothing.
#include "support/catch.hpp"
#include "support/counting_new.hpp"
#include "support/failing_calls.hpp"
#include "support/loopback.hpp"
#include "support/time_limit.hpp"

#include <weft/weft.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using weft_test::call;
using weft_test::count_descriptors;
using weft_test::failing_call;
using weft_test::interrupted_afterwards;
using weft_test::live_allocations;
using weft_test::one_byte_only;

// What must not come out of any scenario.
void expect(bool right, const char* what) {
  if (!right) throw std::logic_error(what);
}

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

const weft_test::temporary_folder& folder() {
  static const weft_test::temporary_folder only;
  return only;
}

class scenario {
 public:
  const char* name;
  weft::task<> (*run)();
};

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

class fault {
 public:
  call which;
  int error;
  bool harmless;  // the scenario must succeed
};

// What can go wrong in each call. Only what Linux documents, or what fails before the call has any effect.
const std::vector<fault> faults{
    {call::socket, EMFILE, false},
    {call::socket, ENFILE, false},
    {call::socket, ENOBUFS, false},
    {call::connect, interrupted_afterwards, true},
    {call::connect, EAGAIN, false},
    {call::connect, ECONNRESET, false},
    {call::connect, ENOBUFS, false},
    {call::bind, ENOBUFS, false},
    {call::bind, EADDRINUSE, false},
    {call::listen, EADDRINUSE, false},
    {call::accept4, EINTR, true},
    {call::accept4, EAGAIN, true},
    {call::accept4, ECONNABORTED, true},
    {call::accept4, ECONNRESET, true},
    {call::accept4, EMFILE, true},
    {call::accept4, ENFILE, true},
    {call::accept4, ENOBUFS, true},
    {call::recv, EINTR, true},
    {call::recv, EAGAIN, true},
    {call::recv, one_byte_only, true},
    {call::recv, ECONNRESET, false},
    {call::recv, ENOBUFS, false},
    {call::send, EINTR, true},
    {call::send, EAGAIN, true},
    {call::send, one_byte_only, true},
    {call::send, EPIPE, false},
    {call::send, ECONNRESET, false},
    {call::send, ENOBUFS, false},
    {call::sendmsg, EINTR, true},
    {call::sendmsg, EAGAIN, true},
    {call::sendmsg, one_byte_only, true},
    {call::sendmsg, EPIPE, false},
    {call::sendmsg, ENOBUFS, false},
    {call::setsockopt, ENOBUFS, false},
    {call::getsockopt, ENOBUFS, false},
    {call::epoll_ctl, ENOMEM, false},
    {call::epoll_ctl, ENOSPC, false},
    {call::getpeername, ENOTCONN, true},
    {call::getpeername, ENOBUFS, true},
    {call::getsockname, ENOBUFS, false},
    {call::fcntl, EINTR, false},
};

std::string describe(const fault& f) {
  std::string text = weft_test::name_of(f.which);
  if (f.error == one_byte_only) return text + " transfers one byte";
  if (f.error == interrupted_afterwards) return text + " is interrupted and goes on";
  return text + " fails with " + std::strerror(f.error);
}

// The injected error itself, or how it shows at the other end.
bool is_expected(const std::exception_ptr& error, const fault& f) {
  try {
    std::rethrow_exception(error);
  } catch (const std::system_error& e) {
    const int code = e.code().value();
    return code == f.error || code == ECONNRESET || code == EPIPE || code == ECONNREFUSED || code == ENOENT;
  } catch (const weft::stream_closed_error&) {
    return true;
  } catch (const weft::incomplete_read_error&) {
    return true;
  } catch (...) {
    return false;
  }
}

std::string words(const std::exception_ptr& error) {
  if (error == nullptr) return "nothing";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "something";
  }
}

// A run in which calls fail, from the n-th on; whether any did. Checks what came out and what was left.
bool run_with_fault(const scenario& s, const fault& f, int n, int times) {
  const weft_test::time_limit limit(30);
  const int descriptors = count_descriptors();
  bool happened = false;
  bool expected = true;
  bool usable = false;
  std::string outcome;
  {
    std::exception_ptr failure;
    weft::virtual_clock time(1'000'000);
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([&](const weft::exception_context& context) {
      if (context.exception == nullptr || is_expected(context.exception, f)) return;
      expected = false;
      outcome += context.message + ": " + words(context.exception) + "; ";
    });
    {
      const failing_call failing(f.which, f.error, n, times);
      try {
        loop.run_until_complete(s.run());
      } catch (...) {
        failure = std::current_exception();
      }
      happened = failing.happened() > 0;
    }
    outcome += words(failure);
    if (failure != nullptr && (f.harmless || !is_expected(failure, f))) expected = false;
    weft::cancel_all_tasks(loop);
    try {
      loop.run_until_complete(s.run());
      usable = true;
    } catch (...) {
      outcome += "; afterwards: " + words(std::current_exception());
    }
  }
  const int still_open = count_descriptors() - descriptors;
  INFO(s.name << ": call " << n << " of " << describe(f) << ": " << outcome);
  CHECK(expected);
  CHECK(usable);
  CHECK(still_open == 0);
  CHECK(folder().names().empty());
  return happened;
}

// How many blocks such a run, and its loop, leave behind.
std::int64_t leaked_by(const scenario& s, const fault& f, int n) {
  const std::int64_t before = live_allocations();
  {
    weft::virtual_clock time(1'000'000);
    weft::event_loop loop({.clock = &time});
    loop.set_exception_handler([](const weft::exception_context&) {});
    const failing_call failing(f.which, f.error, n);
    try {
      loop.run_until_complete(s.run());
    } catch (...) {
      // Looked at in run_with_fault().
    }
  }
  return live_allocations() - before;
}

TEST_CASE("a system call that fails anywhere gives its error, or none, and leaves everything usable", "[faults][io]") {
  folder();
  int combinations = 0;
  for (const scenario& s : scenarios) {
    run_with_fault(s, faults[0], 1'000'000, 1);  // what is allocated once only
    for (const fault& f : faults) {
      int n = 0;
      while (run_with_fault(s, f, n, 1)) ++n;
      for (int i = 0; i < n; ++i) {
        const std::int64_t leaked = leaked_by(s, f, i);
        INFO(s.name << ": call " << i << " of " << describe(f));
        CHECK(leaked == 0);
      }
      if (n > 0) ++combinations;
    }
  }
  CAPTURE(combinations);
  CHECK(combinations >= 150);
}

TEST_CASE("everything is transferred byte by byte", "[faults][io]") {
  for (const scenario& s : scenarios) {
    for (const call which : {call::recv, call::send, call::sendmsg}) {
      run_with_fault(s, fault{which, one_byte_only, true}, 0, 1'000'000);
    }
  }
}

TEST_CASE("descriptors that run out and do not come back are an error, not a hang", "[faults][io]") {
  for (const scenario& s : scenarios) {
    for (int n = 0; n < 5; ++n) run_with_fault(s, fault{call::socket, EMFILE, false}, n, 1'000'000);
  }
}

}  // namespace
