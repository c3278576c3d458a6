/* Everything that is recorded of a dense tensor, in one pass over its memory. A tensor it can't take (not all of it
 * finite, squares beyond the range) is refused with None: the caller then measures it operation by operation.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

/* So many vectors are added up in the element's own precision before they go into doubles. */
#define STEPS 128
/* Rows whose columns are added up before they are added to what came before. */
#define GROUP 4
/* So many vectors of columns are added up side by side: their sums stay in the processor's first cache. */
#define BLOCKS 32
/* As many units are gathered side by side: 192 bytes each, on the stack. */
#define GATHERED 256
/* Beyond this ratio of squared mean to variance their difference is not trusted. */
#define CANCELLATION 4.0
/* Sums of squares below it have lost elements to underflow. */
#define LEAST_SQUARES 1e-30
/* Stretches shorter than this are added up column by column, where there are rows enough to be worth it. */
#define SHORT 128
#define ROWS_ENOUGH 8
/* Fewer elements than this are done before another thread could begin. */
#define RELEASES_FROM (1 << 16)

typedef struct {
    double sum, squares;
    int64_t zeros;
} sums;

typedef struct {
    double sum, squares, low, high;
    int64_t zeros;
    uint64_t check;
} totals;

typedef struct {
    /* What is measured, and what is taken from it first, or NULL. */
    const void *x;
    void *less;
    /* The latter becomes the former afterwards. */
    int renew;
    int64_t outer, units, inner;
    /* The elements are doubles. */
    int wide;
    /* Many short stretches are added up down the columns of [outer, units * inner] first. */
    int columns;
} job;

#define CHOICE(mask, a, b, vec) ((vec)(((mask) & (__typeof__(mask))(a)) | (~(mask) & (__typeof__(mask))(b))))

#define WIDTH 16
#define TARGET
#define REAL float
#define BITS uint32_t
#define SIGNED int32_t
#define EXPONENT 0x7f800000u
#define SMALLER(a, b) CHOICE((a) < (b), a, b, f32_vec)
#define LARGER(a, b) CHOICE((a) > (b), a, b, f32_vec)
#define NAME(x) f32_##x
#include "kernel.h"
#define REAL double
#define BITS uint64_t
#define SIGNED int64_t
#define EXPONENT 0x7ff0000000000000u
#define SMALLER(a, b) CHOICE((a) < (b), a, b, f64_vec)
#define LARGER(a, b) CHOICE((a) > (b), a, b, f64_vec)
#define NAME(x) f64_##x
#include "kernel.h"
#undef WIDTH
#undef TARGET

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define HAS_WIDE __builtin_cpu_supports("avx2")
#define WIDTH 32
#define TARGET __attribute__((target("avx2")))
#define REAL float
#define BITS uint32_t
#define SIGNED int32_t
#define EXPONENT 0x7f800000u
#define SMALLER(a, b) ((f32x8_vec)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define LARGER(a, b) ((f32x8_vec)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define NAME(x) f32x8_##x
#include "kernel.h"
#define REAL double
#define BITS uint64_t
#define SIGNED int64_t
#define EXPONENT 0x7ff0000000000000u
#define SMALLER(a, b) ((f64x4_vec)_mm256_min_pd((__m256d)(a), (__m256d)(b)))
#define LARGER(a, b) ((f64x4_vec)_mm256_max_pd((__m256d)(a), (__m256d)(b)))
#define NAME(x) f64x4_##x
#include "kernel.h"
#else
#define HAS_WIDE 0
#define f32x8_pass f32_pass
#define f32x8_finite f32_finite
#define f32x8_bits_sum f32_bits_sum
#define f64x4_pass f64_pass
#define f64x4_finite f64_finite
#define f64x4_bits_sum f64_bits_sum
#endif

typedef struct {
    void (*pass)(const job *, totals *, sums *);
    int (*finite)(const void *, int64_t);
    uint64_t (*bits_sum)(const void *, int64_t);
} kernels;

/* By the elements' type: float, double. */
static kernels chosen[2] = {{f32_pass, f32_finite, f32_bits_sum}, {f64_pass, f64_finite, f64_bits_sum}};

static void choose(void)
{
    if (HAS_WIDE) {
        kernels wide[2] = {{f32x8_pass, f32x8_finite, f32x8_bits_sum}, {f64x4_pass, f64x4_finite, f64x4_bits_sum}};
        memcpy(chosen, wide, sizeof wide);
    }
}

/* Where the difference of the sums would cancel: mean and variance by the distances from about the mean, which are
 * small, and added up in double. */
