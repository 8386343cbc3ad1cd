/*
 * Online requests and the gate of a device, by themselves: main (src/ring/request-side.ts, src/ring/request-page.ts,
 * src/serve/dispatcher.ts), consumers that take what there is only when they may run (src/consume/online-consumer.ts,
 * takeNow of src/ring/consumer-side.ts), a rival on the same device, and the gate between them (src/consume/gate-page.ts, gate.ts).
 * What slots go through otherwise is ring.pml's.
 *
 * Each request is of one row. Main may end the first two at any moment while they wait in a slot. The gate lets in any of those that
 * wait, which covers every policy. Its lock is one step: inside, nothing is written that another thread reads outside of
 * it, but its own state.
 *
 * With PATIENT: no request is ended while it waits. With STOP: main stops the stream at any moment; the rival must get its turns all the same.
 */
#ifndef SLOTS
#define SLOTS 3
#endif
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef ROWS
#define ROWS 3
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
/* Grants at a time. */
#ifndef INSTANCES
#define INSTANCES 1
#endif
/* Turns that the rival wants. */
#ifndef TURNS
#define TURNS 1
#endif
#define RIVAL CONSUMERS
#define MEMBERS (CONSUMERS + 1)

#define NOBODY 0
#define MAIN_OWNER 1
#define CONSUMER_OWNER(c) (2 + (c))
#define BIT(n) (1 << (n))
#define MAIN_BIT 7
#define ROW(s, i) ((s) * CAPACITY + (i))

#define FREE 0
#define FILLING 1
#define SEALED 2
#define READY 3
#define RUNNING 4
#define DONE 5

#define OPEN 0
#define ENDED 1
#define ABORTED 2

/* RequestState */
#define WAITING 0
#define TAKEN 1
#define OVER 2

#define IDLE 0
#define WAITS 1
#define GRANTED 2

byte deaths;
byte lock;
#include "sync.pml"

byte status;
byte state[SLOTS];
byte claimed[SLOTS];
byte settled[SLOTS];
byte content[SLOTS * CAPACITY];
byte open;
byte request[ROWS];
bool crowded;

byte gate[MEMBERS];
byte granted;
byte gateTickets;
byte gateAsleep;

/* Checked. */
byte ran;
byte refused;
byte ended;
bool mainIsOver;
bool rivalIsOver;

#define THREADS (CONSUMERS + 3)

#if SLOTS == 2
#define allFree() (state[0] == FREE && state[1] == FREE)
#else
#define allFree() (state[0] == FREE && state[1] == FREE && state[2] == FREE)
#endif

#if SLOTS == 2
#define hasReady() (state[0] == READY || state[1] == READY)
#else
#define hasReady() (state[0] == READY || state[1] == READY || state[2] == READY)
#endif

/* --- the gate --- */

/* L: the best of those that wait, if there is room: `told` is it + 1. */
inline grant() {
  if
  :: granted < INSTANCES && gate[0] == WAITS -> told = 1
  :: granted < INSTANCES && gate[1] == WAITS -> told = 2
#if MEMBERS > 2
  :: granted < INSTANCES && gate[2] == WAITS -> told = 3
#endif
  :: else
  fi;
  if
  :: told > 0 -> gate[told - 1] = GRANTED; granted++; assert(granted <= INSTANCES)
  :: else
  fi
}

/* The event of a member, if one was let in that is not `me`: the count, then those who sleep. */
inline tell(me) {
  if
  :: atomic { told > 0 && told - 1 != me -> gateTickets = gateTickets & ~BIT(told - 1) };
     atomic { gateAsleep = gateAsleep & ~BIT(told - 1); told = 0 }
  :: atomic { told == 0 || told - 1 == me -> told = 0 }
  fi
}

inline enterGate(me) {
  if
  :: atomic { gate[me] == IDLE -> gate[me] = WAITS; grant() };
     tell(me)
  :: gate[me] != IDLE
  fi
}

