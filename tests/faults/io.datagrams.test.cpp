// What happens when the system calls of datagrams fail: see fault_sweep.hpp.
// SPDX-License-Identifier: MIT
#include "faults/fault_sweep.hpp"
#include "support/catch.hpp"
#include "support/datagrams.hpp"
#include "support/failing_calls.hpp"

#include <weft/weft.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace faults_io_datagrams_test {

using namespace std::chrono_literals;
using weft::datagram_socket;
using weft::socket_address;
using weft_test::any_port;
using weft_test::call;
using weft_test::expect;
using weft_test::expect_error;
using weft_test::folder;
using weft_test::scenario;
using weft_test::shows_as;

// A file of a unix socket, which a datagram_socket does not remove.
class socket_file {
 public:
  explicit socket_file(const char* name) : path(folder().file(name)) {}
  socket_file(const socket_file&) = delete;
  socket_file& operator=(const socket_file&) = delete;
  ~socket_file() { ::unlink(path.c_str()); }

  const std::string path;
};

weft::async_generator<std::string> datagrams(datagram_socket& from) {
  while (true) {
    std::string next = co_await from.receive(100);
    co_yield std::move(next);
  }
}

const std::vector<scenario> scenarios{
    {"a datagram and its answer",
     []() -> weft::task<> {
       auto client = datagram_socket::bind(any_port());
       auto server = datagram_socket::bind(any_port());
       co_await client.send_to("question", server.local_address());
       std::array<char, 100> buffer;
       const weft::datagram d = co_await server.receive_from(buffer);
       expect(std::string_view(buffer.data(), d.size) == "question", "what arrives is not what was sent");
       expect(d.from == client.local_address(), "it came from somebody else");
       co_await server.send_to("answer", d.from);
       const std::string answer = co_await client.receive();
       expect(answer == "answer", "what comes back is not what was sent");
     },
     shows_as::itself},
    {"two connected sockets that wait for each other",
     []() -> weft::task<> {
       auto one = datagram_socket::bind(any_port());
       const auto options = weft::datagram_options().broadcast().reuse_port().local(any_port());
       auto other = datagram_socket::connect(one.local_address(), options);
       const auto answers = [&]() -> weft::task<> {
         std::array<char, 10> buffer;
         for (int i = 0; i < 3; ++i) {
           const weft::datagram d = co_await one.receive_from(buffer);
           co_await one.send_to(std::string_view(buffer.data(), d.size), d.from);
         }
       };
       const auto asks = [&]() -> weft::task<> {
         for (const char* text : {"a", "b", "c"}) {
           co_await other.send(text);
           const std::string answer = co_await other.receive(10);
           expect(answer == text, "what comes back is not what was sent");
         }
       };
       co_await weft::gather(answers(), asks());
     },
     shows_as::itself},
    {"a unix socket whose receiver has no room for a while",
     []() -> weft::task<> {
       const socket_file file("datagrams");
       auto receiver = datagram_socket::bind(socket_address::unix_path(file.path));
       auto sender = datagram_socket::connect(receiver.local_address());
       int arrived = 0;
       const auto sends = [&]() -> weft::task<> {
         for (int i = 0; i < 30; ++i) co_await sender.send("much");
       };
       const auto receives = [&]() -> weft::task<> {
         co_await weft::sleep_for(10ms);
         for (; arrived < 30; ++arrived) {
           const std::string text = co_await receiver.receive(4);
           expect(text == "much", "what arrives is not what was sent");
         }
       };
       co_await weft::gather(sends(), receives());
       expect(arrived == 30, "not all have arrived");
     },
     shows_as::itself},
    {"a datagram that is too long, and the next",
     []() -> weft::task<> {
       auto receiver = datagram_socket::bind(any_port());
       auto sender = datagram_socket::connect(receiver.local_address());
       co_await sender.send("too long a datagram");
       co_await sender.send("short");
       const auto first = co_await weft::outcome_of(receiver.receive(5));
       expect_error(first, "it was short enough", std::errc::message_size);
       const std::string second = co_await receiver.receive(5);
       expect(second == "short", "what arrives is not what was sent");
     },
     shows_as::itself},
    {"nothing comes in time, then something does",
     []() -> weft::task<> {
       auto receiver = datagram_socket::bind(any_port());
       auto sender = datagram_socket::connect(receiver.local_address());
       bool late = false;
       try {
         co_await weft::wait_for(receiver.receive(), 1h);
       } catch (const weft::timeout_error&) {
         late = true;
       }
       expect(late, "a datagram has come from nowhere");
       co_await sender.send("at last");
       const std::string text = co_await receiver.receive();
       expect(text == "at last", "what arrives is not what was sent");
     },
     shows_as::itself},
    {"a socket that is closed while a task waits at it",
     []() -> weft::task<> {
       auto socket = datagram_socket::bind(any_port());
       auto waiting = weft::create_task(socket.receive());
       co_await weft::sleep_for(1ms);
       socket.close();
       const auto ended = co_await weft::outcome_of(waiting);
       expect_error(ended, "a datagram has come from nowhere", std::errc::operation_canceled);
       expect(!socket.is_open(), "it is open");
     },
     shows_as::itself},
    {"datagrams to a peer that has gone",
     []() -> weft::task<> {
       auto gone = datagram_socket::bind(any_port());
       auto sender = datagram_socket::connect(gone.local_address());
       gone.close();
       co_await sender.send("hello");
       const auto refused = co_await weft::outcome_of(sender.receive());
       expect_error(refused, "a datagram has come from nowhere", std::errc::connection_refused);
     },
     shows_as::itself},
    {"datagrams as values of a generator that is left early",
     []() -> weft::task<> {
       auto receiver = datagram_socket::bind(any_port());
       auto sender = datagram_socket::connect(receiver.local_address());
       for (const char* text : {"one", "two", "stop", "never read"}) co_await sender.send(text);
       std::string all;
       const auto collect = [&](weft::async_generator<std::string>& values) -> weft::task<> {
         while (auto text = co_await values.next()) {
           if (*text == "stop") break;
           all += *text;
         }
       };
       co_await weft::with_closing(datagrams(receiver), collect);
       expect(all == "onetwo", "what arrives is not what was sent");
     },
     shows_as::itself},
    {"a group of tasks with a socket each, of which one fails",
     []() -> weft::task<> {
       bool failed = false;
       const auto waits = []() -> weft::task<> {
         auto socket = datagram_socket::bind(any_port());
         co_await socket.receive();
       };
       const auto fails = []() -> weft::task<> {
         auto socket = datagram_socket::bind(any_port());
         co_await socket.send_to("", socket.local_address());
         const std::string empty = co_await socket.receive();
         expect(empty.empty(), "an empty datagram has something in it");
         throw weft::invalid_state_error("on purpose");
       };
       const auto body = [&](weft::task_group& group) -> weft::task<> {
         group.create_task(waits());
         group.create_task(waits());
         co_await weft::yield();
         group.create_task(fails());
       };
       try {
         co_await weft::with_task_group(body);
       } catch (const weft::exception_group& all) {
         if (!all.contains<weft::invalid_state_error>()) throw;
         failed = true;
       }
       expect(failed, "nothing has failed");
     },
     shows_as::itself},
};

TEST_CASE("a system call of datagrams that fails anywhere gives its error, or none", "[faults][io]") {
  CHECK(weft_test::sweep(scenarios) >= 150);
}

TEST_CASE("descriptors for datagrams that run out are an error, not a hang", "[faults][io]") {
  weft_test::sweep_for_good(scenarios, {call::socket, EMFILE, false});
}

}  // namespace faults_io_datagrams_test
