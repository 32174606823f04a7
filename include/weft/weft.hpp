// The umbrella, and the map: every public header, floor by floor; includes only go down.
// SPDX-License-Identifier: MIT
#pragma once

// floor 1: core, what nobody outside could write
#include <weft/core/awaitable.hpp>          // what can be awaited
#include <weft/core/callback.hpp>           // functions on the loop, and their handles
#include <weft/core/cancel_walk.hpp>        // how a cancellation spreads
#include <weft/core/chain_link.hpp>         // how coroutines that await each other hang together
#include <weft/core/clock.hpp>              // the steady clock and the virtual one
#include <weft/core/error.hpp>              // all errors
#include <weft/core/event_loop.hpp>         // the loop
#include <weft/core/exception_handler.hpp>  // who is told of lost exceptions
#include <weft/core/interrupt.hpp>          // SIGINT
#include <weft/core/mailbox.hpp>            // the way in from other threads
#include <weft/core/outcome.hpp>            // value, exception or cancelled
#include <weft/core/poller.hpp>             // epoll, poll(2)
#include <weft/core/promise.hpp>            // what co_await means
#include <weft/core/run.hpp>                // run()
#include <weft/core/runnable.hpp>           // entries of the ready queue
#include <weft/core/safe_argument.hpp>      // what g++ gets wrong, refused
#include <weft/core/task.hpp>               // a coroutine that has not started
#include <weft/core/task_handle.hpp>        // running tasks
#include <weft/core/task_state.hpp>         // a task as the loop sees it

// floor 2: built on core's public verbs
#include <weft/flow/gather.hpp>       // gather, gather_outcomes
#include <weft/flow/gather_core.hpp>  // the rule of gather
#include <weft/sync/yield.hpp>        // yield
#include <weft/time/sleep.hpp>        // sleep_for, sleep_until
