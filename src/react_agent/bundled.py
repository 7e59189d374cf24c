"""What comes with the project and is a default: found from any folder, installed or not."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The clone. Installed otherwise than from one, nothing of the following is there."""
PRICES = str(ROOT / "config" / "prices.json")
API_CHAT = str(ROOT / "config" / "llm_api.json")
MINI = ROOT / "data" / "mini"
