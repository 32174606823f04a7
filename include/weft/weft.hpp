// The umbrella, and the map: every public header, floor by floor. Includes only go down.
// SPDX-License-Identifier: MIT
#pragma once

// floor 1: core, what nobody outside could write
#include <weft/core/error.hpp>         // all errors
#include <weft/core/outcome.hpp>       // value, exception or cancelled
#include <weft/core/awaitable.hpp>     // what can be awaited
#include <weft/core/clock.hpp>         // the steady clock and the virtual one
#include <weft/core/poller.hpp>        // epoll, poll(2)
#include <weft/core/runnable.hpp>      // entries of the ready queue
#include <weft/core/callback.hpp>      // functions on the loop, and their handles
#include <weft/core/mailbox.hpp>       // the way in from other threads
#include <weft/core/event_loop.hpp>    // the loop
#include <weft/core/task_state.hpp>    // a task as the loop sees it
#include <weft/core/promise.hpp>       // what co_await means
#include <weft/core/task.hpp>          // a coroutine that has not started
#include <weft/core/owned_closure.hpp> // what g++ gets wrong, refused
#include <weft/core/task_handle.hpp>   // running tasks
#include <weft/core/interrupt.hpp>     // SIGINT
#include <weft/core/run.hpp>           // run()

// floor 2: built on core's public verbs
#include <weft/time/sleep.hpp>   // sleep_for, sleep_until
#include <weft/flow/gather.hpp>  // gather, gather_outcomes
#include <weft/sync/yield.hpp>   // yield
