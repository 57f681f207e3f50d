"""A trained model for inference, and a function that loads one."""

from array import array

from pygpt.analysis.memory import check_sampling_memory
from pygpt.config.sampling import sampling_config
from pygpt.devices import check_device, open_device
from pygpt.devices.base import Device
from pygpt.errors import ShapeError, TokenizerError
from pygpt.inference.generate import generate
from pygpt.inference.sampler import Sampler
from pygpt.models import build_model
from pygpt.nn.parameters import Weights
from pygpt.runs.checkpoint import Checkpoint
from pygpt.runs.provenance import prompt_template
from pygpt.runs.run_folder import open_run
from pygpt.tensor.tensor import no_tape, tensor


class TrainedModel:
    """Weights on a device, with the tokenizer they were trained with.

    Attributes: `model`, `tokenizer`, `experiment`, `step` (training steps done), `provenance`, `device`.
    """

    def __init__(self, checkpoint: Checkpoint, device: Device):
        self.device, self.checkpoint = device, checkpoint
        self.experiment, self.tokenizer = checkpoint.experiment, checkpoint.tokenizer
        self.step, self.provenance = checkpoint.step, checkpoint.provenance
        check_sampling_memory(self.experiment, self.tokenizer.vocab_size, device)
        self.model = build_model(self.experiment.model, self.tokenizer.vocab_size)
        weights = Weights(device, self.model, None, self.experiment.model.dtype)
        for name, values in checkpoint.weights.items():
            device.write(weights.by_name[name], bytes(values))

    def logits(self, ids):
        """Return the logits of the token after each token: ids (B, T) integers -> a NumPy array (B, T, V).

        `ids` can be nested lists or an array. Raises: ShapeError unless it is (B, T) with 1 <= T <= block_size;
        TokenizerError for an id outside the vocabulary.
        """
        try:
            rows = [list(row) for row in (ids.tolist() if hasattr(ids, "tolist") else ids)]
        except TypeError:  # it has no rows, or they have no elements
            rows = []
        if len({len(row) for row in rows}) != 1:
            raise ShapeError("logits: expected ids as (B, T), every row of the same length; one row is [[0, 1, 2]]")
        length = len(rows[0])
        if not 1 <= length <= self.model.block_size:
            raise ShapeError(f"logits: rows have {length} ids; this model takes 1 to {self.model.block_size}")
        flat = [token for row in rows for token in row]
        numbers = range(self.tokenizer.vocab_size)
        # 1.0 is in a range.
        wrong = [token for token in flat if not hasattr(token, "__index__") or token not in numbers]
        if wrong:
            raise TokenizerError(
                f"logits: {wrong[0]!r:.60} is no token; ids are whole numbers from 0 to {self.tokenizer.vocab_size - 1}"
            )
        data = tensor(self.device, array("I", flat), (len(rows), length), "uint32")
        with no_tape():
            return self.model.logits(data).numpy()

    def stream(self, prompt: str = "", max_new_tokens: int = 200, **settings):
        """Yield the continuation of the prompt in pieces; `settings` are those of SamplingConfig.

        Raises: ExperimentError for an unknown setting or a value that it cannot have; otherwise as Sampler.
        """
        config, template = sampling_config(settings), self._template()
        yield from generate(self.model, self.tokenizer, prompt, max_new_tokens, config, template=template)

    def generate(self, prompt: str = "", max_new_tokens: int = 200, **settings) -> str:
        """Return the continuation of the prompt; settings: temperature (0.8), top_k (0: all), top_p (1), min_p (0),
        repetition_penalty (1), stop (a text or several), seed (1)."""
        return "".join(self.stream(prompt, max_new_tokens, **settings))

    def sampler(self, prompt: str = "", **settings) -> Sampler:
        """Return a Sampler of this model, for a caller that waits for the device itself; settings as in `generate`."""
        return Sampler(self.model, self.tokenizer, prompt, sampling_config(settings), template=self._template())

    def _template(self) -> tuple[int, ...] | None:
        """What a prompt begins with, see `prompt_template`; None if it begins as a training text does."""
        return prompt_template(self.checkpoint.provenance, self.experiment.data.layout, self.tokenizer)


def load(folder, device="auto") -> TrainedModel:
    """Load the trained model in a folder or a file, for inference only; see `pygpt.load`."""
    check_device(device)
    checkpoint = open_run(folder)
    return TrainedModel(checkpoint, open_device(device) if isinstance(device, str) else device)
