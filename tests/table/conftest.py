"""A program that stands for training, and a corpus that it scores."""

import json
import sys
from itertools import combinations
from pathlib import Path

import pytest

from speechbrain_denokd.table.command import main

# Stands for train.py: notes that it ran, fails where told to, and writes what
# training writes. The EER is the seed in percent; the scores of targets rise
# with --gain. It imports nothing of the package: that takes seconds.
FAKE_TRAINING = """
import json, os, pathlib, random, shlex, sys, time
options = dict(w[2:].split("=", 1) for w in sys.argv[2:])
folder = pathlib.Path(options["output_folder"])
folder.mkdir(parents=True, exist_ok=True)
with open(folder / "runs.txt", "a") as file:
    file.write("run ")
time.sleep(float(options.get("sleep_s", 0)))
seed = options["seed"]
if options.get("fail_seed") == seed or options.get("fail") == "true":
    print("epoch 1")
    sys.exit("error: batch_size=0 must be 1 or more")
corpus = json.loads(pathlib.Path("CORPUS").read_text())
noise, gain = random.Random(int(seed)), float(options.get("gain", 1))
for test in ("test", "other"):
    (folder / test).mkdir(exist_ok=True)
    lines = ["# " + json.dumps({**corpus["origin"], "model": "no/model"})]
    for label, enroll, other in corpus["trials"]:
        score = gain * label + noise.gauss(0, 1)
        lines.append(f"{label} {enroll} {other} {score!r}")
    name = "full" if test == "test" else "2s"
    (folder / test / f"scores_{name}.txt").write_text("\\n".join(lines))
(folder / "hyperparams.yaml").write_text(corpus["settings"])
rates = {"eer": int(seed) / 100, "min_dcf": 0.5, "eer_interval": [0.01, 0.05]}
record = {"method": "x", "setup": options["setup"], "n_steps": 50,
          "train_wall_s": 5.0 * int(options.get("n_steps", 2)),
          "dev_eer": 0.3 - gain / 100, "seed": int(seed),
          "tests": {"test": {"full": rates}, "other": {"2s": rates}},
          "threads": os.environ.get("OMP_NUM_THREADS"),
          "time": time.time(),
          "command": shlex.join(["python", "train.py", *sys.argv[1:]])}
(folder / "metrics.json").write_text(json.dumps(record))
"""

PAGE = """
setup: samples
seeds: [1, 3]
overrides: {n_epochs: 2}
rows:
    student: {page: hparams/ecapa.yaml}
    deno:
        title: DenoKD
        page: hparams/denokd_frame.yaml
        overrides: {n_steps: 5, projection: null, standardize: false}
"""

SETTINGS = """
seed: 1
student: !new:no.such.Class
setup:
    corpus: !new:speechbrain_denokd.data.corpus.Corpus
        data_root: {root}
        train: {root}/train.csv
        dev: {{manifest: {root}/test.csv, trials: {root}/dev.txt}}
        tests:
            test: {{manifest: {root}/test.csv, trials: {root}/test.txt}}
"""


def write_corpus(root: Path, n_speakers: int = 10) -> Path:
    """Manifests, trials and what the fake training needs to know of them."""
    root.mkdir()
    names = [f"s{k}" for k in range(n_speakers)]
    utterances = {name: [f"{name}-{n}" for n in range(4)] for name in names}
    header = "ID,duration,wav,start,stop,spk_id"
    rows = [
        f"{one},2.0,{{data_root}}/{one}.wav,0,32000,{name}"
        for name, own in utterances.items()
        for one in own
    ]
    (root / "test.csv").write_text("\n".join([header, *rows]) + "\n")
    # A speaker of the tests is also in training.
    train = [rows[0].replace("s0-0", "t0"), rows[1].replace("s0", "t")]
    (root / "train.csv").write_text("\n".join([header, *train]) + "\n")
    trials = [
        (1, *pair)
        for own in utterances.values()
        for pair in combinations(own, 2)
    ]
    trials += [
        (0, utterances[a][0], utterances[b][1])
        for a in names
        for b in names
        if a != b
    ]
    text = "".join(f"{label} {a} {b}\n" for label, a, b in trials)
    (root / "test.txt").write_text(text)
    dev = [t for t in trials if t[1][:2] in ("s0", "s1")]
    dev = [t for t in dev if t[2][:2] in ("s0", "s1")]
    (root / "dev.txt").write_text("".join(f"{t} {a} {b}\n" for t, a, b in dev))
    origin = {"manifest": str(root / "test.csv"), "data_root": str(root)}
    settings = SETTINGS.format(root=root)
    known = {"origin": origin, "trials": trials, "settings": settings}
    (root / "corpus.json").write_text(json.dumps(known))
    return root / "corpus.json"


@pytest.fixture
def fill(tmp_path):
    """Fill a table with the fake training; words as on the command line.

    Its attributes: ``out``, the table's folder, ``fake``, the program's file,
    and ``write``, which gives the page another text.
    """
    corpus = write_corpus(tmp_path / "corpus")
    fake = tmp_path / "fake.py"
    fake.write_text(FAKE_TRAINING.replace("CORPUS", str(corpus)))
    page = tmp_path / "page.yaml"
    page.write_text(PAGE)
    program = (sys.executable, str(fake))

    def run(*words):
        folder = f"--folder={tmp_path / 'out'}"
        return main([str(page), folder, *words], program, program)

    run.out, run.fake, run.program = tmp_path / "out", fake, program
    run.page, run.write = page, page.write_text
    return run


def n_runs(folder: Path) -> int:
    """How often the fake training ran in a folder."""
    return len((folder / "runs.txt").read_text().split())
