"""Tasks about text and flags: tidy, split, extract, mark rows under a condition."""

import re
from datetime import datetime, timedelta

from mini_book import CELL_LEVEL, CITIES, Book, Cell, Dice, Formula, MiniTask, Sheet


def tidy_product_names() -> MiniTask:
    names = (
        "  garden HOSE ",
        "desk   lamp, green",
        "CABLE drum  large ",
        "ladder",
        " oil Filter",
        "hinge (BRASS)",
        "bracket  steel-grey",
        "WATERING can",
        "tool   BOX  small",
        " paint brush",
        "spirit LEVEL ",
        "wood glue",
        "Work  gloves",
        "SAFETY   goggles ",
    )
    sheet = Sheet("Products")
    sheet.table(1, ["As typed in", "Tidy", "Pieces"], [(n, None, len(n)) for n in names])
    book = Book([sheet])
    gold = book.copy()
    for row, name in enumerate(names, start=2):
        tidy = " ".join(name.split()).title()
        gold["Products"].put(f"B{row}", Formula(f"=PROPER(TRIM(A{row}))", tidy))
    return MiniTask(
        9015,
        CELL_LEVEL,
        "B2:B15",
        "Column A is full of product names typed in any way people liked. In column B I'd like "
        "them with each word starting with a capital and the rest small, and just one space "
        "between words, none at the ends.",
        book,
        gold,
    )


def split_names() -> MiniTask:
    names = (
        "Amber North",
        "South, Basil",
        "Coral  East",
        "West, Dusty ",
        "Ember Hill",
        "Stone, Flint",
        "Ginger Field",
        "River, Hazel",
        " Indigo Shore",
        "Wood, Jade",
        "Kelly Marsh",
        "Meadow,Lilac",
    )
    sheet = Sheet("List")
    sheet.put("A1", "Badges", "title")
    sheet.table(2, ["Name", "Given", "Family"], [(name,) for name in names])
    book = Book([Sheet("Cover", cells={(1, 1): ("Badges for the open day", "title")}), sheet])
    gold = book.copy()
    for row, name in enumerate(names, start=3):
        family, comma, given = name.partition(",")
        if not comma:
            given, family = name.split()
        gold["List"].row(row, [given.strip(), family.strip()], left=2)
    return MiniTask(
        9020,
        CELL_LEVEL,
        "'List'!B3:C14",
        "I need given and family names in two columns (B and C of the sheet List) to print badges. "
        "Some were entered as Given Family, others as Family, Given with a comma, so Text to "
        "Columns alone gets half of them wrong. No stray spaces please.",
        book,
        gold,
    )


def extract_codes() -> MiniTask:
    texts = (
        "Return of AB-1042, box damaged",
        "please check CD-0077",
        "no number given",
        "EF-3310 and AB-1042 swapped",
        "(GH-0005) arrived late",
        "Ref.: AB-20311 paid",
        "two boxes, JK-4400",
        "call back tomorrow",
        "LM-0912: wrong colour",
        "old style AB1042, replaced by AB-1043",
        "NO-5555",
        "spare part for PQ-7001/PQ-7002",
    )
    sheet = Sheet("Calls")
    sheet.table(1, ["Remark", "Code", "City"], [(t, None, CITIES[len(t) % 6]) for t in texts])
    book = Book([sheet])
    gold = book.copy()
    for row, text in enumerate(texts, start=2):
        match = re.search(r"\b[A-Z]{2}-\d{4}\b", text)
        gold["Calls"].put(f"B{row}", match[0] if match else None)
    return MiniTask(
        9114,
        CELL_LEVEL,
        "B2:B13",
        "From the remarks in column A I have to get the article code: always two capitals, a dash "
        "and exactly four digits, anywhere in the text. If there are two take the first one. If "
        "there is none B stays empty.",
        book,
        gold,
    )


def overheated_rooms() -> MiniTask:
    """The mark depends on the readings before it in the same room, with other rooms between."""
    dice = Dice(44)
    rooms = ("R1", "R2", "R3")
    limits = {"R1": 24.0, "R2": 21.5, "R3": 30.0}
    rows: list[tuple[Cell, ...]] = []
    marks: list[str | None] = []
    streak = dict.fromkeys(rooms, 0)
    for n in range(24):
        room = rooms[n % 3] if n % 7 else "R2"
        value = limits[room] + dice.number(-4, 10) / 4
        streak[room] = streak[room] + 1 if value > limits[room] else 0
        rows.append((datetime(2024, 7, 1) + timedelta(hours=6 * n), room, value, limits[room]))
        marks.append("x" if streak[room] >= 2 else None)
    sheet = Sheet("Readings")
    sheet.table(1, ["When", "Room", "Reading", "Limit", "Call"], rows, ["date"])
    book = Book([sheet])
    gold = book.copy()
    for row, mark in enumerate(marks, start=2):
        gold["Readings"].put(f"E{row}", mark)
    return MiniTask(
        9023,
        CELL_LEVEL,
        "E2:E25",
        "Column E should get an x when we have to call the technician. That is when a reading is "
        "above the limit and the one before was already too high as well (one warm reading "
        "alone is fine), for the same room obviously.",
        book,
        gold,
    )


def flag_late_deliveries() -> MiniTask:
    dice = Dice(45)
    promised = [datetime(2024, 8, 1) + timedelta(days=2 * n) for n in range(20)]
    rows: list[tuple[Cell, ...]] = []
    marks: list[str | None] = []
    for n, day in enumerate(promised):
        gone = dice.number(-4, 5)
        arrived = None if n in (7, 15, 18) else day + timedelta(days=gone)
        rows.append((f"W-{n + 61}", day, arrived))
        marks.append("OPEN" if arrived is None else "LATE" if gone > 0 else None)
    sheet = Sheet("Promised")
    sheet.table(1, ["Order", "Promised", "Arrived", "Flag"], rows, ["", "date", "date"])
    book = Book([sheet])
    gold = book.copy()
    for row, mark in enumerate(marks, start=2):
        gold["Promised"].put(f"D{row}", mark)
    return MiniTask(
        9121,
        CELL_LEVEL,
        "D2:D21",
        "Could you fill column D: LATE if it arrived after the promised date, OPEN if it has not "
        "arrived at all, otherwise leave it empty. On the day itself is not late.",
        book,
        gold,
    )
