/* Everything that is recorded of a dense tensor, in one pass over its memory. A tensor it can't take (not all of it
 * finite, squares beyond the range) is refused with None: the caller then measures it operation by operation. PyTorch's
 * headers are not needed: a tensor is asked by Python's attributes what it is and where it lies.
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
    /* What is measured, and what is subtracted from it first, or NULL. */
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

/* What Python knows by these names; set once by `know`. */
static struct {
    PyObject *tensor, *parameter, *float32, *float64, *strided, *channels_last;
} known;

static struct {
    PyObject *dtype, *layout, *is_cpu, *is_neg, *is_contiguous, *memory_format, *shape, *data_ptr;
} names;

/* A dense tensor in this process' memory. */
typedef struct {
    const void *x;
    /* Its elements are doubles. */
    int wide;
    /* Its channels (axis 1 of 4) lie last. */
    int channels_last;
    int64_t count;
    /* A reference. */
    PyObject *shape;
} dense;

/* Whether an attribute, or what a method without arguments gives, is this very object; -1 after an exception. */
static int is_same(PyObject *tensor, PyObject *name, PyObject *expected)
{
    PyObject *value = PyObject_GetAttr(tensor, name);
    Py_XDECREF(value);
    return value ? value == expected : -1;
}

static int gives(PyObject *tensor, PyObject *name, PyObject *expected)
{
    PyObject *value = PyObject_CallMethodNoArgs(tensor, name);
    Py_XDECREF(value);
    return value ? value == expected : -1;
}

static int lies_channels_last(PyObject *tensor)
{
    PyObject *arguments[2] = {tensor, known.channels_last}, *named = PyTuple_Pack(1, names.memory_format);
    if (!named)
        return -1;
    PyObject *value = PyObject_VectorcallMethod(names.is_contiguous, arguments, 1, named);
    Py_DECREF(named);
    Py_XDECREF(value);
    return value ? value == Py_True : -1;
}

static int find_type(PyObject *tensor, int *wide)
{
    PyObject *dtype = PyObject_GetAttr(tensor, names.dtype);
    Py_XDECREF(dtype);
    if (!dtype)
        return -1;
    *wide = dtype == known.float64;
    return *wide || dtype == known.float32;
}

static int find_memory(PyObject *tensor, dense *found)
{
    Py_ssize_t dims = PyTuple_GET_SIZE(found->shape);
    found->count = 1;
    for (Py_ssize_t i = 0; i < dims; i++)
        found->count *= PyLong_AsLongLong(PyTuple_GET_ITEM(found->shape, i));
    if (PyErr_Occurred())
        return -1;
    int plain = found->count > 0 ? gives(tensor, names.is_contiguous, Py_True) : 0;
    found->channels_last = plain == 0 && found->count > 0 && dims == 4 ? lies_channels_last(tensor) : 0;
    if (plain < 0 || found->channels_last < 0)
        return -1;
    if (!plain && !found->channels_last)
        return 0;
    PyObject *address = PyObject_CallMethodNoArgs(tensor, names.data_ptr);
    if (!address)
        return -1;
    found->x = PyLong_AsVoidPtr(address);
    Py_DECREF(address);
    return PyErr_Occurred() ? -1 : found->x != NULL;
}

/* Whether the tensor is one that can be taken; -1 after an exception. Where it is, `found->shape` is a reference. */
static int look(PyObject *tensor, dense *found)
{
    if (!known.tensor || ((PyObject *)Py_TYPE(tensor) != known.tensor && (PyObject *)Py_TYPE(tensor) != known.parameter))
        return 0;
    int taken = find_type(tensor, &found->wide);
    if (taken == 1)
        taken = is_same(tensor, names.is_cpu, Py_True);
    if (taken == 1)
        taken = is_same(tensor, names.layout, known.strided);
    if (taken == 1)
        taken = gives(tensor, names.is_neg, Py_False);
    if (taken != 1)
        return taken;
    found->shape = PyObject_GetAttr(tensor, names.shape);
    if (!found->shape)
        return -1;
    taken = PyTuple_Check(found->shape) ? find_memory(tensor, found) : 0;
    if (taken != 1)
        Py_CLEAR(found->shape);
    return taken;
}

/* How many elements lie outside, along and inside the units' axis; without an axis all are one unit's. 0: no such. */
static int lay_out(const dense *of, PyObject *axis, job *j)
{
    Py_ssize_t dims = PyTuple_GET_SIZE(of->shape), units_at = axis == Py_None ? -1 : PyLong_AsSsize_t(axis);
    j->outer = j->units = j->inner = 1;
    if (units_at >= dims || (units_at < 0 && axis != Py_None) || (of->channels_last && units_at != 1))
        return 0;
    for (Py_ssize_t i = 0; i < dims; i++) {
        int64_t length = PyLong_AsLongLong(PyTuple_GET_ITEM(of->shape, i));
        *(i < units_at ? &j->outer : i == units_at ? &j->units : &j->inner) *= length;
    }
    if (of->channels_last) {
        j->outer *= j->inner;
        j->inner = 1;
    }
    j->columns = j->inner == 1 || (j->inner < SHORT && j->outer >= ROWS_ENOUGH);
    return 1;
}

/* Whether `less` lies in memory as `of` does; -1 after an exception. */
static int is_alike(PyObject *less, const dense *of, job *j)
{
    dense other;
    int alike = look(less, &other);
    if (alike != 1)
        return alike;
    alike = other.wide == of->wide && other.channels_last == of->channels_last
          ? PyObject_RichCompareBool(other.shape, of->shape, Py_EQ) : 0;
    Py_DECREF(other.shape);
    j->less = (void *)other.x;
    return alike;
}

