"""Tasks over several sheets: collect, total, rank, transpose."""

from datetime import datetime, timedelta

from mini_book import CITIES, PRODUCTS, SHEET_LEVEL, Book, Cell, Dice, MiniTask, Sheet


def collect_branches() -> MiniTask:
    """The workbook opens on another sheet than the one to fill; the branches differ in layout."""
    dice = Dice(31)
    front = Sheet("Read me")
    front.title("Branch figures", "A1:C1")
    front.put("A3", "One sheet for each branch, the table to send is on Summary", "note")
    sheets, result = [], []
    for n, city in enumerate(CITIES[:4]):
        rows = [(dice.pick(PRODUCTS), dice.number(2, 50), dice.money(5, 60)) for _ in range(7 + n)]
        sheet = Sheet(city)
        sheet.put("A1", f"Branch {city}", "title")
        if n % 2:
            table = [(price, product, pieces) for product, pieces, price in rows]
            last = sheet.table(4, ["Price", "Product", "Pieces"], table, ["money"])
        else:
            last = sheet.table(3, ["Product", "Pieces", "Price"], rows, ["", "", "money"])
        sheet.put(f"A{last + 2}", "checked", "note")
        sheets.append(sheet)
        revenue = round(sum(pieces * price for _, pieces, price in rows), 2)
        result.append((city, len(rows), sum(pieces for _, pieces, _ in rows), revenue))
    summary = Sheet("Summary")
    summary.table(1, ["Branch", "Lines", "Pieces", "Revenue"], [])
    book = Book([front, *sheets, summary])
    gold = book.copy()
    for row, values in enumerate(result, start=2):
        gold["Summary"].row(row, values, ["", "", "", "money"])
    return MiniTask(
        "902-7",
        SHEET_LEVEL,
        "Summary'!A1:D5",
        "Each branch has its own sheet with product, pieces and price, though not always in the "
        "same columns. On the summary I need one line per branch, in the order of the sheets: "
        "name, number of lines, total pieces, and the revenue (pieces times price, added up). "
        "At the moment I do this by hand each month.",
        book,
        gold,
        "Summary",
        "all branch sheets",
    )


def collect_quarters() -> MiniTask:
    dice = Dice(36)
    start = Sheet("Start")
    start.title("Orders by quarter", "A1:D1")
    start.put("A3", "Quarters are typed in by the shops", "note")
    quarters, result = [], []
    for quarter in ("Q1", "Q2", "Q3", "Q4"):
        rows = [(dice.pick(PRODUCTS), dice.number(0, 30), dice.pick(CITIES)) for _ in range(5)]
        rows[dice.number(1, 4)] = (rows[0][0], 0, rows[0][2])
        sheet = Sheet(quarter)
        sheet.table(2, ["Product", "Ordered", "City"], rows)
        quarters.append(sheet)
        result += [(quarter, product, n) for product, n, _ in rows if n > 0]
    overview = Sheet("Overview")
    overview.table(1, ["Quarter", "Product", "Ordered"], [])
    book = Book([start, *quarters, overview])
    gold = book.copy()
    for row, values in enumerate(result, start=2):
        gold["Overview"].row(row, values)
    return MiniTask(
        "912-1",
        SHEET_LEVEL,
        "'Overview'!A1:C21",
        "Need all four quarters in one long list on the last sheet: which quarter, the product, "
        "how many were ordered. Same order as on the sheets. Lines with nothing ordered (0) are "
        "of no interest, leave them out.",
        book,
        gold,
        "Overview",
        "Q1 to Q4",
    )


def totals_by_month() -> MiniTask:
    """Subtotal rows inside the data carry the month too, so plain sums count twice."""
    dice = Dice(33)
    months = ("January", "February", "March", "April", "May")
    rows: list[tuple[Cell, ...]] = []
    result: list[tuple[Cell, ...]] = []
    for month in months:
        pieces = [dice.number(3, 80) for _ in range(dice.number(3, 6))]
        rows += [(month, dice.pick(CITIES), dice.pick(PRODUCTS), n) for n in pieces]
        rows.append((month, "Subtotal", None, sum(pieces)))
        result.append((month, len(pieces), sum(pieces), max(pieces)))
    sales = Sheet("Sales")
    sales.title("Deliveries to shops", "A1:D1")
    sales.table(3, ["Month", "City", "Product", "Pieces"], rows)
    totals = Sheet("Totals")
    totals.table(1, ["Month", "Deliveries", "Pieces", "Largest"], [(m,) for m in months])
    book = Book([sales, totals])
    gold = book.copy()
    for row, values in enumerate(result, start=2):
        gold["Totals"].row(row, values)
    return MiniTask(
        "905-4",
        SHEET_LEVEL,
        "'Totals'!A1:D6",
        "On Totals I listed the months. Next to each I would like to see how many deliveries there "
        "were, the pieces altogether and the largest single delivery. A pivot table would do "
        "but mine shows twice as much as we really delivered, no idea why.",
        book,
        gold,
        "Totals",
        "'Sales'!A3:D30",
    )


def rank_cities() -> MiniTask:
    dice = Dice(34)
    rows: list[tuple[Cell, ...]] = []
    totals = dict.fromkeys(CITIES, 0)
    for week in range(1, 5):
        cities = dice.shuffled(CITIES)[:4]
        amounts = [dice.number(10, 90) for _ in cities]
        for city, amount in zip(cities, amounts, strict=True):
            rows.append((week, city, amount))
            totals[city] += amount
        rows += [(week, "Week total", sum(amounts)), (None, None, None)]
    log = Sheet("Weeks")
    log.put("A1", "Parcels by week", "title")
    log.table(2, ["Week", "City", "Parcels"], rows)
    ranking = Sheet("Ranking")
    ranking.table(1, ["City", "Parcels"], [])
    book = Book([log, ranking])
    gold = book.copy()
    ordered = sorted(totals.items(), key=lambda item: -item[1])
    for row, values in enumerate(ordered, start=2):
        gold["Ranking"].row(row, values)
    return MiniTask(
        "915-5",
        SHEET_LEVEL,
        "'Ranking'!A1:B8",
        "Please fill the Ranking sheet: every city with all its parcels over the weeks, the "
        "city with the most parcels first. Only cities, nothing else.",
        book,
        gold,
        "Ranking",
        "'Weeks'!A2:C25",
    )


def transpose_opening_hours() -> MiniTask:
    dice = Dice(35)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat")
    rows: list[tuple[Cell, ...]] = []
    for city in CITIES[:5]:
        opening = [dice.pick(("8-12", "9-17", "10-18", "closed")) for _ in days]
        rows.append((city, *opening))
    sheet = Sheet("Hours")
    sheet.put("A1", f"Opening hours, valid from {datetime(2024, 9, 1) + timedelta(1):%d.%m.%Y}")
    sheet.table(3, ["City", *days], rows)
    book = Book([sheet])
    gold = book.copy()
    turned = list(zip(("City", *days), *rows, strict=True))
    gold["Hours"].table(10, [str(v) for v in turned[0]], turned[1:])
    return MiniTask(
        "914-2",
        SHEET_LEVEL,
        "A10:F16",
        "For the door signs I need the table the other way round: days going down, cities going "
        "across, starting in A10 underneath the old one (which stays). Copy and paste special "
        "messes up my borders so I'd rather have it done for me.",
        book,
        gold,
        "Hours",
        "A3:G8",
    )
