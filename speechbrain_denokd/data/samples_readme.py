"""The README that goes with a generated corpus."""

TEMPLATE = """# Synthetic sample corpus

Made-up voices for learning, tests and continuous integration. **This is not
real speech, and no number measured on it is a result on real speech.**

| split | voices | utterances | hours |
|---|---|---|---|
{rows}

## How it was made

```
{command}
```

- **Voices.** Each is a formant synthesiser (espeak-ng, through the package
  `espeakng-loader`) with its own vocal-tract length, formant frequencies,
  levels and widths, pitch and pitch range, rate, voice quality and accent.
  Speakers with an even number are male, with an odd number female.
- **Utterances.** Each has its own random English text.
- **Sessions.** Each has its own room response, noise (rumble, hum, clatter,
  music or babble) and signal-to-noise ratio, microphone response, pass band
  (some are telephone lines) and level; the voice's pitch, rate and formants
  move a little from one session to the next.
- **Noises and rooms** in `noise/` and `rir/` are for augmentation in training;
  no session of any split uses them.
- **Randomness.** Every voice, session and utterance is drawn from its name and
  the seed alone. A bigger corpus with the same seed contains this one. Files
  made again decode to the same samples on the same machine; their bytes differ
  in the serial number of the Ogg stream.

## Files

- `train.csv`, `dev.csv`, `test.csv`: manifests,
  `ID,duration,wav,start,stop,spk_id,session,gender`; durations in seconds,
  `stop` in samples at 16 kHz, `{{data_root}}` stands for this folder.
- `trials_dev.txt`, `trials_test.txt`: `label enroll test`, 1 for target and 0
  for nontarget. Targets are all pairs of two sessions of a voice; nontargets
  are pairs of two voices of one gender.
- `noise.csv`, `rir.csv`: `ID,duration,wav,kind`.

## Licence

The audio is generated and carries the licence of this project. espeak-ng
itself is under the GPL v3; that covers the program, which is not part of this
project, and not its output.
"""


def readme_text(plans: dict[str, list], command: str) -> str:
    """README of a corpus.

    Arguments
    ---------
    plans : dict of str to list of Utterance
        Utterances of each split.
    command : str
        What made the corpus.

    Example
    -------
    >>> "| dev | 0 | 0 | 0.00 |" in readme_text({"dev": []}, "make it")
    True
    """
    rows = []
    for name, plan in plans.items():
        n_speakers = len({utterance.speaker for utterance in plan})
        hours = sum(utterance.n_samples for utterance in plan) / 16000 / 3600
        rows.append(f"| {name} | {n_speakers} | {len(plan)} | {hours:.2f} |")
    return TEMPLATE.format(rows="\n".join(rows), command=command)
