"""Tasks that change rows: delete, drop blanks and repeats, sort, fill down."""

from datetime import datetime, timedelta

from mini_book import (
    CITIES,
    DEPARTMENTS,
    PRODUCTS,
    SHEET_LEVEL,
    Book,
    Cell,
    Dice,
    MiniTask,
    Sheet,
)


def delete_cancelled_orders() -> MiniTask:
    dice = Dice(21)
    states = ["Open", "Shipped", "Cancelled", "Open", "Cancelled", "Cancelled", "Shipped"] * 4
    states[9], states[17] = "cancelled ", "Part cancelled"
    rows: list[tuple[Cell, ...]] = [
        (
            f"P-{1200 + n}",
            datetime(2024, 3, 1) + timedelta(days=n),
            dice.pick(CITIES),
            dice.pick(PRODUCTS),
            dice.number(1, 40),
            state,
        )
        for n, state in enumerate(states[:26])
    ]
    header = ["Order", "Date", "City", "Product", "Pieces", "Status"]
    styles = ["", "date"]
    sheet = Sheet("Orders")
    sheet.title("Order book, spring", "A1:F1")
    sheet.put("A2", "Do not change the order numbers", "note")
    sheet.table(4, header, rows, styles)
    book = Book([sheet])
    gold = book.copy()
    kept = [row for row in rows if str(row[5]).strip().lower() != "cancelled"]
    gold["Orders"].clear(5)
    gold["Orders"].table(4, header, kept, styles)
    return MiniTask(
        "901-3",
        SHEET_LEVEL,
        "A4:F30",
        "I want to get rid of all the orders that were cancelled: the complete row has to go and "
        "the rows below move up, no gaps. I tried a macro that walks through column F and deletes "
        "the row if it says Cancelled (however it is capitalised, some have a space behind "
        "it) but it always leaves a few of them behind. Orders that are only part "
        "cancelled stay.",
        book,
        gold,
        "Orders",
        "A4:F30",
    )


def drop_blank_and_repeated_rows() -> MiniTask:
    """Blank rows come in pairs, and a repeat can follow its original directly."""
    dice = Dice(22)
    unique = [
        (f"T{n:03}", dice.pick(DEPARTMENTS), dice.pick(PRODUCTS), dice.number(1, 30))
        for n in range(1, 15)
    ]
    rows: list[tuple[Cell, ...]] = []
    for n, row in enumerate(unique):
        rows.append(row)
        if n in (1, 4, 9):
            rows += [(None,) * 4] * 2
        if n in (2, 6):
            rows += [row, row]
        if n == 11:
            rows.append(unique[3])
    # The same ticket number in another department is another request.
    rows.append((unique[5][0], "Garage", *unique[5][2:]))
    unique.append(("T006", "Garage", *unique[5][2:]))
    sheet = Sheet("Requests")
    sheet.put("A1", "Requests to the store room", "title")
    header = ["Ticket", "Department", "Product", "Pieces"]
    sheet.table(3, header, rows)
    book = Book([sheet])
    gold = book.copy()
    gold["Requests"].clear(4)
    gold["Requests"].table(3, header, unique)
    return MiniTask(
        "911-6",
        SHEET_LEVEL,
        "A3:D29",
        "Please clean up this list, two things: remove the empty rows, and remove rows that are "
        "there twice or more (all four columns the same), the first one stays. Everything should "
        "move up so that it is one block. A ticket number that comes back in a different "
        "department is NOT a repeat.",
        book,
        gold,
        "Requests",
        "A3:D29",
    )