#define CENTRED(NAME, REAL)                                                                                            \
    static void NAME(const void *data, const void *other, int64_t n, double *mean, double *variance)                   \
    {                                                                                                                  \
        const REAL *x = data, *less = other;                                                                           \
        double sums[8] = {0}, squares[8] = {0}, sum = 0, square = 0;                                                   \
        for (int64_t at = 0; at < n; at++) {                                                                           \
            double distance = (less ? (REAL)(x[at] - less[at]) : x[at]) - *mean;                                       \
            sums[at % 8] += distance;                                                                                  \
            squares[at % 8] += distance * distance;                                                                    \
        }                                                                                                              \
        for (int i = 0; i < 8; i++) {                                                                                  \
            sum += sums[i];                                                                                            \
            square += squares[i];                                                                                      \
        }                                                                                                              \
        *mean += sum / n;                                                                                              \
        *variance = (square - sum * sum / n) / n;                                                                      \
    }

CENTRED(centred_f32, float)
CENTRED(centred_f64, double)
static void (*const centred[2])(const void *, const void *, int64_t, double *, double *) = {centred_f32, centred_f64};

/* From sums of columns to sums of units, in place. */
static void add_columns(sums *of, int64_t units, int64_t inner)
{
    for (int64_t u = 0; u < units; u++) {
        sums unit = of[u * inner];
        for (int64_t i = 1; i < inner; i++) {
            unit.sum += of[u * inner + i].sum;
            unit.squares += of[u * inner + i].squares;
            unit.zeros += of[u * inner + i].zeros;
        }
        of[u] = unit;
    }
}

static int measure(const job *j, totals *t, sums *of, double *statistics)
{
    int64_t n = j->outer * j->units * j->inner;
    chosen[j->wide].pass(j, t, of);
    if (j->columns && j->inner > 1)
        add_columns(of, j->units, j->inner);
    for (int64_t u = 0; u < j->units; u++) {
        t->sum += of[u].sum;
        t->squares += of[u].squares;
        t->zeros += of[u].zeros;
    }
    if (!isfinite(t->squares) || !isfinite(t->sum))
        return 0;
    int64_t count = j->outer * j->inner;
    for (int64_t u = 0; u < j->units; u++)
        if (of[u].squares < LEAST_SQUARES && of[u].zeros < count)
            return 0;
    double mean = t->sum / n, variance = t->squares / n - mean * mean;
    if (!(variance * CANCELLATION >= mean * mean))
        centred[j->wide](j->x, j->less, n, &mean, &variance);
    if (variance < 0)
        variance = 0;
    double extreme = fabs(t->low) > fabs(t->high) ? fabs(t->low) : fabs(t->high);
    double values[9] = {t->low, t->high, mean, sqrt(variance), extreme, (double)t->zeros / n, 0, 0, 0};
    memcpy(statistics, values, sizeof values);
    return 1;
}

/* Rows of `out`: mean, root mean square and share of zeros of each unit, or its norm alone. */
static void write_units(const sums *of, int64_t units, int64_t count, int norms, float *out)
{
    double share = 1.0 / count;
    if (norms)
        for (int64_t u = 0; u < units; u++)
            out[u] = (float)sqrt(of[u].squares);
    else
        for (int64_t u = 0; u < units; u++) {
            out[u] = (float)(of[u].sum * share);
            out[units + u] = (float)sqrt(of[u].squares * share);
            out[2 * units + u] = (float)((double)of[u].zeros / count);
        }
}

/* How many elements lie outside, along and inside the units' axis; without an axis all are one unit's. */
static int lay_out(PyObject *shape, PyObject *axis, job *j)
{
    if (!PyTuple_Check(shape)) {
        PyErr_SetString(PyExc_TypeError, "a shape is a tuple");
        return 0;
    }
    Py_ssize_t dims = PyTuple_GET_SIZE(shape), units_at = axis == Py_None ? -1 : PyLong_AsSsize_t(axis);
    if (PyErr_Occurred())
        return 0;
    if (units_at >= dims || units_at < -1) {
        PyErr_SetString(PyExc_ValueError, "there is no such axis");
        return 0;
    }
    j->outer = j->units = j->inner = 1;
    for (Py_ssize_t i = 0; i < dims; i++) {
        int64_t length = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
        *(i < units_at ? &j->outer : i == units_at ? &j->units : &j->inner) *= length;
    }
    return !PyErr_Occurred();
}

