// Connects to a host that has the addresses that a test chooses.
// SPDX-License-Identifier: MIT
//
//     weft::stream client = co_await weft_test::connect_to_all({nobody.address, there.address});
#pragma once

#include <weft/core/task.hpp>
#include <weft/io/open_connection.hpp>
#include <weft/io/socket_address.hpp>
#include <weft/io/stream.hpp>

#include <utility>
#include <vector>

namespace weft_test {

/// What a look-up would have found.
inline weft::task<std::vector<weft::socket_address>> found(std::vector<weft::socket_address> all) { co_return all; }

inline weft::task<weft::stream> connect_to_all(std::vector<weft::socket_address> all,
                                               weft::connection_options options = {}) {
  return weft::detail::connect_to_host(found(std::move(all)), options);
}

}  // namespace weft_test
