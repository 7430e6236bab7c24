"""Figures -> one SVG, drawn by hand: what a reader sees at a glance."""

from report import name_of

COLOURS = {"authgate": "#1f6f8b", "tuned noop": "#d9a441", "noop": "#8c8c8c"}
WIDTH, PANEL, HEIGHT, MARGIN = 860, 400, 300, 50


def escape(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def label(x, y, text, anchor="middle", size=12, more=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
            f'{more}>{escape(text)}</text>\n')


def bar(x, y, width, height, colour):
    return (f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}" '
            f'fill="{colour}"/>\n')


def panel(x, y, title, body):
    return (f'<g transform="translate({x},{y})">\n' +
            label(0, 16, title, "start", 14, 'font-weight="bold"') + body + "</g>\n")


def groups(names, subjects, values, form):
    """Groups of standing bars: values is {(subject, name): number}."""
    highest = max(values.values()) or 1
    floor, room = HEIGHT - MARGIN, HEIGHT - MARGIN - 50
    each = (PANEL - 20) / len(names)
    width = each * 0.8 / len(subjects)
    body = f'<line x1="0" y1="{floor}" x2="{PANEL - 20}" y2="{floor}" stroke="#444"/>\n'
    for i, name in enumerate(names):
        for k, subject in enumerate(subjects):
            value = values.get((subject, name))
            if value is None:
                continue
            height = room * value / highest
            x = each * i + each * 0.1 + width * k
            body += bar(x, floor - height, width * 0.92, height, COLOURS[subject])
            body += label(x + width / 2, floor - height - 3, form(value), size=9)
        body += label(each * i + each / 2, floor + 15, name)
    for k, subject in enumerate(subjects):
        body += bar(120 * k, floor + 27, 10, 10, COLOURS[subject])
        body += label(120 * k + 15, floor + 36, subject, "start", 11)
    return body


def lying(rows, form):
    """Lying bars: rows are (name, value, colour)."""
    highest = max(value for _, value, _ in rows) or 1
    step = (HEIGHT - 40) / len(rows)
    body = ""
    for i, (name, value, colour) in enumerate(rows):
        y = 30 + step * i
        body += label(165, y + step * 0.6, name, "end", 11)
        body += bar(172, y, 170 * value / highest, step * 0.75, colour)
        body += label(177 + 170 * value / highest, y + step * 0.6, form(value), "start", 11)
    return body


def of_connections(part):
    found = part["active"]
    names = list(dict.fromkeys(f"{f['connections']:,}" for f in found))
    subjects = [s for s in COLOURS if any(f["subject"] == s for f in found)]
    values = {(f["subject"], f"{f['connections']:,}"): f["sessions_per_s"] for f in found}
    return groups(names, subjects, values, lambda v: f"{v / 1000:.1f}k")


def of_entries(part):
    rows = part["entries"]
    values = {("authgate", name_of(r["entries"])): r["sessions_per_s"] for r in rows}
    return groups([name_of(r["entries"]) for r in rows], ["authgate"], values,
                  lambda v: f"{v / 1000:.1f}k")


def coloured(ratios):
    """Ours stand out."""
    return [(name, value, COLOURS["authgate" if name.startswith("authgate") else "noop"])
            for name, value in ratios.items()]


def panels(parts):
    if "growth" in parts:
        yield "sessions/s by connections", of_connections(parts["growth"])
        yield "sessions/s by entries of each kind", of_entries(parts["growth"])
    if "postfix" in parts:
        yield ("messages/s through Postfix, none = 1",
               lying(coloured(parts["postfix"]["to_none"]), lambda v: f"{v:.2f}"))
    if "peers" in parts:
        yield ("sessions/s of other milters, noop = 1",
               lying(coloured(parts["peers"]["rate_to_noop"]), lambda v: f"{v:.2f}"))


def svg(results):
    drawn = list(panels(results["parts"]))
    machine = results["machine"]
    height = 40 + (HEIGHT + 20) * ((len(drawn) + 1) // 2)
    body = "".join(panel(20 + (PANEL + 20) * (i % 2), 40 + (HEIGHT + 20) * (i // 2), title, text)
                   for i, (title, text) in enumerate(drawn))
    heading = "%s: %s, %d cores, %s" % (results["authgate"], machine["cpu"], machine["cores"],
                                        results["date"][:10])
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
            f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">\n'
            f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n' +
            label(20, 24, heading, "start", 12) + body + "</svg>\n")
