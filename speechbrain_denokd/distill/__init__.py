"""Distillation: (student, teacher) outputs in, named scalars out."""
