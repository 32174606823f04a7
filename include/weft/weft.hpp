// The umbrella, and the map: every public header, floor by floor; includes only go down.
// SPDX-License-Identifier: MIT
#pragma once

// floor 1: core, what nobody outside could write
#include <weft/core/awaitable.hpp>           // what can be awaited
#include <weft/core/callback.hpp>            // functions on the loop, and their handles
#include <weft/core/cancel_walk.hpp>         // how a cancellation spreads
#include <weft/core/chain_link.hpp>          // how coroutines that await each other hang together
#include <weft/core/clock.hpp>               // the steady clock and the virtual one
#include <weft/core/descriptor_watches.hpp>  // who is told of which descriptor
#include <weft/core/error.hpp>               // all errors
#include <weft/core/event_loop.hpp>          // the loop
#include <weft/core/exception_handler.hpp>   // who is told of lost exceptions
#include <weft/core/handle_awaiter.hpp>      // how a task waits for another one
#include <weft/core/interrupt.hpp>           // SIGINT
#include <weft/core/loop_locals.hpp>         // what a loop owns without knowing it
#include <weft/core/mailbox.hpp>             // the way in from other threads
#include <weft/core/nested_task.hpp>         // a task inside of the one that waits for it
#include <weft/core/outcome.hpp>             // value, exception or cancelled
#include <weft/core/poller.hpp>              // epoll, poll(2)
#include <weft/core/promise.hpp>             // what co_await means
#include <weft/core/run.hpp>                 // run()
#include <weft/core/runnable.hpp>            // entries of the ready queue
#include <weft/core/safe_argument.hpp>       // what g++ gets wrong, refused
#include <weft/core/shutdown_hooks.hpp>      // what is closed at the end of run()
#include <weft/core/startable.hpp>           // what the combinators take
#include <weft/core/task.hpp>                // a coroutine that has not started
#include <weft/core/task_handle.hpp>         // running tasks
#include <weft/core/task_label.hpp>          // who a task is, for reports
#include <weft/core/task_state.hpp>          // a task as the loop sees it
#include <weft/core/tenant.hpp>              // what lives on a loop
#include <weft/core/typed_task_state.hpp>    // a task together with its result
#include <weft/core/wait_list.hpp>           // who waits for a lock, an event, an item

// floor 2: built on core's public verbs
#include <weft/flow/as_completed.hpp>                 // as_completed
#include <weft/flow/async_generator.hpp>              // async_generator
#include <weft/flow/async_generator_body.hpp>         // how those are run and closed
#include <weft/flow/exception_group.hpp>              // several errors at once
#include <weft/flow/finally.hpp>                      // clean-up that waits
#include <weft/flow/gather.hpp>                       // gather, gather_outcomes
#include <weft/flow/gather_child.hpp>                 // what is gathered; adopt
#include <weft/flow/gather_core.hpp>                  // the rule of gather
#include <weft/flow/gather_launch.hpp>                // how the tasks of a gather begin
#include <weft/flow/generator.hpp>                    // generator, elements_of
#include <weft/flow/generator_link.hpp>               // how generators hand over
#include <weft/flow/outcome_of.hpp>                   // how something ended, as a value
#include <weft/flow/race.hpp>                         // race
#include <weft/flow/shield.hpp>                       // shield
#include <weft/flow/task_group.hpp>                   // with_task_group
#include <weft/flow/wait.hpp>                         // wait
#include <weft/flow/with_closing.hpp>                 // with_closing
#include <weft/sync/barrier.hpp>                      // barrier
#include <weft/sync/condition_variable.hpp>           // condition_variable
#include <weft/sync/event.hpp>                        // event
#include <weft/sync/future.hpp>                       // future
#include <weft/sync/mutex.hpp>                        // mutex
#include <weft/sync/queue.hpp>                        // queue, lifo_queue, priority_queue
#include <weft/sync/semaphore.hpp>                    // semaphore, bounded_semaphore
#include <weft/sync/yield.hpp>                        // yield
#include <weft/threads/run_coroutine_threadsafe.hpp>  // a coroutine, from another thread
#include <weft/threads/run_in_executor.hpp>           // a call in a pool's thread
#include <weft/threads/thread_pool.hpp>               // thread_pool
#include <weft/threads/to_thread.hpp>                 // to_thread
#include <weft/time/interval.hpp>                     // interval
#include <weft/time/sleep.hpp>                        // sleep_for, sleep_until
#include <weft/time/wait_for.hpp>                     // wait_for, wait_until
#include <weft/time/with_timeout.hpp>                 // with_timeout

// floor 3: what ends in a file descriptor
#include <weft/io/add_reader.hpp>            // add_reader, add_writer
#include <weft/io/add_signal_handler.hpp>    // callbacks for signals
#include <weft/io/child_process.hpp>         // a child until it is reaped
#include <weft/io/datagram_socket.hpp>       // datagram_socket
#include <weft/io/datagram_wait.hpp>         // how its tasks wait
#include <weft/io/descriptor_transport.hpp>  // sockets, pipes, terminals
#include <weft/io/listening_socket.hpp>      // accept
#include <weft/io/open_connection.hpp>       // open_connection, open_unix_connection
#include <weft/io/process.hpp>               // child processes
#include <weft/io/process_options.hpp>       // how they are started
#include <weft/io/resolve.hpp>               // names to addresses
#include <weft/io/send_file.hpp>             // send_file
#include <weft/io/server_core.hpp>           // what a server and its connections share
#include <weft/io/server_options.hpp>        // how a server listens
#include <weft/io/signal.hpp>                // signals on their way to a loop
#include <weft/io/signal_set.hpp>            // signals that a task waits for
#include <weft/io/socket_address.hpp>        // IPv4, IPv6, unix
#include <weft/io/spawn_plan.hpp>            // how posix_spawn() is told
#include <weft/io/start_server.hpp>          // start_server, start_unix_server
#include <weft/io/stream.hpp>                // a reader and a writer
#include <weft/io/stream_input.hpp>          // what has arrived and was not read
#include <weft/io/stream_reader.hpp>         // read, read_line, read_until
#include <weft/io/stream_transport.hpp>      // what carries a stream's bytes
#include <weft/io/stream_writer.hpp>         // write, close
#include <weft/io/wait_readable.hpp>         // wait_readable, wait_writable

// floor 4, not included, since it needs {fmt}: <weft/debug/format.hpp> formats the states of tasks, locks and queues
