/*
 * The slot protocol of src/ring, to be checked exhaustively within small bounds: see README.md.
 */
#include "words.pml"
#include "sync.pml"
#ifdef FIXED
#include "order.pml"
#endif
#include "slot.pml"
#include "producer.pml"
#include "control.pml"
#include "lane.pml"
#ifdef LOADER
#include "loader.pml"
#else
#include "consumer.pml"
#endif
#ifdef SINK
#include "sink.pml"
#endif

#if defined(STOP)
#define WAS_STOPPED true
#elif defined(HOLD)
#define WAS_STOPPED saysStuck
#else
#define WAS_STOPPED false
#endif

init {
  byte i;
#ifdef FIXED
  byte j, k, n;
  d_step { expectBatches() };
#endif
  atomic {
    do
    :: i < LANES -> run Lane(i); i++
    :: else -> break
    od;
    i = 0;
#ifdef LOADER
    run Loader();
#else
    do
    :: i < CONSUMERS -> run Consumer(i); i++
    :: else -> break
    od;
    i = 0;
#endif
#ifdef SINK
    run Sink();
#endif
#ifdef STOP
    run Stop();
#endif
#ifdef LEAVE
    run Dismissal();
#endif
    skip
  };
  /* Where a thread sleeps for ever, this waits for ever: an invalid end state. */
  ended == THREADS;
  d_step {
    assert(lock == NOBODY);
    if
    :: !WAS_STOPPED ->
       assert(ran == BIT(TOTAL_ROWS) - 1);
       do
       :: i < SLOTS -> assert(state[i] == FREE); i++
       :: else -> break
       od
    :: else
    fi
  }
}
