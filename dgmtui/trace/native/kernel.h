/* One pass over a tensor of shape [outer, units, inner]. Included once for each type of element and each width of a
 * vector: REAL, with BITS the unsigned and SIGNED the signed integer of its size, EXPONENT its bits of an infinity,
 * WIDTH bytes in a vector, TARGET the processor's extension that has them, SMALLER and LARGER of two vectors, and
 * NAME(x) to tell the inclusions apart.
 *
 * What is added up is added in 64 bytes of lanes, a stretch at a time, then in double. The order depends on the shape
 * alone, never on WIDTH, so that every processor gives the same bits. Memory is read in the order in which it lies.
 */

#define LANES ((int)(64 / sizeof(REAL)))
#define WORDS (64 / WIDTH)
#define IN_WORD ((int)(WIDTH / sizeof(REAL)))
#define INLINE TARGET static inline __attribute__((always_inline))
#define EACH_WORD _Pragma("GCC unroll 4") for (int w = 0; w < WORDS; w++)

typedef REAL NAME(vec) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));
typedef BITS NAME(bits) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));
typedef SIGNED NAME(mask) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));

/* What is added up of one unit, or of columns side by side. */
typedef struct {
    NAME(vec) sum[WORDS], squares[WORDS];
    NAME(mask) zeros[WORDS];
} NAME(lanes);

/* What is the whole tensor's. */
typedef struct {
    NAME(vec) low[WORDS], high[WORDS];
    NAME(bits) check[WORDS];
} NAME(ends);

/* Read from the K-th on: all but the last K of LANES lanes are left out. */
static const SIGNED NAME(left_out)[2 * LANES] = {[LANES ... 2 * LANES - 1] = -1};

INLINE NAME(vec) NAME(at)(const REAL *x, const REAL *less, int w)
{
    NAME(vec) v = *(const NAME(vec) *)(x + w * IN_WORD);
    if (less)
        v -= *(const NAME(vec) *)(less + w * IN_WORD);
    return v;
}

INLINE void NAME(begin)(NAME(ends) *e, REAL any)
{
    NAME(vec) nothing = {0};
    EACH_WORD {
        e->low[w] = e->high[w] = nothing + any;
        e->check[w] = (NAME(bits))nothing;
    }
}

INLINE void NAME(clear)(NAME(lanes) *a)
{
    NAME(vec) nothing = {0};
    EACH_WORD {
        a->sum[w] = a->squares[w] = nothing;
        a->zeros[w] = (NAME(mask))nothing;
    }
}

INLINE void NAME(take)(NAME(lanes) *a, NAME(ends) *e, const REAL *x, const REAL *less)
{
    EACH_WORD {
        NAME(vec) v = NAME(at)(x, less, w);
        e->check[w] += *(const NAME(bits) *)(x + w * IN_WORD);
        a->sum[w] += v;
        a->squares[w] += v * v;
        a->zeros[w] += v == 0;
        e->low[w] = SMALLER(v, e->low[w]);
        e->high[w] = LARGER(v, e->high[w]);
    }
}

/* The last `count` of LANES elements, fewer than all: those before them were taken already. */
INLINE void NAME(take_last)(NAME(lanes) *a, NAME(ends) *e, const REAL *x, const REAL *less, int64_t count)
{
    EACH_WORD {
        NAME(mask) counts = *(const NAME(mask) *)(NAME(left_out) + count + w * IN_WORD);
        NAME(vec) v = NAME(at)(x, less, w), low, high;
        e->check[w] += *(const NAME(bits) *)(x + w * IN_WORD) & (NAME(bits))counts;
        low = CHOICE(counts, v, e->low[w], NAME(vec));
        high = CHOICE(counts, v, e->high[w], NAME(vec));
        e->low[w] = SMALLER(low, e->low[w]);
        e->high[w] = LARGER(high, e->high[w]);
        a->zeros[w] += (v == 0) & counts;
        v = (NAME(vec))((NAME(mask))v & counts);
        a->sum[w] += v;
        a->squares[w] += v * v;
    }
}

