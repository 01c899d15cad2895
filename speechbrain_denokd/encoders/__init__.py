"""Encoders: waveforms in, `EncoderOutput` out."""
