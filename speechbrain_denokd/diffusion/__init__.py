"""Diffusion: maths that knows no network, networks that know no schedule."""
