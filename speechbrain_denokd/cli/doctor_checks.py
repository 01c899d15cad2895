"""What a sound installation looks like (``facts -> check``).

Each function takes facts and looks nothing up itself; `cli.doctor` collects
them.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

_GB = 1_000_000_000
_LITTLE_DISK, _NO_DISK = 5 * _GB, 1 * _GB
_SCORE_TOLERANCE = 1e-3  # decoders and processors round differently
# What corpora are in. Without Opus there is no bundled corpus.
_NEEDED, _WANTED = ("WAV", "FLAC", "OPUS"), ("VORBIS", "MP3")


class Check(NamedTuple):
    """One line of the report.

    Attributes
    ----------
    name : str
        What was looked at.
    status : str
        "ok", "warn" (something will not work) or "fail" (nothing will).
    found : str
    fix : str
        What to do; empty if ok.

    Example
    -------
    >>> Check("python", "ok", "3.11", "").status
    'ok'
    """

    name: str
    status: str
    found: str
    fix: str = ""


def check_python(version: str, needed: str) -> Check:
    """Compare Python with what the package asks for.

    Arguments
    ---------
    version : str
    needed : str
        A specifier, such as ">=3.10".

    Returns
    -------
    Check

    Example
    -------
    >>> check_python("3.9.1", ">=3.10").fix
    'install Python >=3.10 and make a new environment'
    """
    if SpecifierSet(needed).contains(version, prereleases=True):
        return Check("python", "ok", version)
    fix = f"install Python {needed} and make a new environment"
    return Check("python", "fail", version, fix)


def check_requirement(requirement: str, version: str | None) -> Check:
    """Compare an installed package with a requirement.

    Arguments
    ---------
    requirement : str
        As in setup.py: "torch>=2.8,<2.12".
    version : str, optional
        None if it is not installed.

    Returns
    -------
    Check

    Example
    -------
    >>> check_requirement("torch>=2.8,<2.12", "2.11.0+cu130").status
    'ok'
    >>> check_requirement("tqdm", None).fix
    'pip install "tqdm"'
    """
    needed = Requirement(requirement)
    fix = f'pip install "{requirement}"'
    if version is None:
        return Check(needed.name, "fail", "missing", fix)
    if needed.specifier.contains(version, prereleases=True):
        return Check(needed.name, "ok", version)
    return Check(needed.name, "fail", version, fix)


def check_torch_pair(
    torch: str | None, torchaudio: str | None, error: str | None = None
) -> Check:
    """Torchaudio is built for one release of torch, and loads with no other.

    Arguments
    ---------
    torch, torchaudio : str, optional
        Versions; None if not installed.
    error : str, optional
        What importing both ended with.

    Returns
    -------
    Check

    Example
    -------
    >>> check_torch_pair("2.11.0", "2.10.0").status
    'fail'
    """
    name = "torch and torchaudio"
    if torch is None or torchaudio is None:
        fix = "pip install torch torchaudio, of one release"
        return Check(name, "fail", "not both installed", fix)
    found = f"{torch} and {torchaudio}"
    release = torch.split("+")[0]
    fix = f"pip install torchaudio=={release} from where torch came from"
    if release.split(".")[:2] != torchaudio.split(".")[:2]:
        return Check(name, "fail", found, fix)
    if error is not None:
        return Check(name, "fail", f"{found}: {error}", fix)
    builds = {_build(torch), _build(torchaudio)} - {""}
    if len(builds) > 1:
        return Check(name, "warn", found, fix)
    return Check(name, "ok", found)


def check_devices(
    accelerators: Sequence[str], cuda_build: str | None, has_driver: bool
) -> Check:
    """Say what the network may run on; a CPU alone is no fault.

    Arguments
    ---------
    accelerators : sequence of str
        Names of what PyTorch sees.
    cuda_build : str, optional
        CUDA version that PyTorch is built for.
    has_driver : bool
        Whether there is an NVIDIA driver.

    Returns
    -------
    Check

    Example
    -------
    >>> check_devices([], None, has_driver=False)
    Check(name='devices', status='ok', found='CPU', fix='')
    """
    if accelerators:
        return Check("devices", "ok", ", ".join(["CPU", *accelerators]))
    if not has_driver:
        return Check("devices", "ok", "CPU")
    if cuda_build is None:
        fix = "install the CUDA build of torch and torchaudio (pytorch.org)"
        found = "an NVIDIA driver, but PyTorch is built for the CPU"
        return Check("devices", "warn", found, fix)
    found = f"PyTorch for CUDA {cuda_build} sees no GPU"
    fix = "update the NVIDIA driver, or install torch for an older CUDA"
    return Check("devices", "warn", found, fix)


def check_ffmpeg(path: str | None) -> Check:
    """Look for ffmpeg, which converts AAC; nothing else needs it.

    Arguments
    ---------
    path : str, optional
        None if it is not on PATH.

    Returns
    -------
    Check

    Example
    -------
    >>> check_ffmpeg("/usr/bin/ffmpeg").status
    'ok'
    """
    if path is not None:
        return Check("ffmpeg", "ok", path)
    fix = "install ffmpeg if your corpus is AAC (.m4a), as VoxCeleb2 is"
    return Check("ffmpeg", "warn", "not on PATH", fix)


def check_formats(version: str, formats: Collection[str]) -> Check:
    """Look for the formats of speech corpora.

    Arguments
    ---------
    version : str
        Of libsndfile.
    formats : collection of str
        What it reads: formats, and codecs inside Ogg, in capitals.

    Returns
    -------
    Check

    Example
    -------
    >>> check_formats("1.0", {"WAV", "FLAC", "OPUS", "VORBIS"}).found
    '1.0 without MP3'
    """
    missing = [name for name in (*_NEEDED, *_WANTED) if name not in formats]
    if not missing:
        return Check("libsndfile", "ok", version)
    status = "fail" if set(missing) & set(_NEEDED) else "warn"
    found = f"{version} without {', '.join(missing)}"
    fix = "pip install --upgrade soundfile, whose wheel has libsndfile 1.2"
    return Check("libsndfile", status, found, fix)


def check_sample_score(
    score: float | None, recorded: float, error: str | None = None
) -> Check:
    """Compare a score of the bundled model with the one on record.

    Arguments
    ---------
    score : float, optional
        None if the model is not there, or does not run.
    recorded : float
    error : str, optional
        What the model ended with.

    Returns
    -------
    Check

    Example
    -------
    >>> check_sample_score(0.5, 0.70001).found
    'score 0.5000 instead of 0.7000'
    """
    name = "bundled model"
    if error is not None:
        fix = "mend what fails above; else install the package again"
        return Check(name, "fail", error, fix)
    if score is None:
        fix = "clone the repository to have the sample model and corpus"
        return Check(name, "warn", "not beside the package", fix)
    if abs(score - recorded) <= _SCORE_TOLERANCE:
        return Check(name, "ok", f"score {score:.4f}, as recorded")
    found = f"score {score:.4f} instead of {recorded:.4f}"
    fix = "check out pretrained/ and tests/samples again, then report this"
    return Check(name, "fail", found, fix)


def check_disk(folder: str, free_bytes: int) -> Check:
    """Look for room for downloaded models.

    Arguments
    ---------
    folder : str
        Where the Hugging Face hub keeps them.
    free_bytes : int

    Returns
    -------
    Check

    Example
    -------
    >>> check_disk("cache", 3_000_000_000).status
    'warn'
    """
    found = f"{free_bytes / _GB:.1f} GB free in {folder}"
    if free_bytes >= _LITTLE_DISK:
        return Check("disk", "ok", found)
    status = "fail" if free_bytes < _NO_DISK else "warn"
    fix = "make room, or set HF_HOME to a larger disk: WavLM-Large takes 1.3 GB"
    return Check("disk", status, found, fix)


def _build(version: str) -> str:
    """What follows "+": the CUDA version, "cpu", or nothing."""
    return version.partition("+")[2]
