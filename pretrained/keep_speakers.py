"""Cut a model folder's class head down to the speakers of a manifest.

``python pretrained/keep_speakers.py MODEL_FOLDER MANIFEST OUTPUT_FOLDER``

A teacher may be trained on more speakers than its students know. Label
distillation needs only the classes they share; the folder gets smaller.
"""

import csv
import sys
from pathlib import Path

from speechbrain_denokd.cli_errors import exit_on_user_error
from speechbrain_denokd.distill.teacher import teacher_from_folder
from speechbrain_denokd.model_folder import encoder_yaml, write_model_folder


@exit_on_user_error
def main(argv):
    """Read, select, write."""
    if len(argv) != 3:
        raise ValueError(f"3 folders and files are needed, not {len(argv)}")
    model, manifest, output = argv
    with open(manifest, encoding="utf-8") as file:
        speakers = sorted({row["spk_id"] for row in csv.DictReader(file)})
    teacher = teacher_from_folder(model)
    teacher.select_speakers(speakers)
    page = Path(model, "hyperparams.yaml").read_text(encoding="utf-8")
    write_model_folder(
        output,
        encoder_yaml(page, ["encoder"]),
        teacher.encoder,
        teacher.classifier,
        speakers,
        teacher.aam.scale,
        teacher.aam.margin,
    )


if __name__ == "__main__":
    main(sys.argv[1:])