INLINE void NAME(end)(const NAME(ends) *e, totals *t)
{
    REAL low[LANES], high[LANES];
    BITS check[LANES];
    memcpy(low, e->low, sizeof low);
    memcpy(high, e->high, sizeof high);
    memcpy(check, e->check, sizeof check);
    for (int i = 0; i < LANES; i++) {
        t->check += check[i];
        if (low[i] < t->low)
            t->low = low[i];
        if (high[i] > t->high)
            t->high = high[i];
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

/* LANES numbers in a tree: lane i and the one half of them further on, and so on down. */
INLINE double NAME(add_up)(const NAME(vec) *lanes)
{
    NAME(vec) half[WORDS / 2];
    REAL each[LANES / 2];
    double quarter[LANES / 4];
    for (int w = 0; w < WORDS / 2; w++)
        half[w] = lanes[w] + lanes[w + WORDS / 2];
    memcpy(each, half, sizeof each);
    for (int i = 0; i < LANES / 4; i++)
        quarter[i] = (double)each[i] + (double)each[i + LANES / 4];
    for (int n = LANES / 8; n; n /= 2)
        for (int i = 0; i < n; i++)
            quarter[i] += quarter[i + n];
    return quarter[0];
}

INLINE int64_t NAME(count_up)(const NAME(mask) *lanes)
{
    NAME(mask) word = lanes[0];
    SIGNED each[IN_WORD], count = 0;
    for (int w = 1; w < WORDS; w++)
        word += lanes[w];
    memcpy(each, &word, sizeof each);
    for (int i = 0; i < IN_WORD; i++)
        count -= each[i];
    return count;
}

/* The lanes are one unit's. */
INLINE void NAME(fold)(const NAME(lanes) *a, sums *of)
{
    of->sum += NAME(add_up)(a->sum);
    of->squares += NAME(add_up)(a->squares);
    of->zeros += NAME(count_up)(a->zeros);
}

/* Elements side by side, all of one unit: LANES at least and STEPS times LANES at most. */
INLINE void NAME(stretch)(const REAL *x, const REAL *less, int64_t n, NAME(lanes) *a, NAME(ends) *e)
{
    int64_t at = 0;
    for (; n - at >= LANES; at += LANES)
        NAME(take)(a, e, x + at, less ? less + at : 0);
    if (at < n)
        NAME(take_last)(a, e, x + n - LANES, less ? less + n - LANES : 0, n - at);
}

/* One unit's elements, however many. */
INLINE void NAME(unit)(const REAL *x, const REAL *less, int64_t n, NAME(ends) *e, totals *t, sums *of)
{
    int64_t at = 0;
    while (n - at >= LANES) {
        int64_t some = n - at < STEPS * LANES ? n - at : STEPS * LANES;
        NAME(lanes) a;
        NAME(clear)(&a);
        NAME(stretch)(x + at, less ? less + at : 0, some, &a, e);
        NAME(fold)(&a, of);
        at += some;
    }
    for (; at < n; at++)
        NAME(take_one)(t, of, x[at], less ? less + at : 0);
}

/* Units whose stretches are short: they are gathered in lanes of their own, and these folded now and then. */
INLINE void NAME(by_lanes)(const REAL *x, const REAL *less, const job *j, NAME(lanes) *gathered, NAME(ends) *e, sums *of)
{
    int64_t steps = j->inner / LANES + 1, most = STEPS / steps;
    for (int64_t o = 0; o < j->outer;) {
        int64_t stop = j->outer - o < most ? j->outer : o + most;
        for (int64_t unit = 0; unit < j->units; unit++)
            NAME(clear)(gathered + unit);
        for (; o < stop; o++)
            for (int64_t unit = 0; unit < j->units; unit++) {
                int64_t at = (o * j->units + unit) * j->inner;
                NAME(lanes) a = gathered[unit];
                NAME(stretch)(x + at, less ? less + at : 0, j->inner, &a, e);
                gathered[unit] = a;
            }
        for (int64_t unit = 0; unit < j->units; unit++)
            NAME(fold)(gathered + unit, of + unit);
    }
}

/* GROUP rows, or one, of LANES columns. */
INLINE void NAME(add_rows)(NAME(lanes) *a, NAME(ends) *e, const REAL *x, const REAL *less, int64_t width, int rows)
{
    EACH_WORD {
        NAME(vec) sum[GROUP], squares[GROUP];
        NAME(mask) zeros[GROUP];
        _Pragma("GCC unroll 4") for (int r = 0; r < rows; r++) {
            NAME(vec) v = NAME(at)(x + r * width, less ? less + r * width : 0, w);
            e->check[w] += *(const NAME(bits) *)(x + r * width + w * IN_WORD);
            sum[r] = v;
            squares[r] = v * v;
            zeros[r] = v == 0;
            e->low[w] = SMALLER(v, e->low[w]);
            e->high[w] = LARGER(v, e->high[w]);
        }
        if (rows == GROUP) {
            sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
            squares[0] = (squares[0] + squares[1]) + (squares[2] + squares[3]);
            zeros[0] = (zeros[0] + zeros[1]) + (zeros[2] + zeros[3]);
        }
        a->sum[w] += sum[0];
        a->squares[w] += squares[0];
        a->zeros[w] += zeros[0];
    }
}

INLINE void NAME(add_lanes)(const NAME(lanes) *a, sums *of, int from)
{
    REAL sum[LANES], squares[LANES];
    SIGNED zeros[LANES];
    memcpy(sum, a->sum, sizeof sum);
    memcpy(squares, a->squares, sizeof squares);
    memcpy(zeros, a->zeros, sizeof zeros);
    for (int i = from; i < LANES; i++) {
        of[i].sum += sum[i];
        of[i].squares += squares[i];
        of[i].zeros -= zeros[i];
    }
}

/* Columns of [outer, width], `blocks` times LANES of them, row after row as they lie in memory. */
INLINE void NAME(columns)(const REAL *x, const REAL *less, int64_t outer, int64_t width, int blocks, NAME(ends) *e,
                          sums *of)
{
    for (int64_t row = 0; row < outer;) {
        int64_t stop = outer - row < STEPS ? outer : row + STEPS;
        NAME(lanes) a[BLOCKS];
        for (int b = 0; b < blocks; b++)
            NAME(clear)(a + b);
        while (row < stop) {
            int64_t from = row * width;
            if (stop - row >= GROUP) {
                for (int b = 0; b < blocks; b++)
                    NAME(add_rows)(a + b, e, x + from + b * LANES, less ? less + from + b * LANES : 0, width, GROUP);
                row += GROUP;
            } else {
                for (int b = 0; b < blocks; b++)
                    NAME(add_rows)(a + b, e, x + from + b * LANES, less ? less + from + b * LANES : 0, width, 1);
                row++;
            }
        }
        for (int b = 0; b < blocks; b++)
            NAME(add_lanes)(a + b, of + b * LANES, 0);
    }
}

/* The last columns of [outer, width], fewer than LANES. */
INLINE void NAME(last_columns)(const REAL *x, const REAL *less, int64_t outer, int64_t width, NAME(ends) *e, totals *t,
                               sums *of)
{
    int64_t count = width % LANES, first = width - LANES;
    if (!count)
        return;
    if (first < 0) {
        for (int64_t row = 0; row < outer; row++)
            for (int64_t c = 0; c < width; c++)
                NAME(take_one)(t, of + c, x[row * width + c], less ? less + row * width + c : 0);
        return;
    }
    for (int64_t row = 0; row < outer;) {
        int64_t stop = outer - row < STEPS ? outer : row + STEPS;
        NAME(lanes) a;
        NAME(clear)(&a);
        for (; row < stop; row++)
            NAME(take_last)(&a, e, x + row * width + first, less ? less + row * width + first : 0, count);
        NAME(add_lanes)(&a, of + first, LANES - count);
    }
}

/* Every column of [outer, width] by itself. */
INLINE void NAME(by_columns)(const REAL *x, const REAL *less, int64_t outer, int64_t width, NAME(ends) *e, totals *t,
                             sums *of)
{
    int64_t whole = width / LANES;
    for (int64_t block = 0; block < whole; block += BLOCKS) {
        int64_t c = block * LANES;
        int blocks = whole - block < BLOCKS ? whole - block : BLOCKS;
        NAME(columns)(x + c, less ? less + c : 0, outer, width, blocks, e, of + c);
    }
    NAME(last_columns)(x, less, outer, width, e, t, of);
}

INLINE void NAME(all)(const REAL *x, const REAL *less, const job *j, totals *t, sums *of)
{
    NAME(lanes) gathered[GATHERED];
    NAME(ends) e;
    t->low = t->high = less ? x[0] - less[0] : x[0];
    NAME(begin)(&e, t->low);
    if (j->columns)
        NAME(by_columns)(x, less, j->outer, j->units * j->inner, &e, t, of);
    else if (j->outer > 1 && j->inner >= LANES && j->inner < STEPS / 2 * LANES && j->units <= GATHERED)
        NAME(by_lanes)(x, less, j, gathered, &e, of);
    else
        for (int64_t o = 0; o < j->outer; o++)
            for (int64_t unit = 0; unit < j->units; unit++) {
                int64_t at = (o * j->units + unit) * j->inner;
                NAME(unit)(x + at, less ? less + at : 0, j->inner, &e, t, of + unit);
            }
    NAME(end)(&e, t);
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
