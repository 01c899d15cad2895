"""Teachers of the right size for timing; what they know does not matter.

Each function takes no argument, so that a set-up's ``load_teacher`` can name
it, and builds its teacher once per process: the rows of a benchmark share it.
"""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from speechbrain.lobes.models.ECAPA_TDNN import Classifier

from speechbrain_denokd.distill.teacher import (
    FrozenTeacher,
    teacher_from_folder,
)
from speechbrain_denokd.encoders.ecapa import EcapaTdnn
from speechbrain_denokd.encoders.fbank import FbankFrontEnd
from speechbrain_denokd.encoders.wav_encoder import WavEncoder
from speechbrain_denokd.encoders.wavlm import WavLM
from speechbrain_denokd.encoders.wavlm_ecapa import WavLMEcapa, WavLMEcapaHead
from speechbrain_denokd.encoders.wavlm_folder import (
    save_random_wavlm,
    wavlm_large_config,
)

SAMPLE_TEACHER = Path("pretrained/sample_teacher")
N_VOXCELEB2_SPEAKERS = 5994
N_SAMPLE_SPEAKERS = 64


@cache
def paper_teacher() -> FrozenTeacher:
    """WavLM-large + UniSpeech's ECAPA-TDNN, random weights, 5,994 classes."""
    with TemporaryDirectory() as folder:
        wavlm = WavLM(save_random_wavlm(wavlm_large_config(), folder))
    encoder = WavLMEcapa(wavlm, WavLMEcapaHead())
    return with_random_head(encoder, N_VOXCELEB2_SPEAKERS)


@cache
def sample_teacher() -> FrozenTeacher:
    """The bundled teacher where it lies, a random one of its size elsewhere."""
    if SAMPLE_TEACHER.is_dir():
        teacher = teacher_from_folder(str(SAMPLE_TEACHER))
        teacher.select_speakers(teacher.speakers[:N_SAMPLE_SPEAKERS])
        return teacher
    network = EcapaTdnn(80, lin_neurons=128, channels=[160, 160, 160, 160, 480])
    return with_random_head(
        WavEncoder(FbankFrontEnd(n_mels=80), network), N_SAMPLE_SPEAKERS
    )


def with_random_head(encoder, n_speakers: int) -> FrozenTeacher:
    """An encoder frozen, with class centres of as many speakers."""
    head = Classifier(
        encoder.embedding_dim,
        lin_neurons=encoder.embedding_dim,
        out_neurons=n_speakers,
    )
    return FrozenTeacher(
        encoder, head, speakers=[str(i) for i in range(n_speakers)]
    )
