/*
 * The mutex of src/util/mutex.ts by itself, step by step: threads that take the lock and give it back, of which one may
 * die wherever it is, and main, which takes back what the dead held. ring.pml rests on what is shown here: one inside at
 * a time, and whoever wants to get in does, whoever dies.
 *
 * With FEEDER: two tasks of main, of which one takes the lock synchronously (src/produce/feeder.ts on the thread of a
 * loader).
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif

#define NOBODY 0
#define MAIN 1
#define OWNER(thread) (2 + (thread))
#define BIT(n) (1 << (n))

byte lock;
byte sleepers;
/* Who sleeps: a bit each; notify wakes any one of them, which covers the one that came first. */
byte asleep;
byte deaths = DEATHS;
byte inside;
byte ended;

inline mayDie(mortal) {
  if
  :: mortal && deaths > 0 -> deaths--; goto died
  :: true
  fi
}

/*
 * lock and lockAsync. Spinning is a compare-and-swap that succeeds, sooner or later, or never does: a thread that waits
 * at the first line below may still succeed there, or give up and sleep.
 */
inline takeLock(who, owner, mortal) {
  if
  :: atomic { lock == NOBODY -> mayDie(mortal); lock = owner }
  :: atomic { lock != NOBODY -> mayDie(mortal) };
#ifndef MUTATE_SLEEPER_UNCOUNTED
     atomic { mayDie(mortal); sleepers++ };
#endif
     do
     :: atomic { lock == NOBODY -> mayDie(mortal); lock = owner; break }
     :: atomic { lock != NOBODY -> mayDie(mortal); holder = lock };
        atomic {
          mayDie(mortal);
#ifdef MUTATE_SLEEPS_UNCHECKED
          asleep = asleep | BIT(who);
#else
          asleep = (lock == holder -> asleep | BIT(who) : asleep);
#endif
          holder = 0
        };
        atomic {
          if
          :: (asleep & BIT(who)) == 0
          :: mortal && deaths > 0 -> deaths--; goto died
          fi
        }
     od;
#ifndef MUTATE_SLEEPER_UNCOUNTED
     atomic { mayDie(mortal); sleepers-- }
#endif
  fi
}

inline unlock(mortal) {
  atomic { mayDie(mortal); lock = NOBODY };
  if
  :: atomic { sleepers == 0 -> mayDie(mortal) }
  :: atomic { sleepers > 0 -> mayDie(mortal) };
     atomic { mayDie(mortal); notify() }
  fi
}

inline notify() {
  if
  :: asleep & BIT(0) -> asleep = asleep & ~BIT(0)
  :: asleep & BIT(1) -> asleep = asleep & ~BIT(1)
  :: asleep & BIT(2) -> asleep = asleep & ~BIT(2)
  :: asleep == 0
  fi
}

#ifndef FEEDER
proctype Thread(byte me) {
  byte rounds, holder;
  bool isIn;

again:
  do
  :: rounds == ROUNDS -> break
  :: rounds < ROUNDS ->
     takeLock(me, OWNER(me), 1);
     atomic { mayDie(1); inside++; isIn = true; assert(inside == 1) };
     atomic { mayDie(1); inside--; isIn = false; rounds++ };
     unlock(1)
  od;
  atomic { ended++; goto gone };

died:
  atomic { asleep = asleep & ~BIT(me); holder = 0 };
  /* Main learns of it. */
  if
  :: atomic { lock == OWNER(me) -> inside = inside - isIn; isIn = false };
#ifndef MUTATE_LOCK_LEFT
     unlock(0)
#endif
  :: lock != OWNER(me)
  fi;
#ifndef MUTATE_RECOVERED_UNLOCKED
  takeLock(me, MAIN, 0);
  atomic { inside++; assert(inside == 1) };
  atomic { inside-- };
  unlock(0);
#endif
  goto again;
gone:
  skip
}
#else

/* Tasks of one thread: one runs at a time, up to its next await. */
bool mainIsBusy;

inline becomesMain() {
  atomic { !mainIsBusy -> mainIsBusy = true }
}

inline awaits() {
  mainIsBusy = false;
  becomesMain()
}

/* LoaderSide.#sealDue: `await lockAsync()` gives the thread away even where the lock was free. */
proctype SealDue() {
  byte holder;
  becomesMain();
#ifndef MUTATE_HELD_ACROSS_AWAIT
  /* Takes it if it is free, without an await, and looks again later if it is not. */
  do
  :: atomic { lock == NOBODY -> lock = MAIN; break }
  :: lock != NOBODY -> awaits()
  od;
#else
  takeLock(0, MAIN, 0);
  awaits();
#endif
  atomic { inside++; assert(inside == 1) };
  atomic { inside-- };
  unlock(0);
  atomic { mainIsBusy = false; ended++; goto gone };
died:
  assert(false);
gone:
  skip
}

/* Feeder: claims and commits with the lock taken synchronously. */
proctype Feeder() {
  byte holder;
  becomesMain();
  takeLock(1, MAIN, 0);
  atomic { inside++; assert(inside == 1) };
  atomic { inside-- };
  unlock(0);
  atomic { mainIsBusy = false; ended++; goto gone };
died:
  assert(false);
gone:
  skip
}
#endif

init {
#ifdef FEEDER
  atomic { run SealDue(); run Feeder() };
  ended == 2;
#else
  byte i;
  atomic {
    do
    :: i < THREADS -> run Thread(i); i++
    :: else -> break
    od
  };
  ended == THREADS;
#endif
  assert(lock == NOBODY && inside == 0)
}
