// start_server: a chat. What somebody says goes to everybody else; three guests come, talk and leave.
// SPDX-License-Identifier: MIT
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "run_example.hpp"

using namespace std::chrono_literals;
using guest_writer = std::shared_ptr<weft::stream_writer>;  // who writes to it keeps it

std::vector<guest_writer> guests;

weft::task<> tell_others(guest_writer speaker, std::string text) {
  const std::vector<guest_writer> present = guests;  // somebody may leave meanwhile
  for (const guest_writer& guest : present) {
    if (guest == speaker || guest->is_closing()) continue;
    try {
      co_await guest->write(text);
    } catch (const std::system_error&) {
      std::erase(guests, guest);
    }
  }
}

weft::task<> listen_to(weft::stream_reader& reader, guest_writer me, std::string name) {
  while (auto line = co_await reader.next()) co_await tell_others(me, name + ": " + *line);
}

weft::task<> serve(weft::stream_reader reader, weft::stream_writer writer) {
  const auto me = std::make_shared<weft::stream_writer>(std::move(writer));
  const std::string line = co_await reader.read_line();
  const std::string name = line.substr(0, line.find('\n'));
  guests.push_back(me);
  co_await tell_others(me, name + " is here\n");
  co_await weft::outcome_of(listen_to(reader, me, name));  // however it ends
  std::erase(guests, me);
  co_await tell_others(me, name + " has left\n");
}

weft::task<> visit(weft::socket_address where, std::string name, weft::duration comes, std::string says) {
  co_await weft::sleep_for(comes);
  auto [reader, writer] = co_await weft::open_connection(where);
  co_await writer.write(name, "\n");
  co_await weft::sleep_for(100ms);
  co_await writer.write(says, "\n");
  co_await weft::sleep_for(100ms);
  writer.write_eof();
  while (auto line = co_await reader.next()) fmt::print("to {:<5} | {}", name, *line);
}

weft::task<> async_main() {
  weft::server server = co_await weft::start_server(serve, "127.0.0.1", 0);
  const weft::socket_address where = server.addresses().front();
  co_await weft::gather(visit(where, "ada", 0ms, "hello"), visit(where, "grace", 50ms, "good evening"),
                        visit(where, "alan", 80ms, "hm"));
}
int main(int argc, char** argv) { return run_example(argc, argv, async_main); }
