/*
 * Fixed order: the batch that each row belongs to if nobody dies. The same ones must come out whatever happens.
 */

/* Written once, before anything else; so they need not be a part of every state. */
hidden byte expected[TOTAL_ROWS];
hidden byte rowsIn[BUCKETS];

/* Inside a d_step. `i`, `j`, `k` and `n` are the caller's. */
inline expectBatches() {
  i = 0;
  do
  :: i < SPLITS ->
     n = 0;
     j = 0;
     do
     :: j < ROWS ->
        rowsIn[BUCKET_OF(i, j)] = rowsIn[BUCKET_OF(i, j)] + 1;
        if
        :: rowsIn[BUCKET_OF(i, j)] == CAPACITY -> expectBatch(BUCKET_OF(i, j), j)
        :: else
        fi;
        j++
     :: else -> break
     od;
     j = 0;
     do
     :: j < BUCKETS ->
        if
        :: rowsIn[j] > 0 -> expectBatch(j, ROWS)
        :: else
        fi;
        j++
     :: else -> break
     od;
     i++
  :: else -> break
  od;
  i = 0;
  j = 0;
  k = 0;
  n = 0
}

/* What is in the bucket, up to a row, is the next batch of the split. */
inline expectBatch(bucket, last) {
  n++;
  rowsIn[bucket] = 0;
  k = 0;
  do
  :: k < ROWS && k <= last ->
     if
     :: expected[ROW_ID(i, k)] == 0 && BUCKET_OF(i, k) == bucket -> expected[ROW_ID(i, k)] = n
     :: else
     fi;
     k++
  :: else -> break
  od
}

/* A slot holds the rows of its batch, all of them, in order. In a d_step; `i`, `j` and `n` are the caller's. */
inline checkOrder(s) {
  n = 0;
  j = 0;
  do
  :: j < runs[s] ->
     assert(runSplit[RUN(s, j)] == runSplit[RUN(s, 0)]);
     assert(runStatus[RUN(s, j)] == COMMITTED);
     i = 0;
     do
     :: i < runCount[RUN(s, j)] ->
        /* `n`: the row that comes next. */
        do
        :: n < ROWS && expected[ROW_ID(runSplit[RUN(s, 0)], n)] != batch[s] -> n++
        :: else -> break
        od;
        assert(runRow[RUN(s, j)] + i == n);
        n++;
        i++
     :: else -> break
     od;
     j++
  :: else -> break
  od;
  do
  :: n < ROWS ->
     assert(expected[ROW_ID(runSplit[RUN(s, 0)], n)] != batch[s]);
     n++
  :: else -> break
  od;
  i = 0;
  j = 0;
  n = 0
}
