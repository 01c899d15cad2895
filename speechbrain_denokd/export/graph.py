"""An encoder as one graph: ``wavs, n_samples -> embedding``.

All formats share these two inputs. Lengths are numbers of samples, not
SpeechBrain's ratios: a product has them at hand, and they are exact.
"""

import torch
from torch import Tensor, nn

from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.export.quiet import quiet
from speechbrain_denokd.export.swaps import exportable

SAMPLE_RATE_HZ = 16_000
_SHORTEST_S = 0.1  # less says nothing of a speaker


class EmbeddingGraph(nn.Module):
    """What is exported: the embedding alone, lengths in samples.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs (B, S), lens (B,)) -> EncoderOutput``.

    Example
    -------
    >>> from speechbrain_denokd.encoders.ecapa import EcapaTdnn
    >>> from speechbrain_denokd.encoders.fbank import FbankFrontEnd
    >>> graph = EmbeddingGraph(WavEncoder(
    ...     FbankFrontEnd(n_mels=24),
    ...     EcapaTdnn(24, lin_neurons=16, channels=[16, 16, 16, 16, 48]),
    ... ))
    >>> graph(torch.randn(2, 8000), torch.tensor([8000, 5000])).shape
    torch.Size([2, 16])
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(self, wavs: Tensor, n_samples: Tensor) -> Tensor:
        """(B, S) waveforms, (B,) int64 valid samples -> (B, D) embeddings."""
        # In double precision a ratio rounds back to its number of samples.
        lens = n_samples.double() / wavs.shape[1]
        return self.encoder(wavs, lens).embedding


def min_samples(encoder: nn.Module) -> int:
    """Samples of the shortest recording that an encoder should be given.

    A graph cannot refuse: who runs it has to.

    Arguments
    ---------
    encoder : torch.nn.Module

    Returns
    -------
    int
        0.1 s, or more where the network's context is longer.

    Example
    -------
    >>> min_samples(nn.Identity())
    1600
    """
    shortest = round(_SHORTEST_S * SAMPLE_RATE_HZ)
    needed = getattr(encoder, "min_samples", 0)
    if isinstance(encoder, WavEncoder):
        hop_samples = encoder.front_end.hop_samples
        needed = (encoder.network.min_frames - 1) * hop_samples
    return max(shortest, needed)


def capture(encoder: nn.Module) -> torch.export.ExportedProgram:
    """Trace an encoder for every batch size and length.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``; left as it is.

    Returns
    -------
    torch.export.ExportedProgram
        Of `EmbeddingGraph`, without the paths of this machine.

    Raises
    ------
    ValueError
        If its code depends on values that are known at run time only.
    """
    any_size = torch.export.Dim.DYNAMIC
    graph = EmbeddingGraph(exportable(encoder)).eval()
    try:
        with quiet():
            program = torch.export.export(
                graph,
                _example(encoder),
                dynamic_shapes=({0: any_size, 1: any_size}, {0: any_size}),
            )
    except Exception as error:  # torch raises half a dozen unrelated types
        raise _refusal(encoder, error) from error
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            node.meta.pop("stack_trace", None)
    return program


def trace(encoder: nn.Module) -> torch.jit.ScriptModule:
    """Trace an encoder as TorchScript.

    Arguments
    ---------
    encoder : torch.nn.Module
        ``(wavs, lens) -> EncoderOutput``; left as it is.

    Returns
    -------
    torch.jit.ScriptModule
        Of `EmbeddingGraph`. Whether it holds for other sizes than those of
        the trace is for `check_parity` to say.

    Raises
    ------
    ValueError
        If it cannot be traced.
    """
    graph = EmbeddingGraph(exportable(encoder)).eval()
    try:
        with quiet():
            # Checking the trace would run the same sizes once more.
            return torch.jit.trace(graph, _example(encoder), check_trace=False)
    except Exception as error:  # as above
        raise _refusal(encoder, error) from error


def _example(encoder: nn.Module) -> tuple[Tensor, Tensor]:
    """Three recordings with padding: a batch on the path of all batches."""
    shortest = min_samples(encoder)
    n_samples = shortest * torch.tensor([9, 7, 5])
    generator = torch.Generator().manual_seed(0)
    return torch.randn(3, 9 * shortest, generator=generator), n_samples


def _refusal(encoder: nn.Module, error: Exception) -> ValueError:
    reason = str(error).strip().splitlines()[0][:200]
    network = type(getattr(encoder, "network", encoder)).__name__
    return ValueError(
        f"{network} cannot be exported so ({type(error).__name__}: {reason}); "
        "ECAPA-TDNN and ReDimNet can in all formats, others as torchscript"
    )
