"""Files for programs that have PyTorch and nothing of ours."""

import subprocess
import sys

import pytest

from speechbrain_denokd.export.graph import capture, trace
from speechbrain_denokd.export.parity import check_parity
from speechbrain_denokd.export.torch_formats import (
    read_pt2,
    read_torchscript,
    write_pt2,
    write_torchscript,
)
from tests.export.conftest import tiny_redimnet
from tests.tiny import tiny_encoder

ALONE = """\
import sys
for name in ("speechbrain", "speechbrain_denokd", "transformers"):
    sys.modules[name] = None
import torch
{load}
print(graph(torch.ones(3, 9000), torch.tensor([9000, 5000, 1600])).shape)
"""
LOADS = {
    "pt2": "graph = torch.export.load(sys.argv[1]).module()",
    "torchscript": "graph = torch.jit.load(sys.argv[1])",
}


@pytest.mark.parametrize("build", [tiny_encoder, tiny_redimnet])
@pytest.mark.parametrize("format", ["pt2", "torchscript"])
def test_law_graphs_agree_and_run_alone(build, format, speech, tmp_path):
    encoder = build()
    path = tmp_path / f"model.{format}"
    if format == "pt2":
        write_pt2(capture(encoder), path, {"sample_rate_hz": 16000})
        embed, metadata = read_pt2(path)
    else:
        write_torchscript(trace(encoder), path, {"sample_rate_hz": 16000})
        embed, metadata = read_torchscript(path)
    assert metadata == {"sample_rate_hz": 16000}
    assert check_parity(encoder, embed, speech).max_difference < 1e-5
    code = ALONE.format(load=LOADS[format])
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "torch.Size([3, 16])"
