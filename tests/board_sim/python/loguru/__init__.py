"""BOARD SIMULATOR: a logger that writes to standard error. Not loguru."""
import sys


class _Logger:
    def __getattr__(self, level):
        return lambda text, *_: print(f"{level.upper():<8} | {text}", file=sys.stderr, flush=True)


logger = _Logger()
