// @ts-check
// What is checked: the model within bounds, the model with one step broken, and the code's faults that are known.

/**
 * @typedef {object} Configuration
 * @property {string} name
 * @property {string} what
 * @property {'ring' | 'mutex' | 'online'} model
 * @property {Readonly<Record<string, number | string>>} define bounds, and what is on
 * @property {boolean} [large] compiling it well pays
 * @property {boolean} [cycles] looks for runs without an end, instead of for dead ends
 */

/** @type {readonly Configuration[]} */
export const CONFIGURATIONS = [
  {
    name: 'mutex',
    what: 'the mutex by itself: three threads, of which one may die, and main',
    model: 'mutex',
    define: { THREADS: 3, ROUNDS: 2, DEATHS: 1 },
  },
  {
    name: 'feeder',
    what: 'the mutex between two tasks of the main thread, of which one takes it synchronously',
    model: 'mutex',
    define: { FEEDER: 1 },
  },
  {
    name: 'any',
    what: 'two lanes fill the same slots, and more rows than fit',
    model: 'ring',
    define: { LANES: 2, SPLITS: 2, ROWS: 3 },
  },
  {
    name: 'any-death',
    what: 'two lanes fill the same slots; one producer may die',
    model: 'ring',
    define: { LANES: 2, SPLITS: 2, ROWS: 2, DEATHS: 1 },
    large: true,
  },
  {
    name: 'alone',
    what: 'one lane, more rows than fit, in runs of one or two; producers may die twice',
    model: 'ring',
    define: { LANES: 1, SPLITS: 2, ROWS: 3, WANT: 2, DEATHS: 2 },
  },
  {
    name: 'ends',
    what: 'the same: no run goes on for ever',
    model: 'ring',
    define: { LANES: 1, SPLITS: 2, ROWS: 3, WANT: 2, DEATHS: 2 },
    cycles: true,
  },
  {
    name: 'sink',
    what: 'with a sink between the consumer and free slots',
    model: 'ring',
    define: { SINK: 1, LANES: 1, SPLITS: 2, ROWS: 2, WANT: 2, DEATHS: 1 },
    large: true,
  },
  {
    name: 'consumers',
    what: 'two consumers, two slots of one row',
    model: 'ring',
    define: { CONSUMERS: 2, LANES: 1, SPLITS: 2, ROWS: 3, CAPACITY: 1 },
    large: true,
  },
  {
    name: 'leave',
    what: 'the same with one split; one of the consumers is sent away at any moment',
    model: 'ring',
    define: { CONSUMERS: 2, LEAVE: 1, LANES: 1, SPLITS: 1, ROWS: 3, CAPACITY: 1 },
    large: true,
  },
  {
    name: 'buckets',
    what: 'three buckets in two slots: the fullest must be sent on',
    model: 'ring',
    define: { BUCKETS: 3, LANES: 2, SPLITS: 2, ROWS: 2 },
  },
  {
    name: 'buckets-death',
    what: 'the same with one lane and more rows; producers may die twice',
    model: 'ring',
    define: { BUCKETS: 3, LANES: 1, SPLITS: 2, ROWS: 3, DEATHS: 2 },
  },
  {
    name: 'delay',
    what: 'a delay that passes when it will; the next row comes once the one before has run',
    model: 'ring',
    define: { DELAY: 'SOME_TIME', CLOSED_LOOP: 1, LANES: 2, SPLITS: 2, ROWS: 2 },
  },
  {
    name: 'latency',
    what: 'delay 0: an idle consumer takes what there is',
    model: 'ring',
    define: { DELAY: 'AT_ONCE', CLOSED_LOOP: 1, LANES: 2, SPLITS: 2, ROWS: 2 },
  },
  {
    name: 'latency-death',
    what: 'the same from a source that does not wait, and with a death',
    model: 'ring',
    define: { DELAY: 'AT_ONCE', LANES: 1, SPLITS: 2, ROWS: 2, DEATHS: 1 },
  },
  {
    name: 'fixed',
    what: 'fixed order: two lanes, three splits, a loader that hands out batches in their order',
    model: 'ring',
    define: { FIXED: 1, LOADER: 1, LANES: 2, SPLITS: 3, ROWS: 3 },
    large: true,
  },
  {
    name: 'fixed-death',
    what: 'the same with splits of two batches of one row; one producer may die',
    model: 'ring',
    define: { FIXED: 1, LOADER: 1, LANES: 2, SPLITS: 2, ROWS: 2, CAPACITY: 1, DEATHS: 1 },
    large: true,
  },
  {
    name: 'fixed-buckets',
    what: 'fixed order with two buckets and three slots',
    model: 'ring',
    define: { FIXED: 1, LOADER: 1, BUCKETS: 2, SLOTS: 3, LANES: 2, SPLITS: 2, ROWS: 4 },
  },
  {
    name: 'fixed-buckets-death',
    what: 'the same with one lane; producers may die twice',
    model: 'ring',
    define: { FIXED: 1, LOADER: 1, BUCKETS: 2, SLOTS: 3, LANES: 1, SPLITS: 2, ROWS: 3, DEATHS: 2 },
  },
  {
    name: 'fixed-job',
    what: 'fixed order with a consumer that takes whatever is ready; one producer may die',
    model: 'ring',
    define: { FIXED: 1, LANES: 2, SPLITS: 2, ROWS: 2, DEATHS: 1 },
    large: true,
  },
  {
    name: 'stop',
    what: 'a consumer may fail, and main may stop the stream at any time: all threads end',
    model: 'ring',
    define: { STOP: 1, SINK: 1, LANES: 1, SPLITS: 2, ROWS: 2 },
    large: true,
  },
  {
    name: 'hold',
    what: 'fixed order, and a user who asks for batches while holding others: no hang, no error without a cause',
    model: 'ring',
    define: { FIXED: 1, LOADER: 1, HOLD: 1, LANES: 2, SPLITS: 2, ROWS: 3 },
    large: true,
  },
  {
    name: 'hold-buckets',
    what: 'the same with two buckets and three slots',
    model: 'ring',
    define: { FIXED: 1, LOADER: 1, HOLD: 1, BUCKETS: 2, SLOTS: 3, LANES: 1, SPLITS: 1, ROWS: 6 },
  },
  {
    name: 'online',
    what: 'online requests, which may be ended while they wait, and a rival on the device',
    model: 'online',
    define: { SLOTS: 2, CAPACITY: 2, ROWS: 3 },
    large: true,
  },
  {
    name: 'online-consumers',
    what: 'two consumers that take turns',
    model: 'online',
    define: { SLOTS: 2, CAPACITY: 1, ROWS: 2, CONSUMERS: 2, TURNS: 0, PATIENT: 1 },
    large: true,
  },
  {
    name: 'online-stop',
    what: 'online requests whose stream is stopped at any moment',
    model: 'online',
    define: { SLOTS: 2, CAPACITY: 2, ROWS: 2, STOP: 1 },
    large: true,
  },
];

