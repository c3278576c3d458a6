"""Which rule an operation gets, to be checked at a glance: a row a rule, its operations in it.

Names are ATen packets without overload; an in-place variant (``relu_``) has the rule of its functional twin, and an
operation of ``prims`` that of its namesake. What is not here gets the rule that its schema and tags allow
(``derived``), else it is linearised locally and marked approximate.
"""

import functools
from enum import StrEnum

import torch

from dgmtui.errors import ReplayError
from dgmtui.trace.operations import is_alias, resolve_op


class Rule(StrEnum):
    """How relevance passes an operation ``z = f(x₁…xₙ)`` (Bach et al. 2015, eq. 58; Montavon et al. 2019)."""

    LINEAR = "linear"
    """R_x = x ⊙ J_xᵀ(R / (z + ε·sign z)), with sign(0) = +1, for all operands and added constants jointly. Norms and
    the standard deviation too: f(t·x) = t·f(x) is enough for x·J = z (Euler)."""
    QUADRATIC = "quadratic"
    """f(t·x) = t²·f(x), so x·J = 2z, and half the linear rule's shares add up."""
    BILINEAR = "bilinear"
    """Linear in each operand named in ``FACTORS``: equal shares to those that are activations, none to a parameter, a
    constant, a mask, a gate or a random draw. Where one is a parameter, a layer with weights: ``LAYER_RULES``."""
    RATIO = "ratio"
    """A quotient: the numerator takes all, as if the denominator were a constant; a denominator under a constant
    numerator takes all."""
    MOVING = "moving"
    """R_x = J_xᵀ R: values go through unchanged, to another place or nowhere."""
    ELEMENTWISE = "elementwise"
    """R_x = R."""
    GATED = "gated"
    """R_x = (R, 0): the first half of the operand is gated by the second."""
    BATCH_NORM = "batch norm"
    """Linear in x, with the batch's mean and variance as constants (its own derivative conserves nothing)."""
    LAYER_NORM = "layer norm"
    """Linear in x, mean and all, with the deviation as a constant (Ali et al. 2022; Achtibat et al. 2024)."""
    SOFTMAX = "softmax"
    """R_x = x ⊙ (R − p·ΣR), the Taylor expansion at x; its constant takes the rest (Achtibat et al. 2024)."""
    EXPANDED = "expanded"
    """The linear rule on the local derivative, exact with a constant (an entropy) that takes the rest."""
    ATTENTION = "attention"
    """Two halved products with a softmax between, if they give what was recorded; else as LOCAL."""
    LSTM = "lstm"
    """Step by step, gates getting nothing (Arras et al. 2017), if that gives what was recorded; else as LOCAL."""
    LOCAL = "local"
    """The linear rule on the local derivative; what f keeps for itself is counted as approximate."""


