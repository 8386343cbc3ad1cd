/*
 * Death, the lock and the event counts (src/util/mutex.ts, src/util/event-count.ts).
 *
 * One `atomic` holds at most one step that another live thread may see, or be held up by. What stands beside it in the
 * same block are words that only the owner of the lock reads, the lock's taking before and its giving back after: moved
 * next to that step, they leave every other thread the same view. Death may still come before each write, where it
 * makes a difference: `mayDie` is a choice inside the block.
 */

/* `mortal` is 1 in the steps of a producer, 0 in the same steps taken by threads that do not die. */
inline mayDie(mortal) {
  if
  :: mortal && deaths > 0 -> deaths--; goto died
  :: true
  fi
}

/*
 * That whoever waits for the lock gets it, whoever dies, is what mutex.pml is about. Here a thread waits until it is
 * free, and may die waiting.
 */
inline takeLock(owner, mortal) {
  if
  :: lock == NOBODY -> lock = owner
  :: mortal && deaths > 0 -> deaths--; goto died
  fi
}

inline unlock(mortal) {
  atomic { mayDie(mortal); lock = NOBODY }
}

/*
 * An event: instead of the count, which only ever grows, the model keeps who has a ticket that is still good, that is,
 * no signal came since. The number of waiters is kept as in the code: it is not lowered when a thread dies asleep.
 */
byte readyTickets;
byte readyWaiters;
byte readyAsleep;
byte freeTickets;
byte freeWaiters;
byte freeAsleep;
byte doneTickets;
byte doneWaiters;
byte doneAsleep;

inline takeTicket(tickets, who) {
  tickets = tickets | BIT(who)
}

inline signal(tickets, waiters, asleep, mortal) {
  atomic { mayDie(mortal); tickets = 0 }
  atomic {
    mayDie(mortal);
    if
    :: waiters > 0 -> asleep = 0
    :: else
    fi
  }
}

#define signalReady(mortal) signal(readyTickets, readyWaiters, readyAsleep, mortal)
#define signalFree(mortal) signal(freeTickets, freeWaiters, freeAsleep, mortal)
#define signalDone(mortal) signal(doneTickets, doneWaiters, doneAsleep, mortal)

/*
 * A signal that may be put off (src/ring/put-off.ts) until whoever gives it is about to sleep: how many changes one signal is
 * good for, and for how long, is left open.
 */
inline signalFreeOrPutOff() {
  if
  :: atomic { true -> putOff = 1 }
  :: true -> putOff = 0; signalFree(0)
  fi
}

inline signalDoneOrPutOff() {
  if
  :: atomic { true -> putOff = 1 }
  :: true -> putOff = 0; signalDone(0)
  fi
}

/* `timed`: the wait has a time-out, which may always come to pass. */
inline wait(tickets, waiters, asleep, who, timed, mortal) {
#ifndef MUTATE_WAITERS_COUNTED_LATE
  atomic { mayDie(mortal); waiters++ }
#endif
  atomic {
    mayDie(mortal);
    if
    :: tickets & BIT(who) -> asleep = asleep | BIT(who)
    :: else
    fi;
    tickets = tickets & ~BIT(who)
  }
#ifdef MUTATE_WAITERS_COUNTED_LATE
  atomic { mayDie(mortal); waiters++ }
#endif
  atomic {
    if
    :: (asleep & BIT(who)) == 0 || timed
    :: mortal && deaths > 0 -> deaths--; goto died
    fi;
    asleep = asleep & ~BIT(who);
    waiters--
  }
}

/* The signal for a consumer that may be about to sleep: asking whether somebody waits would come too early. */
inline signalReadyAnyhow(mortal) {
#ifdef MUTATE_WAITERS_ASKED
  if
  :: atomic { readyWaiters == 0 -> mayDie(mortal) }
  :: atomic { readyWaiters > 0 -> mayDie(mortal) };
#endif
     signalReady(mortal)
#ifdef MUTATE_WAITERS_ASKED
  fi
#endif
}
