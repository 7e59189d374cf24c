"""What comes with the project and is a default: found from any folder, in a clone or installed."""

from pathlib import Path

_CLONE = Path(__file__).resolve().parents[2]
_WHEEL = Path(__file__).resolve().parent / "defaults"
ROOT = _WHEEL if _WHEEL.is_dir() else _CLONE
"""The clone; in an installed wheel the folder that setup.py fills."""
PRICES = str(ROOT / "config" / "prices.json")
API_CHAT = str(ROOT / "config" / "llm_api.json")
MINI = ROOT / "data" / "mini"
