"""Every operation. Importing this module fills `pygpt.tensor.KERNELS`; to add an op, add its line here."""

from pygpt.ops.add import add as add
from pygpt.ops.batch import batch as batch, batch_documents as batch_documents
from pygpt.ops.dropout import dropout as dropout
from pygpt.ops.embedding import embedding as embedding, embedding_gradient as embedding_gradient
from pygpt.ops.fill import fill as fill
from pygpt.ops.gelu import gelu as gelu, gelu_gradient as gelu_gradient
from pygpt.ops.layernorm import layernorm as layernorm, layernorm_gradient as layernorm_gradient
from pygpt.ops.layernorm import layernorm_weight_gradient as layernorm_weight_gradient
from pygpt.ops.matmul import matmul as matmul
from pygpt.ops.normal import normal as normal
from pygpt.ops.scale import scale as scale
from pygpt.ops.sum import sum as sum
from pygpt.ops.threefry import threefry as threefry
