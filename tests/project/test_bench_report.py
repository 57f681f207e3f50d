"""The performance page, written from benchmark records: tests its content, not its figures."""

import sys

from tests.bench import native, records, report
from tests.bench.targets import targets
from tests.bench.work import write_work


def test_without_records_every_target_is_unmeasured():
    verdicts = list(targets({}))
    assert len(verdicts) > 20 and all(met is None for _, _, _, met in verdicts)


def test_a_ratio_compares_with_the_fastest_peer_of_the_run():
    benchmark_records = {
        ("tab", "micro"): {
            "results": {
                "ours numpy": {"ms": [1.0, 2.0, 3.0]},
                "tfjs wasm": {"ms": [10.0]},
                "jaxjs wasm": {"ms": [5.0]},
                "jaxjs webgpu": {"error": "no"},
            }
        }
    }
    what, target, measured, met = next(row for row in targets(benchmark_records) if "NumPy): micro" in row[0])
    assert met is True and measured.startswith("0.40 x") and "jaxjs wasm" in measured


def test_the_page_is_written_from_saved_records(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    monkeypatch.setattr(report, "ROOT", tmp_path)
    monkeypatch.setattr(report, "PAGE", tmp_path / "performance.md")
    results = {}
    for contender, loss in (("ours numpy", 4.0), ("torch eager", 4.0001)):
        for _ in range(2):
            records.add_round(
                results,
                contender,
                {"ms_per_step": [2.0, 4.0], "first_step_ms": 9.0, "loss": [loss], "sample_tok_s": 100.0},
            )
    records.add_round(results, "jax", {"error": "EOFError: the process ended"})
    records.compare_losses(results, "ours numpy")
    records.save("native", "micro", {"results": results, "versions": {}, "threads": 1, "batch": 1})
    report.write(None)
    page = (tmp_path / "performance.md").read_text()
    assert "| torch eager | 3 | 2 – 4 | 1 |" in page and "EOFError" in page and "Tried and found slower" in page
    assert results["torch eager"]["loss_difference"] < 1e-3


def test_our_process_follows_the_peers_protocol(tmp_path):
    work = write_work("micro", folder=tmp_path)
    ours = native.Contender([sys.executable, "-m", "tests.bench.ours", "numpy"], threads=1)
    try:
        answer = ours.request("train", work=str(work), steps=3, warmup=0, min_steps=1, sample_tokens=4)
        assert len(answer["loss"]) == 4 and answer["launches"] > 20 and answer["sample_tok_s"] > 0, answer
        assert answer["device_bytes"] > 0 and answer["estimate_bytes"] > 0
        assert ours.request("multiply", m=8, k=4, n=2, reps=1)["gflops"] > 0
        assert "NoSuchWork" in ours.request("train", work="NoSuchWork")["error"]
    finally:
        ours.close()