/* One round of the loop in `enter`: sleeps unless it was told since it looked. */
inline sleepAtGate(me) {
  atomic {
    if
    :: gateTickets & BIT(me) -> gateAsleep = gateAsleep | BIT(me)
    :: else
    fi;
    gateTickets = gateTickets & ~BIT(me)
  };
  atomic { (gateAsleep & BIT(me)) == 0 -> skip }
}

inline giveBack(me, more) {
  atomic {
    assert(gate[me] == GRANTED);
    granted--;
    gate[me] = (more -> WAITS : IDLE);
    grant()
  };
  tell(me)
}

inline leaveGate(me) {
  if
  :: gate[me] == IDLE
  :: atomic {
       gate[me] != IDLE ->
       granted = (gate[me] == GRANTED -> granted - 1 : granted);
       gate[me] = IDLE;
#ifndef MUTATE_LEFT_UNGRANTED
       grant()
#endif
     };
     tell(me)
  fi
}

/* --- the ring, as ring.ts has it --- */

/* L */
inline settleSlot(s) {
  if
  :: atomic { state[s] == SEALED && settled[s] == claimed[s] -> state[s] = READY };
     signalReady(0)
  :: atomic { state[s] != SEALED || settled[s] < claimed[s] -> skip }
  fi
}

/* L */
inline sealSlot(s) {
  atomic { open = 0; state[s] = SEALED };
  settleSlot(s)
}

/* --- main --- */

inline fill() {
  if
  :: queued > 0 -> crowded = true
  :: else
  fi;
  do
  :: queued > 0 ->
     atomic { lock == NOBODY -> lock = MAIN_OWNER };
     atomic {
       isNew = (open == 0);
       slot = open;
       if
       :: isNew ->
          /* At most CONSUMERS slots that nobody has taken, and one more. */
          k = 0; n = 0;
          do
          :: k < SLOTS -> n = n + (state[k] >= FILLING && state[k] <= READY -> 1 : 0); k++
          :: else -> break
          od;
          k = 0;
          do
          :: k < SLOTS && state[k] == FREE && n <= CONSUMERS && slot == 0 -> slot = k + 1; k++
          :: k < SLOTS && !(state[k] == FREE && n <= CONSUMERS && slot == 0) -> k++
          :: k == SLOTS -> break
          od;
          k = 0; n = 0
       :: else
       fi
     };
     if
     :: atomic { slot == 0 -> lock = NOBODY; isNew = false; break }
     :: atomic {
          slot > 0 ->
          slot--;
          if
          :: isNew -> claimed[slot] = 0; settled[slot] = 0; state[slot] = FILLING; open = slot + 1
          :: else
          fi
        };
        /* Any number of those that wait, in one critical section. */
        atomic {
          do
          :: queued > 0 && claimed[slot] < CAPACITY ->
             content[ROW(slot, claimed[slot])] = arrived - queued;
             claimed[slot]++;
             queued--;
             n++
          :: else -> break
          od
        };
        if
        :: claimed[slot] == CAPACITY -> sealSlot(slot)
        :: else
        fi;
        lock = NOBODY;
#ifndef MUTATE_OPENED_UNTOLD
        if
        :: isNew -> signalReady(0)
        :: else
        fi;
#endif
        /* The rows are written here. */
        atomic { lock == NOBODY -> lock = MAIN_OWNER };
        atomic { settled[slot] = settled[slot] + n; n = 0 };
        settleSlot(slot);
        atomic { lock = NOBODY; isNew = false; slot = 0 }
     fi
  :: else -> break
  od;
  if
  :: queued == 0 -> crowded = false
  :: else
  fi
}