_ROWS = {
    Rule.LINEAR: """
        add sub rsub mean sum cumsum nansum
        avg_pool1d avg_pool2d avg_pool3d _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_avg_pool1d
        upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_bilinear2d upsample_linear1d
        upsample_bicubic2d upsample_trilinear3d index_add scatter_add nll_loss_forward nll_loss2d_forward
        trace _fft_r2c _fft_c2r _fft_c2c _conj conj_physical _neg_view norm linalg_vector_norm std
        l1_loss hypot _cdist_forward _pdist_forward
    """,
    Rule.QUADRATIC: "var mse_loss",
    Rule.BILINEAR: """
        convolution mkldnn_convolution cudnn_convolution miopen_convolution linear _trilinear
        mul mm bmm mv dot vdot addmm addmv addbmm baddbmm addcmul addr ger outer
    """,
    Rule.RATIO: "div true_divide",
    Rule.MOVING: """
        view _unsafe_view reshape _reshape_alias t transpose permute numpy_T swapaxes movedim squeeze unsqueeze
        expand expand_as alias clone contiguous copy lift_fresh lift_fresh_copy
        as_strided unfold im2col col2im flatten unflatten repeat tile roll flip rot90
        slice select narrow split split_with_sizes unsafe_split unsafe_split_with_sizes unsafe_chunk chunk
        tensor_split unbind cat concat stack hstack vstack index index_select gather take take_along_dim
        masked_select diagonal diag_embed tril triu view_as_real view_as_complex complex resolve_conj resolve_neg
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
    Rule.GATED: "glu",
    Rule.BATCH_NORM: """
        native_batch_norm cudnn_batch_norm miopen_batch_norm _native_batch_norm_legit
        _native_batch_norm_legit_functional _native_batch_norm_legit_no_training _batch_norm_with_update
        _batch_norm_no_update batch_norm
    """,
    Rule.LAYER_NORM: "native_layer_norm native_group_norm _fused_rms_norm",
    Rule.SOFTMAX: "_softmax _safe_softmax softmax",
    Rule.EXPANDED: "_log_softmax log_softmax logsumexp",
    Rule.ATTENTION: """
        scaled_dot_product_attention _scaled_dot_product_attention_math
        _scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
        _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention
        _scaled_dot_product_fused_attention_overrideable
    """,
    Rule.LSTM: "mkldnn_rnn_layer",
}

_RULES = {name: rule for rule, names in _ROWS.items() for name in names.split()}

FACTORS = {
    "convolution": ("input", "weight"),
    "mkldnn_convolution": ("self", "weight"),
    "cudnn_convolution": ("self", "weight"),
    "miopen_convolution": ("self", "weight"),
    "linear": ("input", "weight"),
    "_trilinear": ("i1", "i2", "i3"),
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
"""The operands of a bilinear operation, by their names in its schema; what else it takes is added."""


class LayerRule(StrEnum):
    """How relevance passes a layer with weights, ``z_j = Σ_i x_i·w_ij + b_j``."""

    EPSILON = "epsilon"
    """As LINEAR above (Bach et al. 2015, eq. 58)."""
    GAMMA = "gamma"
    """Terms that have the sign of z_j are favoured by γ (Montavon et al. 2019)."""
    ALPHA_BETA = "alphabeta"
    """α times to the positive terms, β times taken from the negative ones (Bach et al. 2015, eq. 60)."""
    Z_PLUS = "z⁺"
    """To the positive terms alone: α = 1, β = 0."""


LAYERS = {
    "dense": frozenset({"linear", "addmm", "mm", "bmm", "mv", "addmv", "baddbmm", "addbmm"}),
    "convolution": frozenset({"convolution", "mkldnn_convolution", "cudnn_convolution", "miopen_convolution"}),
    "batch norm": frozenset(_ROWS[Rule.BATCH_NORM].split()),
}
"""Layers with weights by kind. ``nn.Bilinear`` and weights that scale element-wise keep LRP-ε: of one term there is
nothing to favour. So do fused LSTM layers."""

LAYER_RULES = {
    "epsilon": dict.fromkeys(LAYERS, LayerRule.EPSILON),
    "gamma": dict.fromkeys(LAYERS, LayerRule.GAMMA),
    "alphabeta": dict.fromkeys(LAYERS, LayerRule.ALPHA_BETA),
    "composite": {
        "dense": LayerRule.EPSILON,
        "convolution": LayerRule.Z_PLUS,
        "batch norm": LayerRule.EPSILON,
    },
}
"""Which rule each kind of layer gets, by ``Propagation.rule``. ``composite`` is zennit's EpsilonPlus (after Kohlbrenner
et al. 2020 and Montavon et al. 2019). It has no rule of its own for the first layer, as w² and flat are: these give an
input element its share whatever its value, which would hide the element that is out of range."""

GATES = frozenset({"sigmoid", "hardsigmoid", "gt", "ge", "lt", "le", "eq", "ne", "rsqrt", "reciprocal"})
"""A factor made by one of these says how much of the other passes: it gets no relevance (Arras et al. 2017). ``rsqrt``
and ``reciprocal`` make a product a quotient, whose denominator gets none either (RMS norm; Achtibat et al. 2024)."""

MIXTURES = frozenset({"_softmax", "_safe_softmax", "softmax"})
"""Gates too, but only in ``ELEMENTWISE_PRODUCTS``: in a matrix product, as attention has it, softmax is an activation
and takes half (Achtibat et al. 2024, sec. 3.3)."""

ELEMENTWISE_PRODUCTS = frozenset({"mul", "addcmul"})

PASSES_COMPLEX = frozenset({Rule.LINEAR, Rule.BILINEAR, Rule.RATIO, Rule.MOVING})
"""Linear in the real and imaginary parts alike, each of which carries relevance of its own; others refuse complex
numbers."""

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
    if op.startswith(("aten.", "prims.")) and name in _RULES:
        return _RULES[name]
    return derived(op)


def derived(op: str) -> Rule:
    """The rule that an operation's declaration allows: views move their operand, and what is tagged point-wise and
    takes one tensor is element-wise. Anything else, and what this torch does not know, is linearised."""
    try:
        declared = resolve_op(op)
    except ReplayError:
        return Rule.LOCAL
    tensors = [argument for argument in declared._schema.arguments if "Tensor" in str(argument.type)]
    if is_alias(op) or torch.Tag.view_copy in declared.tags:
        return Rule.MOVING
    return Rule.ELEMENTWISE if torch.Tag.pointwise in declared.tags and len(tensors) == 1 else Rule.LOCAL


def layer_rule(asked: str, name: str) -> LayerRule:
    """The rule that a layer's operation, by its packet, gets where ``asked`` is the rule of all."""
    kind = next((kind for kind, names in LAYERS.items() if name in names), None)
    return LAYER_RULES[asked][kind] if kind is not None else LayerRule.EPSILON
