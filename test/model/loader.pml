/*
 * The loader in fixed order: main consumes itself, and the user gives the slots back (src/ring/loader-side.ts,
 * src/job/loader.ts). With HOLD the user may ask for the next batch before giving back those it has.
 */

#define IS_NEXT(s) (runSplit[RUN(s, 0)] == split && batch[s] == next)

#ifdef HOLD
/* `found` says so. The slots' states are looked at one after the other, while producers go on. */
inline isStuck() {
  atomic {
    do
    :: k < SLOTS -> found = found || held[k]; k++
    :: else -> break
    od;
    k = 0
  };
#ifndef MUTATE_STUCK_UNLOCKED
  /* Under the lock: what comes next is not there, its producer waits for a slot, and none is free. */
  atomic {
    found == 0 || lock == NOBODY ->
    found = found && split < SPLITS && splitBlocked[split % SPLITS];
    do
    :: k < SLOTS -> found = found && state[k] != FREE && !(state[k] == READY && IS_NEXT(k)); k++
    :: else -> break
    od;
    k = 0
  }
#else
  do
  :: atomic { k < SLOTS && state[k] == FREE -> found = 0; k++ }
  :: atomic { k < SLOTS && state[k] != FREE -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
  do
  :: atomic { k < SLOTS && state[k] == SEALED && IS_NEXT(k) -> found = 0; k++ }
  :: atomic { k < SLOTS && !(state[k] == SEALED && IS_NEXT(k)) -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
  do
  :: atomic { k < SLOTS && state[k] == FILLING && runSplit[RUN(k, 0)] <= split -> found = 0; k++ }
  :: atomic { k < SLOTS && !(state[k] == FILLING && runSplit[RUN(k, 0)] <= split) -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od
#endif
}
#endif

inline giveBack(s) {
  atomic { checkBatch(s); held[s] = false; setFree(s) }
  signalFreeOrPutOff()
}

proctype Loader() {
  byte slot, found;
  /* The batch that comes next. */
  byte split, next = 1;
  byte k, i, j, n;
  bit putOff;

again:
  atomic { takeTicket(readyTickets, 0) };

  /*
   * take: the batch that comes next, if it is READY. Only the loader takes READY away, and `firstSplit` only grows, so
   * what the loader sees is what it would see if it looked at everything in one moment.
   */
  atomic {
    do
    :: split < firstSplit && splitBatches[split] == next - 1 -> split++; next = 1
    :: else -> break
    od;
    do
    :: k < SLOTS && state[k] == READY && IS_NEXT(k) ->
       state[k] = RUNNING;
       slot = k;
       k = 0;
       assert(!held[slot]);
#ifdef HOLD
       assert(!saysStuck);
#endif
       held[slot] = true;
       next++;
       readyTickets = 0;
       goto running
    :: k < SLOTS && !(state[k] == READY && IS_NEXT(k)) -> k++
    :: k == SLOTS -> k = 0; break
    od
  };

  if
  :: putOff -> putOff = 0; signalFree(0)
  :: else
  fi;

  /* nothingWillCome */
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
#ifdef HOLD
  isStuck();
  if
  :: found > 0 ->
     /* Either it throws, which stops the stream, or we see whether it would have been right: then nothing may come. */
     atomic { found = 0; saysStuck = true };
     wait(readyTickets, readyWaiters, readyAsleep, 0, 1, 0);
     if
     :: true -> goto again
     :: atomic { true -> status = ABORTED };
        signalFree(0);
        goto gone
     fi
  :: else
  fi;
#endif
  wait(readyTickets, readyWaiters, readyAsleep, 0, 0, 0);
  goto again;

running:
#ifdef HOLD
  do
  :: held[slot] -> giveBack(slot)
  :: held[(slot + 1) % SLOTS] -> giveBack((slot + 1) % SLOTS)
  :: held[(slot + 2) % SLOTS] -> giveBack((slot + 2) % SLOTS)
  :: atomic { true -> slot = 0; goto again }
  od;
#else
  giveBack(slot);
  atomic { slot = 0; goto again };
#endif

over:
#ifdef HOLD
  assert(!saysStuck);
  do
  :: k < SLOTS && held[k] -> giveBack(k); k++
  :: k < SLOTS && !held[k] -> k++
  :: k == SLOTS -> k = 0; break
  od;
#endif
  goto gone;
died:
  assert(false);
gone:
  atomic { readyTickets = 0; putOff = 0; ended++ }
}