proctype Main() {
  byte arrived, queued, slot, k, n;
  bool isNew;

look:
#ifndef MUTATE_BACK_TICKET_AFTER_LOOK
  atomic { takeTicket(doneTickets, MAIN_BIT) };
#endif
  /* Only main takes DONE away: it sees what it would see at one moment. What is left is answered, or was refused before. */
  atomic {
    do
    :: k < SLOTS && state[k] == DONE -> state[k] = FREE; k++
    :: k < SLOTS && state[k] != DONE -> k++
    :: k == SLOTS -> k = 0; break
    od
  };
#ifdef STOP
  if
  :: atomic { status == ABORTED -> goto over }
  :: status != ABORTED
  fi;
#endif
  fill();
  if
  :: atomic { arrived == ROWS && queued == 0 && (ran | refused) == BIT(ROWS) - 1 && allFree() -> goto over }
  :: atomic { !(arrived == ROWS && queued == 0 && (ran | refused) == BIT(ROWS) - 1 && allFree()) -> skip }
  fi;
#ifdef MUTATE_BACK_TICKET_AFTER_LOOK
  atomic { takeTicket(doneTickets, MAIN_BIT) };
#endif
  /* Atomics.waitAsync: meanwhile requests come, and deadlines pass. */
  atomic { doneWaiters++ };
  do
  :: atomic { (doneTickets & BIT(MAIN_BIT)) == 0 -> doneWaiters--; goto look }
  :: atomic { arrived < ROWS -> arrived++; queued++ };
     fill()
#ifndef PATIENT
  :: atomic { arrived - queued > 0 && request[0] == WAITING -> request[0] = OVER; refused = refused | BIT(0) }
  :: atomic { arrived - queued > 1 && request[1] == WAITING -> request[1] = OVER; refused = refused | BIT(1) }
#endif
#ifdef STOP
  :: atomic { status == OPEN -> status = ABORTED };
     signalReady(0);
     atomic { gateTickets = 0 };
     atomic { gateAsleep = 0 };
     doneWaiters--;
     goto over
#endif
  od;

over:
  atomic { doneTickets = doneTickets & ~BIT(MAIN_BIT); mainIsOver = true; ended++; goto gone };
died:
  assert(false);
gone:
  skip
}

/* --- a consumer --- */

