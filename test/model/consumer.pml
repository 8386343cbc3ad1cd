/*
 * A consumer's thread (src/ring/consumer-side.ts, src/consume/thread.ts).
 */

/* READY to RUNNING, if the slot still is. */
inline takeFound() {
  if
  :: found > 0 ->
     slot = found - 1;
     found = 0;
     if
#ifdef MUTATE_TAKEN_UNCHECKED
     :: true ->
#else
     :: state[slot] == READY ->
#endif
        state[slot] = RUNNING;
        assert(!held[slot]);
        held[slot] = true;
        readyTickets = readyTickets & ~BIT(me);
        goto running
     :: else -> slot = 0; goto take
     fi
  :: else
  fi
}

/* Those that are due are sealed; `found` says whether there was one. The state of an open slot is only changed under L. */
inline sealDue() {
  atomic { lock == NOBODY -> lock = CONSUMER_OWNER(me) };
  do
  :: atomic { k < SLOTS && state[k] == FILLING && claimed[k] > 0 -> found = 1 };
     seal(k, 0);
     k++
  :: atomic { k < SLOTS && (state[k] != FILLING || claimed[k] == 0 || DELAY == SOME_TIME) -> k++ }
  :: atomic { k == SLOTS -> k = 0; lock = NOBODY; break }
  od
}

proctype Consumer(byte me) {
  byte slot, found, due;
  bit putOff;
  byte k, i, j, n;

next:
#ifndef MUTATE_CONSUMER_TICKET_AFTER_LOOK
  atomic { takeTicket(readyTickets, me) };
#endif
#ifdef STOP
  atomic {
    if
    :: status == ABORTED -> goto over
    :: else
    fi
  };
#endif

#ifdef LEAVE
  if
  :: dismissed && me == CONSUMERS - 1 ->
#ifndef MUTATE_LEFT_UNTOLD
     if
     :: putOff -> putOff = 0; signalFree(0)
     :: else
     fi;
#endif
     goto over
  :: else
  fi;
#endif

  /* take: any that is READY, which covers the oldest. */
take:
#if CONSUMERS == 1
  /* Alone, it sees what it would see at one moment: only its own step takes READY away. */
  atomic {
    do
    :: k < SLOTS && state[k] == READY -> found = k + 1; k++
    :: k < SLOTS && (state[k] != READY || found > 0) -> k++
    :: k == SLOTS -> k = 0; break
    od;
    takeFound()
  };
#else
  do
  :: atomic { k < SLOTS && state[k] == READY -> found = k + 1; k++ }
  :: atomic { k < SLOTS && (state[k] != READY || found > 0) -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
  atomic { takeFound() };
#endif

#ifndef MUTATE_PUT_OFF_FOR_EVER
  if
#ifdef SINK
  :: putOff -> putOff = 0; signalDone(0)
#else
  :: putOff -> putOff = 0; signalFree(0)
#endif
  :: else
  fi;
#endif

  /* nothingWillCome. Once the stream has ended nothing becomes READY, so all slots may be looked at in one moment. */
  if
  :: status == ENDED ->
     atomic {
       do
       :: k < SLOTS && state[k] >= FILLING && state[k] <= READY -> k = 0; break
       :: k < SLOTS && (state[k] < FILLING || state[k] > READY) -> k++
       :: k == SLOTS -> k = 0; goto over
       od
     }
  :: status != ENDED
  fi;

#if DELAY != NEVER
  /* dueIn: `due` is 0 for never, 1 for later, 2 for now. */
  do
  :: atomic { k < SLOTS && state[k] == FILLING -> due = 2; k++ }
  :: atomic { k < SLOTS && state[k] == FILLING && DELAY == SOME_TIME -> due = (due == 2 -> 2 : 1); k++ }
  :: atomic { k < SLOTS && state[k] != FILLING -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
  if
  :: due == 2 ->
     sealDue();
     if
     :: found > 0 -> atomic { found = 0; due = 0; readyTickets = readyTickets & ~BIT(me); goto next }
     :: else
     fi
  :: else
  fi;
#endif
#ifdef MUTATE_CONSUMER_TICKET_AFTER_LOOK
  atomic { takeTicket(readyTickets, me) };
#endif
  wait(readyTickets, readyWaiters, readyAsleep, me, due > 0, 0);
  due = 0;
  goto next;

running:
#ifdef STOP
  /* The model may reject the batch, which ends the thread. */
  if
  :: atomic { true -> consumerFailed = true; goto over }
  :: true
  fi;
#endif
#ifdef SINK
  atomic { checkBatch(slot); held[slot] = false; state[slot] = DONE };
  signalDoneOrPutOff();
#else
#ifdef MUTATE_SIGNAL_BEFORE_CHANGE
  signalFree(0);
#endif
  atomic { checkBatch(slot); held[slot] = false; setFree(slot) };
#if !defined(MUTATE_SIGNAL_BEFORE_CHANGE) && !defined(MUTATE_RELEASE_UNSIGNALLED)
  signalFreeOrPutOff();
#endif
#endif
  atomic { slot = 0; goto next };

over:
  atomic { readyTickets = readyTickets & ~BIT(me); slot = 0; putOff = 0; ended++; goto gone };
  /* Consumers do not die, but share steps with producers, in which this label is named. */
died:
  assert(false);
gone:
  skip
}
