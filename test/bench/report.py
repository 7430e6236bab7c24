"""Figures -> the table of the targets, the tables of growth, and text."""

MEGA = 1e6


class Row:
    """A line of the table: what, target, figure, and whether it was reached."""

    def __init__(self, number, part, what, bound, limit, get, form="%.2f"):
        """bound: "<=" or ">="; get: a function of all figures."""
        self.number, self.part, self.what, self.bound = number, part, what, bound
        self.limit, self.get, self.form = limit, get, form

    def read(self, figures):
        """{number, what, target, figure, verdict}; figure None when it was not measured."""
        try:
            figure = self.get(figures)
        except (KeyError, TypeError, StopIteration):
            figure = None
        if figure is None:
            verdict = "not measured"
        else:
            held = figure <= self.limit if self.bound == "<=" else figure >= self.limit
            verdict = "reached" if held else "not reached"
        target = "0" if self.limit == 0 else f"{self.bound} {self.limit:g}"
        return {"number": self.number, "what": self.what, "target": target, "value": figure,
                "figure": "-" if figure is None else self.form % figure, "verdict": verdict}


def table_of(figures, name):
    """The largest of that table."""
    found = [t for t in figures["tables"]["tables"] if t["table"] == name]
    return max(found, key=lambda t: t["entries"]) if found else {}


def make_rows(scale):
    """Those of the targets; scale says how large the full data is in this run."""
    full, crowd = name_of(scale.full), f"{scale.crowd} connections"

    def at_milter(number, what, bound, limit, get):
        return Row(number, "milter", what, bound, limit, lambda f: get(f["milter"]))

    def from_text(what, limit, table):
        return Row("6", "tables", f"from text: {what}, ms", "<=", limit,
                   lambda f: table_of(f, table)["load_ms"], "%.0f")

    def of_tables(what, limit, key):
        return Row("4", "tables", f"whole decision, tables {what}, us", "<=", limit,
                   lambda f: table_of(f, "all")[key] / 1000)

    def to_other(what, limit, other, form="%.2f"):
        return Row("5", "postfix", what, ">=", limit, lambda f: f["postfix"]["authgate_to"][other],
                   form)

    def at_reload(number, what, limit, get, form="%.2f"):
        return Row(number, "reload", what, "<=", limit, lambda f: get(f["reload"]), form)

    rows = [
        at_milter("1", "CPU a session to a noop that negotiates the same", "<=", 1.05,
                  lambda p: p["cpu_to_same_noop"]),
        at_milter("2", "sessions/s to noop, 16 connections", ">=", 1.25,
                  lambda p: p["rate_to_noop"]["16"]),
        at_milter("2", f"the same, {crowd}", ">=", 1.7, lambda p: p["rate_to_noop"]["crowd"]),
        at_milter("2", f"the same, {crowd}, 3 ms think time", ">=", 1.7,
                  lambda p: p["rate_to_noop"]["thinking"]),
        at_milter("3", "full data to empty tables: sessions/s", ">=", 0.97,
                  lambda p: p["full_to_empty"]["rate"]),
        at_milter("3", "the same: p99 at RCPT", "<=", 1.1, lambda p: p["full_to_empty"]["p99"]),
        of_tables("cold", 1.2, "random_ns"),
        of_tables("hot", 0.25, "hot_ns"),
        to_other("Postfix, messages/s, to noop", 0.97, "noop"),
        to_other("the same to cidr: with 100k entries", 1.8, "cidr: 100,000"),
        to_other("the same to cidr: with 1M entries", 12, "cidr: 1,000,000", "%.1f"),
        from_text(f"{full} IPv4 entries", 150, "IPv4 networks"),
        from_text(f"{full} IPv6 entries", 450, "IPv6 networks"),
        from_text(f"{full} sender map lines", 350, "sender map"),
        from_text(f"{name_of(scale.full // 10)} domains", 40, "domains"),
        from_text("all", 1000, "all"),
        at_reload("7", "memory with full data, MB", 200, lambda p: p["memory_bytes"] / MEGA,
                  "%.0f"),
        at_reload("7", "memory in a reload, times that", 2,
                  lambda p: p["peak_bytes"] / p["memory_before_bytes"]),
        at_reload("7", "memory of a connection, KB", 10, lambda p: p["connection_bytes"] / 1000,
                  "%.1f"),
        at_reload("8", "reloads under load: failed sessions", 0, lambda p: p["failed"], "%d"),
        at_reload("8", "the same: p99 at RCPT, times that without", 2, lambda p: p["p99_ratio"]),
        at_reload("8", "the same: growth of memory, percent", 5,
                  lambda p: 100 * p["memory_growth"], "%+.1f"),
        Row("-", "archive", "archive: CPU a message to noop with content", "<=", 1.5,
            lambda f: f["archive"]["cpu_to_noop"]),
    ]
    # smaller data has no such table
    return [row for row in rows if "1M" not in row.what or scale.full >= 1000000]


def name_of(count):
    if count and count % 1000000 == 0:
        return f"{count // 1000000}M"
    return f"{count // 1000}k" if count >= 1000 and count % 1000 == 0 else str(count)


def grid(head, rows):
    """Columns under each other; the first to the left, the others to the right."""
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["  ".join(cell.ljust(width) if not i else cell.rjust(width)
                       for i, (cell, width) in enumerate(zip(row, widths))).rstrip()
             for row in cells]
    return "".join(f"    {line}\n" for line in lines if line)


