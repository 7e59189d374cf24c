"""A styles part with its named styles told once each: some workbooks repeat ten thousand of them.

openpyxl makes an object of every named style, which is most of the time that such a workbook takes
to load, and nothing that is compared depends on one. Whether it can be made depends on its format
alone, so one for each format that occurs is enough.
"""

import re

_FORMATS = re.compile(rb"<cellStyleXfs(?: count=\"[0-9]+\")?>(.*?)</cellStyleXfs>", re.DOTALL)
_FORMAT = re.compile(rb"\s*(<xf(?:\s[^<>]*)?(?<=/)>|<xf(?:\s[^<>]*)?>.*?</xf>)", re.DOTALL)
_NAMES = re.compile(rb"<cellStyles(?: count=\"[0-9]+\")?>(.*?)</cellStyles>", re.DOTALL)
_NAME = re.compile(
    rb"\s*<cellStyle(?: (?:name=\"[^\"<]*\"|xfId=\"([0-9]{1,6})\"|builtinId=\"[0-9]{1,9}\""
    rb"|iLevel=\"[0-9]\"|(?:hidden|customBuiltin)=\"[01]\"|xr:uid=\"[{}0-9A-F-]*\")){2,6} ?/>"
)
_ONE_NAME = re.compile(rb" name=\"")


def shortened(styles: bytes) -> bytes:
    """The part as it is where it is written in another way than usual."""
    formats, names = _FORMATS.findall(styles), _NAMES.findall(styles)
    if len(formats) != 1 or len(names) != 1 or b"<!" in styles or b"\0" in styles:
        return styles
    each = _FORMAT.findall(formats[0])
    if _FORMAT.sub(b"", formats[0]).strip() or any(one.count(b"<xf") != 1 for one in each):
        return styles
    used = _used(names[0])
    if not used or max(used) >= len(each):
        return styles
    kept = list(dict.fromkeys(each))
    number = {one: index for index, one in enumerate(kept)}
    again = sorted({number[each[index]] for index in used})
    told = b"".join(b'<cellStyle name="s%d" xfId="%d"/>' % (index, index) for index in again)
    styles = _FORMATS.sub(lambda _: b"<cellStyleXfs>" + b"".join(kept) + b"</cellStyleXfs>", styles)
    return _NAMES.sub(lambda _: b"<cellStyles>" + told + b"</cellStyles>", styles)


def _used(names: bytes) -> set[int]:
    """The formats that named styles refer to; none where anything else is told of one."""
    found = list(_NAME.finditer(names))
    if _NAME.sub(b"", names).strip() or not all(
        one[1] and len(_ONE_NAME.findall(one[0])) == 1 for one in found
    ):
        return set()
    return {int(one[1]) for one in found}
