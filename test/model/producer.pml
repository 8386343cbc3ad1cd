/*
 * What a producer does with the ring under the lock: src/ring/producer-side.ts. Parts of the lane's process: `me`, the
 * claim (`split`, `row`, `slot`, `entry`, `first`, `count`) and `found`, `fill`, `k`, `j` are its variables.
 */

/* A run of rows into the table of an open slot. Only the caller's lock makes it one step. */
inline enter(s) {
  first = claimed[s];
  if
  :: true -> count = 1
  :: WANT > 1 && BUCKETS == 1 && ROWS - row > 1 -> count = 2
  fi;
  if
  :: count > CAPACITY - first -> count = CAPACITY - first
  :: else
  fi;
  entry = runs[s];
  assert(count > 0);
  assert(entry < CAPACITY);
  mayDie(1);
#ifdef MUTATE_RUNS_RAISED_FIRST
  runs[s] = entry + 1;
  mayDie(1);
#endif
  /* Below RUNS nobody reads: a death among these writes is one before them. */
  d_step {
    runLane[RUN(s, entry)] = me;
    runSplit[RUN(s, entry)] = split;
    runRow[RUN(s, entry)] = row;
    runFirst[RUN(s, entry)] = first;
    runCount[RUN(s, entry)] = count;
    runStatus[RUN(s, entry)] = CLAIMED;
    runs[s] = entry + 1
  };
  mayDie(1);
  claimed[s] = first + count;
#ifdef HOLD
  splitBlocked[split] = false;
#endif
  freeTickets = freeTickets & ~BIT(me)
}

/* #seal */
inline sealNumbered(s) {
#ifdef FIXED
  atomic {
    mayDie(1);
    if
#ifndef MUTATE_NUMBERED_AGAIN
    :: batch[s] > 0 -> fill = batch[s]
#endif
    :: else -> fill = splitBatches[split] + 1
    fi;
    batch[s] = fill;
    mayDie(1);
    splitBatches[split] = fill;
    fill = 0
  }
#endif
  seal(s, 1)
}

/* #freeSlot: the first FREE one + 1 into `found`, if this lane may have it. */
inline freeSlot() {
  do
  :: atomic {
       k < SLOTS ->
       if
       :: state[k] == FREE ->
          found = (found == 0 -> k + 1 : found);
#ifdef FIXED
          count++
#endif
       :: else
       fi;
       k++
     }
  :: atomic {
       k == SLOTS ->
       k = 0;
#ifdef FIXED
       keepReserved();
#endif
       break
     }
  od
}

#ifdef FIXED
/* #reserved: `count` slots are FREE, and `fill` of them are kept for the first split. */
inline keepReserved() {
  d_step {
    if
    :: split == firstSplit
    :: split != firstSplit && splitLane[firstSplit] == 0 -> fill = BUCKETS
    :: split != firstSplit && splitLane[firstSplit] != 0 ->
       do
       :: k < BUCKETS ->
          fill = fill + (open[PLACE_OF(splitLane[firstSplit] - 1, k)] == 0 -> 1 : 0);
          k++
       :: else -> break
       od;
       fill = (fill == 0 -> 1 : fill);
       k = 0
    fi;
#ifdef MUTATE_NOTHING_RESERVED
    fill = 0;
#endif
    if
    :: split != firstSplit && count <= fill -> found = 0
    :: else
    fi;
    fill = 0;
    count = 0
  }
}
#endif

/* FREE to FILLING. A death among the first words is one before them: nobody reads those of a FREE slot. */
inline openSlot() {
  atomic {
    mayDie(1);
    slot = found - 1;
    found = 0;
    d_step {
      place[slot] = PLACE_OF(me, BUCKET_OF(split, row));
      claimed[slot] = 0;
      settled[slot] = 0;
#ifndef MUTATE_VOIDED_NOT_RESET
      voided[slot] = 0;
#endif
#ifdef FIXED
      batch[slot] = 0;
#endif
      runs[slot] = 0;
      state[slot] = FILLING
    };
    mayDie(1);
    open[place[slot]] = slot + 1
  }
}

/* The fullest open slot is sealed, if nothing else can move. */
inline sendOnFullest() {
  do
  :: atomic {
       k < SLOTS ->
       if
       :: state[k] == READY || state[k] == SEALED -> found = 0; k = SLOTS
       :: state[k] == FILLING && (found == 0 || claimed[k] > fill) -> found = k + 1; fill = claimed[k]; k++
       :: else -> k++
       fi
     }
  :: atomic { k == SLOTS -> k = 0; fill = 0; break }
  od;
  if
  :: found > 0 ->
     seal(found - 1, 1);
     found = 0
  :: else
  fi
}

/* The end of finishSplit's critical section. Of these words only the loader reads one outside the lock: `firstSplit`. */
inline splitIsDone() {
  mayDie(1);
  splitDone[split] = true;
  mayDie(1);
  advanceFirstSplit();
  mayDie(1);
  lock = NOBODY
}

/* ring.ts: the first split that is not done. */
inline advanceFirstSplit() {
  d_step {
    do
    :: firstSplit < SPLITS && splitDone[firstSplit] -> firstSplit++
    :: else -> break
    od
  }
}
