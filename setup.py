"""Install with ``pip install -e .``; extras are listed at the end."""

from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent

setup(
    name="speechbrain-denokd",
    version="0.1.0",
    description="Compact speaker verification on SpeechBrain",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    packages=find_packages(include=["speechbrain_denokd*"]),
    install_requires=[
        # torchaudio 2.11.0 is the last to load with these torches: its CUDA
        # build refuses torch 2.12, and 2.11.1 needs a symbol torch 2.11 lacks.
        "torch>=2.8,<2.12",
        "torchaudio>=2.8,<2.11.1",
        "speechbrain>=1.1.2,<1.2",
        "hyperpyyaml>=1.2.3,<2",
        "ruamel.yaml>=0.17.28",
        "transformers>=5,<6",
        "soundfile>=0.13",
        "numpy>=1.26",
        "scipy>=1.11",
        "scikit-learn>=1.4",
        "matplotlib>=3.8",
        "safetensors>=0.4",
        "huggingface_hub>=1",
        "typer>=0.15",
        "packaging",
        "tqdm",
    ],
    entry_points={
        "console_scripts": ["denokd=speechbrain_denokd.cli.app:main"]
    },
    extras_require={
        "tensorboard": ["tensorboard"],
        "archives": ["kaldiio>=2.18", "pyarrow>=15"],
        "onnx": ["onnx>=1.17", "onnxruntime>=1.19", "onnxscript>=0.5"],
        # pesq has no wheels: a C compiler is needed, so it is not in dev.
        "separation": ["torchmetrics>=1.4,<2", "pesq>=0.0.4"],
        "demo": ["gradio>=6.31,<7"],
        # faiss and torch crash together on macOS (two OpenMP runtimes).
        "index": ["faiss-cpu>=1.8; sys_platform != 'darwin'"],
        "dev": [
            "pytest>=8",
            "hypothesis",
            "pytest-xdist>=3.6",
            "ruff>=0.12,<0.18",
            "diffusers>=0.30",
            "espeakng-loader",
            "gradio>=6.31,<7",
            "kaldiio>=2.18",
            "pyarrow>=15",
            "onnx>=1.17",
            "onnxruntime>=1.19",
            "onnxscript>=0.5",
            "tensorboard",
            "torchmetrics>=1.4,<2",
            "faiss-cpu>=1.8; sys_platform != 'darwin'",
        ],
    },
)