/**
 * @typedef {object} Breakage a step that is left out, or done otherwise
 * @property {string} name
 * @property {string} of the configuration that finds it
 * @property {'assertion' | 'dead end'} finds
 * @property {string} what
 */

/** -DMUTATE_<name>. @type {readonly Breakage[]} */
export const MUTATIONS = [
  {
    name: 'SLEEPER_UNCOUNTED',
    of: 'mutex',
    finds: 'dead end',
    what: 'whoever sleeps at the lock is not counted',
  },
  {
    name: 'SLEEPS_UNCHECKED',
    of: 'mutex',
    finds: 'dead end',
    what: 'sleeps at the lock without comparing its value',
  },
  {
    name: 'RECOVERED_UNLOCKED',
    of: 'mutex',
    finds: 'dead end',
    what: 'recovery does not pass through the lock where the dead did not hold it',
  },
  {
    name: 'LOCK_LEFT',
    of: 'alone',
    finds: 'dead end',
    what: 'recovery does not give back a lock that the dead held',
  },
  {
    name: 'WAITERS_COUNTED_LATE',
    of: 'any',
    finds: 'dead end',
    what: 'an event count counts its waiter after it has compared',
  },
  {
    name: 'TICKET_AFTER_LOOK',
    of: 'any',
    finds: 'dead end',
    what: 'a producer takes its ticket after looking',
  },
  {
    name: 'CONSUMER_TICKET_AFTER_LOOK',
    of: 'any',
    finds: 'dead end',
    what: 'a consumer takes its ticket after looking',
  },
  { name: 'RELEASE_UNSIGNALLED', of: 'any', finds: 'dead end', what: 'a slot becomes FREE without a signal' },
  {
    name: 'PUT_OFF_FOR_EVER',
    of: 'any',
    finds: 'dead end',
    what: 'whoever puts signals off falls asleep without having given them',
  },
  {
    name: 'SIGNAL_BEFORE_CHANGE',
    of: 'consumers',
    finds: 'dead end',
    what: 'the signal comes before the slot is FREE',
  },
  {
    name: 'SETTLED_UNCHECKED',
    of: 'any',
    finds: 'assertion',
    what: 'a sealed slot is READY whatever is settled',
  },
  { name: 'VOID_UNSETTLED', of: 'alone', finds: 'dead end', what: 'voided rows do not count as settled' },
  {
    name: 'VOIDED_NOT_RESET',
    of: 'alone',
    finds: 'assertion',
    what: 'opening a slot leaves VOIDED as it was',
  },
  {
    name: 'RUNS_RAISED_FIRST',
    of: 'alone',
    finds: 'dead end',
    what: 'RUNS is raised before the run is whole',
  },
  { name: 'SUMS_LEFT', of: 'alone', finds: 'assertion', what: 'recovery does not add up again' },
  {
    name: 'COMMITTED_ROWS_NOT_RAISED',
    of: 'alone',
    finds: 'assertion',
    what: 'recovery does not raise the committed rows to a run that was committed',
  },
  {
    name: 'COMMITTED_ROWS_FIRST',
    of: 'alone',
    finds: 'assertion',
    what: 'committed rows are raised before the run is marked',
  },
  {
    name: 'END_UNSEALED',
    of: 'alone',
    finds: 'dead end',
    what: 'the end of the stream leaves open slots open',
  },
  {
    name: 'TAKEN_UNCHECKED',
    of: 'consumers',
    finds: 'assertion',
    what: 'a consumer takes a slot without compare-and-swap',
  },
  {
    name: 'LEFT_UNTOLD',
    of: 'leave',
    finds: 'dead end',
    what: 'a consumer that is sent away leaves without the signals that it has put off',
  },
  { name: 'FULLEST_KEPT', of: 'buckets', finds: 'dead end', what: 'the fullest slot is not sent on' },
  {
    name: 'OPENING_UNSIGNALLED',
    of: 'latency',
    finds: 'dead end',
    what: 'a consumer is not told that a slot was opened',
  },
  {
    name: 'NOTHING_RESERVED',
    of: 'fixed',
    finds: 'dead end',
    what: 'later splits leave no room for the first',
  },
  {
    name: 'FINISH_UNSIGNALLED',
    of: 'fixed-buckets',
    finds: 'dead end',
    what: 'nobody is told that another split is the first',
  },
  {
    name: 'RETRACTED_NUMBER_KEPT',
    of: 'fixed-buckets-death',
    finds: 'dead end',
    what: "recovery does not take back a batch's number",
  },
  {
    name: 'NUMBERED_AGAIN',
    of: 'fixed-buckets-death',
    finds: 'dead end',
    what: 'a slot that has its number gets another one',
  },
  {
    name: 'FULL_LEFT_OPEN',
    of: 'alone',
    finds: 'assertion',
    what: 'a slot that the dead had filled and not sealed stays open: the next claim gets no row, and a run too many',
  },
  {
    name: 'WAITERS_ASKED',
    of: 'latency',
    finds: 'dead end',
    what: 'a signal only where somebody waits: a consumer about to sleep misses that a slot was opened',
  },
  {
    name: 'DEATH_UNTOLD',
    of: 'fixed-death',
    finds: 'dead end',
    what: 'recovery does not repeat the signals that the dead had still to give',
  },
  {
    name: 'END_AFTER_STOP',
    of: 'stop',
    finds: 'dead end',
    what: 'the end overwrites the status of a stream that was stopped',
  },
  {
    name: 'STUCK_UNLOCKED',
    of: 'hold',
    finds: 'assertion',
    what: 'a loader looks outside the lock whether it is stuck, and does not see who waits for a slot',
  },
  {
    name: 'HELD_ACROSS_AWAIT',
    of: 'feeder',
    finds: 'dead end',
    what: 'main waits synchronously for a lock that it holds across an await',
  },
  {
    name: 'OPENED_UNTOLD',
    of: 'online',
    finds: 'dead end',
    what: 'main does not tell consumers that sleep of a slot that it has opened',
  },
  {
    name: 'BACK_TICKET_AFTER_LOOK',
    of: 'online',
    finds: 'dead end',
    what: 'main takes its ticket after looking for slots that are done',
  },
  {
    name: 'LEFT_UNGRANTED',
    of: 'online',
    finds: 'dead end',
    what: 'whoever leaves the gate with the device lets nobody else in',
  },
  {
    name: 'ASLEEP_WITH_THE_DEVICE',
    of: 'online',
    finds: 'dead end',
    what: 'a consumer that finds nothing to run sleeps without leaving the gate',
  },
  {
    name: 'TAKEN_WITHOUT_A_LOOK',
    of: 'online',
    finds: 'assertion',
    what: 'a consumer runs rows without asking whether their request has ended',
  },
];
