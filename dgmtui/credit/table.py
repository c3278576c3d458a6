"""Which rule an operation gets: one line an operation, to be checked at a glance.

This table is the only place to add a rule. Names are ATen packets without overload; an in-place variant (``relu_``) has
the rule of its functional twin. What is not here is linearised locally and marked approximate.
"""

import functools
from enum import StrEnum


class Rule(StrEnum):
    """How relevance passes an operation ``z = f(x₁…xₙ)`` (Bach et al. 2015, eq. 58; Montavon et al. 2019)."""

    LINEAR = "linear"
    """R_x = x ⊙ J_xᵀ(R / (z + ε·sign z)), with sign(0) = +1, for all operands and added constants jointly."""
    BILINEAR = "bilinear"
    """Linear in the two operands named in ``FACTORS``: half each where both are activations, all to the one that is
    where the other is a parameter, a constant, a mask, a gate or a random draw."""
    RATIO = "ratio"
    """A quotient: the numerator takes all, as if the denominator were a constant; a denominator under a constant
    numerator takes all."""
    MOVING = "moving"
    """R_x = J_xᵀ R: values go through unchanged, to another place or nowhere."""
    ELEMENTWISE = "elementwise"
    """R_x = R."""
    BATCH_NORM = "batch norm"
    """Linear in x, with the batch's mean and variance as constants (its own derivative conserves nothing)."""
    LOCAL = "local"
    """The linear rule on the local derivative; what f keeps for itself is counted as approximate."""


_ROWS = {
    Rule.LINEAR: """
        add sub rsub mean sum cumsum nansum
        avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d
        upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d upsample_linear1d
        upsample_bicubic2d upsample_trilinear3d index_add scatter_add nll_loss_forward nll_loss2d_forward
        trace
    """,
    Rule.BILINEAR: """
        convolution mkldnn_convolution cudnn_convolution linear
        mul mm bmm mv dot vdot addmm addmv addbmm baddbmm addcmul addr ger outer
    """,
    Rule.RATIO: "div true_divide",
    Rule.MOVING: """
        view _unsafe_view reshape _reshape_alias t transpose permute numpy_T swapaxes movedim squeeze unsqueeze
        expand expand_as alias clone contiguous copy lift_fresh lift_fresh_copy
        as_strided unfold im2col col2im flatten unflatten repeat tile roll flip rot90
        slice select narrow split split_with_sizes unsafe_split unsafe_split_with_sizes unsafe_chunk chunk
        tensor_split unbind cat concat stack hstack vstack index index_select gather take take_along_dim
        masked_select diagonal diag_embed tril triu view_as_real view_as_complex
        slice_scatter select_scatter diagonal_scatter as_strided_scatter scatter index_put index_copy
        masked_scatter masked_fill where index_fill
        constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d
        replication_pad1d replication_pad2d replication_pad3d pixel_shuffle pixel_unshuffle channel_shuffle
        max_pool2d_with_indices max_pool3d_with_indices max_pool2d max_pool1d
        adaptive_max_pool2d adaptive_max_pool3d fractional_max_pool2d max_unpool2d
        max min amax amin maximum minimum fmax fmin topk sort median kthvalue cummax cummin
    """,
    Rule.ELEMENTWISE: """
        relu relu6 leaky_relu prelu _prelu_kernel rrelu_with_noise elu celu selu gelu silu mish softplus hardtanh
        hardswish hardsigmoid hardshrink softshrink threshold sigmoid log_sigmoid log_sigmoid_forward tanh
        sin cos tan asin acos atan sinh cosh asinh acosh atanh erf erfc erfinv
        exp exp2 expm1 log log2 log10 log1p sqrt rsqrt reciprocal square pow abs neg sign
        clamp clamp_min clamp_max clip nan_to_num round floor ceil trunc frac
        _to_copy to detach detach_copy native_dropout dropout
    """,
    Rule.BATCH_NORM: """
        native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit
        _native_batch_norm_legit_functional _native_batch_norm_legit_no_training _batch_norm_with_update
        _batch_norm_no_update batch_norm
    """,
}

_RULES = {name: rule for rule, names in _ROWS.items() for name in names.split()}

FACTORS = {
    "convolution": ("input", "weight"),
    "mkldnn_convolution": ("self", "weight"),
    "cudnn_convolution": ("self", "weight"),
    "linear": ("input", "weight"),
    "mul": ("self", "other"),
    "mm": ("self", "mat2"),
    "bmm": ("self", "mat2"),
    "mv": ("self", "vec"),
    "dot": ("self", "tensor"),
    "vdot": ("self", "other"),
    "addmm": ("mat1", "mat2"),
    "addmv": ("mat", "vec"),
    "addbmm": ("batch1", "batch2"),
    "baddbmm": ("batch1", "batch2"),
    "addcmul": ("tensor1", "tensor2"),
    "addr": ("vec1", "vec2"),
    "ger": ("self", "vec2"),
    "outer": ("self", "vec2"),
}
"""The two operands of a bilinear operation, by their names in its schema; what else it takes is added."""

GATES = frozenset(
    {"sigmoid", "hardsigmoid", "_softmax", "_safe_softmax", "softmax", "gt", "ge", "lt", "le", "eq", "ne"}
)
"""A factor made by one of these says how much of the other passes: it gets no relevance (Arras et al. 2017)."""

VALUE_FREE = frozenset({
    "empty_like", "zeros_like", "ones_like", "full_like", "new_empty", "new_zeros", "new_ones", "new_full",
    "new_empty_strided", "empty_strided", "zero", "rand_like", "randn_like", "randint_like", "bernoulli",
    "normal", "uniform", "exponential", "random", "fill",
})  # fmt: skip
"""What comes out does not depend on the values of a tensor that goes in to say shape and type."""


@functools.cache
def packet(op: str) -> str:
    """``relu`` for ``aten.relu_.default``: namespace, overload and the mark of in-place variants taken off."""
    name = op.split(".")[1] if "." in op else op
    return name if name.startswith("__") else name.removesuffix("_")


@functools.cache
def rule_of(op: str) -> Rule:
    """The rule of an operation by its qualified name (``aten.addmm.default``)."""
    name = packet(op)
    return _RULES.get(name, Rule.LOCAL) if op.startswith("aten.") else Rule.LOCAL
