/* One pass over a tensor of shape [outer, units, inner]. Included once for each type of element and each width of a
 * vector: REAL, with BITS the unsigned and SIGNED the signed integer of its size, EXPONENT its bits of an infinity,
 * WIDTH bytes in a vector, TARGET the processor's extension that has them, SMALLER and LARGER of two vectors, and
 * NAME(x) to tell the inclusions apart.
 *
 * What is added up is added in 64 bytes of lanes, a stretch at a time, then in double. The order depends on the shape
 * alone, never on WIDTH, so that every processor gives the same bits.
 */

#define LANES ((int)(64 / sizeof(REAL)))
#define WORDS (64 / WIDTH)
#define IN_WORD ((int)(WIDTH / sizeof(REAL)))
#define INLINE TARGET static inline __attribute__((always_inline))
#define EACH_WORD _Pragma("GCC unroll 4") for (int w = 0; w < WORDS; w++)

typedef REAL NAME(vec) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));
typedef BITS NAME(bits) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));
typedef SIGNED NAME(mask) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));

typedef struct {
    NAME(vec) sum[WORDS], squares[WORDS], low[WORDS], high[WORDS];
    NAME(mask) zeros[WORDS];
    NAME(bits) check[WORDS];
} NAME(lanes);

INLINE void NAME(start)(NAME(lanes) *a, REAL any)
{
    NAME(vec) nothing = {0};
    EACH_WORD {
        a->sum[w] = a->squares[w] = nothing;
        a->low[w] = a->high[w] = nothing + any;
        a->zeros[w] = (NAME(mask))nothing;
        a->check[w] = (NAME(bits))nothing;
    }
}

INLINE void NAME(take)(NAME(lanes) *a, const REAL *x, const REAL *less)
{
    EACH_WORD {
        NAME(vec) v = *(const NAME(vec) *)(x + w * IN_WORD);
        a->check[w] += (NAME(bits))v;
        if (less)
            v -= *(const NAME(vec) *)(less + w * IN_WORD);
        a->sum[w] += v;
        a->squares[w] += v * v;
        a->zeros[w] += v == 0;
        a->low[w] = SMALLER(v, a->low[w]);
        a->high[w] = LARGER(v, a->high[w]);
    }
}

/* The extremes and the bits' sum of the lanes. */
INLINE void NAME(gather)(const NAME(lanes) *a, totals *t)
{
    for (int i = 0; i < LANES; i++) {
        REAL low = a->low[i / IN_WORD][i % IN_WORD], high = a->high[i / IN_WORD][i % IN_WORD];
        t->check += a->check[i / IN_WORD][i % IN_WORD];
        if (low < t->low)
            t->low = low;
        if (high > t->high)
            t->high = high;
    }
}

INLINE void NAME(take_one)(totals *t, sums *of, REAL x, const REAL *less)
{
    BITS bits;
    memcpy(&bits, &x, sizeof bits);
    t->check += bits;
    if (less)
        x -= *less;
    of->sum += x;
    of->squares += (double)x * x;
    of->zeros += x == 0;
    if (x < t->low)
        t->low = x;
    if (x > t->high)
        t->high = x;
}

/* What the lanes hold of one unit; in halves, since adding lane by lane takes longer than a short stretch itself. */
INLINE void NAME(fold)(const NAME(lanes) *a, sums *of)
{
    REAL sum[LANES], squares[LANES];
    SIGNED zeros[LANES];
    memcpy(sum, a->sum, sizeof sum);
    memcpy(squares, a->squares, sizeof squares);
    memcpy(zeros, a->zeros, sizeof zeros);
    for (int i = 0; i < LANES / 2; i++) {
        sum[i] += sum[i + LANES / 2];
        squares[i] += squares[i + LANES / 2];
        zeros[i] += zeros[i + LANES / 2];
    }
    for (int i = 0; i < LANES / 2; i++) {
        of->sum += sum[i];
        of->squares += squares[i];
        of->zeros -= zeros[i];
    }
}

