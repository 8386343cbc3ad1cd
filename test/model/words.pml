/*
 * The words of src/ring/protocol.ts, the bounds, and what the model adds to them in order to check. Bounds come by -D:
 * see configurations.mjs.
 */

#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef LANES
#define LANES 2
#endif
#ifndef BUCKETS
#define BUCKETS 1
#endif
/* Rows in a slot, in every bucket. */
#ifndef CAPACITY
#define CAPACITY 2
#endif
#ifndef SPLITS
#define SPLITS 2
#endif
/* Rows in a split. */
#ifndef ROWS
#define ROWS 2
#endif
/* Rows that a producer has at hand for one claim: 1, or 1 or 2. */
#ifndef WANT
#define WANT 1
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
/* Producers that may die, all lanes together. */
#ifndef DEATHS
#define DEATHS 0
#endif

/* maxDelayMicros: Infinity, 0, or a time that passes when it will. */
#define NEVER 0
#define AT_ONCE 1
#define SOME_TIME 2
#ifndef DELAY
#define DELAY NEVER
#endif

/*
 * On where they are defined:
 *   FIXED        batch.order fixed
 *   SINK         outputs are drained; else whoever consumes a slot gives it back itself
 *   LOADER       main consumes, in the order of splits; takes the place of consumer and sink
 *   HOLD         the loader's user may ask for a batch before giving others back
 *   CLOSED_LOOP  a split's next row is there only once the row before it has run
 *   STOP         consumers may fail, and main may stop the stream at any time
 *   LEAVE        main may send the last consumer away at any time
 */
#ifdef FIXED
#define PLACES (LANES * BUCKETS)
#define PLACE_OF(lane, bucket) ((lane) * BUCKETS + (bucket))
#else
#define PLACES BUCKETS
#define PLACE_OF(lane, bucket) (bucket)
#endif

/* SlotState */
#define FREE 0
#define FILLING 1
#define SEALED 2
#define READY 3
#define RUNNING 4
#define DONE 5
#define DRAINING 6

/* RunStatus */
#define CLAIMED 0
#define COMMITTED 1
#define VOID 2

/* RingStatus */
#define OPEN 0
#define ENDED 1
#define ABORTED 2

/* Owners of the lock. */
#define NOBODY 0
#define MAIN 1
#define LANE_OWNER(lane) (2 + (lane))
#define CONSUMER_OWNER(consumer) (2 + LANES + (consumer))

#define BIT(n) (1 << (n))
#define ROW_ID(split, row) ((split) * ROWS + (row))
#define TOTAL_ROWS (SPLITS * ROWS)
#define HAS_RUN(split, row) ((ran >> ROW_ID(split, row)) & 1)
/* Neighbouring rows are in different buckets. */
#define BUCKET_OF(split, row) (((split) + (row)) % BUCKETS)

/*
 * What stands in a word that nobody may rely on, such as those of a FREE slot: a step that forgets to set one reads
 * this and fails, and all that a slot may have been through makes one state.
 */
#define STALE 15

byte lock;
byte status;

byte state[SLOTS];
byte place[SLOTS] = STALE;
byte claimed[SLOTS] = STALE;
byte settled[SLOTS] = STALE;
byte runs[SLOTS] = STALE;
byte voided[SLOTS] = STALE;
#ifdef FIXED
byte batch[SLOTS] = STALE;
#endif

/* The slot of a place + 1; 0 for none. */
byte open[PLACES];

#define RUN(slot, run) ((slot) * CAPACITY + (run))
byte runLane[SLOTS * CAPACITY] = STALE;
#ifdef HOLD
/* A loader that asks whether it is stuck reads this of slots that are just being opened. */
byte runSplit[SLOTS * CAPACITY];
#else
byte runSplit[SLOTS * CAPACITY] = STALE;
#endif
byte runRow[SLOTS * CAPACITY] = STALE;
byte runFirst[SLOTS * CAPACITY] = STALE;
byte runCount[SLOTS * CAPACITY] = STALE;
byte runStatus[SLOTS * CAPACITY] = STALE;

byte splitLane[SPLITS];
byte splitCommitted[SPLITS];
#ifdef FIXED
byte splitBatches[SPLITS];
#endif
bool splitDone[SPLITS];
#ifdef HOLD
/* Its producer waits for a slot. */
bool splitBlocked[SPLITS];
#endif
byte firstSplit;
byte nextSplit;

/* What main keeps to itself: lanes whose producer has not come to its end, and what it has told the sink. */
byte lanesLeft = LANES;
#ifdef SINK
bool sinkKnowsTheEnd;
#endif
#ifdef LEAVE
/* CONSUMERS of the header leaves the last one out. */
bool dismissed;
#endif

/* The checks' own: what lies in each row of the arena, who holds a slot, which rows ran, how many are drained. */
byte content[SLOTS * CAPACITY] = STALE;
bool held[SLOTS];
int ran;
#ifdef SINK
byte drained;
#endif
#ifdef HOLD
/* The loader says that nothing can come before the user gives a batch back. */
bool saysStuck;
#endif
byte deaths = DEATHS;

/* Threads that have come to their end. */
byte ended;
#if defined(SINK) && defined(STOP)
#define THREADS (LANES + CONSUMERS + 2)
#elif defined(SINK) || defined(STOP) || defined(LEAVE)
#define THREADS (LANES + CONSUMERS + 1)
#else
#define THREADS (LANES + CONSUMERS)
#endif