static int take_arguments(PyObject *const *args, Py_ssize_t given, job *j)
{
    if (given != 9) {
        PyErr_SetString(PyExc_TypeError, "measure(address, less, shape, axis, wide, norms, renew, statistics, series)");
        return 0;
    }
    j->x = PyLong_AsVoidPtr(args[0]);
    j->less = PyLong_AsVoidPtr(args[1]);
    j->wide = PyObject_IsTrue(args[4]);
    j->renew = PyObject_IsTrue(args[6]);
    if (PyErr_Occurred() || !lay_out(args[2], args[3], j))
        return 0;
    j->columns = j->inner == 1 || (j->inner < SHORT && j->outer >= ROWS_ENOUGH);
    if (!j->x || j->outer < 1 || j->units < 1 || j->inner < 1) {
        PyErr_SetString(PyExc_ValueError, "nothing to measure");
        return 0;
    }
    return 1;
}

static PyObject *run(const job *j, int norms, const Py_buffer *statistics, const Py_buffer *series)
{
    int rows = norms ? 1 : 3, whole;
    totals t = {0};
    if (statistics->len != 9 * sizeof(double) || series->len != (Py_ssize_t)(rows * j->units * sizeof(float))) {
        PyErr_SetString(PyExc_ValueError, "the results have another size");
        return NULL;
    }
    sums *of = PyMem_RawCalloc(j->columns ? j->units * j->inner : j->units, sizeof *of);
    if (!of)
        return PyErr_NoMemory();
    PyThreadState *released = j->outer * j->units * j->inner < RELEASES_FROM ? NULL : PyEval_SaveThread();
    whole = measure(j, &t, of, statistics->buf);
    if (whole)
        write_units(of, j->units, j->outer * j->inner, norms, series->buf);
    if (whole && j->less && j->renew)
        memcpy(j->less, j->x, j->outer * j->units * j->inner * (j->wide ? sizeof(double) : sizeof(float)));
    if (released)
        PyEval_RestoreThread(released);
    PyMem_RawFree(of);
    if (!whole)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(j->wide ? t.check : (uint32_t)t.check);
}

static PyObject *py_measure(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    job j;
    Py_buffer statistics, series;
    if (!take_arguments(args, given, &j))
        return NULL;
    int norms = PyObject_IsTrue(args[5]);
    if (PyObject_GetBuffer(args[7], &statistics, PyBUF_WRITABLE) < 0)
        return NULL;
    PyObject *result = NULL;
    if (PyObject_GetBuffer(args[8], &series, PyBUF_WRITABLE) == 0) {
        result = run(&j, norms, &statistics, &series);
        PyBuffer_Release(&series);
    }
    PyBuffer_Release(&statistics);
    return result;
}

static int take_stretch(PyObject *const *args, const void **x, int64_t *n, int *wide)
{
    *x = PyLong_AsVoidPtr(args[0]);
    *n = PyLong_AsLongLong(args[1]);
    *wide = PyObject_IsTrue(args[2]);
    return !PyErr_Occurred();
}

static PyObject *py_is_finite(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    const void *x;
    int64_t n;
    int wide, finite;
    if (given != 3)
        return PyErr_Format(PyExc_TypeError, "is_finite(address, count, wide)");
    if (!take_stretch(args, &x, &n, &wide))
        return NULL;
    PyThreadState *released = n < RELEASES_FROM ? NULL : PyEval_SaveThread();
    finite = chosen[wide].finite(x, n);
    if (released)
        PyEval_RestoreThread(released);
    return PyBool_FromLong(finite);
}

static PyObject *py_bits_sum(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    const void *x;
    int64_t n;
    int wide;
    uint64_t total;
    if (given != 3)
        return PyErr_Format(PyExc_TypeError, "bits_sum(address, count, wide)");
    if (!take_stretch(args, &x, &n, &wide))
        return NULL;
    PyThreadState *released = n < RELEASES_FROM ? NULL : PyEval_SaveThread();
    total = chosen[wide].bits_sum(x, n);
    if (released)
        PyEval_RestoreThread(released);
    return PyLong_FromUnsignedLongLong(total);
}

static PyMethodDef methods[] = {
    {"measure", (PyCFunction)(void (*)(void))py_measure, METH_FASTCALL, "Statistics and series of a tensor."},
    {"is_finite", (PyCFunction)(void (*)(void))py_is_finite, METH_FASTCALL, "Whether all elements are finite."},
    {"bits_sum", (PyCFunction)(void (*)(void))py_bits_sum, METH_FASTCALL, "The sum of the elements' bits."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_one_pass", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__one_pass(void)
{
    choose();
    return PyModule_Create(&module);
}