/* Elements side by side, all of one unit. */
INLINE void NAME(stretch)(const REAL *x, const REAL *less, int64_t n, totals *t, sums *of)
{
    int64_t at = 0;
    while (n - at >= LANES) {
        int64_t left = (n - at) / LANES, stop = at + (left < STEPS ? left : STEPS) * LANES;
        NAME(lanes) a;
        NAME(start)(&a, less ? x[at] - less[at] : x[at]);
        for (; at < stop; at += LANES)
            NAME(take)(&a, x + at, less ? less + at : 0);
        NAME(fold)(&a, of);
        NAME(gather)(&a, t);
    }
    for (; at < n; at++)
        NAME(take_one)(t, of, x[at], less ? less + at : 0);
}

/* LANES columns side by side, one element of each in every row. */
INLINE void NAME(columns)(const REAL *x, const REAL *less, int64_t rows, int64_t width, totals *t, sums *of)
{
    for (int64_t row = 0; row < rows;) {
        int64_t stop = rows - row < STEPS ? rows : row + STEPS;
        NAME(lanes) a;
        NAME(start)(&a, less ? x[row * width] - less[row * width] : x[row * width]);
        for (; row < stop; row++)
            NAME(take)(&a, x + row * width, less ? less + row * width : 0);
        for (int i = 0; i < LANES; i++) {
            of[i].sum += a.sum[i / IN_WORD][i % IN_WORD];
            of[i].squares += a.squares[i / IN_WORD][i % IN_WORD];
            of[i].zeros -= a.zeros[i / IN_WORD][i % IN_WORD];
        }
        NAME(gather)(&a, t);
    }
}

/* Every column of [outer, width] by itself. */
INLINE void NAME(by_columns)(const REAL *x, const REAL *less, int64_t outer, int64_t width, totals *t, sums *of)
{
    int64_t column = 0;
    for (; column + LANES <= width; column += LANES)
        NAME(columns)(x + column, less ? less + column : 0, outer, width, t, of + column);
    for (int64_t row = 0; row < outer; row++)
        for (int64_t c = column; c < width; c++) {
            int64_t at = row * width + c;
            NAME(take_one)(t, of + c, x[at], less ? less + at : 0);
        }
}

INLINE void NAME(all)(const REAL *x, const REAL *less, const job *j, totals *t, sums *of)
{
    t->low = t->high = less ? x[0] - less[0] : x[0];
    if (j->columns) {
        NAME(by_columns)(x, less, j->outer, j->units * j->inner, t, of);
        return;
    }
    for (int64_t o = 0; o < j->outer; o++)
        for (int64_t unit = 0; unit < j->units; unit++) {
            int64_t at = (o * j->units + unit) * j->inner;
            NAME(stretch)(x + at, less ? less + at : 0, j->inner, t, of + unit);
        }
}

TARGET static void NAME(pass)(const job *j, totals *t, sums *of)
{
    if (j->less)
        NAME(all)(j->x, j->less, j, t, of);
    else
        NAME(all)(j->x, NULL, j, t, of);
}

TARGET static int NAME(finite)(const void *data, int64_t n)
{
    const REAL *x = data;
    NAME(bits) full = {0};
    NAME(mask) found[WORDS] = {{0}};
    int64_t at = 0;
    full += (BITS)EXPONENT;
    for (; at + LANES <= n; at += LANES)
        EACH_WORD
            found[w] |= (*(const NAME(bits) *)(x + at + w * IN_WORD) & full) == full;
    for (int i = 0; i < LANES; i++)
        if (found[i / IN_WORD][i % IN_WORD])
            return 0;
    for (; at < n; at++)
        if (!isfinite(x[at]))
            return 0;
    return 1;
}

TARGET static uint64_t NAME(bits_sum)(const void *data, int64_t n)
{
    const REAL *x = data;
    NAME(bits) lanes[WORDS] = {{0}};
    uint64_t total = 0;
    int64_t at = 0;
    for (; at + LANES <= n; at += LANES)
        EACH_WORD
            lanes[w] += *(const NAME(bits) *)(x + at + w * IN_WORD);
    for (int i = 0; i < LANES; i++)
        total += lanes[i / IN_WORD][i % IN_WORD];
    for (; at < n; at++) {
        BITS bits;
        memcpy(&bits, x + at, sizeof bits);
        total += bits;
    }
    return (BITS)total;
}

#undef LANES
#undef WORDS
#undef IN_WORD
#undef INLINE
#undef EACH_WORD
#undef REAL
#undef BITS
#undef SIGNED
#undef EXPONENT
#undef SMALLER
#undef LARGER
#undef NAME
