"""A page image that may be shown to a model: of a kind that models take, and of bounded size."""

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from react_agent.errors import ContractError

LARGEST = 20 << 20
"""Bytes."""
MOST_PIXELS = 100_000_000
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


@dataclass(frozen=True)
class Page:
    path: Path
    media_type: str


def page(root: Path, name: str) -> Page:
    """Of the image that a question names; only its head is read, and nothing is unpacked.

    Raises ContractError for what no model could be shown: an endpoint would refuse the request.
    """
    if find_spec("PIL") is None:
        raise ContractError(
            "page images need Pillow: pip install 'trace2skill-toolkit[experiments]'"
        )
    path = root / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise ContractError(f"{name}: leads out of the data set")
    if not path.is_file():
        raise ContractError(f"{path}: no such image")
    if path.stat().st_size > LARGEST:
        raise ContractError(f"{path}: is larger than {LARGEST:,} bytes")
    kind, width, height = _opened(path, whole=False)
    if width * height > MOST_PIXELS:
        raise ContractError(f"{path}: {width} x {height} are more pixels than a page has")
    return Page(path, KINDS[kind])


def check_whole(found: Page) -> None:
    """Raises ContractError where the file is damaged behind its head."""
    _opened(found.path, whole=True)


def _opened(path: Path, *, whole: bool) -> tuple[str, int, int]:
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=tuple(KINDS)) as image:
                if whole:
                    image.verify()
                return str(image.format), *image.size
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError) as error:
        raise ContractError(f"{path}: is no usable image: {error}") from None
    except Image.DecompressionBombError:
        raise ContractError(f"{path}: has more pixels than a page") from None
