import pytest

from pygpt.analysis.memory import check_memory, check_sampling_memory, copy_memory, memory_estimate, parameter_count
from pygpt.config.experiment import Experiment
from pygpt.data import load_text, text_from_bytes
from pygpt.devices.numpy import NumpyDevice
from pygpt.errors import ExperimentError
from pygpt.training.run import Run
from pygpt.utils.units import format_bytes


@pytest.mark.parametrize(
    "preset, changes",
    [
        ("bigram", {}),
        ("baby", {}),
        ("small", {}),
        ("small", {"model.dropout": 0.2, "model.bias": True}),
        ("small", {"model.n_layer": 1, "model.tie_weights": True}),
        ("baby", {"model.n_layer": 12}),
    ],
)
def test_the_estimate_is_within_ten_percent_of_the_peak(preset, changes):
    device, text = NumpyDevice(), load_text("tales")
    experiment = Experiment.preset(preset).with_fields(**{"train.steps": 2, "train.eval_batches": 2, **changes})
    run = Run(experiment, text, device)
    for _ in run.train():
        pass
    estimate = memory_estimate(experiment, run.tokenizer.vocab_size, len(text.text))
    assert 0.9 < estimate / device.peak_bytes < 1.1, (format_bytes(estimate), format_bytes(device.peak_bytes))
    assert parameter_count(experiment, run.tokenizer.vocab_size) == run.model.parameter_count


@pytest.mark.parametrize("changes", [{}, {"optim.name": "sgd"}, {"optim.name": "muon"}, {"optim.ema": 0.99}])
def test_the_memory_of_safety_copies_is_that_of_three_files(changes):
    experiment = Experiment.preset("small").with_fields(**changes)
    run = Run(experiment, load_text("tales"), NumpyDevice())
    estimate = copy_memory(experiment, run.tokenizer.vocab_size)
    assert estimate == pytest.approx(3 * len(run.checkpoint()), rel=0.05)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("batch_size", [40, 8])
def test_the_estimate_of_a_large_vocabulary(tied, batch_size):
    text = text_from_bytes("signs", "".join(chr(0x4E00 + index) for index in range(8192)).encode())
    experiment = Experiment.preset("small").with_fields(
        **{
            "model.tie_weights": tied,
            "model.n_embd": 32,
            "model.block_size": 128,
            "model.n_layer": 1,
            "train.batch_size": batch_size,
            "train.steps": 1,
            "train.eval_batches": 1,
            "data.tokenizer": "char",
            "data.layout": "stream",
        }
    )
    device = NumpyDevice()
    run = Run(experiment, text, device)
    assert run.tokenizer.vocab_size == 8192
    for _ in run.train():
        pass
    estimate = memory_estimate(experiment, 8192, len(text.text))
    assert 0.9 < estimate / device.peak_bytes < 1.1, (format_bytes(estimate), format_bytes(device.peak_bytes))
    assert batch_size == 8 or device.peak_bytes < 2 * 4 * batch_size * 128 * 8192, "the full logits are never in memory"


def test_a_run_that_does_not_fit_is_refused_with_the_estimate(cpu):
    nano = Experiment.preset("nano")
    cpu.memory_limit = 10**9
    with pytest.raises(ExperimentError, match=r"this run needs about [\d.]+ GB \(10,\d{3},\d{3} parameters"):
        check_memory(nano, 65, cpu)
    cpu.memory_limit, cpu.buffer_limit = None, 40 * 10**6
    with pytest.raises(ExperimentError, match="the weights take 43.0 MB .* in one buffer") as caught:
        check_memory(nano, 65, cpu)
    assert caught.value.field == "model"
    cpu.buffer_limit = 90 * 10**6
    with pytest.raises(ExperimentError, match="a batch's widest activations take 101 MB"):
        check_memory(nano, 65, cpu)


def test_a_model_that_exceeds_a_buffer_is_refused(cpu, monkeypatch):
    """micro's weights: 4 bytes each."""
    micro = Experiment.preset("micro")
    weights = 4 * parameter_count(micro, 27)
    monkeypatch.setattr(cpu, "buffer_limit", weights)
    check_sampling_memory(micro, 27, cpu)
    monkeypatch.setattr(cpu, "buffer_limit", weights - 1)
    with pytest.raises(ExperimentError, match=f"the weights take {format_bytes(weights)}, and NumPy .* in one buffer"):
        check_sampling_memory(micro, 27, cpu)


def test_format_bytes():
    assert [format_bytes(n) for n in (0, 999, 1000, 1_500_000, 123_456_789, 4 * 10**12, 10**19)] == [
        "0 bytes",
        "999 bytes",
        "1.0 kB",
        "1.5 MB",
        "123 MB",
        "4.0 TB",
        "10000 PB",
    ]