def sort_stock() -> MiniTask:
    dice = Dice(23)
    kinds = ("tools", "Garden", "office", "Kitchen")
    rows: list[tuple[Cell, ...]] = [
        (f"Q{n}", f"{dice.pick(PRODUCTS)} {n}", dice.pick(kinds), quantity, dice.money(2, 70))
        for n, quantity in enumerate(dice.shuffled(range(5, 95, 5)), start=31)
    ]
    header = ["Shelf", "Article", "Kind", "Pieces", "Price"]
    styles = ["", "", "", "", "money"]
    sheet = Sheet("Stock")
    sheet.title("Stock list", "A1:E1")
    sheet.put("A2", "Counted twice a year", "note")
    last = sheet.table(4, header, rows, styles)
    sheet.put(f"A{last + 2}", "Shelves Q60 and up are in the cellar", "note")
    notes = Sheet("Notes")
    notes.table(
        1, ["Topic", "Remark"], [("Counting", "June and December"), ("Prices", "without tax")]
    )
    book = Book([sheet, notes])
    gold = book.copy()
    by_pieces = sorted(rows, key=lambda row: -int(str(row[3])))
    ordered = sorted(by_pieces, key=lambda row: str(row[2]).lower())
    gold["Stock"].table(4, header, ordered, styles)
    return MiniTask(
        "903-2",
        SHEET_LEVEL,
        "'Stock'!A4:E24,'Notes'!A1:B3",
        "How do I sort the stock list by Kind from A to Z (capitals should not matter, they are a "
        "mess) and inside each kind by pieces, the most first? Title and the remarks above and "
        "below are to stay where they are, and the Notes sheet as it is.",
        book,
        gold,
        "Stock",
        "A4:E22",
    )


def sort_deliveries() -> MiniTask:
    dice = Dice(24)
    rows: list[tuple[Cell, ...]] = [
        (
            dice.pick(CITIES[:4]),
            datetime(2024, 4, 1) + timedelta(days=day),
            f"V-{n}",
            None if n % 6 == 0 else dice.number(1, 60),
            dice.pick(("by van", "by bike")),
        )
        for n, day in enumerate(dice.shuffled(range(14)), start=501)
    ]
    header = ["City", "Date", "Delivery", "Boxes", "How"]
    styles = ["", "date"]
    sheet = Sheet("Deliveries")
    sheet.title("Deliveries in April", "A1:E1")
    sheet.row(3, ["Week", "14 to 16"], ["note", "note"])
    last = sheet.table(5, header, rows, styles)
    sheet.put(f"A{last + 2}", "Bike deliveries only inside the city", "note")
    contacts = Sheet("Depots")
    contacts.table(1, ["City", "Depot"], [(c, f"Depot {n}") for n, c in enumerate(CITIES[:3], 1)])
    book = Book([sheet, contacts])
    gold = book.copy()
    ordered = sorted(rows, key=lambda row: (str(row[0]), row[1]))
    gold["Deliveries"].table(5, header, ordered, styles)
    return MiniTask(
        "913-8",
        SHEET_LEVEL,
        "'Deliveries'!A5:E21,'Depots'!A1:B4",
        "The deliveries are in the order in which they were typed in. I need them by city and "
        "within the city by date, oldest on top. Don't lose the rest of the sheet please (heading, "
        "remark at the bottom) and the second sheet is still needed too.",
        book,
        gold,
        "Deliveries",
        "A5:E19",
    )


def fill_regions_down() -> MiniTask:
    dice = Dice(25)
    rows: list[tuple[Cell, ...]] = []
    full: list[tuple[Cell, ...]] = []
    for region, cities in (("North", CITIES[:2]), ("Middle", CITIES[2:4]), ("South", CITIES[4:])):
        for c, city in enumerate(cities):
            for n in range(dice.number(3, 5)):
                rest = (dice.pick(PRODUCTS), dice.number(1, 99))
                labels = (None if c or n else region, None if n else city)
                rows.append((*labels, *rest))
                full.append((region, city, *rest))
    header = ["Region", "City", "Product", "Pieces"]
    sheet = Sheet("Report")
    last = sheet.table(1, header, rows)
    sheet.row(last + 2, ["Total", None, None, sum(int(str(r[3])) for r in rows)], ["total"] * 4)
    book = Book([sheet])
    gold = book.copy()
    gold["Report"].table(1, header, full)
    return MiniTask(
        "904-11",
        SHEET_LEVEL,
        f"A1:D{last + 2}",
        "The report only shows region and city on the first line of each block. To use a "
        "filter I need them on every line, so the empty cells in A and B must take the value from "
        "above. Not in the total at the bottom of course.",
        book,
        gold,
        "Report",
        f"A1:D{last + 2}",
    )
