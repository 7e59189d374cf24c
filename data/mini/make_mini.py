"""Write the 24 bundled tasks: index, inputs, golds and prompts. Two runs give the same bytes.

    python data/mini/make_mini.py [--output FOLDER]

The first 12 tasks are the training half, the last 12 are held out. Both halves hold the same
kinds of difficulty, so what is learned on one can help on the other.
"""

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import tasks_dates
import tasks_formulas
import tasks_rows
import tasks_sheets
import tasks_text
from mini_book import MiniTask

TRAINING: tuple[Callable[[], MiniTask], ...] = (
    tasks_formulas.spending_by_department,
    tasks_rows.delete_cancelled_orders,
    tasks_dates.days_to_deliver,
    tasks_formulas.price_for_article,
    tasks_sheets.collect_branches,
    tasks_text.tidy_product_names,
    tasks_rows.sort_stock,
    tasks_formulas.running_balance,
    tasks_rows.fill_regions_down,
    tasks_text.split_names,
    tasks_sheets.totals_by_month,
    tasks_text.overheated_rooms,
)
HELD_OUT: tuple[Callable[[], MiniTask], ...] = (
    tasks_rows.drop_blank_and_repeated_rows,
    tasks_formulas.shares_of_budget,
    tasks_text.extract_codes,
    tasks_sheets.collect_quarters,
    tasks_formulas.name_and_price_for_code,
    tasks_dates.age_open_items,
    tasks_rows.sort_deliveries,
    tasks_formulas.growth_over_year,
    tasks_sheets.transpose_opening_hours,
    tasks_dates.due_at_month_end,
    tasks_sheets.rank_cities,
    tasks_text.flag_late_deliveries,
)


def write_tasks(folder: Path, tasks: list[MiniTask]) -> None:
    """Replace the index and the workbooks below `folder`."""
    shutil.rmtree(folder / "spreadsheet", ignore_errors=True)
    for task in tasks:
        home = folder / "spreadsheet" / str(task.id)
        home.mkdir(parents=True)
        task.book.write(home / f"1_{task.id}_init.xlsx")
        task.gold.write(home / f"1_{task.id}_golden.xlsx")
        (home / "prompt.txt").write_text(task.instruction + "\n", encoding="utf-8")
    records = [task.record() for task in tasks]
    text = json.dumps(records, indent=1, ensure_ascii=False)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path(__file__).resolve().parent)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    write_tasks(folder, [make() for make in TRAINING + HELD_OUT])
    print(f"24 tasks in {folder}")


if __name__ == "__main__":
    main()