def targets(rows):
    head = ("#", "", "target", "measured", "")
    cells = [(r["number"], r["what"], r["target"], r["figure"],
              r["verdict"])
             for r in rows]
    widths = [max(len(str(row[i])) for row in [head, *cells]) for i in range(5)]
    lines = ["%s  %s  %s  %s  %s" % (a.ljust(widths[0]), b.ljust(widths[1]), c.rjust(widths[2]),
                                     d.rjust(widths[3]), e) for a, b, c, d, e in [head, *cells]]
    return "".join(f"    {line.rstrip()}\n" for line in lines)


def number(value, form="%.0f"):
    return "-" if value is None else form % value


def in_ms(us):
    return number(None if us is None else us / 1000, "%.1f")


def with_more(table, key):
    text = number(table[key])
    return text if table["table"] == "all" else f"{text} ({table[key + '_over_empty']:.0f})"


def tables_text(part):
    rows = [(t["table"], name_of(t["entries"]), with_more(t, "hot_ns"), with_more(t, "random_ns"),
             number(t["bytes_an_entry"], "%.1f"), number(t["load_ms"], "%.1f"))
            for t in part["tables"] if t["table"] != "nothing"]
    return ("Decisions in ns, hot and random, of the stage that asks the table; in\nbrackets, "
            "what is more than with an empty one\n\n" +
            grid(("table", "entries", "hot", "random", "bytes an entry", "load ms"), rows))


def runs_text(title, runs):
    rows = [(name, number(r["sessions_per_s"]), number(r["cpu_us_a_session"]),
             number(r.get("rcpt_p50_us")), number(r.get("rcpt_p99_us"))) for name, r in
            runs.items()]
    return title + "\n\n" + grid(("", "sessions/s", "CPU us/session", "RCPT p50 us", "p99 us"),
                                 rows)


def milter_text(part):
    runs = {**part["runs"], "full 16, 1 in 7 refused": part["some_refused"]}
    return runs_text("The milter alone, full, empty and one: authgate with such tables, same: "
                     f"noop\nwith the same negotiation; crowd: {part['crowd']} connections, "
                     "thinking: these with 3 ms\nbetween two commands", runs)


def growth_text(part):
    entries = [(name_of(e["entries"]), number(e["sessions_per_s"]),
                number(e["cpu_us_a_session"]), in_ms(e["rcpt_p99_us"]),
                number(e["memory_bytes"] / MEGA)) for e in part["entries"]]
    text = "Growth with the entries, 16 connections\n\n"
    text += grid(("entries of each kind", "sessions/s", "CPU us/session", "RCPT p99 ms",
                  "memory MB"), entries)
    for kind, title in (("active", "Growth with the connections, all active"),
                        ("idle", "Beside 16 active connections, others that say nothing")):
        text += f"\n{title}\n\n" + connections_text(part[kind])
    return text


def connections_text(found):
    """A pair of columns for each subject."""
    subjects = list(dict.fromkeys(f["subject"] for f in found))
    by = {(f["subject"], f["connections"]): f for f in found}
    head = ["connections"] + [word for s in subjects for word in (f"{s}/s", "p99 ms")]
    rows = []
    for count in dict.fromkeys(f["connections"] for f in found):
        row = [f"{count:,}"]
        for subject in subjects:
            one = by[subject, count]
            row += [number(one["sessions_per_s"]), in_ms(one["rcpt_p99_us"])]
        rows.append(row)
    return grid(head, rows)


def reload_text(part):
    rows = [("sessions/s without, with reloads", "%.0f, %.0f" % (
                part["calm"]["sessions_per_s"], part["busy"]["sessions_per_s"])),
            ("p99 at RCPT in ms without, with", "%s, %s" % (
                in_ms(part["calm"]["rcpt_p99_us"]), in_ms(part["busy"]["rcpt_p99_us"]))),
            ("longest wait at RCPT in ms without, with", "%s, %s" % (
                in_ms(part["calm"]["max_us"]), in_ms(part["busy"]["max_us"]))),
            ("reloads under load, in all", "%d, %d" % (part["reloads_under_load"],
                                                       part["reloads"])),
            ("from the change to its being in force, s", number(part["reload_seconds"], "%.2f")),
            ("memory in MB: before, peak, afterwards", "%.0f, %.0f, %.0f" % (
                part["memory_before_bytes"] / MEGA, part["peak_bytes"] / MEGA,
                part["memory_after_bytes"] / MEGA))]
    return "Reloads of full data under load\n\n" + grid(("", ""), rows)


def peers_text(part):
    return runs_text("Other milters, 16 connections, asked up to RCPT", part["runs"])


def postfix_text(part):
    rows = [(name, number(rate, "%.0f"), number(part["to_none"][name], "%.2f"))
            for name, rate in part["messages_per_s"].items()]
    return ("Through Postfix, one message a session, 10 at a time, queue in memory\n\n" +
            grid(("", "messages/s", "to none"), rows))


def archive_text(part):
    return runs_text(f"Copies of messages of {part['body_bytes']:,} bytes"
                     f"{', in memory' if part['in_memory'] else ''}", part["runs"])


TEXTS = {"tables": tables_text, "milter": milter_text, "growth": growth_text,
         "reload": reload_text, "peers": peers_text, "postfix": postfix_text,
         "archive": archive_text}


def text(results):
    """All as plain text, in the README's way."""
    machine = results["machine"]
    parts = ["%s, %d cores, %d GB, %s, Linux %s\n%s; %s" % (
        machine["cpu"], machine["cores"], machine["memory_gb"], machine["system"],
        machine["kernel"], results["authgate"], results["date"][:10])]
    parts.append(targets(results["targets"]).rstrip("\n"))
    for name, figures in results["parts"].items():
        parts.append(TEXTS[name](figures).rstrip("\n"))
    for name, why in results["not_measured"].items():
        parts.append(f"not measured: {name}: {why}")
    return "\n\n".join(parts) + "\n"