/* What is handed to Python, one after the other: the head, then `rows` series of as many floats as there are units. */
typedef struct {
    double statistics[9];
    uint64_t bits_sum;
    int64_t count, rows;
} head;

static PyObject *run(const job *j, int norms)
{
    int64_t rows = norms ? 1 : 3, count = j->outer * j->units * j->inner;
    int whole;
    totals t = {0};
    PyObject *result = PyBytes_FromStringAndSize(NULL, sizeof(head) + rows * j->units * sizeof(float));
    sums *of = PyMem_RawCalloc(j->columns ? j->units * j->inner : j->units, sizeof *of);
    if (!result || !of) {
        Py_XDECREF(result);
        PyMem_RawFree(of);
        return PyErr_NoMemory();
    }
    head h = {.count = count, .rows = rows};
    char *out = PyBytes_AS_STRING(result);
    PyThreadState *released = count < RELEASES_FROM ? NULL : PyEval_SaveThread();
    whole = measure(j, &t, of, h.statistics);
    if (whole)
        write_units(of, j->units, j->outer * j->inner, norms, (float *)(out + sizeof h));
    if (whole && j->renew)
        memcpy(j->less, j->x, count * (j->wide ? sizeof(double) : sizeof(float)));
    if (released)
        PyEval_RestoreThread(released);
    PyMem_RawFree(of);
    if (!whole) {
        Py_DECREF(result);
        Py_RETURN_NONE;
    }
    h.bits_sum = j->wide ? t.check : (uint32_t)t.check;
    memcpy(out, &h, sizeof h);
    return result;
}

static PyObject *py_measure(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    dense of;
    job j = {0};
    if (given != 5)
        return PyErr_Format(PyExc_TypeError, "measure(tensor, axis, less, renew, norms)");
    int taken = look(args[0], &of);
    if (taken < 0)
        return NULL;
    if (!taken)
        Py_RETURN_NONE;
    j.x = of.x;
    j.wide = of.wide;
    taken = args[2] == Py_None ? 1 : is_alike(args[2], &of, &j);
    j.renew = taken == 1 && j.less && args[3] == Py_True;
    PyObject *result = taken == 1 && lay_out(&of, args[1], &j) ? run(&j, args[4] == Py_True) : NULL;
    Py_DECREF(of.shape);
    if (!result && !PyErr_Occurred())
        Py_RETURN_NONE;
    return result;
}

static PyObject *py_is_finite(PyObject *self, PyObject *tensor)
{
    dense of;
    int taken = look(tensor, &of);
    if (taken < 0)
        return NULL;
    if (!taken)
        Py_RETURN_NONE;
    Py_DECREF(of.shape);
    PyThreadState *released = of.count < RELEASES_FROM ? NULL : PyEval_SaveThread();
    int finite = chosen[of.wide].finite(of.x, of.count);
    if (released)
        PyEval_RestoreThread(released);
    return PyBool_FromLong(finite);
}

static PyObject *py_bits_sum(PyObject *self, PyObject *tensor)
{
    dense of;
    int taken = look(tensor, &of);
    if (taken < 0)
        return NULL;
    if (!taken)
        Py_RETURN_NONE;
    Py_DECREF(of.shape);
    PyThreadState *released = of.count < RELEASES_FROM ? NULL : PyEval_SaveThread();
    uint64_t total = chosen[of.wide].bits_sum(of.x, of.count);
    if (released)
        PyEval_RestoreThread(released);
    return PyLong_FromUnsignedLongLong(total);
}

static PyObject *py_know(PyObject *self, PyObject *const *args, Py_ssize_t given)
{
    PyObject **places[] = {&known.tensor,  &known.parameter, &known.float32,
                           &known.float64, &known.strided,   &known.channels_last};
    if (given != 6)
        return PyErr_Format(PyExc_TypeError, "know(Tensor, Parameter, float32, float64, strided, channels_last)");
    for (int i = 0; i < 6; i++) {
        PyObject *before = *places[i];
        *places[i] = Py_NewRef(args[i]);
        Py_XDECREF(before);
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"know", (PyCFunction)(void (*)(void))py_know, METH_FASTCALL, "Which classes, types and layouts are PyTorch's."},
    {"measure", (PyCFunction)(void (*)(void))py_measure, METH_FASTCALL, "Statistics and series of a tensor."},
    {"is_finite", py_is_finite, METH_O, "Whether all elements are finite."},
    {"bits_sum", py_bits_sum, METH_O, "The sum of the elements' bits."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_one_pass", NULL, -1, methods, NULL, NULL, NULL, NULL};

static int intern_names(void)
{
    struct {
        PyObject **place;
        const char *name;
    } all[] = {
        {&names.dtype, "dtype"},   {&names.layout, "layout"},
        {&names.is_cpu, "is_cpu"}, {&names.is_neg, "is_neg"},
        {&names.shape, "shape"},   {&names.is_contiguous, "is_contiguous"},
        {&names.data_ptr, "data_ptr"}, {&names.memory_format, "memory_format"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!(*all[i].place = PyUnicode_InternFromString(all[i].name)))
            return 0;
    return 1;
}

PyMODINIT_FUNC PyInit__one_pass(void)
{
    choose();
    return intern_names() ? PyModule_Create(&module) : NULL;
}
