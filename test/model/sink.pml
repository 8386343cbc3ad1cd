/*
 * The sink's thread (src/ring/sink-side.ts, src/sink/thread.ts).
 */
proctype Sink() {
  byte slot, k, j;
  bit putOff;

next:
  atomic { takeTicket(doneTickets, 0) };
#ifdef STOP
  atomic {
    if
    :: status == ABORTED -> goto over
    :: else
    fi
  };
#endif
  atomic {
    if
    :: sinkKnowsTheEnd && drained == TOTAL_ROWS -> goto over
    :: else
    fi
  };
  do
  :: atomic {
       k < SLOTS && state[k] == DONE ->
       state[k] = DRAINING;
       slot = k;
       k = 0;
       assert(!held[slot]);
       held[slot] = true;
       doneTickets = 0;
       goto draining
     }
  :: atomic { k < SLOTS && state[k] != DONE -> k++ }
  :: atomic { k == SLOTS -> k = 0; break }
  od;
  if
  :: putOff -> putOff = 0; signalFree(0)
  :: else
  fi;
  wait(doneTickets, doneWaiters, doneAsleep, 0, 0, 0);
  goto next;

draining:
  atomic {
    drained = drained + claimed[slot] - voided[slot];
    held[slot] = false;
    setFree(slot);
    slot = 0
  };
  signalFreeOrPutOff();
  goto next;

over:
  atomic { doneTickets = 0; putOff = 0; ended++; goto gone };
died:
  assert(false);
gone:
  skip
}
