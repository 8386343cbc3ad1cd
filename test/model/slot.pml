/*
 * The transitions that any thread may make (src/ring/ring.ts), and what is checked of a batch.
 */

/* Nobody may rely on a FREE slot's words, or on its rows. In a d_step, or where nobody sees the steps between. */
inline forget(s) {
  place[s] = STALE;
  claimed[s] = STALE;
  settled[s] = STALE;
  runs[s] = STALE;
  voided[s] = STALE;
#ifdef FIXED
  batch[s] = STALE;
#endif
  j = 0;
  do
  :: j < CAPACITY ->
     forgetRun(RUN(s, j));
     j++
  :: else -> break
  od;
  j = 0
}

inline forgetRun(r) {
  runLane[r] = STALE;
#ifndef HOLD
  runSplit[r] = STALE;
#endif
  runRow[r] = STALE;
  runFirst[r] = STALE;
  runCount[r] = STALE;
  runStatus[r] = STALE;
  content[r] = STALE
}

inline setFree(s) {
  d_step {
    state[s] = FREE;
    forget(s)
  }
}

/* L: FILLING to SEALED, and on to READY where all its rows are settled. */
inline seal(s, mortal) {
  atomic {
    mayDie(mortal);
    assert(state[s] == FILLING);
    open[place[s]] = 0;
    mayDie(mortal);
    state[s] = SEALED
  }
  settle(s, mortal)
}

#ifdef MUTATE_SETTLED_UNCHECKED
#define IS_SETTLED(s) (state[s] == SEALED)
#else
#define IS_SETTLED(s) (state[s] == SEALED && settled[s] >= claimed[s])
#endif

/* L: SEALED to READY (or FREE, where no row is left in it), once all its rows are settled. */
inline settle(s, mortal) {
  if
  :: atomic { IS_SETTLED(s) && voided[s] == claimed[s] -> mayDie(mortal); setFree(s) };
     signalFree(mortal)
  :: atomic { IS_SETTLED(s) && voided[s] != claimed[s] -> mayDie(mortal); state[s] = READY };
     signalReady(mortal)
  :: atomic { !IS_SETTLED(s) -> skip }
  fi
}

/*
 * The batch of a slot has run: each of its rows is where its run says, and runs for the first time. Looked at when the
 * run is over, so that whoever wrote into a slot that runs is found. No batch is empty. `i`, `j` and `n` are the caller's.
 */
inline checkBatch(s) {
  d_step {
    assert(state[s] == RUNNING && claimed[s] > voided[s]);
    j = 0;
    do
    :: j < runs[s] ->
       if
       :: runStatus[RUN(s, j)] == COMMITTED ->
          i = 0;
          do
          :: i < runCount[RUN(s, j)] ->
             assert(content[RUN(s, runFirst[RUN(s, j)] + i)] == ROW_ID(runSplit[RUN(s, j)], runRow[RUN(s, j)] + i));
             assert(!HAS_RUN(runSplit[RUN(s, j)], runRow[RUN(s, j)] + i));
             ran = ran | BIT(ROW_ID(runSplit[RUN(s, j)], runRow[RUN(s, j)] + i));
             i++
          :: else -> break
          od
       :: else
       fi;
       j++
    :: else -> break
    od;
#ifdef FIXED
    checkOrder(s);
#endif
    i = 0;
    j = 0
  }
}
