"""How much a description may ask for (``config.json -> encoder``).

Ten characters of JSON can ask for a terabyte. So an encoder is built on the
meta device first, where tensors have shapes but no memory, and counted.
"""

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

MOST_VALUES = 500_000_000  # 2 GB in float32; WavLM large has 316 million
MOST_TENSORS = 200_000  # ReDimNet-B6 makes a thousand


class Budget(TorchDispatchMode):
    """Stop whoever makes too many tensors, or too large ones.

    Every new tensor is made on the meta device, whoever asks for which. That
    is decided below ``torch.device("meta")``, which a process may have lost.

    Raises
    ------
    ValueError
        From the call that makes the first tensor beyond.

    Example
    -------
    >>> with Budget():
    ...     _ = torch.nn.Linear(100_000, 100_000)
    Traceback (most recent call last):
    ...
    ValueError: it takes more than 500,000,000 values; ...
    """

    def __init__(self):
        super().__init__()
        self.n_values = self.n_tensors = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        """Run the call on the meta device and count the tensor it makes."""
        kwargs = dict(kwargs or {})
        if any(given.name == "device" for given in function._schema.arguments):
            kwargs["device"] = torch.device("meta")
        result = function(*args, **kwargs)
        # What comes back as it was given, such as an initialised weight, has
        # been counted.
        if isinstance(result, Tensor) and all(x is not result for x in args):
            self._count(result)
        return result

    def _count(self, tensor: Tensor) -> None:
        self.n_values += tensor.numel()
        self.n_tensors += 1
        if self.n_values > MOST_VALUES:
            raise ValueError(
                f"it takes more than {MOST_VALUES:,} values; no encoder of "
                "this package is as large"
            )
        if self.n_tensors > MOST_TENSORS:
            raise ValueError(
                f"it takes more than {MOST_TENSORS:,} tensors; no encoder of "
                "this package has as many"
            )
