"""Every operation. Importing this module fills `pygpt.tensor.tensor.KERNELS`; to add an op, add its line here."""

from pygpt.ops.activation import activation as activation, activation_gradient as activation_gradient
from pygpt.ops.adamw import adamw as adamw
from pygpt.ops.add import add as add
from pygpt.ops.advance import advance as advance
from pygpt.ops.append import append as append
from pygpt.ops.attention import attention as attention
from pygpt.ops.attention_gradient import attention_delta as attention_delta, attention_gradient as attention_gradient
from pygpt.ops.attention_gradient import attention_sinks_gradient as attention_sinks_gradient
from pygpt.ops.attention_cached import attention_cached as attention_cached
from pygpt.ops.batch import batch as batch, batch_documents as batch_documents
from pygpt.ops.blend import blend as blend, weigh as weigh
from pygpt.ops.cross_entropy import cross_entropy as cross_entropy, cross_entropy_gradient as cross_entropy_gradient
from pygpt.ops.descend import descend as descend
from pygpt.ops.divide import divide as divide
from pygpt.ops.dropout import dropout as dropout
from pygpt.ops.embedding import embedding as embedding, embedding_gradient as embedding_gradient
from pygpt.ops.fill import fill as fill
from pygpt.ops.gate import gate as gate, gate_gradient as gate_gradient
from pygpt.ops.gelu import gelu as gelu, gelu_gradient as gelu_gradient
from pygpt.ops.layernorm import layernorm as layernorm, layernorm_gradient as layernorm_gradient
from pygpt.ops.linear_cross_entropy import linear_cross_entropy as linear_cross_entropy
from pygpt.ops.linear_cross_entropy import rows_at_a_time as rows_at_a_time
from pygpt.ops.matmul import matmul as matmul
from pygpt.ops.mean_valid import mean_valid as mean_valid, mean_valid_gradient as mean_valid_gradient
from pygpt.ops.momentum import momentum as momentum
from pygpt.ops.normal import normal as normal
from pygpt.ops.pack import pack as pack
from pygpt.ops.qk_norm import qk_norm as qk_norm, qk_norm_gradient as qk_norm_gradient
from pygpt.ops.record import record as record
from pygpt.ops.repetition_penalty import repetition_penalty as repetition_penalty
from pygpt.ops.right_answers import right_answers as right_answers
from pygpt.ops.rmsnorm import rmsnorm as rmsnorm, rmsnorm_gradient as rmsnorm_gradient
from pygpt.ops.rope import rope as rope, rope_table as rope_table
from pygpt.ops.sample import sample as sample
from pygpt.ops.scale import scale as scale
from pygpt.ops.softcap import softcap as softcap, softcap_gradient as softcap_gradient
from pygpt.ops.softmax import softmax as softmax, softmax_gradient as softmax_gradient
from pygpt.ops.square_sum import clip_scale as clip_scale, square_sum as square_sum
from pygpt.ops.sum import sum as sum
from pygpt.ops.threefry import threefry as threefry
from pygpt.ops.windows import windows as windows
