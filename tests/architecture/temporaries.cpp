// What stands in a co_await expression is safe with g++ 12, which destroys brace-made aggregates there twice.
// SPDX-License-Identifier: MIT
//
// So each awaiter, awaitable, option and result type of weft has a constructor of its own or needs no destructor. The
// rule `temporaries` of weft_architecture sees to it that no such type is missing here.
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>
#include <weft/testing/memory_stream_pair.hpp>
#include <weft/weft.hpp>

namespace {

template <class T>
concept safe_temporary = std::is_trivially_destructible_v<T> || (std::is_class_v<T> && !std::is_aggregate_v<T>);

#ifdef WEFT_TEST_PLANT_UNSAFE_TEMPORARY  // by stands_alone.test.cmake
struct named_options {
  std::string name;
};
static_assert(safe_temporary<named_options>);
#endif

// Options.
static_assert(safe_temporary<weft::loop_options>);
static_assert(safe_temporary<weft::run_options>);
static_assert(safe_temporary<weft::connection_options> && safe_temporary<weft::server_options>);
static_assert(safe_temporary<weft::memory_stream_options> && safe_temporary<weft::process_options>);
static_assert(safe_temporary<weft::resolve_options>);
static_assert(safe_temporary<weft::resolve_options> && safe_temporary<weft::datagram_options>);

// Awaitables.
static_assert(safe_temporary<weft::task<>>);
static_assert(safe_temporary<weft::task<std::string>>);
static_assert(safe_temporary<weft::task_ref>);
static_assert(safe_temporary<weft::task_handle<>>);
static_assert(safe_temporary<weft::task_handle<std::string>>);
static_assert(safe_temporary<weft::gather_child<void>>);
static_assert(safe_temporary<weft::gather_child<std::string>>);

// Awaiters.
using two_children = weft::child_pack<void, std::string>;
using many_children = weft::child_range<std::string>;
static_assert(safe_temporary<weft::operation_awaiter<weft::sleep_awaiter<weft::duration>&&>>);
static_assert(safe_temporary<weft::coroutine_awaiter<std::string>>);
static_assert(safe_temporary<weft::promise_base::final_awaiter>);
static_assert(safe_temporary<weft::handle_awaiter<std::string, std::string>>);
static_assert(safe_temporary<weft::ref_awaiter>);
static_assert(safe_temporary<weft::sleep_awaiter<weft::duration>>);
static_assert(safe_temporary<weft::sleep_awaiter<weft::time_point>>);
static_assert(safe_temporary<weft::yield_awaiter>);
static_assert(safe_temporary<weft::executor_awaiter<std::string, true>>);
static_assert(safe_temporary<weft::threadsafe_future<std::string>>);
static_assert(safe_temporary<two_children> && safe_temporary<many_children>);
static_assert(safe_temporary<weft::gather_awaiter<two_children, weft::gather_core::mode::first_failure>>);
static_assert(safe_temporary<weft::gather_awaiter<many_children, weft::gather_core::mode::none>>);
using two_racers = weft::racer_pack<void, std::string>;
using many_racers = weft::racer_range<std::string>;
using strings = weft::fifo_store<std::string>;
static_assert(safe_temporary<two_racers> && safe_temporary<many_racers>);
static_assert(safe_temporary<weft::race_awaiter<two_racers>> && safe_temporary<weft::race_awaiter<many_racers>>);
static_assert(safe_temporary<weft::shield_awaiter<std::string>>);
static_assert(safe_temporary<weft::wait_awaiter<weft::task_ref>>);
static_assert(safe_temporary<weft::next_completed_awaiter<weft::task_ref>>);
static_assert(safe_temporary<weft::outcome_awaiter<std::string>>);
static_assert(safe_temporary<weft::timeout_awaiter<std::string, weft::task<std::string>, weft::time_limit>>);
static_assert(safe_temporary<weft::cancel_and_wait> && safe_temporary<weft::task_group::end_awaiter>);
static_assert(safe_temporary<weft::lock_awaiter> && safe_temporary<weft::condition_awaiter>);
static_assert(safe_temporary<weft::event_awaiter> && safe_temporary<weft::acquire_awaiter>);
static_assert(safe_temporary<weft::get_awaiter<std::string, strings>>);
static_assert(safe_temporary<weft::put_awaiter<std::string, strings>>);
static_assert(safe_temporary<weft::generator_link::final_awaiter> && safe_temporary<weft::elements_awaiter>);
static_assert(safe_temporary<weft::copied_element_awaiter<std::string>>);
static_assert(safe_temporary<weft::elements_of<std::string>> && safe_temporary<weft::generator<std::string>>);
static_assert(safe_temporary<weft::async_generator<std::string>> && safe_temporary<weft::next_awaiter<std::string>>);
static_assert(safe_temporary<weft::co_yield_awaiter> && safe_temporary<weft::generator_close_awaiter>);
static_assert(safe_temporary<weft::readiness_awaiter> && safe_temporary<weft::signal_awaiter>);
static_assert(safe_temporary<weft::join_awaiter> && safe_temporary<weft::future_awaiter<std::string, std::string>>);
static_assert(safe_temporary<weft::read_awaiter<weft::read_up_to_separator<2>>>);
static_assert(safe_temporary<weft::write_awaiter<std::vector<std::string_view>>>);
static_assert(safe_temporary<weft::readiness_awaiter>);
static_assert(safe_temporary<weft::room_awaiter> && safe_temporary<weft::flush_awaiter> &&
              safe_temporary<weft::wait_closed_awaiter>);
static_assert(safe_temporary<weft::process_exit_awaiter>);
static_assert(safe_temporary<weft::server_closed_awaiter> && safe_temporary<weft::serving_awaiter>);
static_assert(safe_temporary<weft::datagram_receive_awaiter> && safe_temporary<weft::datagram_send_awaiter>);

// Results, and what else is handed over by value.
static_assert(safe_temporary<weft::outcome<>>);
static_assert(safe_temporary<weft::outcome<std::unique_ptr<std::string>>>);
static_assert(safe_temporary<weft::callback_handle>);
static_assert(safe_temporary<weft::timer_handle>);
static_assert(safe_temporary<weft::remote_loop>);
static_assert(safe_temporary<weft::exception_context>);
static_assert(safe_temporary<weft::refused>);
static_assert(safe_temporary<weft::socket_address>);
static_assert(safe_temporary<weft::process> && safe_temporary<weft::process_output>);
static_assert(safe_temporary<weft::socket_address> && safe_temporary<weft::detail::connected_socket>);
static_assert(safe_temporary<weft::stream> && safe_temporary<weft::memory_streams> && safe_temporary<weft::server>);
static_assert(safe_temporary<weft::datagram> && safe_temporary<weft::datagram_socket>);
static_assert(safe_temporary<weft::socket_address> && safe_temporary<weft::address_name>);
static_assert(safe_temporary<weft::time_limit>);
static_assert(safe_temporary<weft::mutex_lock> && safe_temporary<weft::semaphore_permit>);
static_assert(safe_temporary<weft::wait_result<weft::task_ref>>);
static_assert(safe_temporary<weft::first_result<std::string>>);
static_assert(safe_temporary<weft::exception_group>);
static_assert(safe_temporary<weft::future<std::string>>);
static_assert(safe_temporary<weft::startable_task<std::string>>);
static_assert(safe_temporary<weft::signal_set> && safe_temporary<weft::signal_subscription>);

}  // namespace