proctype Consumer(byte me) {
  byte slot, k, i, told, left;
  bool has, sealed;

next:
  atomic { takeTicket(readyTickets, me) };
#ifdef STOP
  if
  :: atomic { status == ABORTED -> goto over }
  :: status != ABORTED
  fi;
#endif
work:
  /* workIn */
#if CONSUMERS == 1
  /* Alone, it sees what it would see at one moment: nobody else takes these states away, but on the way to READY. */
  atomic {
    has = false;
    do
    :: k < SLOTS -> has = (has || state[k] == READY || state[k] == FILLING); k++
    :: k == SLOTS -> k = 0; break
    od
  };
#else
  has = false;
  do
  :: atomic { k < SLOTS -> has = (has || state[k] == READY || state[k] == FILLING); k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
#endif
  if
  :: has ->
     enterGate(me);
     do
     :: atomic { gateTickets = gateTickets | BIT(me) };
        if
        :: gate[me] == GRANTED -> break
        :: gate[me] != GRANTED
        fi;
#ifdef STOP
        if
        :: status == ABORTED -> leaveGate(me); goto over
        :: status != ABORTED
        fi;
#endif
        sleepAtGate(me)
     od;
     /* takeNow */
take:
     atomic { takeTicket(readyTickets, me) };
#ifdef STOP
     if
     :: status == ABORTED -> goto over
     :: status != ABORTED
     fi;
#endif
     /* One that is READY, or else the open one, which is sealed: by rank it may be sealed in any case. */
     if
     :: true ->
        atomic { lock == NOBODY -> lock = CONSUMER_OWNER(me) };
        if
        :: atomic { open > 0 -> slot = open - 1 };
           sealSlot(slot)
        :: open == 0
        fi;
        lock = NOBODY
     :: hasReady()
     fi;
#if CONSUMERS == 1
     atomic {
       sealed = false;
       do
       :: k < SLOTS && state[k] == READY -> state[k] = RUNNING; slot = k; k = 0; sealed = false; goto running
       :: k < SLOTS && state[k] != READY -> sealed = (sealed || state[k] == SEALED); k++
       :: k == SLOTS -> k = 0; break
       od
     };
#else
     sealed = false;
     do
     :: atomic { k < SLOTS && state[k] == READY -> state[k] = RUNNING; slot = k; k = 0; sealed = false; goto running }
     :: atomic { k < SLOTS && state[k] != READY -> sealed = (sealed || state[k] == SEALED); k++ }
     :: atomic { k == SLOTS -> k = 0; break }
     od;
#endif
     if
     :: sealed ->
        wait(readyTickets, readyWaiters, readyAsleep, me, 0, 0);
        goto take
     :: !sealed
     fi
  :: !has
  fi;
#ifndef MUTATE_ASLEEP_WITH_THE_DEVICE
  leaveGate(me);
#endif
  if
  :: has -> goto next
  :: !has
  fi;
  if
  :: atomic { status == ENDED -> goto over }
  :: status != ENDED
  fi;
  wait(readyTickets, readyWaiters, readyAsleep, me, 0, 0);
  goto next;

running:
  readyTickets = readyTickets & ~BIT(me);
  if
  :: crowded -> signalDone(0)
  :: !crowded
  fi;
  assert(gate[me] == GRANTED);
  assert(claimed[slot] > 0);
  /* dropEnded, then the run of what is left, if anything is. */
  do
  :: atomic {
       i < claimed[slot] ->
       if
#ifdef MUTATE_TAKEN_WITHOUT_A_LOOK
       :: true ->
#else
       :: request[content[ROW(slot, i)]] == WAITING ->
#endif
          request[content[ROW(slot, i)]] = TAKEN;
          assert((ran & BIT(content[ROW(slot, i)])) == 0);
          assert((refused & BIT(content[ROW(slot, i)])) == 0);
          ran = ran | BIT(content[ROW(slot, i)]);
          left++
       :: request[content[ROW(slot, i)]] == OVER
       fi;
       i++
     }
  :: atomic { i == claimed[slot] -> i = 0; break }
  od;
  atomic { state[slot] = DONE; slot = 0 };
  signalDone(0);
  if
  :: left == 0 -> goto next
  :: else -> left = 0
  fi;
  /* It may wait again at once, where it sees something more to run, and find nothing then. */
  if
  :: giveBack(me, true)
  :: giveBack(me, false)
  fi;
  goto next;

over:
  leaveGate(me);
  atomic { readyTickets = readyTickets & ~BIT(me); gateTickets = gateTickets & ~BIT(me); ended++; goto gone };
died:
  assert(false);
gone:
  skip
}

/* Another consumer on the device, of another ring. */
proctype Rival() {
  byte turns, told;

  do
  :: turns < TURNS ->
     enterGate(RIVAL);
     do
     :: atomic { gateTickets = gateTickets | BIT(RIVAL) };
        if
        :: gate[RIVAL] == GRANTED -> break
        :: gate[RIVAL] != GRANTED
        fi;
        sleepAtGate(RIVAL)
     od;
     giveBack(RIVAL, false);
     turns++
  :: turns == TURNS -> break
  od;
  atomic { gateTickets = gateTickets & ~BIT(RIVAL); rivalIsOver = true; ended++ }
}

/* The stream ends only once the rival has had its turns: it may not depend on that. */
proctype End() {
  atomic { mainIsOver && rivalIsOver -> status = (status == OPEN -> ENDED : status) };
  signalReady(0);
  atomic { ended++; goto gone };
died:
  assert(false);
gone:
  skip
}

init {
  byte i;
  atomic {
    run Main();
    do
    :: i < CONSUMERS -> run Consumer(i); i++
    :: else -> break
    od;
    run Rival();
    run End()
  };
  /* Where a thread sleeps for ever, this waits for ever: an invalid end state. */
  ended == THREADS;
  assert(lock == NOBODY && granted == 0);
#ifndef STOP
  assert((ran | refused) == BIT(ROWS) - 1 && (ran & refused) == 0);
#endif
}
