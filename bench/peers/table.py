"""The results of a run as tables of Markdown, and their place between two markers of a page."""

BEGIN, END = "<!-- peers: begin, written by bench/peers/run.sh -->", "<!-- peers: end -->"


def duration(seconds):
    for unit, name in ((1, "s"), (1e-3, "ms")):
        if seconds >= unit:
            return f"{seconds / unit:.3g} {name}"
    return f"{1e6 * seconds:.3g} µs"


def times(ratio):
    digits = 2 if ratio[1] < 10 else 1 if ratio[1] < 100 else 0
    low, middle, high = (f"{value:.{digits}f}" for value in ratio)
    return f"{middle} x ({low} - {high})"


def _cell(line, notes):
    if line is None:
        return ""
    if line["state"] == "agrees":
        return times(line["ratio"])
    if line["state"] == "disagrees":
        return f"**disagrees by {line['difference']:.0e}**"
    reason = f"{line['name']}: {line['why']}"
    if reason not in notes:
        notes.append(reason)
    return f"none [{notes.index(reason) + 1}]"


def _worst(case):
    """The difference nearest to what is allowed, of the rivals that ran."""
    ran = [line for line in case["rivals"] if "difference" in line]
    if not ran:
        return ""
    line = max(ran, key=lambda line: line["difference"] / line["tolerance"])
    return f"{line['difference']:.0e} of {line['tolerance']:.0e}"


def of_system(system):
    """A heading, what is raced, the table, and the reasons of whoever is missing in it."""
    lines = [f"### {system['title']}", system["about"], ""]
    if "error" in system:
        return "\n".join([*lines, f"**Failed: {system['error']}**", ""])
    names = list(dict.fromkeys(line["name"] for case in system["cases"] for line in case["rivals"]))
    lines += ["| task | Starling | " + " | ".join(names) + " | largest difference |", "|---" * (len(names) + 3) + "|"]
    notes = []
    for case in system["cases"]:
        title = f"{case['name']}, {case['precision']}"
        if "error" in case:
            lines.append(f"| {title} | **{case['error']}** |" + " |" * (len(names) + 1))
            continue
        by_name = {line["name"]: line for line in case["rivals"]}
        cells = [title, duration(case["seconds"][1]), *(_cell(by_name.get(name), notes) for name in names), _worst(case)]
        lines.append("| " + " | ".join(cells) + " |")
    if notes:
        lines += ["", *(f"[{i}] {note}  " for i, note in enumerate(notes, 1))]
    if system.get("facts"):
        lines += ["", *(f"- {fact}" for fact in system["facts"])]
    return "\n".join([*lines, ""])


def of_run(systems):
    """All tables; where and when they were measured once, or at each one that differs from the first."""
    first = systems[0]["environment"] if systems else ""
    parts = [first, ""]
    for system in systems:
        if system["environment"] != first:
            system = system | {"about": f"{system['about']} {system['environment']}".strip()}
        parts.append(of_system(system))
    return "\n".join(parts)


def replaced(page, text):
    """The page with `text` between its markers; ValueError where they are not there once each, in order."""
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(BEGIN) > page.index(END):
        raise ValueError(f"expected one line {BEGIN!r} and below it one line {END!r}")
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{text.strip()}\n{END}{rest.partition(END)[2]}"
