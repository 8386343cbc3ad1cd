/*
 * A lane: its producer (src/ring/producer-side.ts, src/produce/task.ts) and, when that has died, what main does about it
 * (src/produce/producers.ts). They take turns, so one process is both.
 */

/* Lanes differ by their number alone: call the one that gets the first split lane 0. */
#define MAY_WIN (me == 0 || split > 0 || splitLane[0] != 0)

proctype Lane(byte me) {
  byte split, row;
  /* The claim. */
  byte slot, entry, first, count;
  /* For a moment only. */
  byte found, fill, k, j;

takeSplit:
  atomic { mayDie(1); split = nextSplit };
  do
  :: atomic {
       split < SPLITS && MAY_WIN ->
       mayDie(1);
       if
       :: splitLane[split] == 0 -> splitLane[split] = me + 1; break
       :: else -> split++
       fi
     }
  :: atomic { split == SPLITS -> goto noSplitLeft }
  od;
  atomic { mayDie(1); nextSplit = split + 1 };

produce:
  if
  :: row == ROWS -> goto finishSplit
  :: else
  fi;

claim:
#ifdef CLOSED_LOOP
  atomic {
    if
    :: row == 0 || HAS_RUN(split, row - 1)
    :: deaths > 0 -> deaths--; goto died
    fi
  };
#endif
#ifndef MUTATE_TICKET_AFTER_LOOK
  atomic { mayDie(1); takeTicket(freeTickets, me) };
#endif
#if defined(STOP) || defined(HOLD)
  atomic {
    if
    :: status == ABORTED -> freeTickets = freeTickets & ~BIT(me); goto over
    :: else
    fi
  };
#endif
  atomic {
    takeLock(LANE_OWNER(me), 1);
    if
    :: open[PLACE_OF(me, BUCKET_OF(split, row))] > 0 ->
       slot = open[PLACE_OF(me, BUCKET_OF(split, row))] - 1;
       enter(slot);
       if
       :: first + count < CAPACITY -> mayDie(1); lock = NOBODY; goto commit
       :: else -> goto filled
       fi
    :: else
    fi
  };
  freeSlot();
  if
  :: found == 0 -> goto noSlot
  :: else
  fi;
  openSlot();
  atomic {
    enter(slot);
    if
    :: first + count < CAPACITY -> skip
    :: else -> goto filled
    fi
  };
#if DELAY != NEVER && !defined(MUTATE_OPENING_UNSIGNALLED)
  signalReadyAnyhow(1);
#endif
  atomic { mayDie(1); lock = NOBODY; goto commit };
filled:
  sealNumbered(slot);
  unlock(1);

commit:
  /* Writes the rows, and commits them. Nobody may look at the rows before, so their writing is a part of this step. */
  atomic {
    takeLock(LANE_OWNER(me), 1);
    mayDie(1);
    assert(state[slot] == FILLING || state[slot] == SEALED);
    d_step {
      do
      :: j < count ->
         content[RUN(slot, first + j)] = ROW_ID(split, row + j);
         j++
      :: else -> break
      od;
      j = 0;
      first = 0
    };
#ifdef MUTATE_COMMITTED_ROWS_FIRST
    splitCommitted[split] = row + count;
    mayDie(1);
#endif
    runStatus[RUN(slot, entry)] = COMMITTED;
    mayDie(1);
    splitCommitted[runSplit[RUN(slot, entry)]] = runRow[RUN(slot, entry)] + count;
    mayDie(1);
    settled[slot] = settled[slot] + count;
    row = row + count;
    entry = 0;
    count = 0;
    if
    :: !IS_SETTLED(slot) -> mayDie(1); lock = NOBODY; slot = 0; goto produce
    :: else
    fi
  };
  settle(slot, 1);
  atomic { mayDie(1); lock = NOBODY; slot = 0; goto produce };

noSlot:
#if !defined(FIXED) && !defined(MUTATE_FULLEST_KEPT)
  sendOnFullest();
#endif
#ifdef HOLD
  atomic { mayDie(1); splitBlocked[split] = true };
#endif
  unlock(1);
#ifdef MUTATE_TICKET_AFTER_LOOK
  atomic { mayDie(1); takeTicket(freeTickets, me) };
#endif
#ifdef FIXED
  signalReadyAnyhow(1);
#endif
  wait(freeTickets, freeWaiters, freeAsleep, me, 0, 1);
  goto claim;

finishSplit:
#ifdef FIXED
  atomic { takeLock(LANE_OWNER(me), 1) };
  do
  :: atomic { k < BUCKETS && open[PLACE_OF(me, k)] > 0 -> slot = open[PLACE_OF(me, k)] - 1; k++ };
     sealNumbered(slot);
     slot = 0
  :: atomic { k < BUCKETS && open[PLACE_OF(me, k)] == 0 -> k++ }
  :: atomic { k == BUCKETS -> k = 0; splitIsDone(); break }
  od;
#ifndef MUTATE_FINISH_UNSIGNALLED
  signalFree(1);
#endif
  signalReady(1);
#else
  atomic { takeLock(LANE_OWNER(me), 1); splitIsDone() };
#endif
  atomic { row = 0; split = 0; goto takeSplit };

died:
  atomic {
    freeTickets = freeTickets & ~BIT(me);
    freeAsleep = freeAsleep & ~BIT(me);
    slot = 0;
    entry = 0;
    first = 0;
    count = 0;
    found = 0;
    fill = 0;
    j = 0;
    k = 0
  };
  recover();
  if
  :: split < SPLITS -> goto produce
  :: split == SPLITS -> atomic { split = 0; goto takeSplit }
  fi;

noSplitLeft:
  atomic {
    lanesLeft--;
    if
    :: lanesLeft == 0
    :: else -> goto over
    fi
  };
  endStream();
over:
  atomic { split = 0; row = 0; ended++ }
}
