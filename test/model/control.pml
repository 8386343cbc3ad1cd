/*
 * What main does when all is produced, or a producer has died: src/ring/control-side.ts. Parts of the lane's process.
 */

/* ControlSide.end, and the word to the sink that it knows all splits. */
inline endStream() {
  atomic { lock == NOBODY -> lock = MAIN };
#ifndef MUTATE_END_UNSEALED
  do
  :: atomic { k < SLOTS && state[k] == FILLING -> skip };
     seal(k, 0);
     k++
  :: atomic { k < SLOTS && state[k] != FILLING -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
#endif
  unlock(0);
#ifdef MUTATE_END_AFTER_STOP
  status = ENDED;
#else
  /* A stream that was stopped stays so. */
  status = (status == OPEN -> ENDED : status);
#endif
  signalReady(0);
  signalFree(0);
  signalDone(0);
#ifdef SINK
  sinkKnowsTheEnd = true;
  signalDone(0)
#endif
}

/* ControlSide.recover: `split` becomes the one to finish, SPLITS for none, and `row` its first that is not committed. */
inline recover() {
#ifndef MUTATE_LOCK_LEFT
  if
  :: lock == LANE_OWNER(me) ->
     addUpAgain();
     unlock(0)
  :: else
  fi;
#endif
  atomic { lock == NOBODY -> lock = MAIN };
  do
  :: atomic { k < SLOTS && (state[k] == FILLING || state[k] == SEALED) -> takeBack(k) };
#ifdef FIXED
     if
     :: found > 0 ->
        found = 0;
        signalFree(0)
     :: else
     fi;
#else
     settle(k, 0);
#endif
     k++
  :: atomic { k < SLOTS && state[k] != FILLING && state[k] != SEALED -> k++ }
  :: atomic { k == SLOTS -> k = 0; unfinished(); lock = NOBODY; break }
  od;
#ifndef MUTATE_DEATH_UNTOLD
  /* It may have died between a change and the signal that tells of it, whether it held the lock or not. */
  signalReady(0);
  signalFree(0)
#endif
}

/* L */
inline unfinished() {
  d_step {
    split = firstSplit;
    do
    :: split < SPLITS && (splitLane[split] != me + 1 || splitDone[split]) -> split++
    :: else -> break
    od;
    row = (split < SPLITS -> splitCommitted[split % SPLITS] : 0)
  }
}

#define IS_LOST(r) (runLane[r] == me && runStatus[r] == CLAIMED)

#ifdef FIXED
#define LAST_RUN(s) RUN(s, runs[s] - 1)

/* L: #retractRun; `found` says that the slot became FREE. */
inline takeBack(s) {
  d_step {
    if
    :: runs[s] > 0 && IS_LOST(LAST_RUN(s)) ->
       claimed[s] = claimed[s] - runCount[LAST_RUN(s)];
#ifndef MUTATE_RETRACTED_NUMBER_KEPT
       if
       :: batch[s] > 0 -> splitBatches[runSplit[LAST_RUN(s)]] = batch[s] - 1
       :: else
       fi;
#endif
       batch[s] = 0;
       runs[s] = runs[s] - 1;
       forgetRun(RUN(s, runs[s]));
       if
       :: runs[s] > 0 -> open[place[s]] = s + 1; state[s] = FILLING
       :: else -> open[place[s]] = 0; state[s] = FREE; forget(s); found = 1
       fi
    :: else
    fi
  }
}
#else
/* L: #voidRuns, but for the settling that follows. */
inline takeBack(s) {
  d_step {
    do
    :: j < runs[s] ->
       if
       :: IS_LOST(RUN(s, j)) ->
          runStatus[RUN(s, j)] = VOID;
          voided[s] = voided[s] + runCount[RUN(s, j)];
#ifndef MUTATE_VOID_UNSETTLED
          settled[s] = settled[s] + runCount[RUN(s, j)]
#endif
       :: else
       fi;
       j++
    :: else -> break
    od;
    j = 0
  }
}
#endif

/*
 * L, in the name of the dead. The sums of all slots and the first split in one go: nobody else is inside, and of those
 * words the loader alone reads one outside.
 */
inline addUpAgain() {
  d_step {
    do
    :: k < PLACES -> open[k] = 0; k++
    :: else -> break
    od;
    k = 0;
    do
    :: k < SLOTS ->
       if
       :: state[k] == FILLING || state[k] == SEALED ->
#ifndef MUTATE_SUMS_LEFT
          addUpSlot(k);
#endif
          open[place[k]] = (state[k] == FILLING -> k + 1 : open[place[k]])
       :: else
       fi;
       k++
    :: else -> break
    od;
    k = 0
  };
  advanceFirstSplit();
  do
  :: atomic { k < SLOTS && state[k] == SEALED -> skip };
     settle(k, 0);
     k++
#if !defined(MUTATE_FULL_LEFT_OPEN) && !defined(FIXED)
  /* The dead had filled it, and not come to seal it. */
  :: atomic { k < SLOTS && state[k] == FILLING && claimed[k] == CAPACITY -> skip };
     seal(k, 0);
     k++
  :: atomic { k < SLOTS && state[k] == FILLING && claimed[k] < CAPACITY -> k++ }
#else
  :: atomic { k < SLOTS && state[k] == FILLING -> k++ }
#endif
  :: atomic { k < SLOTS && state[k] != SEALED && state[k] != FILLING -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
  skip
}

inline addUpSlot(s) {
  claimed[s] = 0;
  settled[s] = 0;
  voided[s] = 0;
  do
  :: j < runs[s] ->
     claimed[s] = claimed[s] + runCount[RUN(s, j)];
     if
     :: runStatus[RUN(s, j)] != CLAIMED -> settled[s] = settled[s] + runCount[RUN(s, j)]
     :: else
     fi;
     if
     :: runStatus[RUN(s, j)] == VOID -> voided[s] = voided[s] + runCount[RUN(s, j)]
     :: else
     fi;
#ifndef MUTATE_COMMITTED_ROWS_NOT_RAISED
     if
     :: runStatus[RUN(s, j)] == COMMITTED &&
        runRow[RUN(s, j)] + runCount[RUN(s, j)] > splitCommitted[runSplit[RUN(s, j)]] ->
        splitCommitted[runSplit[RUN(s, j)]] = runRow[RUN(s, j)] + runCount[RUN(s, j)]
     :: else
     fi;
#endif
     j++
  :: else -> break
  od;
  j = 0
}

#ifdef LEAVE
/* ControlSide.useConsumers */
proctype Dismissal() {
  dismissed = true;
  signalReady(0);
  atomic { ended++; goto gone };
died:
  assert(false);
gone:
  skip
}
#endif

#ifdef STOP
/* A consumer has failed. */
bool consumerFailed;

/* Main stops the stream because of that, and once whenever it likes. */
proctype Stop() {
  bool sawFailure, wasAsked;
  do
  :: atomic { consumerFailed && !sawFailure -> sawFailure = true; status = ABORTED };
     signalReady(0);
     signalFree(0);
     signalDone(0)
  :: atomic { !wasAsked -> wasAsked = true; status = ABORTED };
     signalReady(0);
     signalFree(0);
     signalDone(0)
  :: atomic { ended == THREADS - 1 && (sawFailure || !consumerFailed) -> ended++; goto gone }
  od;
died:
  assert(false);
gone:
  skip
}
#endif
