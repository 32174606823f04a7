// W9: a TCP server that sends back what it is sent, 50 connections.
// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <uv.h>

#include <array>
#include <cstdint>

#include "../support/echo_client.hpp"
#include "../support/measure.hpp"

// One connection: what was read is written from the same place, and nothing is read meanwhile.
struct connection {
  uv_tcp_t tcp;
  uv_write_t request;
  std::array<char, 4096> data;
};

std::uint64_t ended = 0;
uv_tcp_t listening;

void on_closed(uv_handle_t* handle) {
  delete static_cast<connection*>(handle->data);
  if (++ended == bench::connections) uv_close(reinterpret_cast<uv_handle_t*>(&listening), nullptr);
}
void on_written(uv_write_t*, int) {}
void give_room(uv_handle_t* handle, std::size_t, uv_buf_t* buffer) {
  auto& data = static_cast<connection*>(handle->data)->data;
  *buffer = uv_buf_init(data.data(), static_cast<unsigned>(data.size()));
}
void on_read(uv_stream_t* stream, ssize_t n, const uv_buf_t* buffer) {
  auto* c = static_cast<connection*>(stream->data);
  if (n < 0) return uv_close(reinterpret_cast<uv_handle_t*>(stream), on_closed);
  if (n == 0) return;
  const uv_buf_t all = uv_buf_init(buffer->base, static_cast<unsigned>(n));
  uv_write(&c->request, stream, &all, 1, on_written);
}
void on_connection(uv_stream_t* server, int) {
  auto* c = new connection;
  uv_tcp_init(server->loop, &c->tcp);
  c->tcp.data = c;
  uv_accept(server, reinterpret_cast<uv_stream_t*>(&c->tcp));
  uv_tcp_nodelay(&c->tcp, 1);
  uv_read_start(reinterpret_cast<uv_stream_t*>(&c->tcp), give_room, on_read);
}

int main(int argc, char** argv) {
  bench::meter m(argc, argv);
  m.begin();
  uv_loop_t loop;
  uv_loop_init(&loop);
  uv_tcp_init(&loop, &listening);
  sockaddr_in address{};
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_bind(&listening, reinterpret_cast<const sockaddr*>(&address), 0);
  uv_listen(reinterpret_cast<uv_stream_t*>(&listening), 100, on_connection);
  int size = sizeof address;
  uv_tcp_getsockname(&listening, reinterpret_cast<sockaddr*>(&address), &size);
  bench::echo_client client(ntohs(address.sin_port), m.ops());
  uv_run(&loop, UV_RUN_DEFAULT);
  m.end();
  return m.report(client.was_content());
}
