"""A model folder's ``.onnx`` file, for tests; without the parity gate."""

from pathlib import Path


def write_graph(model: str | Path, folder: Path) -> Path:
    """Write ``model.onnx`` into a folder, as `denokd export` does."""
    from speechbrain_denokd.export.graph import capture
    from speechbrain_denokd.export.metadata import describe_model
    from speechbrain_denokd.export.onnx import write_onnx
    from speechbrain_denokd.model_folder import read_model_folder

    encoder = read_model_folder(model).encoder.eval()
    path = Path(folder) / "model.onnx"
    write_onnx(capture(encoder), path, describe_model(model, encoder))
    return path
